"""Captures from the CDX form of an index: text, one capture a line, plain or gzip.

In: a CDXJ file (`com,example)/ 20260115083000 {"url": ...}`), its JSON lines alone, or a classic CDX file whose first
line names the fields by letters; on this machine or another. Out: the captures that match. Of a gzip file that a
`cluster.idx` beside it tells of, and of all files that a `cluster.idx` named as the index tells of, only blocks that
can match are read (see `crawl.common_crawl.zipnum`); any other file is read from end to end. A plain file has no
checksum, gzip has.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast

from crawl.archive import GZIP_MAGIC, REREADS, name_of
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.prefix import UrlPrefix, any_matches, key_starts
from crawl.common_crawl.zipnum import CLUSTER_FILE, Cluster, cluster_beside
from crawl.remote import FetchConfig, FetchError, RemoteFile, RemoteRaw, is_address
from mathpipe.core.errors import InputError

# Letters of a classic CDX header (https://archive.org/web/researcher/cdx_legend.php).
_LETTERS = {
    "a": "url", "b": "timestamp", "m": "mime", "s": "status", "k": "digest", "S": "length", "V": "offset",
    "g": "filename",
}  # fmt: skip
# How a CDX file may open, but for a key: its fields' letters, JSON, or words about the file.
_OPENINGS = (b" CDX ", b"{", b"!")
_READ_BYTES = 1 << 20
# What of a gzip member is held until its checksum is known to be right: twenty times a block of Common Crawl's.
_HELD_BYTES = 1 << 25


def captures_in_cdx(index: str, prefixes: Sequence[UrlPrefix], config: FetchConfig) -> Iterator[Capture]:
    """The captures of one file that match, in its order; of all its files where it is a `cluster.idx`."""
    starts = key_starts(prefixes)
    whole = name_of(index) == CLUSTER_FILE
    cluster = Cluster(index, config) if whole else cluster_beside(index, config)
    if cluster is None:
        yield from _matching(_lines(_texts(index, config)), prefixes, starts, index)
        return
    for block, text in cluster.texts(starts, "" if whole else name_of(index)):
        place = f"{index}, {block.file} at byte {block.offset:,}"
        yield from _matching(text.split(b"\n"), prefixes, starts, place)


def _matching(
    lines: Iterable[bytes], prefixes: Sequence[UrlPrefix], starts: Sequence[str], place: str
) -> Iterator[Capture]:
    """Captures of the lines. The keys of a classic file need not be SURTs: there every line's address is compared."""
    fields: list[str] = []
    begins = (b"{", *(start.encode() for start in starts))
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.strip() and not (line.startswith(_OPENINGS) or b" {" in line):
            raise InputError(place, "a CDX file; its first line is no capture", "give an index")
        if line.startswith(b" CDX "):
            fields = [_LETTERS.get(letter, "") for letter in line.decode(errors="replace").split()[1:]]
            continue
        if not line.startswith(begins) and not (fields and line.strip()):
            continue
        capture = _capture_of(line.decode(errors="replace").rstrip("\r"), fields, f"{place}:{number}")
        if any_matches(prefixes, capture.url):
            yield capture


def _lines(texts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for text in texts:
        *lines, rest = (rest + text).split(b"\n")
        yield from lines
    yield rest


def _texts(index: str, config: FetchConfig) -> Iterator[bytes]:
    """The text of a file, piece by piece. Bytes that gzip refuses may have been spoiled on the way: they are read
    again from the member on in which they lie, if nothing of it was given out."""
    start: int | None = 0
    faults = 0
    while start is not None:
        try:
            for behind, text in _pieces(index, config, start):
                start, faults = behind, 0
                yield text
        except FetchError:
            raise
        except (OSError, EOFError, zlib.error) as error:
            faults += 1
            if start is None or not is_address(index) or faults == REREADS:
                raise InputError(index, f"a CDX file that can be read ({error})", "fetch it again") from None
        else:
            return


def _pieces(index: str, config: FetchConfig, start: int) -> Iterator[tuple[int | None, bytes]]:
    """Pieces of text from a place on, each with the place behind it; None inside a gzip member."""
    raw = RemoteRaw(RemoteFile(index, config)) if is_address(index) else io.FileIO(index)
    with io.BufferedReader(raw, config.block_bytes) as file:
        # By its name too: first bytes that were spoiled on the way are no plain text.
        packed = file.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC) or name_of(index).endswith(".gz")
        file.seek(start)
        if packed:
            yield from _members(file)
            return
        while data := file.read(_READ_BYTES):
            start += len(data)
            yield start, data


def _members(file: BinaryIO) -> Iterator[tuple[int | None, bytes]]:
    """Each member's text once its checksum is right; that of a long one before."""
    data = file.read(_READ_BYTES)
    while data:
        decoder, held = zlib.decompressobj(31), bytearray()
        while not decoder.eof:
            if not data:
                raise EOFError("its last gzip member is cut")
            held += decoder.decompress(data, _HELD_BYTES)
            data = decoder.unconsumed_tail or decoder.unused_data or file.read(_READ_BYTES)
            if len(held) >= _HELD_BYTES and not decoder.eof:
                yield None, bytes(held)
                held.clear()
        yield file.tell() - len(data), bytes(held)


def _capture_of(line: str, fields: Sequence[str], place: str) -> Capture:
    if fields:
        row: dict[str, Any] = dict(zip(fields, line.split(), strict=False))
        timestamp = row.get("timestamp", "")
    else:
        key, _, text = ("", "", line[1:]) if line.startswith("{") else line.partition(" {")
        row = _parsed("{" + text, place)
        timestamp = row.get("timestamp") or key.strip().rpartition(" ")[2]
    try:
        return Capture(
            url=str(row["url"]),
            warc=str(row["filename"]),
            offset=int(row["offset"]),
            length=int(row["length"]),
            digest=str(row.get("digest") or ""),
            status=int(row["status"]) if str(row.get("status", "")).isdigit() else 0,
            mime=str(row.get("mime") or ""),
            timestamp=str(timestamp),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(place, f"url, filename, offset and length ({error})", "mend the line") from None


def _parsed(text: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(place, f"one JSON object behind key and time ({error})", "mend the line") from None
    return cast(dict[str, Any], row)
