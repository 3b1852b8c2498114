"""Pages below the accepted prefixes that nobody holds yet: found by index, fetched by byte range, extracted.

    archives ─▶ index            (only where no index is given)
    index ─▶ captures ─▶ fetched

In: index files and prefixes. Out: `CaptureRow`s, then `Page`s. No prefilter decides here: what it misses, mathematics
in plain words first, is what the loop is to find. Every page that cannot be had is a drop with its reason; where the
host of the archives is gone the run stops, for a drop is for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import ClassVar
from urllib.parse import urlsplit

import duckdb
from pydantic import Field

from crawl.archive import name_of
from crawl.common_crawl import Capture, FailedPage, FetchFailure, build_index, fetch_captures, find_captures
from crawl.remote import FetchConfig
from crawl.stage import CrawlConfig, page_of, refusal
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import Decision, decision_for
from mathpipe.core.records import Drop, Page, record_id_of
from mathpipe.core.stage import Stage, StageContext, StepOutput
from mathpipe.recall.judging import JudgeConfig
from mathpipe.recall.places import place_of

INDEX_FILE = "index.parquet"
HELD_SIDE = "judged"
_DETAIL_CHARS = 200


class FetchDropReason(StrEnum):
    """Why a capture is not fetched, or became no page; faults of the page keep the crawl stage's reasons."""

    HELD = "held"
    REFUSED_PREFIX = "refused-prefix"
    CAPTURED_TWICE = "captured-twice"
    NOT_FETCHED = "not-fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A WARC by its path or address."""

    record_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRow:
    """A `Capture` as a record."""

    record_id: str
    url: str
    warc: str
    offset: int
    length: int
    digest: str
    status: int
    mime: str
    timestamp: str


def read_archive(path: str) -> Iterator[Archive]:
    """The archive itself as the one record: it is read by the stage."""
    yield Archive(record_id=record_id_of(path), path=path)


class IndexConfig(Config):
    """The way to remote archives; no part of the step's key, for the index is the same."""

    fetch: FetchConfig = Field(default=FetchConfig(), exclude=True)


class IndexStage(Stage[Archive, Archive]):
    """All archives to one index file; the archives go on as they came."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: IndexConfig, context: StageContext) -> None:
        self._fetch = config.fetch
        self._files = context.files

    def run(self, shard: Iterable[Archive]) -> Iterator[Archive | Drop]:
        """Consume the shard and write the index."""
        archives = list(shard)
        self._files.mkdir(parents=True, exist_ok=True)
        build_index([archive.path for archive in archives], self._files / INDEX_FILE, config=self._fetch)
        yield from archives


@dataclass(frozen=True)
class CaptureReader:
    """The captures of an index file below the prefixes; how they are fetched decides nothing about them."""

    prefixes: tuple[str, ...]
    fetch: FetchConfig = field(default=FetchConfig(), repr=False)

    def __call__(self, index: str) -> Iterator[CaptureRow]:
        """The rows in the index's order."""
        for capture in find_captures(index, prefixes=self.prefixes, config=self.fetch):
            yield CaptureRow(
                record_id=record_id_of(name_of(capture.warc), capture.offset),  # as `read_pages` names it
                url=capture.url,
                warc=capture.warc,
                offset=capture.offset,
                length=capture.length,
                digest=capture.digest,
                status=capture.status,
                mime=capture.mime,
                timestamp=capture.timestamp,
            )


class UnheldConfig(Config):
    """The prefixes that stand decided, and of the accepted ones those that the captures were asked for."""

    decided: JudgeConfig = JudgeConfig()
    new: tuple[str, ...] = ()


class UnheldStage(Stage[CaptureRow, CaptureRow]):
    """Drops captures of pages that are held, of refused prefixes, and of an address met before in the file."""

    def __init__(self, config: UnheldConfig, context: StageContext) -> None:
        self._decisions = config.decided.decisions()
        self._held = _addresses_on({urlsplit(prefix).hostname for prefix in config.new}, context.sides[HELD_SIDE])

    def run(self, shard: Iterable[CaptureRow]) -> Iterator[CaptureRow | Drop]:
        """The captures that are to be fetched."""
        met: set[str] = set()
        for row in shard:
            reason = self._reason(row, met)
            met.add(row.url)
            yield row if reason is None else Drop(row.record_id, reason.value, row.url)

    def _reason(self, row: CaptureRow, met: set[str]) -> FetchDropReason | None:
        if row.url in self._held:
            return FetchDropReason.HELD
        place = place_of(row.url)
        if place is None or decision_for(place.address, self._decisions) is not Decision.ACCEPT:
            return FetchDropReason.REFUSED_PREFIX
        return FetchDropReason.CAPTURED_TWICE if row.url in met else None


class FetchStageConfig(Config):
    """What counts as a page, how many records are fetched at a time, and the way to them."""

    crawl: CrawlConfig = CrawlConfig()
    batch_size: int = Field(default=64, ge=1)
    fetch: FetchConfig = Field(
        default=FetchConfig(), exclude=True
    )  # no part of the step's key: the pages are the same


class FetchStage(Stage[CaptureRow, Page]):
    """Captures to pages."""

    def __init__(self, config: FetchStageConfig, context: StageContext) -> None:
        self._config = config

    def run(self, shard: Iterable[CaptureRow]) -> Iterator[Page | Drop]:
        """A page or a drop a capture, in order."""
        rows, crawl = iter(shard), self._config.crawl
        while batch := list(islice(rows, self._config.batch_size)):
            captures = [_capture(row) for row in batch]
            for row, raw in zip(batch, fetch_captures(captures, self._config.fetch), strict=True):
                if isinstance(raw, FailedPage) and raw.failure is FetchFailure.HOST_GIVEN_UP:
                    raise InputError(row.warc, f"a host that answers ({raw.detail})", "run again when it does")
                if isinstance(raw, FailedPage):
                    detail = f"{raw.failure.value}: {raw.detail}"
                    yield Drop(row.record_id, FetchDropReason.NOT_FETCHED.value, row.url, detail[:_DETAIL_CHARS])
                else:
                    yield refusal(raw, crawl) or page_of(raw, "prefix", crawl.min_text_chars)


def _addresses_on(hosts: Iterable[str | None], judged: StepOutput) -> set[str]:
    """Addresses of the judged pages of these hosts: of all that is held a small part is looked at."""
    with duckdb.connect(config={"threads": 1}) as base:
        shards = [str(shard) for shard in judged.shards]
        rows = base.execute(
            "SELECT url FROM read_parquet(?) SEMI JOIN (SELECT unnest(?::VARCHAR[]) AS host) USING (host)",
            [shards, sorted(host for host in hosts if host)],
        ).fetchall()
    return {row[0] for row in rows}


def _capture(row: CaptureRow) -> Capture:
    return Capture(row.url, row.warc, row.offset, row.length, row.digest, row.status, row.mime, row.timestamp)
