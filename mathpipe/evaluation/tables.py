"""An evaluation on a console, and as files: `report.json` and one JSON row a problem.

In: a `Report`, a `ReportComparison`, `Difference`s. Out: rich tables; files that appear at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mathpipe.core.store import disk_faults
from mathpipe.evaluation.comparing import ReportComparison, Tally
from mathpipe.evaluation.differences import Difference, DifferenceKind, grouped
from mathpipe.evaluation.report import Contamination, Decoding, Group, Report, Score, rows_of

REPORT_FILE = "report.json"
PROBLEMS_FILE = "problems.jsonl"
COMPARISON_FILE = "comparison.json"
_SHOWN_FLIPS = 20
_QUESTION = 70


def print_report(report: Report, console: Console) -> None:
    """Scores with intervals and the grader, rates, contamination, then subjects and levels."""
    _say(console, _title(report))
    table = Table("score", "%", "interval", "problems")
    for score in report.scores:
        table.add_row(*_cells(score, report.decoding))
    if report.contamination is not None:
        for score in report.contamination.clean_scores:
            table.add_row(*_cells(score, report.decoding, " without contaminated"))
    console.print(table)
    _say(console, _rates(report))
    if report.contamination is not None:
        _say(console, _contamination(report.contamination, report.problems))
    if report.labels is not None:
        _say(
            console,
            f"against labels: {len(report.labels.missed)} of {report.labels.right} right ones missed"
            f" ({_percent(report.labels.false_negative_rate)}), {len(report.labels.invented)} of"
            f" {report.labels.wrong} wrong ones accepted ({_percent(report.labels.false_positive_rate)})",
        )
    for title, groups in (("subject", report.subjects), ("level", report.levels)):
        if len(groups) > 1:
            console.print(_group_table(title, groups))


def _title(report: Report) -> str:
    name = f"{report.name}: " if report.name else ""
    return f"{name}{report.benchmark}, graded by {report.grader}"


def _cells(score: Score, decoding: Decoding, suffix: str = "") -> tuple[str, str, str, str]:
    greedy = "greedy " if decoding is Decoding.GREEDY and score.name == "pass@1" else ""
    ends = score.interval
    interval = "-" if ends is None else f"{100 * ends.low:.1f} to {100 * ends.high:.1f}"
    return f"{greedy}{score.name}{suffix}", score.percent, interval, f"{score.problems:,}"


def _rates(report: Report) -> str:
    parts = [f"{report.samples:,} samples", f"no answer {report.no_answer_rate:.2%}"]
    for name, rate in (("cut off", report.truncated_rate), ("not judged", report.unjudged_rate)):
        if rate:
            parts.append(f"{name} {rate:.2%}")
    for reason, count in report.unscored_because.items():
        parts.append(f"{count:,} of {report.problems:,} problems unscored: {reason}")
    if report.missing:
        parts.append(f"{report.missing:,} problems without a sample count as not solved")
    return ", ".join(parts)


def _contamination(found: Contamination, problems: int) -> str:
    share = f"{found.problems:,} of {problems:,} problems ({found.problems / problems:.2%})"
    return f"contamination: {share} stand in {found.training_set} ({found.texts:,} texts; {found.rule})"


def _group_table(title: str, groups: Sequence[Group]) -> Table:
    names = list(dict.fromkeys(score.name for group in groups for score in group.scores))
    table = Table(title, "problems", *names, title=f"by {title}", title_justify="left")
    for group in groups:
        scores = {score.name: score for score in group.scores}
        cells = [_with_interval(scores[name]) if name in scores else "-" for name in names]
        table.add_row(escape(group.name), f"{group.problems:,}", *cells)
    return table


def _with_interval(score: Score) -> str:
    if score.interval is None:
        return score.percent
    return f"{score.percent} [{100 * score.interval.low:.1f}, {100 * score.interval.high:.1f}]".replace("[", r"\[")


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.2%}"


def print_comparison(comparison: ReportComparison, console: Console) -> None:
    """Overall and by subject, then the problems that flipped."""
    title = f"{comparison.left} against {comparison.right}"
    table = Table(
        "",
        "problems",
        "left %",
        "right %",
        "gained",
        "lost",
        "p (sign test)",
        title=escape(title),
        title_justify="left",
    )
    for tally in (comparison.overall, *comparison.subjects):
        table.add_row(*_tally(tally))
    console.print(table)
    if comparison.graders[0] != comparison.graders[1]:
        _say(console, f"the graders differ: {comparison.graders[0]} and {comparison.graders[1]}")
    if comparison.only_left or comparison.only_right:
        _say(console, f"on one side only: {comparison.only_left} left, {comparison.only_right} right")
    for flip in comparison.flips[:_SHOWN_FLIPS]:
        question = " ".join(flip.question.split())[:_QUESTION]
        _say(console, f"  {flip.left:.0%} to {flip.right:.0%}  {flip.problem_id[:8]}  {question}")
    if len(comparison.flips) > _SHOWN_FLIPS:
        _say(console, f"  and {len(comparison.flips) - _SHOWN_FLIPS} more in {COMPARISON_FILE}")


def _tally(tally: Tally) -> tuple[str, ...]:
    means = (f"{100 * tally.left:.2f}", f"{100 * tally.right:.2f}")
    return (
        escape(tally.name),
        f"{tally.problems:,}",
        *means,
        str(tally.gained),
        str(tally.lost),
        f"{tally.p_value:.3g}",
    )


def print_differences(differences: Sequence[Difference], console: Console) -> None:
    """Every sample on which we and the file differ: a row each; mere spellings by explanation, with their places."""
    table = Table("what", "problem", "reference", "the file", "ours", "why")
    for one in differences:
        if one.kind is not DifferenceKind.SPELLING:
            cells = (one.kind, one.origin, one.reference, one.theirs, one.ours, one.why)
            table.add_row(*(escape(str(cell)) for cell in cells))
    if table.row_count:
        console.print(table)
    for why, ones in grouped(one for one in differences if one.kind is DifferenceKind.SPELLING).items():
        places = ", ".join(f"{one.origin.rpartition(':')[2]} ({one.theirs}, {one.ours})" for one in ones)
        _say(console, f"{why} ({len(ones)}), by line: {places}")


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the summary and the problems; returns their paths."""
    rows = (json.dumps(row, ensure_ascii=False) for row in rows_of(report.records, report.grader))
    summary = json.dumps(report.summary(), ensure_ascii=False, indent=1)
    return [_write(folder / REPORT_FILE, [summary]), _write(folder / PROBLEMS_FILE, list(rows))]


def write_comparison(comparison: ReportComparison, folder: Path) -> Path:
    """Write the comparison; returns its path."""
    return _write(folder / COMPARISON_FILE, [json.dumps(comparison.as_json(), ensure_ascii=False, indent=1)])


def write_differences(differences: Sequence[Difference], path: Path) -> Path:
    """One JSON row a difference."""
    names = ("kind", "sample_id", "origin", "reference", "theirs", "ours", "why")
    rows = [json.dumps({name: getattr(one, name) for name in names}, ensure_ascii=False) for one in differences]
    return _write(path, rows)


def _write(path: Path, lines: Sequence[str]) -> Path:
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        text = "".join(line + "\n" for line in lines)
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)
    return path
