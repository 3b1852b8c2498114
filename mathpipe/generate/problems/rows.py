"""Rows of a benchmark file, each with its place, so that a fault names file and line.

In: a path to JSON Lines (also .gz), JSON (a list of objects) or Parquet. Out: `Row`s in order.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError

_DOUBLE_DIGITS = 15  # decimal digits that any double holds; the rest is noise of binary fractions


@dataclass(frozen=True, slots=True)
class Row:
    """An object of the file; `number` counts from 1: lines of JSON Lines, items or rows elsewhere."""

    path: Path
    number: int
    values: Mapping[str, Any]

    @property
    def where(self) -> str:
        """File and line, as errors name it."""
        return f"{self.path}, line {self.number}"

    def fail(self, expected: str, repair: str) -> NoReturn:
        """Raise the `InputError` that names this row."""
        raise InputError(self.where, expected, repair)

    def text(self, column: str) -> str:
        """The column as text that is not empty; numbers in plain decimal. Raises `InputError` where there is none."""
        text = self.maybe(column)
        if text is None:
            self.fail(
                f"a value in the column {column!r} (the row has {', '.join(sorted(self.values)) or 'no columns'})",
                "mend the row, or name the benchmark whose layout the file has",
            )
        return text

    def maybe(self, column: str) -> str | None:
        """The column as text, or None where it is missing, null or blank."""
        value = self.values.get(column)
        if value is None or isinstance(value, list | dict):
            return None
        return plain_text(value).strip() or None

    def texts(self, column: str) -> list[str]:
        """A column that holds a list of texts, or one text. Raises `InputError` for an empty one."""
        value = self.values.get(column)
        items = value if isinstance(value, list) else [value]
        texts = [plain_text(item).strip() for item in items if item is not None]
        if not any(texts):
            self.fail(f"a value in the column {column!r}", "mend or remove the row")
        return [text for text in texts if text]


def plain_text(value: object) -> str:
    """A JSON value as text. 27.0 is `27`; other floats keep 15 digits, so 0.1 + 0.2 is `0.3`; never an exponent."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if value.is_integer():
        return str(int(value))
    text = format(Decimal(format(value, f".{_DOUBLE_DIGITS}g")), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file. Raises `InputError` that names the line which is none."""
    if not path.is_file():
        raise InputError(str(path), "a file that exists", "check the path")
    if path.suffix == ".parquet":
        try:
            values = pq.read_table(path).to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(str(path), f"a Parquet file ({error})", "fetch it again") from None
        yield from (Row(path, number, row) for number, row in enumerate(values, start=1))
    elif path.suffix == ".json":
        yield from _listed(path)
    elif path.name.endswith((".jsonl", ".jsonl.gz", ".ndjson")):
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield _row(path, number, _parsed(path, number, line))
    else:
        raise InputError(str(path), "a file that ends in .jsonl, .jsonl.gz, .json or .parquet", "convert it")


def _lines(path: Path) -> Iterator[str]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                yield from lines
        else:
            with path.open(encoding="utf-8") as lines:
                yield from lines
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(str(path), f"readable text ({error})", "fetch the file again") from None


def _listed(path: Path) -> Iterator[Row]:
    value = _parsed(path, 1, "".join(_lines(path)))
    if isinstance(value, dict):  # one object a problem under its number, as OpenCompass writes
        value = list(value.values()) if value and all(isinstance(item, dict) for item in value.values()) else [value]
    if not isinstance(value, list):
        raise InputError(str(path), "a JSON list of objects", "write [{…}, …], or JSON Lines")
    for number, item in enumerate(value, start=1):
        yield _row(path, number, item)


def _parsed(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}, line {number}", f"JSON ({error})", "mend or remove the line") from None


def _row(path: Path, number: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{path}, line {number}", "a JSON object", 'write each item as {"question": …}')
    return Row(path, number, value)
