"""The ranked token budget: the best pages by score until a number of tokens is reached.

In: the scores of all pages, gathered. Out: one `BudgetCut`, the place in the ranking where the budget ends; whether
a page is above it is then known from the page's own score, on any worker. DeepSeekMath ranks what its classifier
finds and keeps the top 40B tokens in the first round (arXiv 2402.03300, section 2.1).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from filters.score_pages import PageScore
from mathpipe.core.config import Config
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext

_BYTES_PER_PAGE = 100  # three numbers (doubled while an array grows), the order, the running total, the sort's copies


class BudgetConfig(Config):
    """How much is taken: the best `tokens` (None: no end) of what scores at least `min_score`."""

    tokens: int | None = Field(default=None, ge=0)
    min_score: float = Field(default=0.9, ge=0, le=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCut:
    """The last page that is taken, by score and then by `tie`, and what all taken ones come to."""

    record_id: str
    score: float
    tie: int
    pages: int
    tokens: int
    seen_pages: int
    seen_tokens: int

    def takes(self, page: PageScore) -> bool:
        """Whether the page stands above the cut; a page at the cut's score by its tie."""
        return self.pages > 0 and (page.score, -tie_of(page)) >= (self.score, -self.tie)


class RankedBudgetStage(Stage[PageScore, BudgetCut]):
    """All scores to one cut. A page that would overrun the budget ends it: it is not skipped for a shorter one."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: BudgetConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: Any, input_rows: int) -> int | None:
        """Score, tie and length of every page are held."""
        return input_rows * _BYTES_PER_PAGE

    def run(self, shard: Iterable[PageScore]) -> Iterator[BudgetCut | Drop]:
        """The one cut."""
        # Not lists, which take several times as much.
        score_column, tie_column, token_column = array("d"), array("q"), array("q")
        for page in shard:
            score_column.append(page.score)
            tie_column.append(tie_of(page))
            token_column.append(page.tokens)
        scores, ties, tokens = np.asarray(score_column), np.asarray(tie_column), np.asarray(token_column)
        order = np.lexsort((ties, -scores))
        total = np.cumsum(tokens[order])
        taken = int((scores >= self._config.min_score).sum())
        if self._config.tokens is not None:
            taken = min(taken, int(np.searchsorted(total, self._config.tokens, side="right")))
        last = int(order[taken - 1]) if taken else -1
        yield BudgetCut(
            record_id="cut",
            score=float(scores[last]) if taken else 1.0,
            tie=int(ties[last]) if taken else 0,
            pages=taken,
            tokens=int(total[taken - 1]) if taken else 0,
            seen_pages=len(scores),
            seen_tokens=int(tokens.sum()),
        )


def tie_of(page: PageScore) -> int:
    """Orders pages of one score, the same on every machine; 62 bits, which fit a Parquet integer."""
    return int.from_bytes(blake2b(page.record_id.encode(), digest_size=8).digest(), "big") >> 2
