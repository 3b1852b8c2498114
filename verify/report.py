"""What `mathpipe verify` prints: a summary by outcome, a confusion table, the scores of an audit.

In: a `Summary` or an `Audit`. Out: tables on a console.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verify.audit import Audit
from verify.grade_file import Summary

_SHOWN = 12
_WIDTH = 60


def print_summary(summary: Summary, console: Console) -> None:
    """Outcomes and reasons with their shares, latency, and where labels disagree."""
    table = Table("outcome", "reason", "rows", "share", title=f"{summary.rows:,} rows", title_justify="left")
    for (outcome, reason), rows in sorted(summary.reasons.items(), key=lambda item: -item[1]):
        table.add_row(outcome, reason, f"{rows:,}", f"{rows / summary.rows:.1%}")
    console.print(table)
    shares = "  ".join(f"{outcome} {rows / summary.rows:.2%}" for outcome, rows in summary.outcomes.most_common())
    console.print(shares, highlight=False)
    metrics = summary.metrics
    if metrics.claims:
        times = ((name, seconds * 1e3) for name, seconds in _latencies(summary))
        console.print("  ".join(f"{name} {time:.2f} ms" for name, time in times), highlight=False)
    if summary.confusion:
        _print_confusion(summary, console)


def _latencies(summary: Summary) -> list[tuple[str, float]]:
    metrics = summary.metrics
    return [("p50", metrics.p50_seconds), ("p90", metrics.p90_seconds), ("p99", metrics.p99_seconds),
            ("max", metrics.max_seconds)]  # fmt: skip


def _print_confusion(summary: Summary, console: Console) -> None:
    table = Table("label", "judged correct", "not judged correct", title="against the labels", title_justify="left")
    for label in (True, False):
        counts = [f"{summary.confusion[label, verdict]:,}" for verdict in (True, False)]
        table.add_row("right" if label else "wrong", *counts)
    console.print(table)
    for row in summary.disagreements[:_SHOWN]:
        console.print(_line(row), markup=False, highlight=False)


def _line(row: dict[str, Any]) -> str:
    said = [f"{name}={_short(value)}" for name, value in row.items() if name in ("gold", "reference", "answer", "gt")]
    given = [f"{name}={_short(value)}" for name, value in row.items() if name in ("pred", "candidate", "completion")]
    return f"  {row['outcome']} ({row['detail']})  {'  '.join(said + given)}"


def print_audit(audit: Audit, console: Console) -> None:
    """Scores by rule, how often each two disagree, and the first rows on which they do."""
    scores = Table(
        "rule", "version", "score", "correct", "no grade", title=f"{audit.rows:,} rows", title_justify="left"
    )
    for grader in audit.graders:
        correct, ungraded = audit.correct[grader.name], audit.ungraded[grader.name]
        scores.add_row(
            grader.name, grader.version, f"{audit.score(grader.name):.2%}", f"{correct:,}", f"{ungraded:,}"
        )
    console.print(scores)
    names = [grader.name for grader in audit.graders]
    pairs = Table("rules", "rows on which they disagree", title="disagreements", title_justify="left")
    for one, other in combinations(names, 2):
        pairs.add_row(f"{one} / {other}", f"{audit.disagreements[one, other]:,}")
    console.print(pairs)
    if not audit.examples:
        return
    rows = Table("row", "reference", "candidate", *names, title="the first of them", title_justify="left")
    for example in audit.examples[:_SHOWN]:
        marks = [_mark(example["grades"][name]["correct"]) for name in names]
        texts = (escape(_short(example[part])) for part in ("reference", "candidate"))
        rows.add_row(str(example["row"]), *texts, *marks)
    console.print(rows)


def _mark(correct: bool | None) -> str:
    return {True: "yes", False: "no", None: "-"}[correct]


def _short(value: object) -> str:
    """The end of a text, where its answer is."""
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDTH else "…" + text[-_WIDTH:]
