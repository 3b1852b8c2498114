"""Captures from the columnar index: Parquet files in Common Crawl's column names, sorted by SURT.

In: a Parquet file, on this machine or another, and prefixes. Out: the captures that match. Of a remote file only what
is needed is fetched: the footer, whose statistics say which row groups can hold a prefix; of those the hosts; and the
other columns where a host matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crawl.archive import REREADS
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.prefix import UrlPrefix, any_matches, key_starts, split_url
from crawl.remote import FetchConfig, FetchError, RemoteFile, RemoteRaw, is_address
from mathpipe.core.errors import InputError

_NEEDED = ("url", "warc_filename", "warc_record_offset", "warc_record_length")
_OPTIONAL = ("content_digest", "fetch_status", "content_mime_type", "fetch_time")
_KEY, _HOST = "url_surtkey", "url_host_name"


def captures_in_parquet(index: str, prefixes: Sequence[UrlPrefix], config: FetchConfig) -> Iterator[Capture]:
    """The captures of one file that match, in its order."""
    file = _steadily(index, config, _open)
    names = set(file.schema_arrow.names)
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InputError(index, f"a columnar index with the columns {', '.join(missing)}", "see build_index")
    columns = [*_NEEDED, *(name for name in _OPTIONAL if name in names)]
    starts = key_starts(prefixes)
    for group in range(file.num_row_groups):
        if not _may_hold(file.metadata.row_group(group), starts):
            continue
        table = _steadily(index, config, lambda *_, group=group: _matching(file, group, columns, prefixes))
        for row in table.to_pylist():
            if None not in [row[name] for name in _NEEDED] and any_matches(prefixes, row["url"]):
                yield _capture_of(row)


def _open(index: str, config: FetchConfig) -> pq.ParquetFile:
    source: Any = RemoteRaw(RemoteFile(index, config)) if is_address(index) else Path(index)
    return pq.ParquetFile(source, page_checksum_verification=True)


def _steadily(index: str, config: FetchConfig, read: Callable[..., Any]) -> Any:
    """What `read` gives. Bytes that Arrow cannot take may have been spoiled on the way: they are read again."""
    for left in reversed(range(REREADS if is_address(index) else 1)):
        try:
            return read(index, config)
        except FetchError:
            raise
        except (OSError, pa.ArrowException) as error:
            if not left:
                text = " ".join(str(error).split())
                raise InputError(index, f"a Parquet file that can be read ({text})", "fetch it again") from None
    return None


def _may_hold(group: pq.RowGroupMetaData, starts: Sequence[str]) -> bool:
    """By the smallest and the largest key of the group, where its statistics tell them."""
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema != _KEY:
            continue
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max:
            return True
        low, high = statistics.min, statistics.max
        if not isinstance(low, str):  # a column that does not say it is text
            return True
        return any(low[: len(start)] <= start <= high for start in starts)
    return True


def _matching(file: pq.ParquetFile, group: int, columns: Sequence[str], prefixes: Sequence[UrlPrefix]) -> pa.Table:
    """The rows of a group whose host matches."""
    if _HOST not in file.schema_arrow.names:
        return file.read_row_group(group, columns=columns)
    hosts = file.read_row_group(group, columns=[_HOST])[_HOST]
    wanted = [host for host in pc.unique(hosts).to_pylist() if host and _has_host(host, prefixes)]
    if not wanted:
        return pa.table({name: [] for name in columns})
    return file.read_row_group(group, columns=columns).filter(pc.is_in(hosts, value_set=pa.array(wanted, hosts.type)))


def _has_host(host: str, prefixes: Sequence[UrlPrefix]) -> bool:
    name = split_url(f"http://{host}/")[0]
    return any(prefix.has_host(name) for prefix in prefixes)


def _capture_of(row: dict[str, Any]) -> Capture:
    fetched = row.get("fetch_time")
    return Capture(
        url=row["url"],
        warc=row["warc_filename"],
        offset=row["warc_record_offset"],
        length=row["warc_record_length"],
        digest=row.get("content_digest") or "",
        status=row.get("fetch_status") or 0,
        mime=row.get("content_mime_type") or "",
        timestamp="" if fetched is None else f"{fetched:%Y%m%d%H%M%S}",
    )
