"""`mathpipe verify FILE`: every row judged, verdict columns written beside it, a summary by outcome.

In: a file of rows (`rows`). Out: `<file>.verdicts.jsonl` with the columns `outcome`, `reason`, `detail`, `seconds`
and `grader` added, and a `Summary`. Written to a temporary file that a killed run leaves and the next one goes on
from; the finished file appears at once.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

import mathpipe
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.progress import Progress
from mathpipe.core.records import Outcome, Verdict
from mathpipe.core.store import disk_faults
from verify.claims import Claim
from verify.pool import PoolLimits, VerifierPool
from verify.pool_metrics import PoolMetrics
from verify.rows import Columns, claim_of, find_columns, label_of, read_rows

_CHUNK = 1_000  # rows between two steps of the progress bar
_SHOWN_DISAGREEMENTS = 20


class VerifyConfig(Config):
    """How a file is judged; empty column names are looked for."""

    reference: str = ""
    candidate: str = ""
    workers: int | None = Field(default=None, ge=1)  # None: one a CPU
    limit: int | None = Field(default=None, ge=1)  # only so many rows
    pool: PoolLimits = PoolLimits()


@dataclass(slots=True)
class Summary:
    """What the file came to."""

    output: Path
    rows: int = 0
    resumed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    confusion: Counter[tuple[bool, bool]] = field(default_factory=Counter)  # (label, verdict)
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    metrics: PoolMetrics = field(default_factory=PoolMetrics)


def grade_file(path: Path, config: VerifyConfig, output: Path | None = None, *, quiet: bool = False) -> Summary:
    """Judge a file. Raises `InputError` for a file that cannot be read or lacks the columns."""
    first = next(read_rows(path), None)
    if first is None:
        raise InputError(str(path), "at least one row", "give a file with rows")
    columns = find_columns(first, str(path), reference=config.reference, candidate=config.candidate)
    if output is not None and output.suffix in (".gz", ".parquet"):
        raise InputError(str(output), "a name for JSON lines", "let it end in .jsonl")
    output = output or path.with_name(path.name.removesuffix(".gz").rpartition(".")[0] + ".verdicts.jsonl")
    partial = output.with_name(f".{output.name}.{_key(path, config, columns)}.partial")
    summary = Summary(output)
    total = sum(1 for _ in islice(read_rows(path), config.limit))
    with disk_faults(output), Progress(quiet=quiet) as progress:
        summary.resumed = _drop_torn_line(partial)
        progress.start_step("verify", -(-total // _CHUNK), summary.resumed // _CHUNK)
        with partial.open("a", encoding="utf-8", errors="backslashreplace") as file:
            rows = islice(read_rows(path), summary.resumed, config.limit)
            for number, row in enumerate(_judged(rows, columns, config, summary), start=summary.resumed + 1):
                line = json.dumps(row, ensure_ascii=False, default=str) + "\n"
                file.write(line)
                if number % _CHUNK == 0 or number == total:
                    file.flush()
                    progress.advance("verify", _CHUNK, len(line) * _CHUNK)
        progress.finish_step("verify", total, total)
        partial.replace(output)
    for row in read_rows(output):
        _count(summary, row, columns)
    return summary


def _key(path: Path, config: VerifyConfig, columns: Columns) -> str:
    """Another file, other columns or other limits begin anew."""
    stamp = path.stat()
    parts = [str(path.resolve()), str(stamp.st_size), str(stamp.st_mtime_ns), mathpipe.version()]
    parts += [str(config.limit), config.pool.model_dump_json(), json.dumps(asdict(columns))]
    return blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=6).hexdigest()


def _drop_torn_line(partial: Path) -> int:
    """How many rows an earlier run has finished; a line that a kill tore is cut off."""
    if not partial.exists():
        return 0
    data = partial.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with partial.open("r+b") as file:
            file.truncate(whole)
    return data.count(b"\n", 0, whole)


def _judged(
    rows: Iterator[dict[str, Any]], columns: Columns, config: VerifyConfig, summary: Summary
) -> Iterator[dict[str, Any]]:
    waiting: deque[dict[str, Any]] = deque()

    def claims() -> Iterator[Claim]:
        for row in rows:
            waiting.append(row)
            yield claim_of(row, columns)

    with VerifierPool(config.workers, config.pool) as pool:
        for verdict in pool.map(claims()):
            yield {**waiting.popleft(), **verdict_columns(verdict)}
        summary.metrics = pool.metrics()


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """What is added to a row."""
    return {
        "outcome": str(verdict.outcome),
        "reason": verdict.reason,
        "detail": verdict.detail,
        "seconds": round(verdict.seconds, 6),
        "grader": f"mathpipe {mathpipe.version()}",
    }


def _count(summary: Summary, row: dict[str, Any], columns: Columns) -> None:
    outcome = row["outcome"]
    summary.rows += 1
    summary.outcomes[outcome] += 1
    summary.reasons[outcome, row["reason"]] += 1
    label = label_of(row, columns)
    if label is None:
        return
    correct = outcome == Outcome.CORRECT
    summary.confusion[label, correct] += 1
    if label != correct and len(summary.disagreements) < _SHOWN_DISAGREEMENTS:
        summary.disagreements.append(row)
