"""Shards of a run as the Parquet files of a published data set: plain columns, parts of a bounded size.

In: shards and the columns wanted. Out: `train-00000-of-00002.parquet` and so on, with rows, bytes and SHA-256. The
same shards give the same bytes: parts and row groups are cut by content. A column that older shards lack is null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.store import corrupt, disk_faults

_ROWS_PER_BATCH = 1_024
_ROW_GROUP_BYTES = 32 * 2**20  # of Arrow data: what a reader of a single row has to fetch
MAX_PART_BYTES = 10**9  # of Arrow data; zstd makes about 300 MB of it, which browsers of data sets still index


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of the data set; `arrow_bytes` is its size in memory."""

    path: str
    rows: int
    size_bytes: int
    arrow_bytes: int
    sha256: str


def write_parts(
    shards: Sequence[Path], schema: pa.Schema, root: Path, folder: str, max_part_bytes: int = MAX_PART_BYTES
) -> list[Part]:
    """Write the rows of the shards, in order, below `root/folder`; no part where there are no rows."""
    (root / folder).mkdir(parents=True)
    written: list[tuple[Path, int, int]] = []
    for number, groups in enumerate(_parts(_row_groups(_batches(shards, schema)), max_part_bytes)):
        path = root / folder / f"{number:05d}.unnamed"
        rows = arrow_bytes = 0
        with disk_faults(path), pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in groups:
                writer.write_table(group, row_group_size=group.num_rows)
                rows, arrow_bytes = rows + group.num_rows, arrow_bytes + group.nbytes
        written.append((path, rows, arrow_bytes))
    if not written:
        (root / folder).rmdir()
    parts = []
    for number, (unnamed, rows, arrow_bytes) in enumerate(written):
        path = unnamed.rename(root / folder / f"train-{number:05d}-of-{len(written):05d}.parquet")
        parts.append(Part(f"{folder}/{path.name}", rows, path.stat().st_size, arrow_bytes, sha256_of(path)))
    return parts


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batches(shards: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for shard in shards:
        try:
            with pq.ParquetFile(shard) as table:
                columns = [name for name in schema.names if name in table.schema_arrow.names]
                for batch in table.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns):
                    yield _filled(batch, schema)
        except (pa.ArrowException, OSError, EOFError) as error:
            raise corrupt(shard, f"Parquet cannot read it ({error})") from error


def _filled(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= _ROW_GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _parts(groups: Iterator[pa.Table], max_part_bytes: int) -> Iterator[Iterator[pa.Table]]:
    """The row groups of one part after the other; each part must be read to its end before the next is asked for."""
    following = next(groups, None)

    def part() -> Iterator[pa.Table]:
        nonlocal following
        size = 0
        while following is not None and (size == 0 or size + following.nbytes <= max_part_bytes):
            size += following.nbytes
            current, following = following, next(groups, None)
            yield current

    while following is not None:
        yield part()
