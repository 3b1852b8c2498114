"""`domains.parquet` of a round: written from the shards of hit rates, and what the loop asks of it.

In: shards of `HitRate`s. Out: one table that a person opens; shares and sums of it. A snapshot has rows by the
million, so that DuckDB reads them and no list of them is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from mathpipe.core.store import read_records, write_records
from mathpipe.recall.config import LearnConfig
from mathpipe.recall.hit_rates import HitRate, Level
from mathpipe.recall.judging import JudgeConfig

TABLE = "domains.parquet"


def write_table(folder: Path, shards: Sequence[str]) -> Path:
    """All rows in the order of their shards, as `domains.parquet` in the round's folder."""
    path = folder / TABLE
    temporary = path.with_name(f".{TABLE}.part")
    write_records(temporary, (rate for shard in shards for rate in read_records(Path(shard), HitRate)), HitRate)
    temporary.replace(path)
    return path


def likely_shares(table: Path, prefixes: Sequence[str]) -> dict[str, float]:
    """Of those hosts and folders that have a row: the share of their pages that is likely."""
    query = (
        "SELECT record_id, likely / pages FROM read_parquet(?) SEMI JOIN (SELECT unnest(?::VARCHAR[]) AS record_id) "
        "USING (record_id) WHERE level <> ?"
    )
    with duckdb.connect() as base:
        return dict(base.execute(query, [str(table), list(prefixes), Level.DOMAIN.value]).fetchall())


def others_rate(table: Path, decided: JudgeConfig, learn: LearnConfig) -> float:
    """The share to take of pages that are no hits on hosts with few, for `others_per_math` a page labelled math."""
    query = """
        SELECT coalesce(sum(pages) FILTER (record_id IN (SELECT unnest($accepted::VARCHAR[]))), 0)::BIGINT,
               coalesce(sum(pages - hits) FILTER (
                   level = $host AND share <= $share AND record_id NOT IN (SELECT unnest($decided::VARCHAR[]))
               ), 0)::BIGINT
        FROM read_parquet($table) WHERE level <> $domain
    """
    values = {
        "accepted": list(decided.accepted),
        "decided": [*decided.accepted, *decided.refused],
        "host": Level.HOST.value,
        "domain": Level.DOMAIN.value,
        "share": learn.other_share,
        "table": str(table),
    }
    with duckdb.connect() as base:
        math, others = base.execute(query, values).fetchone() or (0, 0)
    return round(min(1.0, learn.others_per_math * math / others), 6) if others else 1.0
