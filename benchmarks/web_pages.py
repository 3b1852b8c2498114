"""The labelled crawl that several benchmarks read in place: its archives, labels, judged pages and a seed.

Found by the environment variable MATHPIPE_SHARED_DATA, else beside the repository; never copied.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from crawl.extract import ExtractionError, extract_page
from crawl.seed import sampled
from crawl.warc import expand_sources, read_pages
from mathpipe.core.records import RawPage, SeedLabel, SeedPage

REPOSITORY = Path(__file__).resolve().parent.parent
JUDGEMENTS = REPOSITORY / "benchmarks" / "judgements" / "prefilter_pages.jsonl"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A page read by eye: `formula-markup`, `plain-math` or `other`; `draw` 1 is the sample over all sources."""

    url: str
    verdict: str
    why: str
    draw: int
    source: str


def web_folder() -> Path | None:
    """The folder of the crawl, or None where it is missing."""
    shared = Path(os.environ.get("MATHPIPE_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    folder = shared / "web"
    return folder if (folder / "labels.jsonl").is_file() else None


def archives(folder: Path) -> list[str]:
    """Paths of the WARCs."""
    return expand_sources([str(folder / "*.warc.gz")])


def read_web(folder: Path) -> Iterator[RawPage]:
    """All responses."""
    for path in archives(folder):
        yield from read_pages(path)


def labels(folder: Path) -> list[dict[str, str]]:
    """Rows of the label file, planted copies left out."""
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if ":" not in row["source"]]


def judgements() -> list[Judgement]:
    """The pages judged by eye."""
    return [Judgement(**json.loads(line)) for line in JUDGEMENTS.read_text(encoding="utf-8").splitlines()]


def seed_pages(
    folder: Path, bodies: dict[str, bytes], keep: Callable[[dict[str, str]], bool], rate: float = 1.0
) -> Iterable[SeedPage]:
    """Labelled pages as a seed, those judged by eye left out."""
    judged = {row.url for row in judgements()}
    for row in labels(folder):
        url = row["url"]
        if row["kind"] == "mixed" or url in judged or not sampled(url, rate) or not keep(row):
            continue
        try:
            page = extract_page(bodies[url], url)
        except ExtractionError:
            continue
        yield SeedPage(
            record_id=page.record_id,
            url=url,
            host=urlsplit(url).hostname or "",
            label=SeedLabel(row["kind"]),
            text=page.text,
            formula_count=len(page.formulas),
        )
