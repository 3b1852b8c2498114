"""Claims to verdicts through a pool and a store: what is stored is not asked again, what is new is stored at once.

In: keyed claims. Out: a verdict for each, in order. The pool judges in processes that can be killed (`VerifierPool`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from mathpipe.core.records import Verdict
from mathpipe.selection.verdict_store import VerdictStore
from verify import Claim


class Judge(Protocol):
    """What `VerifierPool` and `RayVerifierPool` offer."""

    def as_completed(self, claims: Iterable[Claim]) -> Iterator[tuple[int, Verdict]]:
        """(index of the claim, verdict), whichever is ready first."""


def verdicts_on(claims: Sequence[tuple[str, Claim]], judge: Judge, store: VerdictStore) -> list[Verdict]:
    """A verdict for each (key, claim). A claim that comes twice under one key is judged once."""
    found = {pair: verdict for pair in claims if (verdict := store.get(*pair)) is not None}
    waiting = [pair for pair in dict.fromkeys(claims) if pair not in found]
    for at, verdict in judge.as_completed([claim for _, claim in waiting]):
        key, claim = waiting[at]
        store.put(key, claim, verdict)
        found[key, claim] = verdict
    return [found[pair] for pair in claims]
