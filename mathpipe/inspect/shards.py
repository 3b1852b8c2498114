"""Parquet shards as a person asks for them: counted, filtered, searched, sorted, one record in full.

In: paths (files, folders, globs, run folders) and a `Query`. Out: rows of plain values. Pages get columns of
their own (score, formulas, length); any other Parquet file is shown by its own columns. DuckDB reads only what a
query needs, so that a folder larger than memory is fine. Regular expressions are RE2's, which no pattern can hang.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from glob import glob
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.inspect.run_folder import CURATED_STEP, RunFolder
from mathpipe.inspect.safe_text import clip, one_line
from mathpipe.inspect.tables import Tables, quoted, unreadable

PAGE_COLUMNS = ("score", "lang", "formulas", "length", "title", "url")
SNIPPET_CHARACTERS = 70  # shown on each side of a match
_GENERIC_COLUMNS_SHOWN = 8
_CELL_CHARACTERS = 400  # read for a table's cell: a row of a wide table still fits a screen
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # what RE2 lets a backslash stand before; it refuses one before é
_MIN_PREFIX = 4  # characters of an identifier: fewer name too many records to be meant
_SEARCHED = ("text", "title", "url")
_NAMED = {
    "score": ("math_score", "math_score"),
    "lang": ("language", "language"),
    "formulas": ("formulas", "len(formulas)"),
    "length": ("text", "length(text)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to show; `columns` None means what suits the records, `sort` None the order of the shards."""

    search: str | None = None
    regex: bool = False
    where: str | None = None
    sort: str | None = None
    descending: bool = False
    columns: tuple[str, ...] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Snippet:
    """Where a search matched: the column, the text around, and the match itself."""

    column: str
    text: str
    match: str


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table: its number among all rows, the cells in the order of the columns, the match if any."""

    number: int
    cells: tuple[Any, ...]
    snippet: Snippet | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A table of records; `matching` counts all that the filters let through, shown or not."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    matching: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the shards hold in all; `hosts` is None where records have none."""

    rows: int
    shards: int
    size_bytes: int
    columns: tuple[str, ...]
    hosts: int | None


def find_shards(paths: Sequence[str]) -> list[Path]:
    """The Parquet files that the paths name, in order and once each; a run folder means its curated output."""
    found: dict[Path, None] = {}
    for path in paths:
        files = _files_of(path)
        if not files:
            raise InputError(
                path,
                "no Parquet shards there",
                "give a .parquet file, a folder or glob of them, a run folder with a finished "
                f"{CURATED_STEP!r} step, or the folder of a generation run or an evaluation",
            )
        found.update(dict.fromkeys(files))
    if not found:
        raise InputError("SHARDS", "no path was given", "name a file, folder, glob or run folder")
    return list(found)


def _files_of(path: str) -> list[Path]:
    folder = Path(path)
    if folder.is_file():
        return [folder]
    if (folder / "steps").is_dir():
        return RunFolder(folder).shards(CURATED_STEP)
    if folder.is_dir():
        return sorted(folder.glob("shard-*.parquet")) or sorted(folder.glob("*.parquet"))
    return sorted(Path(name) for name in glob(path, recursive=True) if name.endswith(".parquet"))  # noqa: PTH207


