"""Shards on disk: Parquet tables whose schema follows from a record's dataclass fields.

In: records. Out: `shard-00000.parquet` files that pandas, DuckDB and `datasets` open as they are, and records
again. The same records give the same bytes: row groups are cut by content, never by time or by worker.
Every file is digested (BLAKE2b, 128 bits) while it is written, so that a later reader can tell rot from data.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import CorruptShardError, DiskFullError, InputError

T = TypeVar("T")

_ROWS_PER_BATCH = 256  # converted to Arrow together: bounds Python objects held at a time
_ROW_GROUP_BYTES = 16 * 2**20  # a reader holds one row group; a choice, not a measurement
_ROW_GROUP_ROWS = 65_536
# What `RecordBatch.from_pylist` raises for a value that does not fit its column.
_UNSTORABLE = (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError, OverflowError)
_PRIMITIVES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenFile:
    """A finished file: its path, size in bytes, BLAKE2b digest, and rows where it is a table."""

    path: Path
    size_bytes: int
    digest: str
    rows: int = 0


def _optional_of(kind: Any) -> Any:
    """X for `X | None`, else None."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        inner = [arg for arg in typing.get_args(kind) if arg is not types.NoneType]
        return inner[0] if len(inner) == 1 else None
    return None


def _arrow_type(kind: Any) -> pa.DataType:
    inner = _optional_of(kind)
    if inner is not None:
        return _arrow_type(inner)
    if typing.get_origin(kind) is list:
        return pa.list_(_arrow_type(typing.get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        return pa.struct(list(schema_of(typing.cast(type, kind))))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return pa.string()
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    raise InputError(repr(kind), "a record field is str, int, float, bool, bytes, enum, list or dataclass",
                     "give the field one of these types")  # fmt: skip


@cache
def schema_of(kind: type) -> pa.Schema:
    """Arrow schema of a record type, one column a field in the order of the class."""
    hints = typing.get_type_hints(kind)
    return pa.schema([(field.name, _arrow_type(hints[field.name])) for field in dataclasses.fields(kind)])


_Change = Callable[[Any], Any]


def _or_none(change: _Change | None) -> _Change | None:
    return None if change is None else lambda value: None if value is None else change(value)


def _each(change: _Change | None) -> _Change | None:
    return None if change is None else lambda values: [change(value) for value in values]


@cache
def _encoder(kind: Any) -> _Change | None:
    """How a value becomes what Arrow takes; None where it goes in as it is."""
    inner = _optional_of(kind)
    if inner is not None:
        return _or_none(_encoder(inner))
    if typing.get_origin(kind) is list:
        return _each(_encoder(typing.get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        fields = _fields_of(typing.cast(type, kind))
        return lambda value: {
            name: getattr(value, name) if encode is None else encode(getattr(value, name))
            for name, encode, _ in fields
        }
    return None


@cache
def _decoder(kind: Any) -> _Change | None:
    """How a value read from Arrow becomes the record's; None where it is that already."""
    inner = _optional_of(kind)
    if inner is not None:
        return _or_none(_decoder(inner))
    if typing.get_origin(kind) is list:
        return _each(_decoder(typing.get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        make: Any = kind
        fields = _fields_of(make)
        return lambda row: make(
            **{name: row[name] if decode is None else decode(row[name]) for name, _, decode in fields}
        )
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    return None


@cache
def _fields_of(
    kind: type,
) -> tuple[tuple[str, _Change | None, _Change | None], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (field.name, _encoder(hints[field.name]), _decoder(hints[field.name])) for field in dataclasses.fields(kind)
    )


class _DigestingFile:
    """A binary file that digests what is written; Parquet writers only append, so that is the file's digest."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._hash = blake2b(digest_size=16)
        self.size_bytes = 0

    @property
    def closed(self) -> bool:
        return self._raw.closed

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self._raw.write(data)
        size = len(memoryview(data).cast("B"))
        self.size_bytes += size
        return size

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        self._raw.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()


class ShardWriter:
    """Writes records of one type into one Parquet file (zstd); use as a context manager, then read `.written`.

    A record that Arrow cannot hold (a lone surrogate, an integer of 65 bits) goes to `refuse` as the row it would
    have been, and the others go on; without `refuse` it is an `InputError`.
    """

    def __init__(
        self, path: Path, kind: type, refuse: Callable[[dict[str, Any], Exception], None] | None = None
    ) -> None:
        self._path = path
        self._refuse = refuse
        self._schema = schema_of(kind)
        self._encode = _encoder(kind)
        self._rows: list[Any] = []
        self._batches: list[pa.RecordBatch] = []
        self._batched_bytes = 0
        self._batched_rows = 0
        self.rows = 0
        with disk_faults(path):
            self._raw = path.open("wb")
            self._file = _DigestingFile(self._raw)
            self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")

    def write(self, record: Any) -> None:
        """Append one record."""
        self._rows.append(self._encode(record) if self._encode else record)
        if len(self._rows) >= _ROWS_PER_BATCH:
            self._batch()

    def _batch(self) -> None:
        rows, self._rows = self._rows, []
        try:
            self._add(rows)
        except _UNSTORABLE:
            for row in rows:
                try:
                    self._add([row])
                except _UNSTORABLE as error:
                    if self._refuse is None:
                        raise InputError(
                            f"{self._path}: record {row.get('record_id')!r}", f"values that Arrow can hold ({error})",
                            "mend the stage that made it",
                        ) from error  # fmt: skip
                    self._refuse(row, error)

    def _add(self, rows: list[Any]) -> None:
        if not rows:
            return
        batch = pa.RecordBatch.from_pylist(rows, schema=self._schema)
        self.rows += batch.num_rows
        self._batches.append(batch)
        self._batched_bytes += batch.nbytes
        self._batched_rows += batch.num_rows
        if self._batched_bytes >= _ROW_GROUP_BYTES or self._batched_rows >= _ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._batches:
            return
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        self._batches, self._batched_bytes, self._batched_rows = [], 0, 0
        with disk_faults(self._path):
            self._writer.write_table(table, row_group_size=table.num_rows)

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._batch()
                self._flush()
                with disk_faults(self._path):
                    self._writer.close()
                    self._file.close()
        finally:
            if not self._raw.closed:
                self._abandon()

    def _abandon(self) -> None:
        """Close what can be closed; the half-written file stays under its temporary name and is swept later."""
        with suppress(OSError, MemoryError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError):
            self._raw.close()

    @property
    def written(self) -> WrittenFile:
        """The finished file."""
        return WrittenFile(self._path, self._file.size_bytes, self._file.digest, self.rows)


class disk_faults:  # noqa: N801 - reads as a statement: with disk_faults(path)
    """Turns 'no space left' into `DiskFullError` with the path and the cure."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                str(self._path),
                "there is no space left on its disk",
                "free some space or move the run's `output`, then run again: finished shards are kept",
            ) from error


def read_records(path: Path, kind: type[T]) -> Iterator[T]:
    """The records of one shard in order. Raises `CorruptShardError` where Parquet can't read it.

    A column whose field has the default None may be missing: a shard written before there was such a field.
    """
    decode = _decoder(typing.cast(Any, kind))
    if decode is None:
        raise InputError(kind.__name__, "records are dataclasses", "pass the record's class")
    try:
        with pq.ParquetFile(path) as table:
            there = set(table.schema_arrow.names)
            columns = [field.name for field in dataclasses.fields(typing.cast(Any, kind)) if field.name in there]
            absent = _absent(path, kind, there)
            for batch in table.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns):
                rows = batch.to_pylist()
                yield from map(decode, ({**absent, **row} for row in rows) if absent else rows)
    except MemoryError:  # Arrow's own is an ArrowException too, and no rot
        raise
    except (pa.ArrowException, OSError, EOFError) as error:
        raise corrupt(path, f"Parquet cannot read it ({error})") from error


def _absent(path: Path, kind: type, there: Collection[str]) -> dict[str, None]:
    """The columns that a shard lacks and may lack."""
    missing = [field for field in dataclasses.fields(kind) if field.name not in there]
    for field in missing:
        if field.default is not None:
            raise InputError(
                str(path), f"a shard of {kind.__name__} records (column {field.name!r} is missing)",
                "pass the output of the step that the reading stage expects",
            )  # fmt: skip
    return dict.fromkeys(field.name for field in missing)


def write_records(path: Path, records: Iterable[Any], kind: type) -> WrittenFile:
    """Write all records into one shard."""
    with ShardWriter(path, kind) as writer:
        for record in records:
            writer.write(record)
    return writer.written


def corrupt(path: Path, why: str) -> CorruptShardError:
    """The error for a shard that is not what its manifest says."""
    return CorruptShardError(str(path), why, "delete it and run again: the runner rebuilds it from its inputs")


def digest_file(path: Path) -> str:
    """BLAKE2b-128 of a file's bytes, in hexadecimal."""
    state = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            state.update(block)
    return state.hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make renames inside the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
