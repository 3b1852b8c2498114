"""What a pool counts: outcomes, how long claims took and waited, workers replaced."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from mathpipe.core.records import Outcome

_KEPT = 100_000  # durations kept for percentiles


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """Counts since the pool was made; seconds of the last claims."""

    claims: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    p50_seconds: float = 0.0
    p90_seconds: float = 0.0
    p99_seconds: float = 0.0
    max_seconds: float = 0.0
    p99_waited_seconds: float = 0.0  # between being handed over and being begun
    restarts: int = 0  # workers that were killed or died
    recycled: int = 0  # workers that had grown too large


class PoolRecord:
    """Collects what `PoolMetrics` says; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[Outcome] = Counter()
        self._took: deque[float] = deque(maxlen=_KEPT)
        self._waited: deque[float] = deque(maxlen=_KEPT)
        self._restarts = self._recycled = 0

    def add(self, outcome: Outcome, *, waited: float, took: float) -> None:
        """One claim judged."""
        with self._lock:
            self._outcomes[outcome] += 1
            self._took.append(took)
            self._waited.append(waited)

    def restarted(self) -> None:
        """A worker was killed or died."""
        with self._lock:
            self._restarts += 1

    def recycled(self) -> None:
        """A worker was replaced for its size."""
        with self._lock:
            self._recycled += 1

    def metrics(self) -> PoolMetrics:
        """All of it, as of now."""
        with self._lock:
            took, waited = sorted(self._took), sorted(self._waited)
            return PoolMetrics(
                claims=self._outcomes.total(),
                outcomes=dict(self._outcomes),
                p50_seconds=percentile(took, 0.50),
                p90_seconds=percentile(took, 0.90),
                p99_seconds=percentile(took, 0.99),
                max_seconds=took[-1] if took else 0.0,
                p99_waited_seconds=percentile(waited, 0.99),
                restarts=self._restarts,
                recycled=self._recycled,
            )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered values lie (nearest rank); 0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