class Shards:
    """Open shards; use as a context manager."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)
        self._rows_of = [_row_count(file) for file in self._files]
        self._offsets = dict(zip(map(str, self._files), [0, *accumulate(self._rows_of)], strict=False))
        self._tables = Tables()
        self._tables.add("shards", self._files, numbered=True)
        types = self._tables.columns("shards")
        self.types = {name: kind for name, kind in types.items() if name not in ("filename", "file_row_number")}
        self.pages = set(self.types) >= {"url", "title", "text", "formulas"}

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        self._tables.close()

    def summary(self) -> Summary:
        """Rows, shards, bytes, columns and hosts."""
        hosts = self._tables.number("SELECT count(DISTINCT host) FROM shards") if "host" in self.types else None
        return Summary(
            rows=sum(self._rows_of),
            shards=len(self._files),
            size_bytes=sum(file.stat().st_size for file in self._files),
            columns=tuple(self.types),
            hosts=hosts,
        )

    def listing(self, query: Query) -> Listing:
        """The records that the query lets through, in its order, `limit` of them."""
        columns = query.columns or self._default_columns()
        cells = [self._cell(name) for name in columns]
        searched = self._searched() if query.search else []
        condition, parameters = self._condition(query, searched)
        body = f"FROM shards WHERE {condition}"
        matching = self._ask(f"SELECT count(*) {body}", parameters, query)[0][0]
        rows = self._ask(
            f"SELECT filename, file_row_number, {', '.join([*cells, *map(snippet_of, searched)])} {body} "
            f"ORDER BY {self._order(query)} LIMIT {max(query.limit, 0)}",
            parameters,
            query,
        )
        return Listing(tuple(columns), tuple(self._row(row, len(cells), searched) for row in rows), int(matching))

    def record(self, reference: str) -> dict[str, Any]:
        """The one record that a row number, an identifier's beginning or a URL names, all columns of it."""
        condition, parameters = self._names(reference)
        found = self._tables.rows(
            f"SELECT * FROM shards WHERE {condition} ORDER BY filename, file_row_number LIMIT 6", parameters
        )
        names = [*self._tables.columns("shards")]
        records = [dict(zip(names, row, strict=True)) for row in found]
        if not records:
            raise InputError(f"record {reference!r}", "a record of these shards", self._how_to_name())
        if len({record.get("record_id") for record in records}) > 1:
            listed = ", ".join(str(record["record_id"]) for record in records[:5])
            raise InputError(f"record {reference!r}", "one record, not several", f"give more of one of {listed}")
        record = records[0]
        file, row = str(record.pop("filename")), int(record.pop("file_row_number"))
        return {"#": self._offsets[file] + row, "shard": f"{file} row {row}", **record}

    def _names(self, reference: str) -> tuple[str, dict[str, Any]]:
        if reference.isdecimal() and int(reference) < sum(self._rows_of):
            number = int(reference)
            file = max((name for name in self._offsets if self._offsets[name] <= number), key=self._last_offset)
            return "filename = $file AND file_row_number = $row", {"file": file, "row": number - self._offsets[file]}
        if "url" in self.types and "://" in reference:
            return "url = $url", {"url": reference}
        if "record_id" in self.types and len(reference) >= _MIN_PREFIX:
            return "starts_with(record_id, $start)", {"start": reference.lower()}
        raise InputError(f"record {reference!r}", "a record of these shards", self._how_to_name())

    def _last_offset(self, file: str) -> tuple[int, int]:
        return self._offsets[file], list(self._offsets).index(file)  # an empty shard has its successor's offset

    def _how_to_name(self) -> str:
        ways = [f"a row number below {sum(self._rows_of):,}"]
        ways += [f"at least {_MIN_PREFIX} characters of a record_id"] if "record_id" in self.types else []
        ways += ["a whole URL"] if "url" in self.types else []
        return "give " + " or ".join(ways)

    def _row(self, row: Sequence[Any], cells: int, searched: Sequence[str]) -> Row:
        number = self._offsets[str(row[0])] + int(row[1])
        around = row[2 + cells :]
        for place, column in enumerate(searched):
            match, text = around[2 * place], around[2 * place + 1]
            if match:
                return Row(number, tuple(row[2 : 2 + cells]), Snippet(column, str(text), str(match)))
        return Row(number, tuple(row[2 : 2 + cells]))

    def _default_columns(self) -> Sequence[str]:
        if self.pages:
            return [name for name in PAGE_COLUMNS if _NAMED.get(name, (name, ""))[0] in self.types]
        return list(self.types)[:_GENERIC_COLUMNS_SHOWN]

    def _searched(self) -> list[str]:
        named = [name for name in _SEARCHED if name in self.types]
        return named or [name for name, kind in self.types.items() if kind == "VARCHAR"]

    def _value(self, name: str) -> str:
        """The SQL of a column or of one of the names that pages get; lists count their items."""
        if name in self.types:
            return f"len({quoted(name)})" if self.types[name].endswith("[]") else quoted(name)
        source, expression = _NAMED.get(name, ("", ""))
        if self.pages and source in self.types:
            return expression
        valid = [*self.types, *(_NAMED if self.pages else ())]
        near = get_close_matches(name, valid, n=1)
        repair = f"did you mean {near[0]!r}?" if near else "use one of those"
        raise InputError(f"column {name!r}", f"one of {', '.join(valid)}", repair)

    def _cell(self, name: str) -> str:
        value = self._value(name)
        if self.types.get(name) == "VARCHAR":
            return f"left({value}, {_CELL_CHARACTERS})"
        return f"hex({value}[:16])" if self.types.get(name) == "BLOB" else value

    def _order(self, query: Query) -> str:
        if query.sort is None:
            return "filename, file_row_number"
        direction = "DESC" if query.descending else "ASC"
        return f"{self._value(query.sort)} {direction} NULLS LAST, filename, file_row_number"

    def _condition(self, query: Query, searched: Sequence[str]) -> tuple[str, dict[str, Any]]:
        conditions, parameters = ["true"], dict[str, Any]()
        if query.where:
            conditions.append(f"({query.where})")
        if query.search:
            if not searched:
                raise InputError("--search", "a column of text in these shards", "use --where instead")
            parameters["pattern"] = query.search if query.regex else literal_pattern(query.search)
            matches = (f"regexp_matches({quoted(name)}, $pattern, 'is')" for name in searched)
            conditions.append(f"({' OR '.join(matches)})")
        return " AND ".join(conditions), parameters

    def _ask(self, query: str, parameters: dict[str, Any], asked: Query) -> list[tuple[Any, ...]]:
        example = "math_score > 0.9 AND language = 'en'"
        return rows_asked(self._tables, query, parameters, asked, columns=list(self.types), example=example)


