"""Pages to score: what the prefilter lets through, and a share of all others.

In: responses. Out: pages. At a share of 1 every page is scored, as the recipe does. A snapshot is too large for that;
a small share still gives pages that no prefilter chose: the classifier's negatives, and hit rates that are not those
of the prefilter's choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import Field

from crawl.seed import sampled
from crawl.stage import CrawlConfig, CrawlDropReason, CrawlStage, page_of
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page, RawPage
from mathpipe.core.stage import Stage, StageContext

_SAMPLED = "sampled"  # what stands for the prefilter's reason


class ScoredPagesConfig(Config):
    """Which pages are scored."""

    crawl: CrawlConfig = CrawlConfig()
    share: float = Field(default=1.0, ge=0, le=1, description="Of the pages that the prefilter passes over")


class ScoredPagesStage(Stage[RawPage, Page]):
    """The crawl stage, with a sample of what its prefilter drops."""

    def __init__(self, config: ScoredPagesConfig, context: StageContext) -> None:
        self._config = config
        self._crawl = CrawlStage(config.crawl, context)

    def run(self, shard: Iterable[RawPage]) -> Iterator[Page | Drop]:
        """One page or one drop a response."""
        for raw in shard:
            for answer in self._crawl.run([raw]):
                yield self._second_look(raw, answer)

    def _second_look(self, raw: RawPage, answer: Page | Drop) -> Page | Drop:
        passed_over = isinstance(answer, Drop) and answer.reason == CrawlDropReason.NO_MATH_SEEN
        if passed_over and sampled(raw.url, self._config.share):
            return page_of(raw, _SAMPLED, self._config.crawl.min_text_chars)
        return answer
