"""Seconds by phase of a step, and who wants to know which phase it is in."""

from __future__ import annotations

import time
from collections.abc import Callable

from rl.journal import StepTimes


class Phases:
    """Call it with a phase's name when the phase begins; `watch` is told too."""

    def __init__(self, watch: Callable[[str], object] = lambda _: None) -> None:
        self._watch = watch
        self._seconds: dict[str, float] = {}
        self._started = self._since = time.perf_counter()
        self._now = ""

    def __call__(self, phase: str) -> None:
        """The phase before ends, this one begins."""
        self._end()
        self._now = phase
        self._watch(phase)

    def times(self, tokens: int) -> StepTimes:
        """Seconds of every phase up to now; `tokens` were sampled in the step."""
        self._end()
        whole = self._since - self._started
        return StepTimes(**self._seconds, step=whole, tokens_per_second=tokens / whole if whole else 0.0)

    def _end(self) -> None:
        at = time.perf_counter()
        if self._now:
            self._seconds[self._now] = self._seconds.get(self._now, 0.0) + at - self._since
        self._since = at
