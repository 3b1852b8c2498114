"""An index of any WARCs, in Common Crawl's form: columnar (Parquet) or CDXJ, by the name of the output.

In: paths or addresses of archives whose records are compressed one by one. Out: one file, sorted by key and time,
that `find_captures` reads; beside one that ends in .cdxj.gz the `cluster.idx` by which its blocks are found, which
takes the place of another's in that folder. Every row is a record that was read back from its byte range and found
whole. Rows are sorted by DuckDB, which goes to disk beyond `_SORT_MEMORY`. A remote archive comes twice over the
network, once to be read and once to be checked, unless `config.cache` keeps it.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tld import get_fld

from crawl.archive import REREADS, Source, open_source
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.prefix import split_url, surt_key
from crawl.common_crawl.record import RecordError, payload_digest
from crawl.common_crawl.zipnum import CLUSTER_FILE, LINES_PER_BLOCK
from crawl.remote import FetchConfig
from crawl.warc import read_pages
from mathpipe.core.errors import InputError
from mathpipe.core.records import RawPage

_SCHEMA = pa.schema(
    [
        ("url_surtkey", pa.string()),
        ("url", pa.string()),
        ("url_host_name", pa.string()),
        ("url_host_registered_domain", pa.string()),
        ("url_path", pa.string()),
        ("fetch_time", pa.timestamp("ms")),
        ("fetch_status", pa.int16()),
        ("content_digest", pa.string()),
        ("content_mime_type", pa.string()),
        ("warc_filename", pa.string()),
        ("warc_record_offset", pa.int64()),
        ("warc_record_length", pa.int64()),
    ]
)
_FOUND_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("key", "url", "warc", "digest", "mime", "timestamp")]
    + [(name, pa.int64()) for name in ("offset", "length", "status")]
)
_ROWS_PER_GROUP = 50_000
_ROWS_PER_BATCH = 5_000
_SORT_MEMORY = "256MB"

_Row = tuple[str, Capture]


def build_index(warcs: Sequence[str | Path], output: Path, *, config: FetchConfig | None = None) -> Path:
    """Write the index of the archives: CDXJ where `output` ends in .cdxj or .cdxj.gz, else Parquet."""
    scratch = output.with_name(f".{output.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir(parents=True)
    try:
        found = (capture for warc in warcs for capture in _captures_of(str(warc), config or FetchConfig()))
        _keep(found, scratch / "found.parquet")
        rows = _sorted(scratch / "found.parquet", scratch)
        if output.name.endswith(".cdxj.gz"):
            _write_blocks(rows, output, scratch)
            return output
        if output.name.endswith(".cdxj"):
            with (scratch / output.name).open("w", encoding="utf-8") as file:
                file.writelines(_cdxj_line(*row) for row in rows)
        else:
            _write_parquet(rows, scratch / output.name)
        (scratch / output.name).replace(output)
    finally:
        shutil.rmtree(scratch)
    return output


def _keep(captures: Iterable[Capture], path: Path) -> None:
    """The captures as they were found, on disk."""
    waiting = iter(captures)
    with pq.ParquetWriter(path, _FOUND_SCHEMA, compression="zstd") as file:
        while part := [{"key": surt_key(one.url), **asdict(one)} for one in islice(waiting, _ROWS_PER_GROUP)]:
            file.write_table(pa.Table.from_pylist(part, _FOUND_SCHEMA))


def _sorted(found: Path, scratch: Path) -> Iterator[_Row]:
    """The captures by key, time and place; text compares by its bytes, as in Common Crawl's indexes."""
    settings: dict[str, Any] = {"threads": 1, "memory_limit": _SORT_MEMORY, "temp_directory": str(scratch / "sort")}
    path = scratch / "sorted.parquet"
    with duckdb.connect(config=settings) as base:
        base.read_parquet(str(found)).order('key, timestamp, warc, "offset"').write_parquet(str(path))
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_PER_BATCH):
            for row in batch.to_pylist():
                yield row.pop("key"), Capture(**row)


