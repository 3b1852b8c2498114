"""Why a page is gone, or where it is now: one page followed through every step of a run.

In: a run folder and a URL, or the beginning of a record's identifier. Out: an `Explanation`: per record the steps
it passed with what they measured, the step that dropped it with the reason, or the ledger's entry where it failed.
A URL that the run never saw gets the nearest ones that it did see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mathpipe.core.errors import InputError
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, LedgerEntry, RunFolder
from mathpipe.inspect.safe_text import one_line
from mathpipe.inspect.tables import Tables

NEAR_SHOWN = 5
NEAR_SHARE = 3  # an address is near while at most a third of its characters differ
_RECORDS_SHOWN = 20  # one URL may have been crawled more than once
IDENTIFIER = re.compile(r"[0-9a-fA-F]{6,32}")
# What a person sees of a record: name, column it needs, SQL.
_MEASURES = {
    "title": ("title", "left(title, 80)"),
    "prefilter": ("prefilter", "prefilter"),
    "characters": ("text", "length(text)"),
    "formulas": ("formulas", "len(formulas)"),
    "language": ("language", "language"),
    "certainty": ("language_score", "language_score"),
    "math score": ("math_score", "math_score"),
    "copies": ("copies", "copies"),
}


class Fate(StrEnum):
    """What became of a record."""

    KEPT = "kept"  # it is in the output of the last step
    DROPPED = "dropped"  # a step gave a reason
    FAILED = "failed"  # quarantined: the ledger has its traceback
    WAITING = "waiting"  # it passed the steps that ran; later ones have not finished
    NOT_SEEN = "not seen"  # the run has no record of it


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One step's word on the record: passed or not, and what it had measured by then."""

    step: str
    passed: bool
    reason: str = ""
    detail: str = ""
    measured: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordTrace:
    """One record's way through the run."""

    record_id: str
    url: str
    fate: Fate
    steps: tuple[StepTrace, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer for one URL or identifier; `near` holds URLs that the run did see, nearest first."""

    asked: str
    fate: Fate
    records: tuple[RecordTrace, ...]
    near: tuple[str, ...] = ()


def explain(
    run: Path, asked: str, funnel: Sequence[str] = DEFAULT_FUNNEL, *, without: Collection[Path] = ()
) -> Explanation:
    """Follow a page through the steps of `funnel`, in their order; files `without` word of it are left unread."""
    if not asked.strip():
        raise InputError("explain", "a URL or a record_id", "name the page to explain")
    folder = RunFolder(run)
    with Tables() as tables:
        trail = _Trail(folder, tables, funnel, without)
        records = trail.find(asked.strip())
        if records:
            return Explanation(asked, records[0].fate, tuple(records))
        return Explanation(asked, Fate.NOT_SEEN, (), trail.near(asked.strip()))


class _Trail:
    """The steps' outputs, drops and the ledger, looked up together."""

    def __init__(self, folder: RunFolder, tables: Tables, funnel: Sequence[str], without: Collection[Path]) -> None:
        self._folder = folder
        self._tables = tables
        self._last = funnel[-1] if funnel else ""
        ran = set(folder.steps())
        self._steps = [step for step in funnel if step in ran]
        shards = {step: _left(folder.shards(step), without) for step in self._steps}
        drops = {step: _left(folder.drops(step), without) for step in self._steps}
        self._paged = {step for step in self._steps if tables.add_pages(step, shards[step])}
        self._dropping = {step for step in self._steps if tables.add(_drops(step), drops[step])}

    def find(self, asked: str) -> list[RecordTrace]:
        """Every record of that URL or identifier, in the order of the identifiers."""
        failures = [entry for entry in self._folder.ledger_rows() if _is_asked(entry, asked)]
        urls = {entry.record_id: entry.url for entry in failures}
        by_identifier = bool(IDENTIFIER.fullmatch(asked))
        condition = "starts_with(record_id, lower($asked))" if by_identifier else "url = $asked"
        for view in self._views():
            for record_id, url in self._tables.rows(
                f"SELECT record_id, url FROM {view} WHERE {condition}", {"asked": asked}
            ):
                urls[record_id] = url or urls.get(record_id, "")
        return [self._trace(record_id, urls[record_id], failures) for record_id in sorted(urls)[:_RECORDS_SHOWN]]

    def near(self, asked: str) -> tuple[str, ...]:
        """URLs that differ least from the one asked for; scheme, www and a last slash are not counted.

        As lengths that differ are differences too, most addresses are out before letters are compared.
        """
        views = " UNION ALL ".join(f"SELECT url FROM {view}" for view in self._views())
        if not views:
            return ()
        rows = self._tables.rows(
            f"""
            WITH asked AS (SELECT {bare_sql("$asked")} AS bare, greatest(3, length($asked) / {NEAR_SHARE}) AS most),
            seen AS MATERIALIZED (
                SELECT DISTINCT url, bare FROM (SELECT url, {bare_sql("url")} AS bare FROM ({views}) WHERE url <> '')
                WHERE abs(length(bare) - (SELECT length(bare) FROM asked)) <= (SELECT most FROM asked)
            )
            SELECT url, levenshtein(seen.bare, asked.bare) AS apart FROM seen, asked WHERE apart <= most
            ORDER BY apart, url LIMIT {NEAR_SHOWN}
            """,
            {"asked": asked},
        )
        return tuple(str(row[0]) for row in rows)

    def _views(self) -> list[str]:
        pages = [self._tables.name(step) for step in self._steps if step in self._paged]
        return pages + [self._tables.name(_drops(step)) for step in self._steps if step in self._dropping]

    def _trace(self, record_id: str, url: str, failures: Sequence[LedgerEntry]) -> RecordTrace:
        own = [entry for entry in failures if entry.record_id == record_id]
        steps: list[StepTrace] = []
        before: dict[str, str] = {}
        for step in self._steps:
            measured = self._measured(step, record_id)
            if measured is not None:
                news = tuple((name, value) for name, value in measured.items() if value != before.get(name, ""))
                steps.append(StepTrace(step, passed=True, measured=news))
                before = measured
                continue
            # A record that failed here once and went through when the run was resumed never gets this far.
            steps += self._dropped(step, record_id) or [_failed(entry) for entry in own if entry.step == step][-1:]
        if not steps:  # it failed in a step outside the funnel, and nowhere else is anything known of it
            steps = [_failed(entry) for entry in own][-1:]
        return RecordTrace(record_id, url, self._fate(steps[-1], own), tuple(steps))

    def _measured(self, step: str, record_id: str) -> dict[str, str] | None:
        """What the step's row of this record says; None where the record is not in its output."""
        if step not in self._paged:
            return None
        have = self._tables.columns(step)
        names = [name for name, (column, _) in _MEASURES.items() if column in have]
        values = ", ".join(_MEASURES[name][1] for name in names)
        rows = self._tables.rows(
            f"SELECT {values} FROM {self._tables.name(step)} WHERE record_id = $id", {"id": record_id}
        )
        if not rows:
            return None
        return {
            name: f"{value:.4g}" if isinstance(value, float) else one_line(str(value))
            for name, value in zip(names, rows[0], strict=True)
            if value not in (None, "")
        }

    def _dropped(self, step: str, record_id: str) -> list[StepTrace]:
        if step not in self._dropping:
            return []
        view = self._tables.name(_drops(step))
        rows = self._tables.rows(f"SELECT reason, detail FROM {view} WHERE record_id = $id", {"id": record_id})
        return [StepTrace(step, passed=False, reason=str(reason), detail=str(detail)) for reason, detail in rows]

    def _fate(self, last: StepTrace, failures: Sequence[LedgerEntry]) -> Fate:
        if last.passed:
            return Fate.KEPT if last.step == self._last else Fate.WAITING
        return Fate.FAILED if last in map(_failed, failures) else Fate.DROPPED


def print_explanation(explanation: Explanation, console: Console) -> None:
    """The answer for a person: first what became of the page, then step by step."""
    if not explanation.records:
        console.print(Text(f"This run never saw {one_line(explanation.asked)}", style="bold"), soft_wrap=True)
        for place, url in enumerate(explanation.near):
            console.print(Text(("It saw " if place == 0 else "       ") + one_line(url)), soft_wrap=True)
        return
    for record in explanation.records:
        console.print(_headline(record), soft_wrap=True)
        console.print(Text(f"  {one_line(record.url)}  record {record.record_id}", style="dim"), soft_wrap=True)
        width = max(len(trace.step) for trace in record.steps)
        for trace in record.steps:
            console.print(_line(trace, width), soft_wrap=True)


def _headline(record: RecordTrace) -> Text:
    last = record.steps[-1]
    told = {
        Fate.KEPT: ("Kept", "bold green", f": it is in the output of {last.step}"),
        Fate.DROPPED: ("Dropped", "bold red", f" by {last.step}: {last.reason}"),
        Fate.FAILED: ("Failed", "bold red", f" in {last.step}: {last.reason}; the ledger has its traceback"),
        Fate.WAITING: ("Waiting", "bold yellow", f": it passed {last.step}; later steps have not taken it yet"),
    }
    word, style, rest = told[record.fate]
    return Text(word, style=style).append(one_line(rest) if rest.startswith(":") else " " + one_line(rest), style="")


def _line(trace: StepTrace, width: int) -> Text:
    mark, style = ("✓", "green") if trace.passed else ("✗", "red")
    line = Text("  ").append(mark, style=style).append(f" {trace.step:<{width}}  ")
    if not trace.passed:
        line.append(one_line(trace.reason), style="bold")
        return line.append(f"  {one_line(trace.detail)}" if trace.detail else "")
    return line.append("  ".join(f"{name} {value}" for name, value in trace.measured), style="dim")


def _is_asked(entry: LedgerEntry, asked: str) -> bool:
    if IDENTIFIER.fullmatch(asked):
        return entry.record_id.startswith(asked.lower())
    return entry.url == asked


def _failed(entry: LedgerEntry) -> StepTrace:
    return StepTrace(entry.step, passed=False, reason=entry.reason, detail=entry.message)


def _left(files: Sequence[Path], without: Collection[Path]) -> list[Path]:
    return [file for file in files if file not in without]


def _drops(step: str) -> str:
    return f"{step} drops"


def bare_sql(url: str) -> str:
    """SQL of an address without scheme, www and last slash; 300 characters of it: the distance is quadratic."""
    return f"left(regexp_replace({url}, '^[a-z]+://(www\\.)?|/+$', '', 'g'), 300)"
