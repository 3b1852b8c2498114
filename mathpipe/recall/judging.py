"""What a round takes: every page that was scored, with whether the classifier or a prefix takes it.

In: page scores, and the cut of the ranked budget. Out: a `JudgedPage` each; nothing is dropped, for hit rates need
what was not taken as well. A page is *collected* when it stands above the cut or below an accepted prefix, and not
below a refused one (the longest prefix of its address that was decided counts). Only hits, which are the
classifier's own finds, speak for new prefixes: pages taken by prefix would confirm their prefix for ever. A page is
*likely* when its score alone would do, whatever room the budget has: that is what a prefix is examined by later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from filters.ranked_budget import BudgetCut
from filters.score_pages import PageScore
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import Decision, decision_for
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.store import read_records
from mathpipe.recall.places import MULTI_TENANT, Place, place_of

CUT_SIDE = "cut"


class PlacesConfig(Config):
    """Which domains are many people's."""

    multi_tenant: tuple[str, ...] = MULTI_TENANT


class JudgeConfig(Config):
    """The prefixes that stand decided, from which score a page is likely, and which pages a prefix takes."""

    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    min_prefix_score: float = Field(default=0.0, ge=0, le=1)
    must_show: bool = False
    likely_score: float = Field(default=0.9, ge=0, le=1)
    places: PlacesConfig = PlacesConfig()

    def decisions(self) -> dict[str, Decision]:
        """The prefixes as `decision_for` takes them."""
        return dict.fromkeys(self.accepted, Decision.ACCEPT) | dict.fromkeys(self.refused, Decision.REFUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPage:
    """A scored page; `decision` is that of the prefix it lies below: `accept`, `refuse`, or empty."""

    record_id: str
    url: str
    address: str
    domain: str
    host: str
    score: float
    tokens: int
    hit: bool
    likely: bool
    shows: bool
    decision: str
    collected: bool


class JudgeStage(Stage[PageScore, JudgedPage]):
    """A page's score to what becomes of it; a page without an address has no place, and only its score counts."""

    def __init__(self, config: JudgeConfig, context: StageContext) -> None:
        self._config = config
        self._decisions = config.decisions()
        shards = context.sides[CUT_SIDE].shards
        cuts = [cut for shard in shards for cut in read_records(shard, BudgetCut)]
        if len(cuts) != 1:
            raise InputError(f"step {CUT_SIDE}", f"one cut, not {len(cuts)}", "run the loop again")
        self._cut = cuts[0]

    def run(self, shard: Iterable[PageScore]) -> Iterator[JudgedPage | Drop]:
        """One judged page a score."""
        for page in shard:
            yield self._judge(page, place_of(page.url, self._config.places.multi_tenant) or Place("", page.host, ""))

    def _judge(self, page: PageScore, place: Place) -> JudgedPage:
        hit = self._cut.takes(page)
        decision = decision_for(place.address, self._decisions) if place.address else None
        accepted = decision is Decision.ACCEPT and page.score >= self._config.min_prefix_score
        by_prefix = accepted and (page.shows or not self._config.must_show)
        return JudgedPage(
            record_id=page.record_id,
            url=page.url,
            address=place.address,
            domain=place.domain,
            host=place.host,
            score=page.score,
            tokens=page.tokens,
            hit=hit,
            shows=page.shows,
            likely=page.score >= self._config.likely_score,
            decision=decision.value if decision else "",
            collected=decision is not Decision.REFUSE and (hit or by_prefix),
        )
