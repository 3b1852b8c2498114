"""WARC records written byte by byte, so that tests can break them where they like."""

from __future__ import annotations

import gzip
from pathlib import Path

URL = "http://a.example/page"


def http(body: bytes, *headers: str, status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(block: bytes, *headers: str, kind: str = "response", url: str = URL, length: int | None = None) -> bytes:
    content = "application/http; msgtype=response" if kind == "response" else "text/plain"
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {url}",
        "WARC-Date: 2026-10-01T00:00:00Z",
        "WARC-Record-ID: <urn:uuid:8d8587ab-25bc-42e9-92b4-4070036bfd45>",
        *([] if any(header.startswith("Content-Type") for header in headers) else [f"Content-Type: {content}"]),
        *headers,
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def page(body: bytes = b"<html>hello</html>", url: str = URL, *headers: str) -> bytes:
    return record(http(body, "Content-Type: text/html", *headers), url=url)


def write_gzip(path: Path, *records: bytes) -> list[int]:
    """One gzip member a record, as Common Crawl writes; returns the members' offsets."""
    offsets: list[int] = []
    data = b""
    for item in records:
        offsets.append(len(data))
        data += gzip.compress(item, mtime=0)
    path.write_bytes(data)
    return offsets
