"""`read_benchmark`: a benchmark's file as `Problem` records.

In: a path, and the benchmark's name where the file's own name does not tell it. Out: problems in the file's order.
A file of no known benchmark is read by the usual column names (`code_layouts.usual`), its stem as the source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mathpipe.core.records import Problem, ProblemKind, record_id_of
from mathpipe.generate.problems.code_layouts import usual
from mathpipe.generate.problems.layouts import Parts
from mathpipe.generate.problems.registry import BENCHMARKS, Benchmark, Comparison, benchmark_of_file
from mathpipe.generate.problems.rows import Row, read_rows

_SUFFIXES = (".jsonl.gz", ".jsonl", ".ndjson", ".json", ".parquet")


def read_benchmark(path: Path | str, name: str | None = None, *, split: str | None = None) -> Iterator[Problem]:
    """The problems of a file. `problem_id` is made of source and question (and Lean statement) alone.

    A question that comes again in one file (ASDiv, MAWPS and CollegeMath have some) gets an id with its ordinal, so
    that every row stays a problem. Raises `InputError` that names file and line for a row that does not fit, and
    for a file without rows.
    """
    path = Path(path)
    benchmark, usual_split = _benchmark(path, name)
    seen: Counter[str] = Counter()
    for row in read_rows(path):
        parts = benchmark.layout(row)
        base = problem_id_of(benchmark.name, parts)
        seen[base] += 1
        again = seen[base]
        yield Problem(
            problem_id=base if again == 1 else record_id_of(base, again),
            source=benchmark.name,
            split=split or parts.split or usual_split,
            kind=_kind(parts, benchmark),
            question=parts.question,
            answer=parts.answer,
            solution=parts.solution,
            statement=parts.statement,
            tests=list(parts.tests),
            subject=parts.subject,
            level=parts.level,
            license=parts.license or benchmark.licence,
            origin=f"{path.name}:{row.number}",
        )
    if not seen:
        Row(path, 1, {}).fail("at least one problem", "check the file")


def _kind(parts: Parts, benchmark: Benchmark) -> ProblemKind:
    if parts.statement:
        return ProblemKind.PROOF
    return ProblemKind.CODE if parts.tests else benchmark.kind


def problem_id_of(source: str, parts: Parts) -> str:
    """The id of a problem that is not a repetition."""
    return record_id_of(source, parts.question, *([parts.statement] if parts.statement else []))


def _benchmark(path: Path, name: str | None) -> tuple[Benchmark, str]:
    stem = next((path.name.removesuffix(suffix) for suffix in _SUFFIXES if path.name.endswith(suffix)), path.stem)
    known = benchmark_of_file(stem)
    if name is None:
        return known or (_unknown(stem), "test")
    benchmark = BENCHMARKS.get(name)
    if benchmark is None:
        return _unknown(name), "test"
    return benchmark, known[1] if known is not None and known[0] is benchmark else "test"


def _unknown(name: str) -> Benchmark:
    return Benchmark(name, name, "", None, usual, comparison=Comparison.VALUE)
