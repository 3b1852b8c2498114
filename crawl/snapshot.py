"""The archives of a Common Crawl snapshot, by its name.

In: `CC-MAIN-2026-04`, or a part of it as in `CC-MAIN-2026-04[:10]`. Out: addresses in the order in which the
snapshot's own `warc.paths.gz` lists them (https://commoncrawl.org/get-started). A process asks for a listing once: it
does not change.
"""

from __future__ import annotations

import gzip
import re
import zlib
from functools import lru_cache

from crawl.archive import REREADS
from crawl.remote import FetchConfig, FetchError, RemoteFile, cached_file
from mathpipe.core.errors import InputError

_NAME = re.compile(r"(CC-MAIN-\d{4}(?:-\d{2,4})?)(?:\[(\d*):(\d*)\])?")


def is_snapshot(name: str) -> bool:
    """Whether a source names a snapshot or a part of one."""
    return _NAME.fullmatch(name) is not None


def snapshot_warcs(name: str, config: FetchConfig | None = None) -> list[str]:
    """Addresses of a snapshot's WARCs. Raises `InputError` for a name that is none."""
    return _listed(name, "warc.paths.gz", config or FetchConfig())


def snapshot_index(name: str, config: FetchConfig | None = None) -> list[str]:
    """Addresses of the Parquet files of a snapshot's columnar index, those of its WARCs."""
    return _listed(name, "cc-index-table.paths.gz", config or FetchConfig(), "/subset=warc/")


def _listed(name: str, listing: str, config: FetchConfig, kind: str = "") -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(name, "a snapshot's name", "write it as CC-MAIN-2026-04 or CC-MAIN-2026-04[:10]")
    base = config.base_url.rstrip("/")
    address = f"{base}/crawl-data/{match[1]}/{listing}"
    try:
        lines = _lines(address, config)
    except FetchError as error:
        raise InputError(name, f"a snapshot listed at {base} ({error})", "see commoncrawl.org for names") from error
    first, last = (int(text) if text else None for text in (match[2] or "", match[3] or ""))
    all_of_kind = [f"{base}/{line}" for line in lines if kind in line]
    found = all_of_kind[first:last]
    if not found:
        raise InputError(name, f"a part of the {len(all_of_kind):,} files of {listing}", "name a part within them")
    return found


@lru_cache(maxsize=8)  # 15 MB each
def _lines(address: str, config: FetchConfig) -> tuple[str, ...]:
    """The paths listed. Bytes that gzip refuses may have been spoiled on the way: they are fetched again."""
    for left in reversed(range(REREADS)):
        path = cached_file(address, config.cache, config) if config.cache is not None else None
        data = RemoteFile(address, config).read_from(0) if path is None else path.read_bytes()
        try:
            return tuple(gzip.decompress(data).decode("ascii").split())
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            if path is not None:
                path.unlink(missing_ok=True)
            if not left:
                raise InputError(
                    address, f"a listing of paths, gzip, one a line ({error})", "fetch it again later"
                ) from None
    return ()
