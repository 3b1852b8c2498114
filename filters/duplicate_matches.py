"""Pages that meet under a key, and look alike when compared: the edges of the duplicate graph.

In: all `DuplicateKey` rows of one partition. Out: `Match` edges from the page that would stay to the other.
Pages of one address or text are tied to the best ranked of them. Pages of one band bucket are compared by their
signatures: in order of rank each is tied to the first leader it resembles, else it becomes a leader itself; so
a bucket of m pages costs at most m - 1 edges, and a bucket that boilerplate filled does not become one cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from filters.duplicate_keys import DuplicateKey, DuplicateKind, DuplicateNode
from filters.minhash import MinHashConfig, estimated_jaccard
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext

_BYTES_PER_KEY = 1_000  # 820 measured by benchmarks.near_duplicates
_BYTES_AT_REST = 64 * 2**20  # interpreter, numpy and one batch of the reader


class MatchesConfig(MinHashConfig):
    """The MinHash parameters, and a bound on the work in one bucket."""

    max_leaders: int = Field(default=256, ge=1)  # a page is compared with that many leaders of its bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two pages that are the same in one respect; `first` ranks before `second`."""

    kind: DuplicateKind
    first: DuplicateNode
    second: DuplicateNode
    similarity: float


class MatchesStage(Stage[DuplicateKey, Match]):
    """Keys of one partition to edges. Holds the partition in memory and says beforehand how much that is."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: MatchesConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: MatchesConfig, input_rows: int) -> int:
        """Peak of one partition; `benchmarks.near_duplicates` prints the measured figure beside it."""
        return _BYTES_AT_REST + _BYTES_PER_KEY * input_rows

    def run(self, shard: Iterable[DuplicateKey]) -> Iterator[Match | Drop]:
        """Yield the edges, ordered by key and rank whatever the order of the rows."""
        yield from matches_of(shard, self._config)


def matches_of(keys: Iterable[DuplicateKey], config: MatchesConfig) -> Iterator[Match]:
    """Edges between pages that share a key. Signatures of two schemes are an error, never a comparison."""
    buckets: dict[bytes, list[DuplicateKey]] = {}
    scheme: str | None = None
    for key in keys:
        scheme = _one_scheme(scheme, key.scheme)
        buckets.setdefault(key.value, []).append(key)
    for value in sorted(value for value, bucket in buckets.items() if len(bucket) > 1):
        yield from _edges(buckets[value], config)


def _one_scheme(known: str | None, scheme: str) -> str:
    if known is not None and scheme != known:
        raise InputError(
            f"signatures of scheme {scheme!r} beside {known!r}", "all signatures of one scheme",
            "delete the output of the step that makes keys and run again, so that one version makes all of them",
        )  # fmt: skip
    return scheme


def _edges(bucket: list[DuplicateKey], config: MatchesConfig) -> Iterator[Match]:
    nodes = sorted({key.page.record_id: key.page for key in bucket}.values(), key=lambda node: node.rank)
    kind = bucket[0].kind
    if kind is DuplicateKind.NEAR:
        for second, (first, similarity) in leaders(nodes, config.threshold, config.max_leaders).items():
            yield Match(kind=kind, first=nodes[first], second=nodes[second], similarity=similarity)
        return
    for node in nodes[1:]:
        yield Match(kind=kind, first=nodes[0], second=node, similarity=1.0)


def leaders(nodes: list[DuplicateNode], threshold: float, limit: int) -> dict[int, tuple[int, float]]:
    """For each node that resembles an earlier leader: that leader (the most alike) and the similarity."""
    table: NDArray[np.uint8] = np.stack([np.frombuffer(node.signature, np.uint8) for node in nodes])
    led: dict[int, tuple[int, float]] = {}
    leading = [0]
    for index in range(1, len(nodes)):
        similarities = estimated_jaccard(table[index], table[leading])
        best = int(np.argmax(similarities))
        if similarities[best] >= threshold:
            led[index] = leading[best], float(similarities[best])
        elif len(leading) < limit:
            leading.append(index)
    return led
