"""Hit rates: of the pages seen of a domain, a host, a path prefix, how many the classifier takes.

In: judged pages, those of a domain together. Out: `HitRate`s, which the loop publishes as `domains.parquet`.
DeepSeekMath counts a domain (pages that share a base URL) as mathematical when more than a tenth of it was collected
(arXiv 2402.03300, section 2.1). What a base URL is it does not say: here each of the three has its rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Drop, record_id_of
from mathpipe.core.stage import Stage, StageContext
from mathpipe.recall.judging import JudgedPage
from mathpipe.recall.places import Place

_BYTES_PER_PAGE = 400  # at worst a page is alone in its folder: a row of the table


class Level(StrEnum):
    """What pages are counted together."""

    DOMAIN = "domain"
    HOST = "host"
    PATH = "path"


class HitRateConfig(Config):
    """Which prefixes are listed, and into how many tasks the domains are split."""

    max_depth: int = Field(default=6, ge=0, description="Folders of a path that are looked at")
    min_pages: int = Field(default=2, ge=1, description="A path prefix with fewer pages has no row")
    partitions: int = Field(default=1, ge=1, description="More spread the counts' memory and time thinner")


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRate:
    """One domain, host or path prefix: `hits` are the classifier's finds, `collected` those and pages by prefix.

    `likely` are pages whose score would do, were there no budget: hits and those that the budget has no room for.
    """

    record_id: str  # the domain's name, or the prefix
    level: Level
    domain: str
    host: str
    pages: int
    hits: int
    share: float  # hits of pages
    likely: int
    collected: int
    mean_score: float
    tokens: int
    collected_tokens: int


@dataclass(slots=True)
class _Count:
    pages: int = 0
    hits: int = 0
    likely: int = 0
    collected: int = 0
    scores: float = 0.0
    tokens: int = 0
    collected_tokens: int = 0

    def add(self, page: JudgedPage) -> None:
        self.pages += 1
        self.hits += page.hit
        self.likely += page.likely
        self.collected += page.collected
        self.scores += page.score
        self.tokens += page.tokens
        self.collected_tokens += page.tokens if page.collected else 0


class HitRateStage(Stage[JudgedPage, HitRate]):
    """Counts in memory, one entry a domain, host and folder."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: HitRateConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: Any, input_rows: int) -> int | None:
        """As if no two pages shared a folder."""
        return input_rows * _BYTES_PER_PAGE

    def run(self, shard: Iterable[JudgedPage]) -> Iterator[HitRate | Drop]:
        """The rows in order of domain, host and prefix."""
        counts: dict[tuple[str, str, Level, str], _Count] = {}
        for page in shard:
            for key in self._keys(page):
                counts.setdefault(key, _Count()).add(page)
        for key, count in sorted(counts.items()):
            if key[2] is not Level.PATH or count.pages >= self._config.min_pages:
                yield _rate(*key, count)

    def _keys(self, page: JudgedPage) -> Iterator[tuple[str, str, Level, str]]:
        if not page.address:
            return
        place = Place(page.domain, page.host, page.address)
        yield page.domain, "", Level.DOMAIN, page.domain
        yield page.domain, page.host, Level.HOST, place.root
        for folder in place.folders(self._config.max_depth):
            yield page.domain, page.host, Level.PATH, folder


def domain_partition(page: JudgedPage, partitions: int) -> int:
    """The partition of the page's domain."""
    return int(record_id_of(page.domain)[:8], 16) % partitions


def _rate(domain: str, host: str, level: Level, prefix: str, count: _Count) -> HitRate:
    return HitRate(
        record_id=prefix,
        level=level,
        domain=domain,
        host=host,
        pages=count.pages,
        hits=count.hits,
        share=count.hits / count.pages,
        likely=count.likely,
        collected=count.collected,
        mean_score=count.scores / count.pages,
        tokens=count.tokens,
        collected_tokens=count.collected_tokens,
    )