def rows_asked(
    tables: Tables,
    query: str,
    parameters: dict[str, Any],
    asked: Query,
    *,
    columns: Sequence[str],
    example: str,
) -> list[tuple[Any, ...]]:
    """The rows of a query made of what a person wrote; raises `InputError` where that is at fault."""
    try:
        return tables.rows(query, parameters)
    except duckdb.Error as error:
        reason = one_line(str(error)).removeprefix("Invalid Input Error: ")
        if asked.regex and isinstance(error, duckdb.InvalidInputException):
            raise InputError(
                f"--search {asked.search!r}", f"a regular expression as RE2 takes it ({reason})", "mend it"
            ) from error
        if asked.where:
            raise InputError(
                f"--where {asked.where!r}",
                f"an SQL condition over {', '.join(columns)} ({clip(reason, 200)})",
                f"for example: {example}",
            ) from error
        raise


def snippet_of(column: str) -> str:
    """The SQL of what `$pattern` matches in the column, and of the text around."""
    name = quoted(column)
    match = f"regexp_extract({name}, $pattern, 0, 'is')"
    start = f"greatest(strpos({name}, {match}) - {SNIPPET_CHARACTERS}, 1)"
    return f"{match}, substr({name}, {start}, {2 * SNIPPET_CHARACTERS} + length({match}))"


def literal_pattern(text: str) -> str:
    """The text as a regular expression that matches it alone, whatever white space parts its words."""
    words = (_PUNCTUATION.sub(r"\\\g<0>", word) for word in text.split())
    return r"\s+".join(words)


def _row_count(file: Path) -> int:
    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise unreadable([file], error) from error
