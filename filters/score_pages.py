"""How likely every page is mathematics, without its text: what the recall loop ranks, counts and compares.

In: pages. Out: a `PageScore` each; nothing is dropped. The model is that of the step `classifier`, or `model`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from filters.classify import ClassifyConfig, ClassifyStage
from filters.training_lines import shows_mathematics
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageScore:
    """A page's score and size, and whether it shows what training asks of a page of mathematics.

    A token is a word, a number or a sign: no model's vocabulary is at hand here.
    """

    record_id: str
    url: str
    host: str
    score: float
    tokens: int
    shows: bool


class ScorePagesConfig(Config):
    """Which model, and how many pages it is asked about at a time."""

    model: Path | None = None  # None: the one that the step `classifier` trained
    batch_size: int = Field(default=256, ge=1)
    quantised: bool = False


class ScorePagesStage(Stage[Page, PageScore]):
    """The classifier's stage without its threshold."""

    def __init__(self, config: ScorePagesConfig, context: StageContext) -> None:
        self._classify = ClassifyStage(ClassifyConfig(threshold=0.0, **config.model_dump()), context)

    def run(self, shard: Iterable[Page]) -> Iterator[PageScore | Drop]:
        """One score a page."""
        for page in self._classify.run(shard):
            yield page if isinstance(page, Drop) else self._score_of(page)

    def _score_of(self, page: Page) -> PageScore:
        return PageScore(
            record_id=page.record_id,
            url=page.url,
            host=page.host,
            score=page.math_score or 0.0,
            tokens=sum(1 for _ in _TOKEN.finditer(page.text)),
            shows=shows_mathematics(page.text, len(page.formulas), self._classify.trained),
        )
