"""Says what a run waits for when nothing has happened for long.

A thread looks at how long the trainer has been in its phase. It ends nothing: a long phase may be right, but nobody
should have to guess which part of a run that stands still it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType

from mathpipe.inspect.figures import duration

WAITS_FOR = {
    "loading": "the model and the engine to load",
    "sample": "the sampler to finish its completions",
    "verify": "the verifier pool's verdicts",
    "score": "the learner's forward pass over the samples",
    "update": "the learner's optimizer step",
    "sync": "the sampler to take the new weights",
    "evaluate": "the held-out problems to be sampled and judged",
    "write": "the disk to take the samples",
    "checkpoint": "the disk to take the checkpoint",
}


class Watchdog:
    """Use it as a context; tell it each phase. `say` gets a line every `seconds` that a phase lasts."""

    def __init__(
        self, seconds: float, say: Callable[[str], object], details: Mapping[str, Callable[[], str]] | None = None
    ) -> None:
        self._seconds, self._say = seconds, say
        self._details = details or {}
        self._changed = threading.Condition()
        self._phase, self._since, self._ended = "loading", time.monotonic(), False
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def phase(self, name: str) -> None:
        """The run has begun this phase."""
        with self._changed:
            self._phase, self._since = name, time.monotonic()
            self._changed.notify()

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            with self._changed:
                since, phase = self._since, self._phase
                moved = self._changed.wait_for(partial(self._has_moved, since), self._seconds)
                if self._ended:
                    return
            if not moved:  # said with the lock open: whoever prints it may hold up no phase
                self._say(self._waits(phase, time.monotonic() - since))

    def _has_moved(self, since: float) -> bool:
        return self._ended or self._since != since

    def _waits(self, phase: str, seconds: float) -> str:
        detail = self._details.get(phase)
        more = f" ({detail()})" if detail is not None else ""
        return f"for {duration(seconds)} waiting for {WAITS_FOR.get(phase, phase)}{more}"
