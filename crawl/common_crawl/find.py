"""Captures by URL prefix, host or domain, from any form of index.

In: the index (a snapshot's name, or Parquet and CDX files as paths, folders, globs or addresses) and prefixes. A
`cluster.idx` that is named stands for all CDX files beside it. Out: `Capture`s, index file by index file.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from crawl.archive import name_of
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.cdx import captures_in_cdx
from crawl.common_crawl.columnar import captures_in_parquet
from crawl.common_crawl.prefix import UrlPrefix, parse_prefixes
from crawl.common_crawl.zipnum import CLUSTER_FILE
from crawl.remote import FetchConfig, is_address
from crawl.snapshot import is_snapshot, snapshot_index
from mathpipe.core.errors import InputError

_PARQUET_END = ".parquet"
_INDEX_NAME = re.compile(r".*\.(?:parquet|cdxj?(?:\.gz)?)|cdx-\d+\.gz")


def find_captures(
    index: str | Path | Sequence[str | Path], *, prefixes: Sequence[str], config: FetchConfig | None = None
) -> Iterator[Capture]:
    """The captures whose address begins with one of the prefixes (see `crawl.common_crawl.prefix`)."""
    fetch, wanted = config or FetchConfig(), parse_prefixes(prefixes)
    indexes = [index] if isinstance(index, str | Path) else index
    files = list(dict.fromkeys(file for item in indexes for file in _files_of(str(item), fetch)))
    return (capture for file in files for capture in _reader_of(file)(file, wanted, fetch))


def _reader_of(file: str) -> Callable[[str, Sequence[UrlPrefix], FetchConfig], Iterator[Capture]]:
    return captures_in_parquet if file.endswith(_PARQUET_END) else captures_in_cdx


def _files_of(index: str, config: FetchConfig) -> list[str]:
    if is_address(index):
        return [index]
    if is_snapshot(index):
        return snapshot_index(index, config)
    path = Path(index)
    if path.is_dir():
        found = sorted(str(item) for item in path.rglob("*") if _INDEX_NAME.fullmatch(item.name))
    else:
        found = sorted(glob.glob(index, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
        # It tells of the other files: theirs are all the captures.
        found = [file for file in found if name_of(file) != CLUSTER_FILE] or found
    if not found:
        raise InputError(index, "an index: no Parquet or CDX file is there", "give a path, a glob or a snapshot")
    return found
