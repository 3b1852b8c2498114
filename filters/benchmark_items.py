"""Benchmark files as items: what must not be in the corpus.

In: JSON Lines, JSON or Parquet files of any benchmark. Out: `BenchmarkItem` records: a question (split questions
joined) with its solution. A formal statement (Lean) is an item of its own, of the benchmark `<name>/formal`, since
either form alone gives the problem away. Field names differ between benchmarks; the layouts below cover the usual
ones, and `BenchmarkFile` names the fields of any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError

# Fields that make up a question, tried in order: the first layout of which a row has every field.
_QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("Body", "Question"),
    ("body", "question"),
    ("context", "question"),
    ("question",),
    ("problem",),
    ("informal_prefix",),
    ("informal_statement",),
    ("input",),
    ("prompt",),
    ("text",),
)
_STATEMENTS: tuple[tuple[str, ...], ...] = (("formal_statement",), ("lean4_code",), ())
_SOLUTIONS: tuple[tuple[str, ...], ...] = (("solution",), ("formal_proof",), ("answer",), ())
_NAMES: tuple[tuple[str, ...], ...] = (("unique_id",), ("name",), ("id",), ("ID",), ("idx",), ())
_LEAN_COMMENT = re.compile(r"/--?|-/")


class BenchmarkFile(Config):
    """One file, and the names of its fields where they are unusual; fields named together are joined."""

    path: Path
    name: str | None = None  # default: the file's name without its suffix
    question: tuple[str, ...] | None = None
    statement: tuple[str, ...] | None = None
    solution: tuple[str, ...] | None = None
    item_id: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkItem:
    """One question of a benchmark, in words or, where `formal`, in Lean."""

    benchmark: str
    item_id: str
    question: str
    solution: str = ""
    formal: bool = False


def load_benchmark(file: Path | BenchmarkFile) -> list[BenchmarkItem]:
    """Items of one file in order. `item_id` is the file's own id where it is unique there, else the row number."""
    source = file if isinstance(file, BenchmarkFile) else BenchmarkFile(path=file)
    rows = list(_rows(source.path))
    if not rows:
        raise InputError(str(source.path), "a benchmark with at least one item", "check the file")
    names = [_name(row, source) for row in rows]
    unique = len(set(names)) == len(names) and all(names)
    return [
        item
        for index, row in enumerate(rows)
        for item in _items(row, names[index] if unique else str(index), source, f"{source.path} row {index}")
    ]


def read_benchmark(path: str) -> Iterator[BenchmarkItem]:
    """The items of a file by its path: the reader of a step whose sources are benchmark files."""
    yield from load_benchmark(Path(path))


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        raise InputError(str(path), "a benchmark file", "give the path of a .jsonl, .json or .parquet file")
    if path.suffix == ".parquet":
        try:
            yield from pq.read_table(path).to_pylist()
        except pa.ArrowInvalid as error:
            raise InputError(str(path), f"a Parquet file ({error})", "fetch it again") from error
    elif path.suffix == ".json":
        yield from _objects(path, json_list(path))
    elif path.suffix in (".jsonl", ".ndjson"):
        with path.open(encoding="utf-8") as lines:
            values = (parsed(path, number, line) for number, line in enumerate(lines) if line.strip())
            yield from _objects(path, values)
    else:
        raise InputError(str(path), "a file of .jsonl, .json or .parquet", "convert it to one of these")


def _objects(path: Path, values: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise InputError(f"{path} row {index}", "a JSON object", 'write each item as {"question": …}')
        yield value


def json_list(path: Path) -> list[Any]:
    """The array that a JSON file holds."""
    value = parsed(path, 0, path.read_text(encoding="utf-8"))
    if not isinstance(value, list):
        raise InputError(str(path), "a JSON array of items", "write the items as [{…}, …] or as JSON Lines")
    return value


def parsed(path: Path, number: int, text: str) -> Any:
    """One JSON value, or an error that names file and line."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} line {number + 1}", f"JSON ({error})", "mend or remove the line") from error


def _items(row: Mapping[str, Any], item_id: str, source: BenchmarkFile, where: str) -> Iterator[BenchmarkItem]:
    question = _joined(row, _layout(row, source.question, _QUESTIONS, where))
    statement = _joined(row, _layout(row, source.statement, _STATEMENTS, where))
    solution = _joined(row, _layout(row, source.solution, _SOLUTIONS, where))
    name = source.name or source.path.stem
    if not question and not statement:
        raise InputError(where, "a question that is not empty", "fill it or remove the row")
    if statement:
        question = _LEAN_COMMENT.sub(" ", question).strip()
    if question:
        yield BenchmarkItem(benchmark=name, item_id=item_id, question=question, solution=solution)
    if statement:
        formal = f"{name}/formal"
        yield BenchmarkItem(benchmark=formal, item_id=item_id, question=statement, solution=solution, formal=True)


def _name(row: Mapping[str, Any], source: BenchmarkFile) -> str:
    return _joined(row, _layout(row, source.item_id, _NAMES, str(source.path)))


def _layout(
    row: Mapping[str, Any], chosen: tuple[str, ...] | None, usual: tuple[tuple[str, ...], ...], where: str
) -> tuple[str, ...]:
    layouts = usual if chosen is None else (chosen,)
    for layout in layouts:
        if all(name in row for name in layout):
            return layout
    wanted = " or ".join("+".join(layout) for layout in layouts)
    raise InputError(where, f"the fields {wanted} (it has {', '.join(sorted(row))})",
                     "name the file's own fields in `question`, `statement`, `solution` or `item_id`")  # fmt: skip


def _joined(row: Mapping[str, Any], layout: tuple[str, ...]) -> str:
    return " ".join(piece for name in layout for piece in _pieces(row[name])).strip()


def _pieces(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(piece).strip() for piece in value if piece is not None]
    return [str(value).strip()]
