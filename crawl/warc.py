"""WARC files as `RawPage`s: the HTTP responses in order, each with its offset and length in the file.

In: a path to a WARC, plain or compressed (gzip, zstd, lz4). Out: one `RawPage` a response. A record that is cut or
corrupt becomes one page with `clipped` set, what came before and after it is kept, and the file does not raise.
Records are found by FastWARC (Bevendorff et al., ECIR 2018); after a fault in a gzip file the reader goes on at
the next member that opens with a WARC header, since Common Crawl compresses every record by itself.
"""

from __future__ import annotations

import glob
import mmap
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastwarc import ArchiveIterator, WarcRecord, WarcRecordType
from pydantic import Field

from crawl.http_body import decode_body
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import RawPage, record_id_of

_RESPONSE = int(WarcRecordType.response)
_GZIP_MAGIC = b"\x1f\x8b\x08"
_ARCHIVE_MAGICS = (_GZIP_MAGIC, b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"WARC/")
_BLOCK_BYTES = 1 << 20


class ReadConfig(Config):
    """How much of a body is held."""

    max_body_bytes: int = Field(default=20_000_000, gt=0, description="Bytes kept of a body; the rest is counted")


@dataclass(frozen=True, slots=True)
class Source:
    """An archive that can be opened at an offset: its path, its name (the key of record ids) and its size."""

    path: Path
    name: str
    size: int

    @property
    def is_gzip(self) -> bool:
        """Whether the archive opens with a gzip member."""
        return self.head(3) == _GZIP_MAGIC

    def head(self, count: int) -> bytes:
        """The first bytes of the file."""
        with self.path.open("rb") as file:
            return file.read(count)


def open_source(warc: str) -> Source:
    """The archive behind a name. Remote sources plug in here: this release reads local files only."""
    if warc.startswith(("https://", "http://", "s3://")):
        raise InputError(warc, "remote sources are not in this release", "download the file and give its path")
    path = Path(warc)
    if not path.is_file():
        raise InputError(warc, "no such file", "give the path of a WARC file")
    source = Source(path, path.name, path.stat().st_size)
    if source.size == 0:
        raise InputError(warc, "the file is empty", "fetch it again or leave it out")
    if not source.head(5).startswith(_ARCHIVE_MAGICS):
        raise InputError(warc, "expected a WARC file, plain or gzip, zstd, lz4", "give a WARC file")
    return source


def expand_sources(patterns: Sequence[str]) -> list[str]:
    """Paths that the patterns match, sorted, each once; a pattern that matches nothing is an error."""
    found: set[str] = set()
    for pattern in patterns:
        if pattern.startswith(("https://", "http://", "s3://")) or Path(pattern).is_file():
            found.add(pattern)
            continue
        # Path.glob takes no absolute pattern.
        matches = [path for path in glob.glob(pattern, recursive=True) if Path(path).is_file()]  # noqa: PTH207
        if not matches:
            raise InputError(pattern, "no file matches", "give a path or a glob that matches WARC files")
        found.update(matches)
    return sorted(found)


def read_pages(warc: str, *, config: ReadConfig | None = None) -> Iterator[RawPage]:
    """The HTTP responses of one archive in order; a fault costs the record it lies in, never the file."""
    source = open_source(warc)
    start: int | None = 0
    while start is not None:
        walk = _Walk(source, start, config or ReadConfig())
        yield from walk.pages()
        if start == 0 and walk.records == 0 and walk.resume_at is None:
            raise InputError(warc, "expected a WARC file, found no WARC record in it", "give a WARC file")
        start = walk.resume_at