def _write_parquet(rows: Iterator[_Row], path: Path) -> None:
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd", write_page_checksum=True) as file:
        while part := [_row(*row) for row in islice(rows, _ROWS_PER_GROUP)]:
            file.write_table(pa.Table.from_pylist(part, _SCHEMA))


def _write_blocks(rows: Iterator[_Row], output: Path, scratch: Path) -> None:
    """Blocks of lines, each a gzip member, and what tells where they are."""
    new, new_cluster, cluster = scratch / output.name, scratch / CLUSTER_FILE, output.with_name(CLUSTER_FILE)
    offset = number = 0
    with new.open("wb") as file, new_cluster.open("w", encoding="utf-8") as blocks:
        while part := list(islice(rows, LINES_PER_BLOCK)):
            block = gzip.compress("".join(_cdxj_line(*row) for row in part).encode(), mtime=0)
            file.write(block)
            number += 1
            key, first = part[0]
            blocks.write(f"{key} {first.timestamp}\t{output.name}\t{offset}\t{len(block)}\t{number}\n")
            offset += len(block)
    cluster.unlink(missing_ok=True)  # it must never tell of another index than the one beside it
    new.replace(output)
    new_cluster.replace(cluster)


def _captures_of(warc: str, config: FetchConfig) -> Iterator[Capture]:
    source: Source = open_source(warc, config)
    taken = 0
    for page in read_pages(warc, fetch=config):
        if not page.url:  # a record of which nothing can be read may be the rest of the file
            continue
        digest, source = _digest_of(page, source)
        if digest is not None:
            taken += 1
            yield _capture_of(page, warc, digest)
        elif not taken and not page.clipped:
            raise InputError(
                warc, "records that are compressed one by one", "write the archive anew, a member a record"
            )


def _digest_of(page: RawPage, source: Source) -> tuple[str | None, Source]:
    """Digest of the page's record, None where its byte range is no whole record; and the source to read on from, for
    bytes may be spoiled on the way here too, or the cached copy gone in which `read_pages` met a fault."""
    for left in reversed(range(REREADS if source.rereadable else 1)):
        try:
            with source.open(page.warc_offset) as file:
                return payload_digest(file.read(page.warc_length)), source
        except (RecordError, FileNotFoundError):
            if left:
                source = source.fresh() or source
    return None, source


def _capture_of(page: RawPage, warc: str, digest: str) -> Capture:
    return Capture(
        url=page.url,
        warc=warc,
        offset=page.warc_offset,
        length=page.warc_length,
        digest=digest,
        status=page.status,
        mime=page.content_type.partition(";")[0].strip(),
        timestamp="".join(character for character in page.crawl_date if character.isdigit())[:14],
    )


def _row(key: str, capture: Capture) -> dict[str, Any]:
    host, path = split_url(capture.url)
    return {
        "url_surtkey": key,
        "url": capture.url,
        "url_host_name": host,
        "url_host_registered_domain": _registered_domain(host),
        "url_path": path.partition("?")[0],
        "fetch_time": _time_of(capture.timestamp),
        "fetch_status": capture.status,
        "content_digest": capture.digest,
        "content_mime_type": capture.mime,
        "warc_filename": capture.warc,
        "warc_record_offset": capture.offset,
        "warc_record_length": capture.length,
    }


@lru_cache(1)  # rows come by host
def _registered_domain(host: str) -> str | None:
    """By the Public Suffix List; None for a host below no known suffix."""
    found = get_fld(f"http://{host}/", fail_silently=True) if host else None
    return found if isinstance(found, str) else None


def _time_of(timestamp: str) -> datetime | None:
    try:
        return datetime.strptime(timestamp, "%Y%m%d%H%M%S")  # noqa: DTZ007  (an index's times are UTC and say no zone)
    except ValueError:
        return None


def _cdxj_line(key: str, capture: Capture) -> str:
    row = {
        "url": capture.url, "mime": capture.mime, "status": str(capture.status), "digest": capture.digest,
        "length": str(capture.length), "offset": str(capture.offset), "filename": capture.warc,
    }  # fmt: skip
    return f"{key} {capture.timestamp} {json.dumps(row, ensure_ascii=False)}\n"
