"""The seed stage: labelled pages as text, to mine n-grams from and to train the classifier on.

In: `RawPage`s, and label files (JSONL): `{"url": ..., "kind": "math"}` labels a crawled page, `{"text": ...,
"label": "math"}` is a labelled text of its own. Out: `SeedPage`s; a response without a label is a drop. The
prefilter plays no part here, or the seed would hold only what it already finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from crawl.remote import FetchConfig
from crawl.stage import CrawlConfig, page_of, refusal
from crawl.warc import read_pages
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page, RawPage, SeedLabel, SeedPage, record_id_of
from mathpipe.core.stage import Stage, StageContext


class SeedDropReason(StrEnum):
    """Why a response is no part of the seed; faults of the page itself keep the crawl stage's reasons."""

    SEED_UNLABELLED = "seed-unlabelled"
    SEED_KIND_SKIPPED = "seed-kind-skipped"
    SEED_HOST = "seed-host"
    SEED_NOT_SAMPLED = "seed-not-sampled"


class SeedConfig(Config):
    """Which pages are the seed."""

    labels: tuple[Path, ...] = Field(description="JSONL files of {url, kind} or {text, label}")
    kinds: dict[str, SeedLabel] = Field(
        default={"math": SeedLabel.MATH, "other": SeedLabel.OTHER},
        description="What a label's word means; a word that is missing here is skipped",
    )
    hosts: tuple[str, ...] = Field(default=(), description="Only pages of these hosts; empty: all")
    exclude_hosts: tuple[str, ...] = Field(default=(), description="No page of these hosts, to hold them out")
    sample_rate: float = Field(
        default=1.0, gt=0, le=1, description="Share of pages kept, chosen by a hash of the URL"
    )
    max_pages_per_label: int | None = Field(default=None, gt=0, description="Per shard; the first in order are kept")
    min_text_chars: int = Field(default=50, ge=1)
    keep_clipped: bool = False


class SeedStage(Stage[RawPage, SeedPage]):
    """Labelled responses and labelled texts (as `read_seed_source` gives them) to seed pages."""

    def __init__(self, config: SeedConfig, context: StageContext) -> None:
        self._config = config
        self._crawl = CrawlConfig(keep_clipped=config.keep_clipped, min_text_chars=config.min_text_chars)
        self._kind_of, texts = read_labels(config.labels)
        self._kind_of_text = {_text_id(text, kind): kind for text, kind in texts}
        self._taken = dict.fromkeys(SeedLabel, 0)

    def run(self, shard: Iterable[RawPage]) -> Iterator[SeedPage | Drop]:
        """A seed page or a drop for every response and every text."""
        for raw in shard:
            kind = self._kind_of_text.get(raw.record_id)
            yield self._seed_page(raw) if kind is None else self._text_page(raw, kind)

    def _text_page(self, raw: RawPage, kind: str) -> SeedPage | Drop:
        label = self._config.kinds.get(kind)
        if label is None:
            return _drop(raw, SeedDropReason.SEED_KIND_SKIPPED, kind)
        return SeedPage(record_id=raw.record_id, url="", host="", label=label, text=raw.body.decode())

    def _seed_page(self, raw: RawPage) -> SeedPage | Drop:
        kind = self._kind_of.get(raw.url)
        host = _host(raw.url)
        if kind is None:
            return _drop(raw, SeedDropReason.SEED_UNLABELLED)
        label = self._config.kinds.get(kind)
        if label is None:
            return _drop(raw, SeedDropReason.SEED_KIND_SKIPPED, kind)
        if host in self._config.exclude_hosts or (self._config.hosts and host not in self._config.hosts):
            return _drop(raw, SeedDropReason.SEED_HOST, host)
        limit = self._config.max_pages_per_label
        if not sampled(raw.url, self._config.sample_rate) or (limit and self._taken[label] >= limit):
            return _drop(raw, SeedDropReason.SEED_NOT_SAMPLED)
        page = refusal(raw, self._crawl) or page_of(raw, "", self._config.min_text_chars)
        if isinstance(page, Drop):
            return page
        self._taken[label] += 1
        return _seed_page_of(page, label)


@dataclass(frozen=True, slots=True)
class SeedReader:
    """`read_seed_source` with a fetch config of its own, which decides nothing about the pages (see `PageReader`)."""

    fetch: FetchConfig = field(default=FetchConfig(), repr=False)

    def __call__(self, path: str) -> Iterator[RawPage]:
        """The responses of a seed's source."""
        return read_seed_source(path, fetch=self.fetch)


def read_seed_source(path: str, *, fetch: FetchConfig | None = None) -> Iterator[RawPage]:
    """The responses of a WARC, or the labelled texts of a label file (`.jsonl`) as responses without an address."""
    if not path.endswith(".jsonl"):
        yield from read_pages(path, fetch=fetch)
        return
    for text, kind in read_labels([Path(path)])[1]:
        yield RawPage(record_id=_text_id(text, kind), url="", body=text.encode(), content_type="text/plain")


def _text_id(text: str, kind: str) -> str:
    return record_id_of("seed-text", kind, text)


def read_labels(paths: Iterable[Path]) -> tuple[Mapping[str, str], list[tuple[str, str]]]:
    """Kind by URL, and labelled texts, from JSONL files; a line that is neither is an error that names it."""
    kind_of: dict[str, str] = {}
    texts: list[tuple[str, str]] = []
    for path in paths:
        if not path.is_file():
            raise InputError(str(path), "no such file", "give a JSONL file of labels")
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    _take_label(_parsed(line, f"{path}:{number}"), f"{path}:{number}", kind_of, texts)
    return kind_of, texts


def _parsed(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(place, f"expected one JSON object a line ({error})", "mend the line") from error
    if not isinstance(row, dict):
        raise InputError(place, "expected a JSON object", "mend the line")
    return row


def _take_label(row: dict[str, Any], place: str, kind_of: dict[str, str], texts: list[tuple[str, str]]) -> None:
    kind = row.get("kind", row.get("label"))
    if isinstance(kind, str) and isinstance(row.get("text"), str):
        texts.append((row["text"], kind))
    elif isinstance(kind, str) and isinstance(row.get("url"), str):
        kind_of[row["url"]] = kind
    else:
        raise InputError(place, "expected {url, kind} or {text, label}", "mend the line")


def sampled(url: str, rate: float) -> bool:
    """Whether the URL falls in the sample: the same answer on every machine, whatever else is in the crawl."""
    return int.from_bytes(blake2b(url.encode(), digest_size=8).digest(), "big") < rate * 2**64


def _seed_page_of(page: Page, label: SeedLabel) -> SeedPage:
    return SeedPage(
        record_id=page.record_id,
        url=page.url,
        host=page.host,
        label=label,
        text=page.text,
        formula_count=len(page.formulas),
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _drop(raw: RawPage, reason: SeedDropReason, detail: str = "") -> Drop:
    return Drop(raw.record_id, reason.value, raw.url, detail)
