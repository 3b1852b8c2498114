"""The pages that a certificate may plant in: a sample of every shard, and of these the sample of the whole corpus.

In: pages as they were before decontamination. Out: one `ShardSample` a shard, made on any worker; `merged` takes of
all shards the pages of lowest rank, which are the ones a pass over the whole corpus would have taken. It reads the
ranks of every shard and the pages of those few shards that have one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path
from typing import ClassVar

from filters.certificate import CertificateConfig, host_sample, sampling_rank
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.store import read_records


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRanks:
    """How many pages a shard has, and the ids of its sample: a `ShardSample` without the pages."""

    record_id: str
    shard: int
    pages: int
    host_ids: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSample:
    """A shard's own sample: its pages of lowest rank, without the formulas beside their text."""

    record_id: str
    shard: int
    pages: int
    host_ids: list[str]
    hosts: list[Page]


class CertificateSampleStage(Stage[Page, ShardSample]):
    """A shard of pages to its sample; holds no more than that."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: CertificateConfig, context: StageContext) -> None:
        self._config = config
        self._shard = context.shard_index

    def run(self, shard: Iterable[Page]) -> Iterator[ShardSample | Drop]:
        """The one sample."""
        hosts, pages = host_sample(shard, self._config)
        yield ShardSample(
            record_id=f"shard-{self._shard:05d}",
            shard=self._shard,
            pages=pages,
            host_ids=[page.record_id for page in hosts],
            hosts=[replace(page, formulas=[], formula_counts=[]) for page in hosts],
        )


def merged(ranks: Iterable[ShardRanks], shards: Sequence[Path], config: CertificateConfig) -> tuple[list[Page], int]:
    """The sample of all shards together, and how many pages they have; `shards` hold the `ShardSample`s, in order."""
    wanted, count = lowest(ranks, config)
    found = (
        page
        for shard, ids in sorted(wanted.items())
        for sample in read_records(shards[shard], ShardSample)
        for page in sample.hosts
        if page.record_id in ids
    )
    return host_sample(found, config)[0], count


def lowest(ranks: Iterable[ShardRanks], config: CertificateConfig) -> tuple[dict[int, set[str]], int]:
    """Per shard the ids of its pages that are in the corpus' sample, and how many pages all shards have."""
    count = 0

    def candidates() -> Iterator[tuple[bytes, str, int]]:
        nonlocal count
        for one in ranks:
            count += one.pages
            yield from ((sampling_rank(record_id, config.seed), record_id, one.shard) for record_id in one.host_ids)

    chosen: dict[int, set[str]] = defaultdict(set)
    for _, record_id, shard in nsmallest(config.host_pages, candidates()):
        chosen[shard].add(record_id)
    return chosen, count
