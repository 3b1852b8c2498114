"""The report of a GRPO run: one HTML file with its curves, its held-out solutions before and after, its settings.

In: a run's folder, of a run that is over or still going. Out: `RUN/report.html`, self-contained: no script, no font,
no image is fetched, and a content security policy in the page forbids it. What the model wrote goes through Jinja's
escaping and `mathpipe.inspect`'s formulas. The same folder gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from mathpipe.core.errors import InputError
from mathpipe.core.store import disk_faults
from mathpipe.inspect.formulas import render_formula
from mathpipe.inspect.report import asset, page_environment
from mathpipe.inspect.safe_text import one_line, visible
from mathpipe.inspect.solution_text import is_tex, solution_markup
from rl.journal import JournalLine
from rl.run_files import RolloutSample
from rl.watch import curves
from rl.watch.report_curves import always_zero, learning_figures, optimizer_figures, time_figures
from rl.watch.report_samples import (
    Changes,
    Pair,
    changes,
    chosen_pairs,
    chosen_samples,
    first_alone,
    paired,
    sample_kind,
)
from rl.watch.run_reading import RunRead, held_out_files, is_grpo_run, read_run, read_samples, sample_files

__all__ = ["is_grpo_run", "render_run_report", "write_run_report"]
TEXT_CHARACTERS = 4_000  # of a solution; the rest is counted
WARNINGS_SHOWN = 40
_VERDICTS = {
    "right": ("right", "✓"),
    "wrong": ("wrong", "✗"),
    "cut": ("unsure", "∅"),
    "not judged": ("unjudged", "·"),
}


@dataclass(frozen=True, slots=True)
class Ends:
    """A noisy number's mean over the first and over the last `steps` steps."""

    first: float
    last: float
    steps: int


@dataclass(frozen=True, slots=True)
class Solutions:
    """Held-out solutions to show. `changes` is None where there was but one evaluation."""

    pairs: Sequence[Pair]
    changes: Changes | None
    first: int  # the steps after which they were written
    last: int


@dataclass(frozen=True, slots=True)
class WarningRow:
    """One warning, the steps that gave it counted."""

    text: str
    steps: int
    first: int
    last: int


def write_run_report(folder: Path) -> Path:
    """Write `report.html` into the run's folder and return its path. Raises `InputError` where there is no run."""
    return write_page(folder / "report.html", render_run_report(read_run(folder)))


def render_run_report(run: RunRead) -> str:
    """The report's HTML."""
    samples = sample_files(run.folder / "samples")
    newest = max(samples, default=None)
    return (
        run_environment()
        .get_template("report.html")
        .render(
            run=run,
            reward=_ends([line.record.reward_mean for line in run.lines]),
            sections=[
                ("learning", "Learning", learning_figures(run)),
                ("updates", "Updates", optimizer_figures(run)),
                ("time", "Time", time_figures(run)),
            ],
            zero=always_zero(run),
            warnings=warning_rows(run.lines),
            shown_warnings=WARNINGS_SHOWN,
            unjudged=sum(line.record.unjudged for line in run.lines),
            refused=sum(line.record.refused for line in run.lines),
            solutions=_solutions(run.folder),
            newest=newest,
            samples=[] if newest is None else chosen_samples(read_samples(samples[newest])),
            config_text=_config_text(run),
        )
    )


def write_page(target: Path, page: str) -> Path:
    """Write a page over what lay there: whole, or not at all."""
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise InputError(str(target), "a file in a folder that exists", "name one, such as comparison.html")
    unfinished = target.with_name(f".{target.name}.tmp")
    with disk_faults(target):
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(target)
    return target


def run_environment() -> jinja2.Environment:
    """This package's templates, with what `mathpipe.inspect`'s pages have and what runs need besides."""
    environment = page_environment()
    environment.loader = jinja2.ChoiceLoader([jinja2.PackageLoader("rl.watch", ""), jinja2.FunctionLoader(asset)])
    environment.filters.update(one_line=one_line, written=_written, prose=_prose, left_out=_left_out, number=_number)
    environment.globals.update(
        curve=curves.curves,
        stacked=curves.stacked,
        legend=curves.legend,
        bar_legend=curves.bar_legend,
        line_key=curves.line_key,
        kind=sample_kind,
        verdicts=_VERDICTS,
        css=Markup(asset("report.css") + asset("solutions.css") + _own_asset("report.css")),
    )
    return environment


def warning_rows(lines: Sequence[JournalLine]) -> list[WarningRow]:
    """All warnings, those of most steps first."""
    steps: dict[str, list[int]] = {}
    for line in lines:
        for text in Counter(line.record.warnings):
            steps.setdefault(text, []).append(line.record.step)
    rows = [WarningRow(text, len(at), at[0], at[-1]) for text, at in steps.items()]
    return sorted(rows, key=lambda row: (-row.steps, row.first))


def _own_asset(name: str) -> str:
    return (resources.files("rl.watch") / name).read_text(encoding="utf-8")


def _ends(values: Sequence[float]) -> Ends | None:
    if not values:
        return None
    steps = min(10, max(1, len(values) // 4))
    return Ends(fmean(values[:steps]), fmean(values[-steps:]), steps)


def _solutions(folder: Path) -> Solutions | None:
    files = held_out_files(folder)
    if not files:
        return None
    first, last = min(files), max(files)
    before = read_samples(files[first])
    if first == last:
        return Solutions(first_alone(before), None, first, last)
    pairs = paired(before, read_samples(files[last]))
    return Solutions(chosen_pairs(pairs), changes(pairs), first, last)


def _config_text(run: RunRead) -> str:
    return yaml.safe_dump(dict(run.settings), sort_keys=False, allow_unicode=True) if run.settings else ""


def _written(answer: str | None) -> Markup:
    if answer is None:
        return Markup("–")
    return render_formula(answer, display=False) if is_tex(answer) else Markup("{}").format(one_line(answer))


def _prose(text: str) -> Markup:
    return solution_markup(visible(text[:TEXT_CHARACTERS]))


def _left_out(sample: RolloutSample) -> int:
    return max(0, len(sample.text) - TEXT_CHARACTERS)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"
