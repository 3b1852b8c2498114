"""WARC files as `RawPage`s: the HTTP responses in order, each with its offset and length in the file.

In: a path or address of a WARC, plain or compressed (gzip, zstd, lz4). Out: one `RawPage` a response. A record that
is cut or corrupt becomes one page with `clipped` set, what came before and after it is kept, and the file does not
raise; a remote file is first read again from there, for the fault may be the network's. Records are found by FastWARC
(Bevendorff et al., ECIR 2018); after a fault in a gzip file the reader goes on at the next member that opens with a
WARC header, since Common Crawl compresses every record by itself.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastwarc import ArchiveIterator, WarcRecord, WarcRecordType
from pydantic import Field

from crawl.archive import REREADS, Source, open_source
from crawl.gzip_members import member_end, next_record, torn_member
from crawl.http_body import decode_body
from crawl.remote import FetchConfig, is_address
from crawl.snapshot import is_snapshot, snapshot_warcs
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import RawPage, record_id_of

_RESPONSE = int(WarcRecordType.response)


class ReadConfig(Config):
    """How much of a body is held."""

    max_body_bytes: int = Field(default=20_000_000, gt=0, description="Bytes kept of a body; the rest is counted")


def expand_sources(patterns: Sequence[str], fetch: FetchConfig | None = None) -> list[str]:
    """Paths and addresses that the patterns name, sorted, each once; one that names nothing is an error.

    A pattern is a path, a glob, an address, or a snapshot: `CC-MAIN-2026-04`, `CC-MAIN-2026-04[:10]`.
    """
    found: set[str] = set()
    for pattern in patterns:
        if is_address(pattern) or Path(pattern).is_file():
            found.add(pattern)
            continue
        if is_snapshot(pattern):
            found.update(snapshot_warcs(pattern, fetch))
            continue
        # Path.glob takes no absolute pattern.
        matches = [path for path in glob.glob(pattern, recursive=True) if Path(path).is_file()]  # noqa: PTH207
        if not matches:
            raise InputError(
                pattern, "no file matches", "give a path, a glob, an address or a snapshot as CC-MAIN-2026-04"
            )
        found.update(matches)
    return sorted(found)


@dataclass(frozen=True)
class PageReader:
    """`read_pages` with a fetch config of its own, as the reader of a step's files.

    How a file is fetched decides nothing about its pages: it is no part of the reader's text.
    """

    fetch: FetchConfig = field(default=FetchConfig(), repr=False)

    def __call__(self, warc: str) -> Iterator[RawPage]:
        """The HTTP responses of one archive in order."""
        return read_pages(warc, fetch=self.fetch)


def read_pages(warc: str, *, config: ReadConfig | None = None, fetch: FetchConfig | None = None) -> Iterator[RawPage]:
    """The HTTP responses of one archive in order; a fault costs the record it lies in, never the file.

    A remote archive that cannot be had (any more) raises `FetchError`.
    """
    source: Source = open_source(warc, fetch)
    start: int | None = 0
    faulty_at, rereads = -1, 0  # where the last fault was met, and how often in a row
    while start is not None:
        walk = _Walk(source, start, config or ReadConfig(), given_up_at=faulty_at if rereads >= REREADS else -1)
        yield from walk.pages()
        if walk.reread_at is not None:
            rereads = rereads + 1 if walk.reread_at == faulty_at else 1
            start = faulty_at = walk.reread_at
            source = source.fresh() or source
            continue
        if start == 0 and walk.records == 0 and walk.resume_at is None:
            raise InputError(warc, "expected a WARC file, found no WARC record in it", "give a WARC file")
        start = walk.resume_at


class _Walk:
    """One run over the archive from an offset, up to its end or to a fault it cannot read over."""

    def __init__(self, source: Source, start: int, config: ReadConfig, *, given_up_at: int) -> None:
        self._source = source
        self._start = start
        self._max_bytes = config.max_body_bytes
        self._held: dict[str, Any] | None = None  # the last page: its length is known when the next one starts
        self._position = start
        self._taking = False
        self.records = 0
        self._given_up_at = given_up_at
        self.resume_at: int | None = None
        self.reread_at: int | None = None

    def pages(self) -> Iterator[RawPage]:
        """Pages in order. Where a fault was met it sets `resume_at`, a later record that can be read, or `reread_at`,
        the record to begin with again."""
        with self._source.open(self._start) as file:
            # A path is read through FastWARC's own buffer, which is faster than a Python file.
            path = self._source.path if self._start == 0 else None
            try:
                for record in ArchiveIterator(str(path) if path else file, parse_http=False):
                    self._position = position = record.stream_pos
                    if self._held is not None:
                        yield from self._release(position)
                    self.records += 1
                    if int(record.record_type) == _RESPONSE and record.is_http:
                        self._taking = True
                        self._held = fields_of(record, self._source.name, position, self._max_bytes)
                        self._taking = False
            except OSError:
                yield from self._after_fault()
                return
        yield from self._at_end()

    def _release(self, end: int) -> Iterator[RawPage]:
        if self._held is not None:
            held, self._held = self._held, None
            yield RawPage(**held, warc_length=end - held["warc_offset"])

    def _may_reread(self) -> bool:
        """Whether the record at hand is to be read once more instead: nothing of it was given out yet."""
        if not self._source.rereadable or self._position == self._given_up_at:
            return False
        self._held, self.reread_at = None, self._position
        return True

    def _after_fault(self) -> Iterator[RawPage]:
        """The record that cannot be read costs one row; reading goes on at the next that can be found."""
        if self._may_reread():
            return
        faulty: int | None = self._position
        if not self._taking and self.records:  # the last record was read: the fault is in the one behind it
            faulty = member_end(self._source, self._position)
        self.resume_at = next_record(self._source, (self._position if faulty is None else faulty) + 1)
        end = self._source.size if self.resume_at is None else self.resume_at
        if faulty is None and self._held is not None:  # no telling where the last record ends
            self._held["clipped"] = True
            yield from self._release(end)
            return
        faulty = self._position if faulty is None else faulty
        yield from self._release(faulty)
        if self.records or self.resume_at is not None:
            yield _lost_record(self._source.name, faulty, end)

    def _at_end(self) -> Iterator[RawPage]:
        """The last page out; a file that ends inside a gzip member costs one row, unless a page shows it."""
        torn = torn_member(self._source, self._position) if self.records else None
        if torn is not None and self._may_reread():
            return
        page_at = self._held["warc_offset"] if self._held is not None else None
        yield from self._release(self._source.size)
        if torn is not None and torn != page_at:
            yield _lost_record(self._source.name, torn, self._source.size)


def fields_of(record: WarcRecord, name: str, offset: int, max_bytes: int) -> dict[str, Any]:
    """A `RawPage`'s fields, all but its length in the file; consumes the record's body."""
    record.parse_http(auto_decode="none")
    warc, http = record.headers, record.http_headers
    payload = record.reader.read(max_bytes + 1)
    there = max(record.content_length, len(payload))
    clipped = warc.get("WARC-Truncated") is not None or len(payload) < min(there, max_bytes + 1)
    transfer, content = http.get("Transfer-Encoding") or "", http.get("Content-Encoding") or ""
    if transfer or content:
        body = decode_body(payload, transfer_encoding=transfer, content_encoding=content, max_bytes=max_bytes)
        data, length, clipped = body.data, body.length, clipped or not body.complete
    else:
        data, length = payload, there
        if len(payload) > max_bytes:
            data = payload[:max_bytes]
        clipped = clipped or there < _declared_length(http.get("Content-Length"))
    return {
        "record_id": record_id_of(name, offset),
        "url": target_of(record),
        "body": data,
        "status": http.status_code or 0,
        "content_type": http.get("Content-Type") or warc.get("WARC-Identified-Payload-Type") or "",
        "body_length": length,
        "clipped": clipped,
        "warc": name,
        "warc_offset": offset,
        "crawl_date": warc.get("WARC-Date") or "",
    }


def target_of(record: WarcRecord) -> str:
    """The address a record was fetched from."""
    return (record.headers.get("WARC-Target-URI") or "").strip("<>")


def _declared_length(header: str | None) -> int:
    return int(header) if header is not None and header.isascii() and header.isdigit() else 0


def _lost_record(name: str, offset: int, end: int) -> RawPage:
    """The row for a record of which nothing can be read."""
    return RawPage(
        record_id=record_id_of(name, offset),
        url="",
        body=b"",
        status=0,
        clipped=True,
        warc=name,
        warc_offset=offset,
        warc_length=end - offset,
    )
