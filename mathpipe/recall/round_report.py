"""What a round came to: `round.json` in its folder, and the table that the command prints.

In: the folders of a round and of the round before. Out: a `RoundReport`. The overlap is of this round's collected
pages the share that the round before collected too: DeepSeekMath ends its loop at about 98%.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
from rich.table import Table

from filters.classifier_report import ALL, ReportRow, Split
from filters.ranked_budget import BudgetCut
from mathpipe.core.manifest import Manifest
from mathpipe.core.store import read_records
from mathpipe.recall.deciding import Decided
from mathpipe.recall.proposals import Proposal

T = TypeVar("T")

ROUND_FILE = "round.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundReport:
    """Figures of one round; a score that could not be had is None."""

    round: int
    scored: int
    hits: int  # pages the classifier takes
    collected: int  # those, and pages below accepted prefixes
    new: int  # of the collected: not collected a round before
    overlap: float | None
    tokens: int
    cut_score: float
    proposed: int
    accepted: int  # prefixes that stand accepted after this round
    refused: int
    given_back: int  # the rule's earlier ones, so far
    waiting: int
    fetched: int
    f1_in: float | None
    f1_hosts: float | None
    f1_formats: float | None
    core_seconds: float


def write_report(
    number: int, folder: Path, before: Path | None, proposals: Sequence[Proposal], decided: Decided
) -> RoundReport:
    """Measure a round and write `round.json`."""
    scored, hits, collected, tokens, known = _counts(folder, before)
    cut = next(_records(folder, "cut", BudgetCut))
    f1 = {row.split: row.f1 for row in _records(folder, "report", ReportRow) if row.held_out == ALL}
    report = RoundReport(
        round=number,
        scored=scored,
        hits=hits,
        collected=collected,
        new=collected - known,
        overlap=(known / collected if collected else 1.0) if before is not None else None,
        tokens=tokens,
        cut_score=cut.score,
        proposed=len(proposals),
        accepted=len(decided.accepted),
        refused=len(decided.refused),
        given_back=len(decided.given_back),
        waiting=len(decided.waiting),
        fetched=sum(entry.rows_out for entry in Manifest(folder / "steps" / "fetched").entries.values()),
        f1_in=f1.get(Split.IN),
        f1_hosts=f1.get(Split.HOST),
        f1_formats=f1.get(Split.FORMAT),
        core_seconds=core_seconds(folder),
    )
    temporary = folder / f".{ROUND_FILE}.part"
    temporary.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    temporary.replace(folder / ROUND_FILE)
    return report


def core_seconds(folder: Path) -> float:
    """Seconds that the shards of a run folder took to make, on one core each."""
    steps = (folder / "steps").iterdir() if (folder / "steps").is_dir() else iter(())
    return round(sum(entry.seconds for step in sorted(steps) for entry in Manifest(step).entries.values()), 3)


def round_table(reports: Iterable[RoundReport]) -> Table:
    """A row a round."""
    table = Table("round")
    names = ("scored", "hits", "collected", "new", "overlap", "tokens", "proposed", "accepted", "refused",
             "given back", "waiting", "fetched", "F1 in", "F1 hosts", "F1 formats", "core-s")  # fmt: skip
    for name in names:
        table.add_column(name, justify="right")
    for row in reports:
        pages = (row.scored, row.hits, row.collected, row.new)
        prefixes = (row.proposed, row.accepted, row.refused, row.given_back, row.waiting, row.fetched)
        table.add_row(
            str(row.round), *map(_count, pages), _share(row.overlap), _count(row.tokens), *map(_count, prefixes),
            _share(row.f1_in), _share(row.f1_hosts), _share(row.f1_formats), f"{row.core_seconds:,.0f}",
        )  # fmt: skip
    return table


def _count(value: int) -> str:
    return f"{value:,}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _counts(folder: Path, before: Path | None) -> tuple[int, int, int, int, int]:
    """Pages scored, hits, collected, tokens of those, and how many of them the round before collected."""
    with duckdb.connect() as base:
        now = _shards(folder, "judged")
        row = base.execute(
            "SELECT count(*), count(*) FILTER (hit), count(*) FILTER (collected), "
            "coalesce(sum(tokens) FILTER (collected), 0)::BIGINT FROM read_parquet(?)",
            [now],
        ).fetchone()
        known = base.execute(
            "SELECT count(*) FROM (SELECT record_id FROM read_parquet(?) WHERE collected) SEMI JOIN "
            "(SELECT record_id FROM read_parquet(?) WHERE collected) USING (record_id)",
            [now, _shards(before, "judged")],
        ).fetchone() if before is not None else (0,)  # fmt: skip
    scored, hits, collected, tokens = row or (0, 0, 0, 0)
    return scored, hits, collected, tokens, known[0] if known else 0


def _shards(folder: Path, step: str) -> list[str]:
    return [str(path) for path in sorted((folder / "steps" / step).glob("shard-*.parquet"))]


def _records(folder: Path, step: str, kind: type[T]) -> Iterator[T]:
    for shard in _shards(folder, step):
        yield from read_records(Path(shard), kind)
