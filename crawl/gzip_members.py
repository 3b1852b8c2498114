"""Where gzip members end and where the next record begins: what a reader must know to go on behind a fault.

In: a `Source` and an offset. Out: offsets. Common Crawl compresses every record as a member of its own, so the next
member that opens with a WARC header is the next record.
"""

from __future__ import annotations

import zlib

from crawl.archive import GZIP_MAGIC, Source

_BLOCK_BYTES = 1 << 20
# Compressed bytes that surely hold the first words of a record.
_OPENING_BYTES = 4096
_PLAIN_START = b"\nWARC/1."


def is_gzip(source: Source) -> bool:
    """Whether the archive opens with a gzip member."""
    return source.opening.startswith(GZIP_MAGIC)


def member_end(source: Source, start: int) -> int | None:
    """Where the gzip member that starts at `start` ends; None if it does not, or the file is not gzip."""
    end, whole = _inflate_member(source, start) if is_gzip(source) else (start, False)
    return end if whole else None


def torn_member(source: Source, start: int) -> int | None:
    """The first gzip member from `start` on that the end of the file cuts, or None."""
    while is_gzip(source) and start < source.size:
        end, whole = _inflate_member(source, start)
        if not whole:
            return start
        start = end
    return None


def _inflate_member(source: Source, start: int) -> tuple[int, bool]:
    """Offset behind the gzip member, and whether it was whole; padding that is no member counts as whole."""
    decoder = zlib.decompressobj(31)
    with source.open(start) as file:
        block = file.read(_BLOCK_BYTES)
        if not block.startswith(GZIP_MAGIC[: len(block)]):
            return source.size, True
        at = start
        while block:
            at += len(block)
            try:
                decoder.decompress(block, _BLOCK_BYTES)
                while decoder.unconsumed_tail and not decoder.eof:
                    decoder.decompress(decoder.unconsumed_tail, _BLOCK_BYTES)
            except zlib.error:
                return start, False
            if decoder.eof:
                return at - len(decoder.unused_data), True
            block = file.read(_BLOCK_BYTES)
    return source.size, False


def next_record(source: Source, start: int) -> int | None:
    """Offset of the next record at or behind `start` that opens with a WARC header, or None."""
    gzip = is_gzip(source)
    with source.open(start) as file:
        # Each window overlaps the next, so that what opens a record lies whole in one of them.
        window, at = file.read(_BLOCK_BYTES + _OPENING_BYTES), start
        while window:
            found = _find_member(window) if gzip else _find_plain(window)
            if found >= 0:
                return at + found
            more = file.read(_BLOCK_BYTES)
            kept = window[-_OPENING_BYTES:] if more else b""
            at += len(window) - len(kept)
            window = kept + more
    return None


def _find_plain(window: bytes) -> int:
    found = window.find(_PLAIN_START)
    return found + 1 if found >= 0 else -1


def _find_member(window: bytes) -> int:
    """Offset in the window of the first gzip member that opens with a WARC header, or -1."""
    found = window.find(GZIP_MAGIC)
    while found >= 0 and not _opens_record(window[found : found + _OPENING_BYTES]):
        found = window.find(GZIP_MAGIC, found + 1)
    return found


def _opens_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data, 8).startswith(b"WARC/1.")
    except zlib.error:
        return False
