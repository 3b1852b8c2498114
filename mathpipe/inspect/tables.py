"""Parquet shards as DuckDB views, under a memory limit; the only place that talks to DuckDB on behalf of a report.

In: paths. Out: rows. File paths and view names are quoted here; nobody else builds a FROM clause from a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from mathpipe.core.errors import CorruptShardError

_MEMORY_LIMIT = "1GB"  # DuckDB spills to its temporary folder above it
# What every per-page step writes; a shard without one of these holds other records.
_PAGE_COLUMNS = frozenset(("record_id", "url", "host", "title", "text", "formulas", "formula_counts"))


class Tables:
    """A DuckDB connection whose views are the outputs of steps; use as a context manager."""

    def __init__(self) -> None:
        # Two threads: results don't depend on it (every query orders fully), memory does.
        self._connection: Any = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": 2})
        self._views: dict[str, str] = {}
        self._files: list[Path] = []

    def __enter__(self) -> Tables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the connection holds."""
        self._connection.close()

    def name(self, step: str) -> str:
        """The quoted view of a step."""
        return self._views[step]

    def add(self, name: str, files: Sequence[Path], *, numbered: bool = False) -> bool:
        """A view over the files; false where there are none. `numbered` adds `filename` and `file_row_number`."""
        if not files:
            return False
        try:
            relation = self._connection.read_parquet(
                [str(file) for file in files], union_by_name=True, filename=numbered, file_row_number=numbered
            )
            relation.create_view(name)
        except duckdb.Error as error:
            raise unreadable(files, error) from error
        self._views[name] = quoted(name)
        self._files += files
        return True

    def add_rows(self, name: str, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
        """A view over rows from elsewhere, such as JSON lines: these columns, by DuckDB's types; misfits are NULL."""
        types = {column: _arrow_type(kind) for column, kind in columns.items()}
        cells = [{column: _cell(row.get(column), kind) for column, kind in types.items()} for row in rows]
        self._connection.register(name, pa.Table.from_pylist(cells, schema=pa.schema(list(types.items()))))
        self._views[name] = quoted(name)

    def define(self, name: str, query: str) -> None:
        """A view that is a query over others."""
        self._connection.execute(f"CREATE VIEW {quoted(name)} AS {query}")
        self._views[name] = quoted(name)

    def add_pages(self, step: str, files: Sequence[Path]) -> bool:
        """A view over a step's pages; false where the step wrote no shards, or shards of other records."""
        return self.add(step, files) and set(self.columns(step)) >= _PAGE_COLUMNS

    def columns(self, step: str) -> dict[str, str]:
        """Names and DuckDB types of the columns of a view."""
        return {str(row[0]): str(row[1]) for row in self.rows(f"DESCRIBE {self.name(step)}")}

    def has_values(self, step: str, column: str) -> bool:
        """Whether the column exists and at least one row of it is not NULL."""
        if column not in self.columns(step):
            return False
        return bool(self.rows(f"SELECT 1 FROM {self.name(step)} WHERE {quoted(column)} IS NOT NULL LIMIT 1"))

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query; `$name` in it stands for the parameter of that name."""
        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(query, parameters or {}).fetchall()
        except duckdb.Error as error:
            if _is_rot(error):
                raise unreadable(self._files, error) from error
            raise
        return rows

    def number(self, query: str) -> int:
        """The one number that a query gives."""
        return int(self.rows(query)[0][0] or 0)

    def bins(self, query: str, count: int) -> list[int]:
        """How many of the query's `value` column, in [0, 1], fall in each of `count` bins of equal width."""
        counts = [0] * count
        for place, rows in self.rows(f"""
            SELECT least(floor(value * {count})::INTEGER, {count - 1}) AS bin, count(*)
            FROM ({query}) WHERE value BETWEEN 0 AND 1 GROUP BY bin
        """):
            counts[place] = rows
        return counts


def _arrow_type(kind: str) -> Any:
    if kind.endswith("[]"):  # STRUCT(a VARCHAR, b VARCHAR)[]
        return pa.list_(pa.struct([(name, pa.string()) for name in re.findall(r"(\w+) VARCHAR", kind)]))
    return {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_()}[kind]


def _cell(value: Any, kind: Any) -> Any:
    """The value as Arrow takes it in a column of this type: numbers that fit, text without lone surrogates."""
    if pa.types.is_string(kind):
        return None if value is None else str(value).encode("utf-8", errors="replace").decode()
    if pa.types.is_list(kind):
        fields = list(kind.value_type)
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        return [{field.name: _cell(row.get(field.name), field.type) for field in fields} for row in rows] or None
    if isinstance(value, bool) or pa.types.is_boolean(kind):
        return value if isinstance(value, bool) and pa.types.is_boolean(kind) else None
    if pa.types.is_int64(kind):
        return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else None


def quoted(identifier: str) -> str:
    """An identifier as SQL takes it whatever it holds."""
    return '"' + identifier.replace('"', '""') + '"'


def unreadable(files: Sequence[Path], error: Exception) -> CorruptShardError:
    """The error for shards that cannot be read: names the file where it is known, else their folder."""
    named = next((file for file in files if len(files) == 1 or str(file) in str(error)), None)
    return CorruptShardError(
        str(named or (files[0].parent if files else "a shard")),
        f"Parquet cannot read it ({error})",
        "run again: the runner rebuilds damaged shards",
    )


def _is_rot(error: duckdb.Error) -> bool:
    """Whether the shard is at fault and not the query: broken pages raise the bare base class, or say what failed."""
    return type(error) is duckdb.Error or isinstance(error, duckdb.IOException) or "Failed to read file" in str(error)
