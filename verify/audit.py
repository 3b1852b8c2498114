"""`mathpipe verify FILE --audit`: the same rows under several rules, and the rows that make their scores differ.

In: a file of answers, names of rules (`graders`). Out: `<file>.audit.jsonl` with every row on which two rules
disagree and what each says, and an `Audit`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.progress import Progress
from mathpipe.core.store import disk_faults
from verify.claims import AnswerClaim
from verify.grade_file import VerifyConfig
from verify.graders import Grade, Grader
from verify.rows import Columns, claim_of, find_columns, read_rows

_CHUNK = 200  # rows between two steps of the progress bar
_THREADS = 4  # they wait for workers, of which there is one a CPU


@dataclass(slots=True)
class Audit:
    """Scores by rule, and on how many rows each two disagree."""

    output: Path
    graders: list[Grader]
    rows: int = 0
    correct: Counter[str] = field(default_factory=Counter)
    ungraded: Counter[str] = field(default_factory=Counter)
    disagreements: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def score(self, rule: str) -> float:
        """Share of all rows that the rule calls correct."""
        return self.correct[rule] / self.rows if self.rows else 0.0


def audit_file(
    path: Path, graders: Sequence[Grader], config: VerifyConfig, output: Path | None = None, *, quiet: bool = False
) -> Audit:
    """Grade every row by every rule. Raises `InputError` for a file that cannot be read or holds no answers."""
    first = next(read_rows(path), None)
    if first is None:
        raise InputError(str(path), "at least one row", "give a file with rows")
    columns = find_columns(first, str(path), reference=config.reference, candidate=config.candidate)
    if not columns.candidate:
        raise InputError(str(path), "rows with a reference and a candidate", "audit compares rules for answers")
    output = output or path.with_name(path.name.removesuffix(".gz").rpartition(".")[0] + ".audit.jsonl")
    audit = Audit(output, list(graders))
    total = sum(1 for _ in islice(read_rows(path), config.limit))
    with disk_faults(output), Progress(quiet=quiet) as progress:
        progress.start_step("audit", -(-total // _CHUNK))
        temporary = output.with_name(f".{output.name}.partial")
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
            for row, grades in _graded(path, columns, graders, config):
                line = _count(audit, row, grades, columns)
                if line is not None:
                    file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
                if audit.rows % _CHUNK == 0 or audit.rows == total:
                    progress.advance("audit", _CHUNK, 0)
        progress.finish_step("audit", total, sum(audit.disagreements.values()))
        temporary.replace(output)
    return audit


def _graded(
    path: Path, columns: Columns, graders: Sequence[Grader], config: VerifyConfig
) -> Iterator[tuple[dict[str, Any], dict[str, Grade]]]:
    def grade(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Grade]]:
        claim = claim_of(row, columns)
        if not isinstance(claim, AnswerClaim):
            return row, {}
        return row, {grader.name: grader.grade(claim.reference, claim.candidate) for grader in graders}

    rows = islice(read_rows(path), config.limit)
    with ThreadPoolExecutor(config.workers or _THREADS) as threads:
        while chunk := list(islice(rows, _CHUNK)):
            yield from threads.map(grade, chunk)


def _count(audit: Audit, row: dict[str, Any], grades: dict[str, Grade], columns: Columns) -> dict[str, Any] | None:
    """The line of a row on which rules disagree; None where they agree."""
    audit.rows += 1
    for name, grade in grades.items():
        audit.correct[name] += grade.correct is True
        audit.ungraded[name] += grade.correct is None
    differ = [
        (one, other)
        for one, other in combinations(grades, 2)
        if bool(grades[one].correct) != bool(grades[other].correct)
    ]
    if not differ:
        return None
    audit.disagreements.update(differ)
    line = {
        "row": audit.rows - 1,
        "reference": row.get(columns.reference),
        "candidate": row.get(columns.candidate),
        "grades": {name: {"correct": grade.correct, "why": grade.why} for name, grade in grades.items()},
    }
    audit.examples.append(line)
    return line
