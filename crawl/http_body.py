"""The body of an HTTP response as the page's bytes: transfer and content encodings undone, within a limit.

In: the payload as it lies in the archive, and its two encoding headers. Out: `Body`. Common Crawl stores bodies
decoded already; other archives keep what the server sent, and some keep the header of an encoding that they have
undone. So a header is a hint and the bytes decide: a body that does not decode is taken as it stands.
Encodings: chunked (RFC 9112, 7.1), gzip and deflate by zlib, br and zstd by FastWARC's readers.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass

from fastwarc.stream_io import BrotliReader, ZstdReader

# Size line of a chunk: hexadecimal size, an extension after a semicolon, line end. 16 digits hold any 64-bit size.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Body:
    """Decoded bytes; `complete` is false where the encoded stream ends early; `length` counts what was seen."""

    data: bytes
    length: int
    complete: bool


def decode_body(payload: bytes, *, transfer_encoding: str, content_encoding: str, max_bytes: int) -> Body:
    """Undo the encodings that the headers name and the bytes bear out; `data` holds at most `max_bytes`."""
    complete = True
    if "chunked" in transfer_encoding.lower():
        payload, complete = _join_chunks(payload)
    length = len(payload)
    for name in reversed([part.strip() for part in content_encoding.lower().split(",") if part.strip()]):
        payload, ended = _inflate(payload, name, max_bytes + 1)
        complete = complete and ended
        length = len(payload)
    return Body(payload[:max_bytes], length, complete)


def _join_chunks(payload: bytes) -> tuple[bytes, bool]:
    """Chunks joined, and whether the closing chunk of size 0 was there; bytes without chunk marks as they are."""
    pieces: list[bytes] = []
    position = 0
    while match := _CHUNK_SIZE.match(payload, position):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(pieces), True
        start = match.end()
        pieces.append(payload[start : start + size])
        position = start + size
        if payload.startswith(b"\r\n", position):
            position += 2
        elif payload.startswith(b"\n", position):
            position += 1
    if not pieces:
        return payload, True
    return b"".join(pieces), False


def _inflate(payload: bytes, encoding: str, max_bytes: int) -> tuple[bytes, bool]:
    """At most `max_bytes` of the decoded payload, and whether it ended as its format wants."""
    if encoding in {"gzip", "x-gzip"} and payload.startswith(b"\x1f\x8b"):
        return _zlib_inflate(payload, 31, max_bytes)
    if encoding == "deflate":  # RFC 9110 says a zlib stream; some servers send the bare deflate data
        decoded, ended = _zlib_inflate(payload, 15, max_bytes)
        if ended or decoded is not payload:
            return decoded, ended
        return _zlib_inflate(payload, -15, max_bytes)
    if encoding == "br":
        return _read_all(BrotliReader(io.BytesIO(payload)), payload, max_bytes)
    if encoding == "zstd" and payload.startswith(_ZSTD_MAGIC):
        return _read_all(ZstdReader(io.BytesIO(payload)), payload, max_bytes)
    return payload, True


def _zlib_inflate(payload: bytes, window_bits: int, max_bytes: int) -> tuple[bytes, bool]:
    """The decoded bytes; the payload itself, marked incomplete for lack of an end, where nothing decodes."""
    decoder = zlib.decompressobj(window_bits)
    try:
        decoded = decoder.decompress(payload, max_bytes)
    except zlib.error:
        return payload, False
    if not decoded and not decoder.eof:
        return payload, False
    return decoded, decoder.eof or len(decoded) >= max_bytes


def _read_all(reader: BrotliReader | ZstdReader, payload: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Read block by block, so that what came before a fault is kept."""
    pieces: list[bytes] = []
    size = 0
    while size < max_bytes:
        try:
            piece = reader.read(min(65536, max_bytes - size))
        except OSError:
            return (b"".join(pieces), False) if pieces else (payload, True)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), True
