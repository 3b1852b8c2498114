"""When to try again: pauses that double, with jitter from a seed, never shorter than the server's Retry-After.

In: the faults of one read, as they come. Out: a pause in seconds for each, or a `FetchError` that ends the read, a
`HostError` where every fault in the row was the host's.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crawl.remote.config import FetchConfig
from crawl.remote.errors import AttemptError, FetchError, HostError

# An attempt that brought at least so much before it broke counts as progress: the file is coming in.
_PROGRESS_BYTES = 65_536


class Backoff:
    """The faults in a row of one read."""

    def __init__(self, address: str, config: FetchConfig) -> None:
        self._address = address
        self._config = config
        self._chance = random.Random(f"{config.seed}:{address}")
        self._faults = 0
        self._of_host = True

    def pause_seconds(self, fault: AttemptError) -> float:
        """How long to wait after this fault. Raises `FetchError` once patience ends."""
        config = self._config
        progress = len(fault.answer.data) >= _PROGRESS_BYTES
        self._faults = 1 if progress else self._faults + 1
        self._of_host = fault.of_host and (self._of_host or self._faults == 1)
        asked = fault.retry_after_seconds or 0.0
        said = f"{fault.reason} ({'no status' if not fault.status else f'status {fault.status}'})"
        if asked > config.retry_after_max_seconds:
            raise HostError(
                self._address, f"an answer; the server asks for a pause of {asked:,.0f} s: {said}",
                "run again after that (what is finished is kept), or raise fetch.retry_after_max_seconds",
            )  # fmt: skip
        if self._faults >= config.tries:
            raise (HostError if self._of_host else FetchError)(
                self._address, f"the file's bytes; {self._faults} attempts in a row failed, the last: {said}",
                "run again later (what is finished is kept), raise fetch.tries, or lower fetch.requests_per_second",
            )  # fmt: skip
        longest = min(config.backoff_max_seconds, config.backoff_seconds * 2.0 ** min(self._faults - 1, 60))
        return max(asked, longest * (0.5 + self._chance.random() / 2))


def retry_after_seconds(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None where it says nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 16 else math.inf
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
