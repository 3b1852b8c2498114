"""What the next round learns from, beside the first seed: pages that the loop itself labels.

In: all pages held. Out: `SeedPage`s or drops. No label of a page is read here; what stands for one is

- *math*: the page lies below an accepted prefix (a person's word, or the rule's);
- *other*: the page is no hit, and its host has at most `other_share` of hits: what a random page of the web
  is in DeepSeekMath's recipe. A share `other_rate` of them is taken, chosen by a hash of the address.

Nothing below a refused prefix is learnt from, and no page of the first seed a second time. The training then takes
of the positives those that show mathematics in formulas or words (`filters.training_lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import duckdb
from pydantic import Field

from crawl.seed import sampled
from mathpipe.core.config import Config
from mathpipe.core.prefix_decisions import Decision, decision_for
from mathpipe.core.records import Drop, Page, SeedLabel, SeedPage
from mathpipe.core.stage import Stage, StageContext, StepOutput
from mathpipe.core.store import read_records
from mathpipe.recall.hit_rates import Level
from mathpipe.recall.judging import JudgeConfig
from mathpipe.recall.places import place_of

JUDGED_SIDE, RATES_SIDE = "judged", "domains"


class NewSeedDropReason(StrEnum):
    """Why a page is not learnt from."""

    REFUSED_PREFIX = "refused-prefix"
    HIT = "hit"
    HOST_HOLDS_HITS = "host-holds-hits"
    NOT_SAMPLED = "not-sampled"
    LOW_SCORE = "low-score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Of a `JudgedPage` what a label needs."""

    record_id: str
    score: float
    hit: bool


class NewSeedConfig(Config):
    """The prefixes that stand decided, and how negatives are found."""

    decided: JudgeConfig = JudgeConfig()
    other_share: float = Field(default=0.1, ge=0, le=1)
    other_rate: float = Field(default=1.0, ge=0, le=1)


class NewSeedStage(Stage[Page, SeedPage]):
    """Pages to labelled pages; `judged` and `domains` say what was collected where."""

    def __init__(self, config: NewSeedConfig, context: StageContext) -> None:
        self._config = config
        self._decisions = config.decided.decisions()
        self._judged: dict[str, Judged] = {}
        self._hosts_with_hits: set[str] = set()
        if JUDGED_SIDE in context.sides:  # pages fetched in this round have neither, and no need of them
            shard = context.sides[JUDGED_SIDE].shards[context.shard_index]  # judged shard by shard of pages
            self._judged = {page.record_id: page for page in read_records(shard, Judged)}
            self._hosts_with_hits = _hosts_above(config.other_share, context.sides[RATES_SIDE])

    def run(self, shard: Iterable[Page]) -> Iterator[SeedPage | Drop]:
        """A labelled page or a drop each."""
        for page in shard:
            answer = self._label(page)
            yield (
                Drop(page.record_id, answer.value, page.url)
                if isinstance(answer, NewSeedDropReason)
                else SeedPage(
                    record_id=page.record_id,
                    url=page.url,
                    host=page.host,
                    label=answer,
                    text=page.text,
                    formula_count=len(page.formulas),
                )
            )

    def _label(self, page: Page) -> SeedLabel | NewSeedDropReason:
        place = place_of(page.url, self._config.decided.places.multi_tenant)
        decision = decision_for(place.address, self._decisions) if place else None
        judged = self._judged.get(page.record_id) or Judged(record_id=page.record_id, score=1.0, hit=False)
        if decision is Decision.REFUSE:
            return NewSeedDropReason.REFUSED_PREFIX
        if decision is Decision.ACCEPT:
            low = judged.score < self._config.decided.min_prefix_score
            return NewSeedDropReason.LOW_SCORE if low else SeedLabel.MATH
        if judged.hit:
            return NewSeedDropReason.HIT
        if (place.host if place else page.host) in self._hosts_with_hits:
            return NewSeedDropReason.HOST_HOLDS_HITS
        kept = sampled(page.url, self._config.other_rate)
        return SeedLabel.OTHER if kept else NewSeedDropReason.NOT_SAMPLED


def _hosts_above(share: float, rates: StepOutput) -> set[str]:
    with duckdb.connect(config={"threads": 1}) as base:
        shards = [str(shard) for shard in rates.shards]
        rows = base.execute(
            "SELECT host FROM read_parquet(?) WHERE level = ? AND share > ?", [shards, Level.HOST.value, share]
        ).fetchall()
    return {row[0] for row in rows}
