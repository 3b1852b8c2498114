"""Captures from the CDX form of an index: text, one capture a line, plain or gzip.

In: a CDXJ file (`com,example)/ 20260115083000 {"url": ...}`), its JSON lines alone, or a classic CDX file whose first
line names the fields by letters; on this machine or another. Out: the captures that match. The file is read from end
to end: for a whole snapshot the columnar index asks for far less. A plain file has no checksum, gzip has.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from crawl.archive import REREADS
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.prefix import UrlPrefix
from crawl.remote import FetchConfig, FetchError, RemoteFile, RemoteRaw, is_address
from mathpipe.core.errors import InputError

# Letters of a classic CDX header (https://archive.org/web/researcher/cdx_legend.php).
_LETTERS = {
    "a": "url", "b": "timestamp", "m": "mime", "s": "status", "k": "digest", "S": "length", "V": "offset",
    "g": "filename",
}  # fmt: skip


def captures_in_cdx(index: str, prefixes: Sequence[UrlPrefix], config: FetchConfig) -> Iterator[Capture]:
    """The captures of one file that match, in its order."""
    fields: list[str] = []
    for number, line in enumerate(_lines(index, config), start=1):
        if line.startswith(" CDX "):
            fields = [_LETTERS.get(letter, "") for letter in line.split()[1:]]
            continue
        if not line.strip() or not (line.startswith("{") or any(line.startswith(prefix.surt) for prefix in prefixes)):
            continue
        capture = _capture_of(line, fields, f"{index}:{number}")
        if any(prefix.matches(capture.url) for prefix in prefixes):
            yield capture


def _lines(index: str, config: FetchConfig) -> Iterator[str]:
    """Lines of the file. Bytes that gzip refuses may have been spoiled on the way: they are read again."""
    taken = 0
    for left in reversed(range(REREADS if is_address(index) else 1)):
        try:
            with _open(index, config) as file:
                for number, line in enumerate(file):
                    if number >= taken:
                        taken = number + 1
                        yield line.decode("utf-8", errors="replace").rstrip("\r\n")
                return
        except FetchError:
            raise
        except (OSError, EOFError, zlib.error) as error:
            if not left:
                raise InputError(index, f"a CDX file that can be read ({error})", "fetch it again") from None


def _open(index: str, config: FetchConfig) -> BinaryIO:
    raw = RemoteRaw(RemoteFile(index, config)) if is_address(index) else io.FileIO(index)
    file = io.BufferedReader(raw, config.block_bytes)
    if file.peek(2)[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return file


def _capture_of(line: str, fields: Sequence[str], place: str) -> Capture:
    if fields and "{" not in line:
        row: dict[str, Any] = dict(zip(fields, line.split(), strict=False))
        timestamp = row.get("timestamp", "")
    else:
        key, _, text = line.partition("{")
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
