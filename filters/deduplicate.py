"""Drop every page whose duplicate stays, and count the copies of those that stay.

In: pages, and the side `clusters` (`Membership` rows of `filters.clusters`). Out: the pages that stay, with
`copies` filled, or `Drop` with the address and record id of the page kept in its place.
`find_near_duplicates` does all of it in memory on the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from filters.clusters import Membership, memberships_of
from filters.duplicate_keys import DuplicateKind, keys_of
from filters.duplicate_matches import MatchesConfig, matches_of
from filters.minhash import Signer
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.store import read_records


class DuplicateDropReason(StrEnum):
    """In what respect the page repeats one that stays."""

    URL = "duplicate-url"
    EXACT = "duplicate-exact"
    NEAR = "duplicate-near"


_REASONS = {
    DuplicateKind.URL: DuplicateDropReason.URL,
    DuplicateKind.EXACT: DuplicateDropReason.EXACT,
    DuplicateKind.NEAR: DuplicateDropReason.NEAR,
}


class DeduplicateConfig(Config):
    """Nothing to choose here: the choices are those of the keys, matches and clusters."""


class DeduplicateStage(Stage[Page, Page]):
    """Pages to pages without duplicates. Holds the verdicts on pages that have any: about 0.5 KB each."""

    def __init__(self, config: DeduplicateConfig, context: StageContext) -> None:
        self._verdicts: dict[str, Membership] = {
            row.record_id: row for path in context.sides["clusters"].shards for row in read_records(path, Membership)
        }

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """Yield each page with its count of copies, or why it goes."""
        for page in shard:
            verdict = self._verdicts.get(page.record_id)
            if verdict is None:
                yield replace(page, copies=1)
            elif verdict.kind is None:
                yield replace(page, copies=verdict.copies)
            else:
                kept = f"kept {verdict.kept_url} {verdict.kept_record_id} similarity {verdict.similarity:.2f}"
                yield Drop(page.record_id, _REASONS[verdict.kind], page.url, kept)


@dataclass(frozen=True, slots=True)
class DuplicateCluster:
    """Texts that say the same: the one to keep, and the others with their similarity to it (1.0 if exact)."""

    kept: str
    others: tuple[tuple[str, float], ...]


def find_near_duplicates(
    texts: Iterable[tuple[str, str]], config: MatchesConfig | None = None
) -> list[DuplicateCluster]:
    """Clusters of exact and near-duplicates among `(id, text)` pairs, ordered by the id that stays.

    In memory (about 20 KB a text) on the code path of the stages: keys, matches, clusters. Ids are distinct; the
    longest text of a cluster stays. Texts of fewer than `config.min_shingles` distinct shingles are found only
    when equal.
    """
    chosen = config or MatchesConfig()
    signer = Signer(chosen)
    pages = (Page(record_id=name, url="", host="", title="", text=text) for name, text in texts)
    keys = (key for page in pages for key in keys_of(page, signer, chosen.scheme))
    clusters: dict[str, list[tuple[str, float]]] = {}
    for row in memberships_of(matches_of(keys, chosen), chosen):
        if row.kind is not None:
            clusters.setdefault(row.kept_record_id, []).append((row.record_id, row.similarity))
    return [DuplicateCluster(kept, tuple(others)) for kept, others in sorted(clusters.items())]
