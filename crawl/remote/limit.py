"""The politeness limit: how many requests a process has at work with one host, and how many it starts a second.

All threads of a process share it; other processes do not, so N workers ask N times as much.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from crawl.remote.config import FetchConfig


class PoliteLimit:
    """One host's turns."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0
        self._free_at = 0.0

    @contextmanager
    def turn(self, config: FetchConfig) -> Iterator[None]:
        """Wait for a free connection and for the next start; holds the connection while inside."""
        with self._changed:
            while self._open >= config.connections:
                self._changed.wait()
            self._open += 1
        try:
            self._wait_to_start(1 / config.requests_per_second)
            yield
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify()

    def _wait_to_start(self, interval_seconds: float) -> None:
        while True:
            with self._changed:
                wait_seconds = self._free_at - time.monotonic()
                if wait_seconds <= 0:
                    self._free_at = time.monotonic() + interval_seconds
                    return
            time.sleep(wait_seconds)

    def hold(self, seconds: float) -> None:
        """The host asked for a pause: no thread starts a request before it is over."""
        with self._changed:
            self._free_at = max(self._free_at, time.monotonic() + seconds)


_LIMITS: dict[str, PoliteLimit] = {}
_LIMITS_LOCK = threading.Lock()


def limit_of(host: str) -> PoliteLimit:
    """The limit of a host in this process."""
    with _LIMITS_LOCK:
        return _LIMITS.setdefault(host, PoliteLimit())
