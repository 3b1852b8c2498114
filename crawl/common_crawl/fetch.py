"""Pages by byte range: each capture's record alone is fetched, several at a time, and checked before it counts.

In: `Capture`s. Out: a `RawPage` for each, in order, the same as `read_pages` gives of the whole archive; a page that
cannot be had is a `FailedPage`, which every stage takes for a response that was cut.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crawl.archive import name_of
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.record import FetchFailure, RecordError, page_of
from crawl.remote import FetchConfig, FetchError, RemoteFile, is_address
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
    fetch, limits = config or FetchConfig(), read or ReadConfig()
    waiting = iter(captures)
    with ThreadPoolExecutor(fetch.connections, thread_name_prefix="fetch") as threads:
        running: deque[Future[RawPage]] = deque()
        try:
            while True:
                room = 2 * fetch.connections - len(running)
                running.extend(threads.submit(_page, item, fetch, limits) for item in islice(waiting, room))
                if not running:
                    return
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _page(capture: Capture, config: FetchConfig, limits: ReadConfig) -> RawPage:
    if capture.offset < 0 or not 0 < capture.length <= _MAX_RECORD_BYTES:
        detail = f"offset {capture.offset}, length {capture.length}"
        return _failed(capture, RecordError(FetchFailure.BAD_CAPTURE, detail))
    before: bytes | None = None
    for attempt in range(config.tries):
        try:
            data = _bytes_of(capture, config)
            return page_of(data, capture, limits.max_body_bytes)
        except (FetchError, OSError) as error:
            return _failed(capture, RecordError(FetchFailure.NO_ANSWER, str(error)))
        except RecordError as error:
            fault = error
        if data == before or not _remote(capture, config):  # it is the record that is wrong, not the way here
            break
        before = data
        time.sleep(min(config.backoff_max_seconds, config.backoff_seconds * 2.0**attempt))
    return _failed(capture, fault)


def _bytes_of(capture: Capture, config: FetchConfig) -> bytes:
    address = _remote(capture, config)
    if address:
        return RemoteFile(address, config).read(capture.offset, capture.offset + capture.length)
    with Path(capture.warc).open("rb") as file:
        file.seek(capture.offset)
        return file.read(capture.length)


def _remote(capture: Capture, config: FetchConfig) -> str:
    """Address of the capture's archive, '' where it lies on this machine."""
    if is_address(capture.warc):
        return capture.warc
    return "" if Path(capture.warc).is_file() else f"{config.base_url.rstrip('/')}/{capture.warc.lstrip('/')}"


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
