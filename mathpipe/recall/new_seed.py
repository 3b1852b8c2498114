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
from enum import StrEnum

from pydantic import Field

from crawl.seed import sampled
from mathpipe.core.config import Config
from mathpipe.core.prefix_decisions import Decision, decision_for
from mathpipe.core.records import Drop, Page, SeedLabel, SeedPage
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.store import read_records
from mathpipe.recall.hit_rates import HitRate, Level
from mathpipe.recall.judging import JudgeConfig, JudgedPage
from mathpipe.recall.places import place_of

JUDGED_SIDE, RATES_SIDE = "judged", "domains"


class NewSeedDropReason(StrEnum):
    """Why a page is not learnt from."""

    REFUSED_PREFIX = "refused-prefix"
    HIT = "hit"
    HOST_HOLDS_HITS = "host-holds-hits"
    NOT_SAMPLED = "not-sampled"
    LOW_SCORE = "low-score"


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
        shards = context.sides[JUDGED_SIDE].shards
        if context.shard_count == len(shards):  # judged shard by shard of pages: one's own says all there is to know
            shards = shards[context.shard_index : context.shard_index + 1]
        judged = (page for shard in shards for page in read_records(shard, JudgedPage))
        self._scores = {page.record_id: (page.score, page.hit) for page in judged}
        rates = (rate for shard in context.sides[RATES_SIDE].shards for rate in read_records(shard, HitRate))
        self._share = {rate.host: rate.share for rate in rates if rate.level is Level.HOST}

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
        score, hit = self._scores.get(page.record_id, (1.0, False))  # one fetched in this round has no score yet
        if decision is Decision.REFUSE:
            return NewSeedDropReason.REFUSED_PREFIX
        if decision is Decision.ACCEPT:
            low = score < self._config.decided.min_prefix_score
            return NewSeedDropReason.LOW_SCORE if low else SeedLabel.MATH
        if hit:
            return NewSeedDropReason.HIT
        if self._share.get(place.host if place else page.host, 0.0) > self._config.other_share:
            return NewSeedDropReason.HOST_HOLDS_HITS
        kept = sampled(page.url, self._config.other_rate)
        return SeedLabel.OTHER if kept else NewSeedDropReason.NOT_SAMPLED
