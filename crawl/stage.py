"""The crawl stage: raw responses in, pages with their formulas or drops with their reason out.

In: `RawPage`s as `crawl.warc` reads them. Out: a `Page` or one `Drop` each. Checks run from cheap to dear: status,
type, clipped, size, the prefilter on raw bytes, and only then parsing. A page's provenance (archive, offset, length,
date, charset, what the prefilter saw) is filled here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum

from pydantic import Field

from crawl.common_crawl import FailedPage
from crawl.extract import ExtractionError, ExtractionFailure, ExtractionLimits, extract_page
from crawl.ngrams import NGRAMS_FILE, NgramTable
from crawl.prefilter import DecisionKind, Prefilter, PrefilterConfig
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page, RawPage
from mathpipe.core.stage import Stage, StageContext

NGRAMS_SIDE = "ngrams"


class CrawlDropReason(StrEnum):
    """Why a response became no page."""

    NOT_HTML = "not-html"
    HTTP_STATUS = "http-status"
    CLIPPED = "clipped"
    TOO_LARGE = "too-large"
    EMPTY = "empty"
    NO_MATH_SEEN = "no-math-seen"
    TOO_DEEP = "too-deep"
    TOO_MANY_ELEMENTS = "too-many-elements"
    NO_TEXT = "no-text"
    FETCH_FAILED = "fetch-failed"


_OF_FAILURE = {
    ExtractionFailure.TOO_LARGE: CrawlDropReason.TOO_LARGE,
    ExtractionFailure.TOO_MANY_ELEMENTS: CrawlDropReason.TOO_MANY_ELEMENTS,
    ExtractionFailure.TOO_DEEP: CrawlDropReason.TOO_DEEP,
    ExtractionFailure.NO_TEXT: CrawlDropReason.NO_TEXT,
}
_REASON_CHARS = 200


class CrawlConfig(Config):
    """What counts as a page, and what the prefilter asks of it."""

    content_types: tuple[str, ...] = Field(
        default=("text/html", "application/xhtml+xml"), description="Media types taken; a missing one is looked at"
    )
    max_body_bytes: int = Field(default=10_000_000, gt=0, description="A longer body is no page to read")
    keep_clipped: bool = Field(default=False, description="Take pages the crawl cut short")
    min_text_chars: int = Field(default=50, ge=1, description="A page with less text is dropped")
    prefilter: PrefilterConfig = PrefilterConfig()


def refusal(raw: RawPage, config: CrawlConfig) -> Drop | None:
    """The drop for a response that is no whole HTML page, or None."""
    if isinstance(raw, FailedPage):
        return _drop(raw, CrawlDropReason.FETCH_FAILED, f"{raw.failure}: {raw.detail}")
    if raw.clipped and not config.keep_clipped:
        return _drop(raw, CrawlDropReason.CLIPPED, f"{len(raw.body)} of {raw.body_length} bytes")
    if raw.status != 200:
        return _drop(raw, CrawlDropReason.HTTP_STATUS, str(raw.status))
    if not _is_html(raw, config.content_types):
        return _drop(raw, CrawlDropReason.NOT_HTML, raw.content_type)
    if max(raw.body_length, len(raw.body)) > config.max_body_bytes:
        return _drop(raw, CrawlDropReason.TOO_LARGE, f"{raw.body_length} bytes")
    if not raw.body.strip():
        return _drop(raw, CrawlDropReason.EMPTY, "")
    return None


def page_of(raw: RawPage, prefilter_note: str, min_text_chars: int) -> Page | Drop:
    """Extract the page and fill its provenance, or say why it cannot be read."""
    try:
        limits = ExtractionLimits(min_text_chars=min_text_chars)
        page = extract_page(raw.body, raw.url, content_type=raw.content_type, limits=limits)
    except ExtractionError as error:
        return _drop(raw, _OF_FAILURE[error.reason], error.expected)
    return replace(
        page,
        record_id=raw.record_id,
        prefilter=prefilter_note,
        warc=raw.warc,
        warc_offset=raw.warc_offset,
        warc_length=raw.warc_length,
        crawl_date=raw.crawl_date,
    )


class CrawlStage(Stage[RawPage, Page]):
    """Responses to pages; the n-grams come from the step named `ngrams`, without it markup alone decides."""

    def __init__(self, config: CrawlConfig, context: StageContext) -> None:
        side = context.sides.get(NGRAMS_SIDE)
        table = NgramTable.load(side.file(NGRAMS_FILE)) if side is not None else None
        self._config = config
        self._prefilter = Prefilter(table, config.prefilter)

    def run(self, shard: Iterable[RawPage]) -> Iterator[Page | Drop]:
        """One page or one drop a response, in order."""
        for raw in shard:
            yield refusal(raw, self._config) or self._read(raw)

    def _read(self, raw: RawPage) -> Page | Drop:
        decision = self._prefilter.decide(raw.body)
        if decision.kind is DecisionKind.NONE:
            return _drop(raw, CrawlDropReason.NO_MATH_SEEN, f"{decision.score:.2f}")
        return page_of(raw, decision.note, self._config.min_text_chars)


def _is_html(raw: RawPage, content_types: tuple[str, ...]) -> bool:
    """By media type; where the server gave none, by what the body opens with."""
    media_type = raw.content_type.partition(";")[0].strip().lower()
    if media_type:
        return media_type in content_types
    head = raw.body[:512].lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html", b"<?xml", b"<!--", b"<head", b"<body"))


def _drop(raw: RawPage, reason: CrawlDropReason, detail: str) -> Drop:
    return Drop(raw.record_id, reason.value, raw.url, detail[:_REASON_CHARS])
