"""The real pages of `web/` as extracted text with their labels, without the planted copies.

In: the folder of MATHPIPE_SHARED_DATA. Out: `LabelledPage`s in the order of the WARCs. `share` takes a part of every
source, chosen by the digest of the address, so that a short run sees every source.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from crawl import extract_page, read_pages
from crawl.extract import ExtractionError
from filters.language import detect_language
from mathpipe.core.records import Page, SeedLabel, SeedPage

JUDGEMENTS = Path(__file__).resolve().parent / "judgements" / "prefilter_pages.jsonl"


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page, the source it comes from, and the label of that source."""

    page: Page
    source: str
    kind: str  # math, mixed, other
    language: str

    @property
    def seed(self) -> SeedPage:
        """The page as one to learn from."""
        return SeedPage(
            record_id=self.page.record_id,
            url=self.page.url,
            host=self.page.host,
            label=SeedLabel.MATH if self.kind == "math" else SeedLabel.OTHER,
            text=self.page.text,
            formula_count=len(self.page.formulas),
        )


def labelled_pages(data: Path, share: float = 1.0) -> Iterator[LabelledPage]:
    """Extracted pages of the sources; planted copies and pages without text are left out."""
    labels = {}
    for line in (data / "web" / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if ":" not in entry["source"]:
            labels[entry["url"]] = (entry["source"], entry["kind"])
    for warc in sorted((data / "web").glob("*.warc.gz")):
        for raw in read_pages(str(warc)):
            if raw.url not in labels or _position(raw.url) >= share:
                continue
            source, kind = labels[raw.url]
            try:
                page = extract_page(raw.body, raw.url, content_type=raw.content_type)
            except ExtractionError:
                continue
            yield LabelledPage(page, source, kind, detect_language(page.text).language)


def judged_by_eye() -> dict[str, bool]:
    """Addresses of the pages judged by eye, and whether they hold mathematics."""
    if not JUDGEMENTS.is_file():
        return {}
    rows = [json.loads(line) for line in JUDGEMENTS.read_text(encoding="utf-8").splitlines()]
    return {row["url"]: row["verdict"] != "other" for row in rows}


def _position(url: str) -> float:
    return int.from_bytes(blake2b(url.encode(), digest_size=4).digest()) / 2**32
