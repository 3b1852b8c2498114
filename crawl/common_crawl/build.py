"""An index of any WARCs, in Common Crawl's form: columnar (Parquet) or CDXJ, by the name of the output.

In: paths or addresses of archives whose records are compressed one by one. Out: one file, sorted by key and time,
that `find_captures` reads. Every row is a record that was read back from its byte range and found whole.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tld import get_fld

from crawl.archive import open_source
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.prefix import split_url, surt_key
from crawl.common_crawl.record import RecordError, payload_digest
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
_ROWS_PER_GROUP = 50_000


def build_index(warcs: Sequence[str | Path], output: Path, *, config: FetchConfig | None = None) -> Path:
    """Write the index of the archives: CDXJ where `output` ends in .cdxj or .cdxj.gz, else Parquet."""
    found = [capture for warc in warcs for capture in _captures_of(str(warc), config or FetchConfig())]
    rows = sorted(((surt_key(capture.url), capture) for capture in found), key=_order)
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.part")
    if output.name.endswith((".cdxj", ".cdxj.gz")):
        text = "".join(_cdxj_line(key, capture) for key, capture in rows).encode()
        temporary.write_bytes(gzip.compress(text, mtime=0) if output.suffix == ".gz" else text)
    else:
        table = pa.Table.from_pylist([_row(key, capture) for key, capture in rows], _SCHEMA)
        pq.write_table(table, temporary, compression="zstd", row_group_size=_ROWS_PER_GROUP, write_page_checksum=True)
    temporary.replace(output)
    return output


def _order(row: tuple[str, Capture]) -> tuple[str, str, str, int]:
    key, capture = row
    return key, capture.timestamp, capture.warc, capture.offset


def _captures_of(warc: str, config: FetchConfig) -> Iterator[Capture]:
    source = open_source(warc, config)
    pages = taken = 0
    for page in read_pages(warc, fetch=config):
        pages += 1
        with source.open(page.warc_offset) as file:
            data = file.read(page.warc_length)
        with suppress(RecordError):
            yield _capture_of(page, warc, payload_digest(data))
            taken += 1
    if pages and not taken:
        raise InputError(warc, "records that are compressed one by one", "write the archive anew, a member a record")


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
