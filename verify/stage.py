"""Verification as a step of a run: rows in shards, on Ray, resumed like every other step.

In: files of rows (`rows`), one a shard. Out: `VerifiedRow`s in Parquet shards. Each shard has a worker of its own
that is killed at a claim's limit, so that a hostile row costs its own verdict only.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.records import Drop, Outcome, record_id_of
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.step import Files, Step
from verify.claims import AnswerClaim, Claim
from verify.pool import PoolLimits, VerifierPool
from verify.rows import claim_of, find_columns, read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One row: what is asked of the verifier, and the row itself as JSON."""

    record_id: str
    reference: str
    candidate: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRow:
    """A row with its verdict."""

    record_id: str
    reference: str
    candidate: str
    outcome: Outcome
    reason: str
    detail: str
    seconds: float
    row: str


class VerifyStageConfig(Config):
    """Columns of the rows (looked for where empty) and limits of a claim."""

    reference: str = ""
    candidate: str = ""
    pool: PoolLimits = PoolLimits()


class VerifyRunConfig(Config):
    """A run that verifies shards."""

    name: str = Field(pattern=r"^[\w.-]+$")
    output: Path = Path("data/runs")
    sources: list[str]  # `.jsonl`, `.jsonl.gz` and `.parquet` files, or globs of them
    verify: VerifyStageConfig = VerifyStageConfig()
    runner: RunnerConfig = RunnerConfig()


class VerifyStage(Stage[AnswerRow, VerifiedRow]):
    """A verdict for every row."""

    def __init__(self, config: VerifyStageConfig, context: StageContext) -> None:
        self._limits = config.pool

    def run(self, shard: Iterable[AnswerRow]) -> Iterator[VerifiedRow | Drop]:
        """One verified row for each row, in order."""
        waiting: deque[AnswerRow] = deque()

        def claims() -> Iterator[Claim]:
            for row in shard:
                waiting.append(row)
                yield AnswerClaim(row.reference, row.candidate)

        with VerifierPool(1, self._limits) as pool:
            for verdict in pool.map(claims()):
                row = waiting.popleft()
                yield VerifiedRow(
                    record_id=row.record_id,
                    reference=_storable(row.reference),
                    candidate=_storable(row.candidate),
                    outcome=verdict.outcome,
                    reason=verdict.reason,
                    detail=_storable(verdict.detail),
                    seconds=verdict.seconds,
                    row=_storable(row.row),
                )


def _storable(text: str) -> str:
    """Arrow holds no lone surrogates: each becomes a question mark."""
    return text.encode("utf-8", errors="replace").decode()


def read_answer_rows(path: str, *, reference: str = "", candidate: str = "") -> Iterator[AnswerRow]:
    """The rows of one file."""
    columns = None
    for number, row in enumerate(read_rows(Path(path))):
        if columns is None:
            columns = find_columns(row, path, reference=reference, candidate=candidate)
        claim = claim_of(row, columns)
        if not isinstance(claim, AnswerClaim):
            raise InputError(path, "rows with a reference and a candidate", "verify proofs and programs file by file")
        yield AnswerRow(
            record_id=record_id_of(path, number),
            reference=claim.reference,
            candidate=claim.candidate,
            row=json.dumps(row, ensure_ascii=False, default=str),
        )


def verification_steps(config: VerifyRunConfig) -> list[Step]:
    """The one step of such a run. Raises `InputError` where a source matches nothing."""
    paths = tuple(str(path) for source in config.sources for path in _files(source))
    reader = partial(read_answer_rows, reference=config.verify.reference, candidate=config.verify.candidate)
    return [Step("verify", VerifyStage, config.verify, Files(paths, reader), AnswerRow, VerifiedRow)]


def _files(source: str) -> list[Path]:
    path = Path(source)
    found = [path] if path.is_file() else sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
    if not found:
        raise InputError(source, "a file or glob that matches something", "check the path")
    return found
