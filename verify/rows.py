"""Rows to be judged, from JSON lines and Parquet files: read, and turned into claims.

In: a path, and the names of the columns or nothing (then common names are looked for). Out: rows with their claims.
"""

from __future__ import annotations

import difflib
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from verify.claims import AnswerClaim, Claim, IoTest, ProgramClaim, ProofClaim

REFERENCES = ("reference", "gold", "answer", "ground_truth", "gt", "target", "final_answer", "solution")
CANDIDATES = ("candidate", "pred", "prediction", "completion", "response", "generation", "output", "model_answer")
LABELS = ("expected", "label", "is_correct")
_STATEMENTS = ("statement", "formal_statement")
_PROOFS = ("proof", "formal_proof")
_PROGRAMS = ("code", "program")
_HASHES = "####"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row's parts are. Exactly one of the three kinds is asked for: an answer, a proof or a program."""

    reference: str = ""
    candidate: str = ""
    statement: str = ""
    proof: str = ""
    code: str = ""
    label: str = ""


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a `.jsonl`, `.jsonl.gz` or `.parquet` file. Raises `InputError` with the line that is none."""
    if not path.is_file():
        raise InputError(str(path), "a file that exists", "check the path")
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    for number, line in _lines(path):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"{path}, line {number}", f"a JSON object ({error})", "mend or remove the line"
                ) from None
            if not isinstance(row, dict):
                raise InputError(
                    f"{path}, line {number}", f"a JSON object, not {type(row).__name__}", "mend the line"
                )
            yield row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with _opened(path) as lines:
            yield from enumerate(lines, start=1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(str(path), f"a whole gzip file ({error})", "write it again") from None


def _opened(path: Path) -> IO[str]:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape")
    return path.open(encoding="utf-8", errors="surrogateescape")


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(str(path), f"a Parquet file ({error})", "write it again") from None
    for batch in table.iter_batches(batch_size=1024):
        yield from batch.to_pylist()


def find_columns(row: Mapping[str, Any], where: str, *, reference: str = "", candidate: str = "") -> Columns:
    """The columns of a file by its first row. Raises `InputError` that names the nearest ones."""
    label = _first(row, LABELS)
    if not reference and not candidate:
        statement, proof, code = _first(row, _STATEMENTS), _first(row, _PROOFS), _first(row, _PROGRAMS)
        if statement and proof:
            return Columns(statement=statement, proof=proof, label=label)
        if isinstance(row.get(code), str):
            label = "" if label == "expected" and "stdin" in row else label  # what the program is to print
            return Columns(code=code, reference=_first(row, REFERENCES), label=label)
    return Columns(
        reference=_column(row, where, reference, REFERENCES, "reference"),
        candidate=_column(row, where, candidate, CANDIDATES, "candidate"),
        label=label,
    )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((name for name in names if name in row), "")


def _column(row: Mapping[str, Any], where: str, asked: str, usual: Sequence[str], part: str) -> str:
    if asked in row:
        return asked
    found = "" if asked else _first(row, usual)
    if found:
        return found
    near = difflib.get_close_matches(asked, list(row), n=1) if asked else []
    there = ", ".join(map(str, row)) or "none"
    repair = f"did you mean --{part} {near[0]}?" if near else f"name one of its columns with --{part} ({there})"
    raise InputError(where, f"a column {asked!r}" if asked else f"a column with the {part}", repair)


def claim_of(row: Mapping[str, Any], columns: Columns) -> Claim:
    """The claim a row makes. A reference in GSM8K's form is cut to what stands behind its `####`."""
    if columns.statement:
        return ProofClaim(text_of(row.get(columns.statement)), text_of(row.get(columns.proof)))
    if columns.code:
        tests = tuple(_tests(row))
        reference = row.get(columns.reference or _first(row, REFERENCES))
        return ProgramClaim(text_of(row.get(columns.code)), tests, None if tests else text_of(reference))
    reference = text_of(row.get(columns.reference))
    return AnswerClaim(reference.rpartition(_HASHES)[2].strip(), text_of(row.get(columns.candidate)))


def _tests(row: Mapping[str, Any]) -> Iterator[IoTest]:
    tests = row.get("tests")
    for test in filter(lambda test: isinstance(test, dict), tests if isinstance(tests, list) else ()):
        yield IoTest(text_of(test.get("stdin", test.get("input"))), text_of(test.get("expected", test.get("output"))))
    if "stdin" in row and "expected" in row:
        yield IoTest(text_of(row["stdin"]), text_of(row["expected"]))


def text_of(value: object) -> str:
    """The value as text: a number as JSON writes it, the last of a list of messages, nothing for None."""
    if isinstance(value, str):
        return value
    if value is None or value == []:
        return ""
    if isinstance(value, list) and value:
        last = value[-1]
        return text_of(last.get("content") if isinstance(last, dict) else last)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def label_of(row: Mapping[str, Any], columns: Columns) -> bool | None:
    """Whether the row itself says that the candidate is right."""
    value = row.get(columns.label) if columns.label else None
    if isinstance(value, bool | int | float):
        return bool(value)
    return {"correct": True, "true": True, "1": True, "wrong": False, "false": False, "0": False}.get(
        str(value).lower()
    )
