"""How much of a benchmark a training set holds, and problems kept apart from benchmarks: the rule of `filters`.

In: problems, and texts or other problems. Out: which problems are found in the texts, or problems that hold none.
The rule (10-grams of words, whole short items, two forms of the text) is told in `filters.benchmark_index`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from filters import decontaminate
from filters.benchmark_index import BenchmarkIndex, IndexConfig
from filters.benchmark_items import BenchmarkItem
from filters.build_benchmark_index import build_index
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page, Problem
from mathpipe.generate.problems import normal_question
from mathpipe.generate.problems.rows import read_rows

_TEXT_COLUMNS = ("title", "text", "question", "problem", "prompt", "completion", "solution", "response", "content")
_SUFFIXES = ("*.parquet", "*.jsonl", "*.jsonl.gz", "*.json")


@dataclass(slots=True)
class ContaminationFound:
    """What was looked through, and the problems found in it with the words that matched."""

    training_set: str
    rule: str
    texts: int = 0
    by_problem: dict[str, str] = field(default_factory=dict)


def index_of(problems: Iterable[Problem], config: IndexConfig | None = None) -> BenchmarkIndex:
    """An index of the problems' questions and Lean statements; item ids are problem ids."""
    items: list[BenchmarkItem] = []
    for problem in problems:
        name = problem.problem_id
        items.append(BenchmarkItem(benchmark=problem.source, item_id=name, question=problem.question))
        if problem.statement:
            formal = f"{problem.source}/formal"
            items.append(BenchmarkItem(benchmark=formal, item_id=name, question=problem.statement, formal=True))
    return build_index(items, config)


def find_contamination(
    problems: Iterable[Problem], texts: Iterable[str], *, training_set: str = "", config: IndexConfig | None = None
) -> ContaminationFound:
    """Which of the problems stand in the texts. Problems with the same question are found together."""
    listed = list(problems)
    index = index_of(listed, config)
    alike: dict[str, list[str]] = defaultdict(list)
    for problem in listed:
        alike[normal_question(problem.question)].append(problem.problem_id)
    keys = {problem.problem_id: normal_question(problem.question) for problem in listed}
    rule = (
        f"{index.config.ngram}-grams of words, {index.config.unspaced_ngram} characters of Chinese; short items whole"
    )
    found = ContaminationFound(training_set, rule)
    for text in texts:
        found.texts += 1
        for hit in index.hits(text):
            _, problem_id = index.names[hit.item]
            for same in alike[keys[problem_id]]:
                found.by_problem.setdefault(same, f"{hit.form}: {hit.matched}")
    return found


def training_texts(path: Path) -> Iterator[str]:
    """The texts of a file, or of every shard in a folder: a row's text columns and chat messages are one text."""
    files = [path] if path.is_file() else sorted(file for suffix in _SUFFIXES for file in path.rglob(suffix))
    if not files:
        raise InputError(str(path), "a file or folder of .parquet or .jsonl", "check the path of the training set")
    for file in files:
        if file.suffix == ".parquet":
            yield from _parquet_texts(file)
        else:
            yield from (_text_of(row.values, str(file)) for row in read_rows(file))


def _parquet_texts(path: Path) -> Iterator[str]:
    try:
        table = pq.ParquetFile(path)
        columns = [name for name in table.schema_arrow.names if name in (*_TEXT_COLUMNS, "messages")]
        for batch in table.iter_batches(1_000, columns=columns):
            yield from (_text_of(row, str(path)) for row in batch.to_pylist())
    except pa.ArrowInvalid as error:
        raise InputError(str(path), f"a Parquet file ({error})", "write it again") from None


def _text_of(row: object, where: str) -> str:
    values = row if isinstance(row, dict) else {}
    parts = [value for name in _TEXT_COLUMNS if isinstance(value := values.get(name), str)]
    for name in ("prompt", "completion", "messages"):
        messages = values.get(name)
        if isinstance(messages, list):
            parts += [str(message.get("content", "")) for message in messages if isinstance(message, dict)]
    if not parts:
        raise InputError(
            where, f"one of the columns {', '.join(_TEXT_COLUMNS)}, messages", "rename the text's column"
        )
    return "\n\n".join(parts)


def without_contamination(problems: Iterable[Problem], against: Iterable[Problem]) -> Iterator[Problem | Drop]:
    """Each problem, or the `Drop` that says which of `against` its question or solution holds."""
    index = index_of(against)
    listed = list(problems)
    for problem, page in zip(listed, decontaminate(map(_page, listed), index), strict=True):
        yield page if isinstance(page, Drop) else problem


def _page(problem: Problem) -> Page:
    parts = [problem.question, problem.solution, problem.statement]
    text = "\n\n".join(part for part in parts if part)
    return Page(record_id=problem.problem_id, url=problem.origin, host=problem.source, title="", text=text)
