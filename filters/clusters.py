"""From edges to verdicts: which page of every cluster stays, and which goes in what respect.

In: all `Match` edges. Out: one `Membership` a page that has a duplicate. Method: three passes, addresses, texts,
near-duplicates; in each, union-find (Tarjan 1975) gathers the pages that edges connect. Among pages of one
address or text the best ranked stays. Among near-duplicates connection alone is not enough, since chains of
similar pages join pages that are not alike: in order of rank a page goes only if its own signature
resembles that of a page that stays. The result depends neither on the order of the edges nor on partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from filters.duplicate_keys import DuplicateKind, DuplicateNode
from filters.duplicate_matches import Match, MatchesConfig, leaders
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext

_BYTES_PER_MATCH = 1_500  # 1,100 measured by benchmarks.near_duplicates
_BYTES_AT_REST = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A page of a cluster. `kind` is None for the page that stays; `copies` counts the cluster, itself included.

    `similarity` is that of the page with the one it gave way to (1.0 for one address or text).
    """

    record_id: str
    kept_record_id: str
    kept_url: str
    kind: DuplicateKind | None
    similarity: float
    copies: int


class _Graph:
    """Pages by number, best ranked first, and for each the page it gave way to."""

    def __init__(self, matches: list[Match]) -> None:
        found = {node.record_id: node for match in matches for node in (match.first, match.second)}
        self.nodes = sorted(found.values(), key=lambda node: node.rank)
        self.number = {node.record_id: index for index, node in enumerate(self.nodes)}
        self.gave_way: dict[int, tuple[int, DuplicateKind, float]] = {}

    def components(self, matches: Iterable[Match]) -> list[list[int]]:
        """Pages still standing, gathered by the edges; best ranked first in each component."""
        parents = list(range(len(self.nodes)))
        for match in matches:
            one = _root(parents, self.number[match.first.record_id])
            two = _root(parents, self.number[match.second.record_id])
            parents[max(one, two)] = min(one, two)
        gathered: dict[int, list[int]] = {}
        for index in range(len(self.nodes)):
            if index not in self.gave_way:
                gathered.setdefault(_root(parents, index), []).append(index)
        return [component for component in gathered.values() if len(component) > 1]

    def survivor(self, index: int) -> int:
        """The page that stays for this one, through all the pages that gave way in turn."""
        while index in self.gave_way:
            index = self.gave_way[index][0]
        return index


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def memberships_of(matches: Iterable[Match], config: MatchesConfig) -> Iterator[Membership]:
    """Verdicts for every page that an edge touches, ordered by record id; pages alone after all are left out."""
    edges = list(matches)
    graph = _Graph(edges)
    for kind in DuplicateKind:
        for component in graph.components(match for match in edges if match.kind is kind):
            _settle(graph, component, kind, config)
    survivors = {index: graph.survivor(index) for index in range(len(graph.nodes))}
    copies: dict[int, int] = {}
    for survivor in survivors.values():
        copies[survivor] = copies.get(survivor, 0) + 1
    for index in sorted(survivors, key=lambda index: graph.nodes[index].record_id):
        kept = graph.nodes[survivors[index]]
        if copies[survivors[index]] > 1:
            _, kind_of_drop, similarity = graph.gave_way.get(index, (index, None, 1.0))
            yield Membership(
                record_id=graph.nodes[index].record_id, kept_record_id=kept.record_id, kept_url=kept.url,
                kind=kind_of_drop, similarity=similarity, copies=copies[survivors[index]],
            )  # fmt: skip


def _settle(graph: _Graph, component: list[int], kind: DuplicateKind, config: MatchesConfig) -> None:
    if kind is not DuplicateKind.NEAR:
        for index in component[1:]:
            graph.gave_way[index] = component[0], kind, 1.0
        return
    nodes: list[DuplicateNode] = [graph.nodes[index] for index in component if graph.nodes[index].signature]
    numbers = [index for index in component if graph.nodes[index].signature]
    if not nodes:
        return
    for index, (leader, similarity) in leaders(nodes, config.threshold, len(nodes)).items():
        graph.gave_way[numbers[index]] = numbers[leader], kind, similarity


class ClustersStage(Stage[Match, Membership]):
    """All edges to verdicts; gathers every edge in one task and says beforehand how much memory that is."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: MatchesConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: MatchesConfig, input_rows: int) -> int:
        """Peak for that many edges; pages without a duplicate cost nothing here."""
        return _BYTES_AT_REST + _BYTES_PER_MATCH * input_rows

    def run(self, shard: Iterable[Match]) -> Iterator[Membership | Drop]:
        """Yield the verdicts, ordered by record id."""
        yield from memberships_of(shard, self._config)
