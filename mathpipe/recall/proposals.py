"""Which path prefixes to ask about: the folders that carry the hits of a domain that counts as mathematics.

In: hit rates, those of a domain in one shard. Out: `Proposal`s. A domain or a host counts when more than `share` of
at least `min_pages` pages are hits (DeepSeekMath: a tenth); a smaller host counts inside a domain that does. Inside
a host a prefix is cut down to its subfolders as long as what that leaves outside does not count itself:
`https://site/` becomes `https://site/questions/` where users and tags hold no hits, and stays whole where hits lie
everywhere. What lies below a decided prefix is not asked about again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import decision_for, normal_prefix
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext
from mathpipe.recall.hit_rates import HitRate, Level
from mathpipe.recall.judging import JudgeConfig


class ProposalConfig(Config):
    """When a domain counts."""

    share: float = Field(default=0.1, ge=0, lt=1, description="More than this share of the pages seen are hits")
    min_pages: int = Field(default=20, ge=1, description="Of fewer pages a share says nothing")


class ProposeConfig(Config):
    """The rule, and what stands decided."""

    rule: ProposalConfig = ProposalConfig()
    decided: JudgeConfig = JudgeConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A prefix to accept or refuse, with what speaks for it."""

    record_id: str  # the prefix
    domain: str
    pages: int
    hits: int
    share: float
    mean_score: float
    host_pages: int
    host_hits: int


class ProposeStage(Stage[HitRate, Proposal]):
    """A shard's rates to proposals, best share first."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: ProposeConfig, context: StageContext) -> None:
        self._rule = config.rule
        self._decisions = config.decided.decisions()

    def run(self, shard: Iterable[HitRate]) -> Iterator[Proposal | Drop]:
        """The proposals of the shard in `reading_order`."""
        rates = list(shard)
        domains = {rate.domain for rate in rates if rate.level is Level.DOMAIN and self._counts(rate)}
        hosts = {rate.host: rate for rate in rates if rate.level is Level.HOST}
        trees = _trees(rates)
        found = [
            _proposal(rate, host)
            for host in hosts.values()
            if self._counts(host) or (host.domain in domains and host.share > self._rule.share)
            for rate in self._carriers(host, trees[host.host])
            if self._askable(rate)
        ]
        yield from sorted(found, key=reading_order)

    def _counts(self, rate: HitRate) -> bool:
        return rate.pages >= self._rule.min_pages and rate.share > self._rule.share

    def _carriers(self, rate: HitRate, tree: dict[str, list[HitRate]]) -> list[HitRate]:
        good = [child for child in tree[rate.record_id] if self._counts(child)]
        outside_pages = rate.pages - sum(child.pages for child in good)
        outside_hits = rate.hits - sum(child.hits for child in good)
        if not good or outside_hits > self._rule.share * outside_pages:
            return [rate]
        if not outside_pages and len(good) > 1:
            return [rate]  # nothing would be left out by naming each
        return [carrier for child in good for carrier in self._carriers(child, tree)]

    def _askable(self, rate: HitRate) -> bool:
        try:
            return decision_for(normal_prefix(rate.record_id), self._decisions) is None
        except InputError:  # a host or folder that no decision could be written for
            return False


def reading_order(proposal: Proposal) -> tuple[float, int, str]:
    """Sorts proposals as a person should read them."""
    return -proposal.share, -proposal.hits, proposal.record_id


def _trees(rates: Iterable[HitRate]) -> dict[str, dict[str, list[HitRate]]]:
    """Per host: the prefixes one folder below each prefix."""
    trees: dict[str, dict[str, list[HitRate]]] = defaultdict(lambda: defaultdict(list))
    for rate in rates:
        if rate.level is Level.PATH:
            parent = rate.record_id[: rate.record_id.rstrip("/").rindex("/") + 1]
            trees[rate.host][parent].append(rate)
    return trees


def _proposal(rate: HitRate, host: HitRate) -> Proposal:
    return Proposal(
        record_id=normal_prefix(rate.record_id),
        domain=rate.domain,
        pages=rate.pages,
        hits=rate.hits,
        share=rate.share,
        mean_score=rate.mean_score,
        host_pages=host.pages,
        host_hits=host.hits,
    )
