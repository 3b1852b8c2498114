"""Drop every page that holds a benchmark item.

In: pages, and an index of the items. Out: clean pages, or `Drop` that names benchmark, item and what matched.
The rule is told in `filters.benchmark_index`; how well it finds rewritten items, in `filters.certificate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum

from filters.benchmark_index import BenchmarkIndex, Hit
from filters.build_benchmark_index import INDEX_FILE
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext

REMOVED_FILE = "contaminated.jsonl"


class ContaminationDropReason(StrEnum):
    """Why a page is kept from training."""

    CONTAMINATED = "contaminated"


class DecontaminateConfig(Config):
    """How much of a page is looked at."""

    check_title: bool = True  # a question often is the title of its page


def decontaminate(
    pages: Iterable[Page], index: BenchmarkIndex, config: DecontaminateConfig | None = None
) -> Iterator[Page | Drop]:
    """Yield each page as it is, or the reason it goes: benchmark, item id, form, and the tokens that matched."""
    chosen = config or DecontaminateConfig()
    for page in pages:
        hit = index.hit(searched_text(page, chosen))
        yield page if hit is None else drop_of(page, hit, index)


def searched_text(page: Page, config: DecontaminateConfig) -> str:
    """The part of a page that is compared with the benchmarks."""
    return f"{page.title}\n\n{page.text}" if config.check_title and page.title else page.text


def drop_of(page: Page, hit: Hit, index: BenchmarkIndex) -> Drop:
    """The drop of a page that holds an item."""
    benchmark, item_id = index.names[hit.item]
    detail = f"{benchmark} {item_id} ({hit.form}): {hit.matched}"
    return Drop(page.record_id, ContaminationDropReason.CONTAMINATED, page.url, detail)


class DecontaminateStage(Stage[Page, Page]):
    """Pages to clean pages; side `benchmark_index`. What it removes it lists in `contaminated.jsonl` as well."""

    def __init__(self, config: DecontaminateConfig, context: StageContext) -> None:
        self._config = config
        self._index = BenchmarkIndex.load(context.sides["benchmark_index"].file(INDEX_FILE))
        self._removed = context.files / REMOVED_FILE

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """Yield each page, or the reason it goes."""
        with self._removed.open("a", encoding="utf-8") as removed:
            for page in shard:
                hit = self._index.hit(searched_text(page, self._config))
                if hit is None:
                    yield page
                    continue
                benchmark, item_id = self._index.names[hit.item]
                row = {"record_id": page.record_id, "url": page.url, "benchmark": benchmark, "item_id": item_id,
                       "form": hit.form, "matched": hit.matched}  # fmt: skip
                removed.write(json.dumps(row, ensure_ascii=False) + "\n")
                yield drop_of(page, hit, self._index)
