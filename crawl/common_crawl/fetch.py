"""Pages by byte range: each capture's record alone is fetched, several at a time, and checked before it counts.

In: `Capture`s. Out: a `RawPage` for each, in order, the same as `read_pages` gives of the whole archive; a page that
cannot be had is a `FailedPage`, which every stage takes for a response that was cut. A host that was given up for one
capture (nobody answers, or it stays too busy to) is asked for no other of the same call: they fail at once, for the
same reason.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crawl.archive import name_of, open_ranges
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.record import FetchFailure, RecordError, page_of
from crawl.remote import FetchConfig, FetchError, HostError, is_address
from crawl.warc import ReadConfig
from mathpipe.core.records import RawPage, record_id_of

# A record longer than this is no page; an index that says so is wrong.
_MAX_RECORD_BYTES = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPage(RawPage):
    """The row of a capture that cannot be had: no body, `clipped`, and why."""

    failure: FetchFailure
    detail: str


def fetch_captures(
    captures: Iterable[Capture], config: FetchConfig | None = None, *, read: ReadConfig | None = None
) -> Iterator[RawPage]:
    """One page or one `FailedPage` a capture, in order; `config.connections` of them are fetched at a time."""
    fetcher = _Fetcher(config or FetchConfig(), read or ReadConfig())
    waiting, most = iter(captures), fetcher.config.connections
    with ThreadPoolExecutor(most, thread_name_prefix="fetch") as threads:
        running: deque[Future[RawPage]] = deque()
        try:
            while True:
                running.extend(
                    threads.submit(fetcher.page, item) for item in islice(waiting, 2 * most - len(running))
                )
                if not running:
                    return
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


class _Fetcher:
    """What the threads of one call share."""

    def __init__(self, config: FetchConfig, read: ReadConfig) -> None:
        self.config = config
        self._read = read
        self._given_up: dict[str, str] = {}  # by host: why

    def page(self, capture: Capture) -> RawPage:
        """The page, or why there is none."""
        if capture.offset < 0 or not 0 < capture.length <= _MAX_RECORD_BYTES:
            detail = f"offset {capture.offset}, length {capture.length}"
            return _failed(capture, RecordError(FetchFailure.BAD_CAPTURE, detail))
        try:
            return self._attempts(capture)
        except RecordError as fault:
            return _failed(capture, fault)
        except HostError as error:
            return _failed(capture, RecordError(FetchFailure.HOST_GIVEN_UP, str(error)))
        except (FetchError, OSError) as error:
            return _failed(capture, RecordError(FetchFailure.NO_ANSWER, str(error)))

    def _attempts(self, capture: Capture) -> RawPage:
        place = _place_of(capture, self.config)
        before, attempt = b"", 0
        while True:
            data = self._bytes_of(capture, place)
            try:
                return page_of(data, capture, self._read.max_body_bytes)
            except RecordError:
                attempt += 1
                # The same bytes again: it is the record that is wrong, not the way here.
                if data == before or not is_address(place) or attempt == self.config.tries:
                    raise
            before = data
            time.sleep(
                min(self.config.backoff_max_seconds, self.config.backoff_seconds * 2.0 ** min(attempt - 1, 60))
            )

    def _bytes_of(self, capture: Capture, place: str) -> bytes:
        host = place.split("/")[2] if is_address(place) else ""
        if host in self._given_up:
            raise RecordError(FetchFailure.HOST_GIVEN_UP, self._given_up[host])
        try:
            return open_ranges(place, self.config).read(capture.offset, capture.offset + capture.length)
        except HostError as error:
            self._given_up[host] = str(error)
            raise


def _place_of(capture: Capture, config: FetchConfig) -> str:
    """Where the capture's archive lies: a path on this machine or an address."""
    if is_address(capture.warc) or Path(capture.warc).is_file():
        return capture.warc
    return f"{config.base_url.rstrip('/')}/{capture.warc.lstrip('/')}"


def _failed(capture: Capture, fault: RecordError) -> FailedPage:
    name = name_of(capture.warc)
    return FailedPage(
        record_id=record_id_of(name, capture.offset),
        url=capture.url,
        body=b"",
        status=0,
        clipped=True,
        warc=name,
        warc_offset=capture.offset,
        warc_length=capture.length,
        failure=fault.failure,
        detail=fault.detail,
    )
