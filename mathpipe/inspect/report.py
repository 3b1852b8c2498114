"""The run report: one HTML file that holds everything a person asks of a finished (or still going) run.

In: a run folder. Out: `RUN/report.html`, self-contained: no script, no font, no image is fetched, and a content
security policy in the page forbids it. All page text goes through Jinja's autoescaping. The same run folder
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from mathpipe.inspect import charts, figures
from mathpipe.inspect.certificate_summary import read_certificate
from mathpipe.inspect.page_text import excerpt, render_pieces
from mathpipe.inspect.run_facts import Sample, read_facts
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder, StepWork
from mathpipe.inspect.safe_text import visible

LEDGER_ROWS = 100
SAMPLE_CHARACTERS = 900
REASONS_SHOWN = 10  # per step; the rest are summed in one line


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One step of the funnel; widths are in percent of the widest bar."""

    work: StepWork
    kept_width: float
    dropped_width: float
    cut: bool  # the bar is wider than the scale and drawn cut


def write_report(run: Path, funnel: Sequence[str] = DEFAULT_FUNNEL) -> Path:
    """Write `report.html` into the run folder and return its path.

    `funnel` names the per-page steps in order; one that did not run is left out.
    """
    page = render_report(RunFolder(run), funnel)
    target = run / "report.html"
    unfinished = run / ".report.html.tmp"
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(target)
    return target


def render_report(folder: RunFolder, funnel: Sequence[str]) -> str:
    """The report's HTML."""
    info, work = folder.info(), folder.step_work()
    facts = read_facts(folder, work, funnel)
    return (
        page_environment()
        .get_template("report.html")
        .render(
            info=info,
            facts=facts,
            work=work,
            core_seconds=sum(step.seconds for step in work),
            funnel=funnel_rows(facts.funnel),
            reasons_shown=REASONS_SHOWN,
            samples=[(sample, *_sample_text(sample)) for sample in facts.samples],
            ledger=folder.ledger(LEDGER_ROWS),
            certificate=read_certificate(folder),
            config_text=_config_text(folder),
            css=Markup(asset("report.css")),
        )
    )


def funnel_rows(steps: Sequence[StepWork]) -> list[FunnelRow]:
    """Bars on one linear scale; where the first step lets through under a tenth, its bar alone is cut."""
    if not steps:
        return []
    full = max(step.rows_in for step in steps)
    cut_first = len(steps) > 1 and steps[0].rows_out < full / 10
    scale = 3 * steps[0].rows_out if cut_first else full
    rows = []
    for place, step in enumerate(steps):
        kept = 100 * step.rows_out / scale if scale else 0.0
        dropped = 100 * (step.rows_in - step.rows_out) / scale if scale else 0.0
        cut = cut_first and place == 0
        rows.append(FunnelRow(step, kept, min(dropped, 100 - kept), cut))
    return rows


def _sample_text(sample: Sample) -> tuple[Markup, str]:
    """The excerpt, and the classes that say where the page goes on."""
    part = excerpt(sample.text, SAMPLE_CHARACTERS)
    goes_on = part.goes_on or sample.characters > len(sample.text)
    return render_pieces(part.pieces), " less" * part.begins_later + " more" * goes_on


def _config_text(folder: RunFolder) -> str:
    path = folder.path / "config.yaml"
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    config = folder.info().config
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""


def page_environment() -> jinja2.Environment:
    """Templates of this package with every value escaped, and how figures are written."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["charts"] = charts
    environment.filters.update(
        whole=figures.whole,
        short=figures.short,
        size=figures.size,
        duration=figures.duration,
        share=figures.share,
        speed=figures.speed,
        visible=visible,
        web_address=web_address,
        moment=lambda time: time[:19].replace("T", " "),
    )
    return environment


def web_address(url: Any) -> str:
    """The address where it may stand in a link; empty for anything but http and https."""
    text = str(url)
    return text if text.lower().startswith(("http://", "https://")) else ""


def asset(name: str) -> str:
    """A template or a style sheet of this package."""
    return (resources.files("mathpipe.inspect") / name).read_text(encoding="utf-8")
