"""A CDX in Common Crawl's form, small: files of gzip blocks and their cluster.idx."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from crawl.common_crawl.prefix import surt_key


def cdx_lines(urls: Sequence[str]) -> list[bytes]:
    """A line for each address, in the order of an index; the offset tells its place among `urls`."""
    return sorted(
        f"{surt_key(url)} {20260101000000 + number} ".encode()
        + json.dumps({"url": url, "filename": "a.warc.gz", "offset": str(number), "length": "9"}).encode()
        for number, url in enumerate(urls)
    )


def write_zipnum(folder: Path, lines: Sequence[bytes], *, per_block: int, per_file: int) -> Path:
    """`cdx-00000.gz` and so on with so many lines each, in blocks of so many; the path of their cluster.idx."""
    folder.mkdir(parents=True, exist_ok=True)
    index: list[bytes] = []
    for number, first in enumerate(range(0, len(lines), per_file)):
        name, data = f"cdx-{number:05d}.gz", b""
        for at in range(first, min(first + per_file, len(lines)), per_block):
            part = lines[at : min(at + per_block, first + per_file)]
            block = gzip.compress(b"".join(line + b"\n" for line in part), mtime=0)
            key = b" ".join(part[0].split(b" ")[:2])
            place = f"\t{name}\t{len(data)}\t{len(block)}\t{len(index) + 1}\n"
            index.append(key + place.encode())
            data += block
        (folder / name).write_bytes(data)
    (folder / "cluster.idx").write_bytes(b"".join(index))
    return folder / "cluster.idx"