class _Walk:
    """One run over the archive from an offset, up to its end or to a fault it cannot read over."""

    def __init__(self, source: Source, start: int, config: ReadConfig) -> None:
        self._source = source
        self._start = start
        self._max_bytes = config.max_body_bytes
        self._held: dict[str, Any] | None = None  # the last page: its length is known when the next one starts
        self._position = start
        self._taking = False
        self.records = 0
        self.resume_at: int | None = None

    def pages(self) -> Iterator[RawPage]:
        """Pages in order; sets `resume_at` where a fault was met and a later record can be read."""
        with self._source.path.open("rb") as file:
            file.seek(self._start)
            # A path is read through FastWARC's own buffer, which is faster than a Python file.
            stream: Any = file if self._start else str(self._source.path)
            try:
                for record in ArchiveIterator(stream, parse_http=False):
                    self._position = position = record.stream_pos
                    if self._held is not None:
                        yield from self._release(position)
                    self.records += 1
                    if int(record.record_type) == _RESPONSE and record.is_http:
                        self._taking = True
                        self._held = _fields_of(record, self._source.name, self._max_bytes)
                        self._taking = False
            except OSError:
                yield from self._after_fault()
                return
        yield from self._at_end()

    def _release(self, end: int) -> Iterator[RawPage]:
        if self._held is not None:
            held, self._held = self._held, None
            yield RawPage(**held, warc_length=end - held["warc_offset"])

    def _after_fault(self) -> Iterator[RawPage]:
        """The record that cannot be read costs one row; reading goes on at the next that can be found."""
        faulty: int | None = self._position
        if not self._taking and self.records:  # the last record was read: the fault is in the one behind it
            faulty = _member_end(self._source, self._position)
        self.resume_at = _next_record(self._source, (self._position if faulty is None else faulty) + 1)
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
        page_at = self._held["warc_offset"] if self._held is not None else None
        yield from self._release(self._source.size)
        torn = _torn_member(self._source, self._position) if self.records else None
        if torn is not None and torn != page_at:
            yield _lost_record(self._source.name, torn, self._source.size)


def _fields_of(record: WarcRecord, name: str, max_bytes: int) -> dict[str, Any]:
    """A `RawPage`'s fields, all but its length in the file."""
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
    offset = record.stream_pos
    return {
        "record_id": record_id_of(name, offset),
        "url": (warc.get("WARC-Target-URI") or "").strip("<>"),
        "body": data,
        "status": http.status_code or 0,
        "content_type": http.get("Content-Type") or warc.get("WARC-Identified-Payload-Type") or "",
        "body_length": length,
        "clipped": clipped,
        "warc": name,
        "warc_offset": offset,
        "crawl_date": warc.get("WARC-Date") or "",
    }


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


def _member_end(source: Source, start: int) -> int | None:
    """Where the gzip member that starts at `start` ends; None if it does not, or the file is not gzip."""
    end, whole = _inflate_member(source, start) if source.is_gzip else (start, False)
    return end if whole else None


def _torn_member(source: Source, start: int) -> int | None:
    """The first gzip member from `start` on that the end of the file cuts, or None."""
    while source.is_gzip and start < source.size:
        end, whole = _inflate_member(source, start)
        if not whole:
            return start
        start = end
    return None


def _inflate_member(source: Source, start: int) -> tuple[int, bool]:
    """Offset behind the gzip member, and whether it was whole; padding that is no member counts as whole."""
    decoder = zlib.decompressobj(31)
    with source.path.open("rb") as file:
        file.seek(start)
        block = file.read(_BLOCK_BYTES)
        if not block.startswith(_GZIP_MAGIC[: len(block)]):
            return source.size, True
        while block:
            try:
                decoder.decompress(block, _BLOCK_BYTES)
                while decoder.unconsumed_tail and not decoder.eof:
                    decoder.decompress(decoder.unconsumed_tail, _BLOCK_BYTES)
            except zlib.error:
                return start, False
            if decoder.eof:
                return file.tell() - len(decoder.unused_data), True
            block = file.read(_BLOCK_BYTES)
    return source.size, False


def _next_record(source: Source, start: int) -> int | None:
    """Offset of the next record at or behind `start` that opens with a WARC header, or None."""
    if start >= source.size:
        return None
    with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        if not source.is_gzip:
            found = view.find(b"\nWARC/1.", start)
            return found + 1 if found >= 0 else None
        found = view.find(_GZIP_MAGIC, start)
        while found >= 0:
            if _opens_record(view[found : found + 4096]):
                return found
            found = view.find(_GZIP_MAGIC, found + 1)
    return None


def _opens_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data, 8).startswith(b"WARC/1.")
    except zlib.error:
        return False
