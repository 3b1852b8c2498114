"""The datasheet of a corpus: one page for people, and the same as JSON.

In: the folder of a finished run. Out: `RUN/datasheet.json` (schema in `datasheet_records`) and `RUN/datasheet.html`,
self-contained as the report is: no script, nothing fetched, every value escaped. The same run gives the same bytes.
Headings after "Datasheets for Datasets" (Gebru et al., CACM 2021); what a run's records do not hold is listed as
open, not made up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from markupsafe import Markup

from mathpipe.inspect.datasheet_facts import read_datasheet
from mathpipe.inspect.datasheet_records import Datasheet
from mathpipe.inspect.report import asset, page_environment
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder

HOSTS_SHOWN = 25
LICENCES_SHOWN = 40
ARCHIVES_SHOWN = 20
REASONS_SHOWN = 12  # per step


@dataclass(frozen=True, slots=True)
class WrittenDatasheet:
    """Where the two files lie."""

    json: Path
    html: Path


def write_datasheet(run: Path, funnel: Sequence[str] = DEFAULT_FUNNEL) -> WrittenDatasheet:
    """Write both files into the run folder; raises `InputError` for a run that has not finished.

    `funnel` names the steps that a page goes through, in order.
    """
    sheet = read_datasheet(RunFolder(run), funnel)
    written = WrittenDatasheet(run / "datasheet.json", run / "datasheet.html")
    for target, text in ((written.json, as_json(sheet)), (written.html, as_html(sheet))):
        unfinished = run / f".{target.name}.tmp"
        unfinished.write_bytes(text.encode(errors="replace"))
        unfinished.replace(target)
    return written


def as_json(sheet: Datasheet) -> str:
    """The datasheet for programs."""
    return json.dumps(asdict(sheet), ensure_ascii=False, indent=1) + "\n"


def as_html(sheet: Datasheet) -> str:
    """The datasheet for people."""
    return (
        page_environment()
        .get_template("datasheet.html")
        .render(
            sheet=sheet,
            hosts_shown=HOSTS_SHOWN,
            licences_shown=LICENCES_SHOWN,
            archives_shown=ARCHIVES_SHOWN,
            reasons_shown=REASONS_SHOWN,
            css=Markup(asset("report.css") + asset("datasheet.css")),
        )
    )
