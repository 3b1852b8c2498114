"""Hands the records of a shard to a per-record stage, and knows at every moment which record it is at.

In: records and a stage. Out: the stage's answers. A record that makes the stage raise is quarantined and the rest go
on; a record at which a worker died or hung is found by its mark, a small file that the driver reads.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mathpipe.core.errors import CorruptShardError, DiskFullError, MathpipeError, StageError
from mathpipe.core.metrics import Failure
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage
from mathpipe.core.store import disk_faults

# A record shows where a task is: 32 hex digits and the URL, padded so that each write covers the last.
_MARK_BYTES = 256
# A message may quote the record it is about: enough to recognise it, not a second copy of it.
_MESSAGE_CHARS, _TRACEBACK_CHARS = 1_000, 20_000


class Mark:
    """The record a task is at, in a small file: the driver reads it when the worker is gone or stuck.

    The file is there from a task's start; it is blank before the first record and after the last.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def at(self, record: Any) -> None:
        """Note the record about to be worked on."""
        line = f"{getattr(record, 'record_id', '')}\t{getattr(record, 'url', '')}".encode(errors="replace")
        os.pwrite(self._handle, line[:_MARK_BYTES].ljust(_MARK_BYTES), 0)

    def clear(self) -> None:
        """No record is to blame for what comes now."""
        os.ftruncate(self._handle, 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    @staticmethod
    def path_of(folder: Path, shard: int) -> Path:
        """Where a shard's mark lies."""
        return folder / ".tmp" / f"at-{shard:05d}"

    @staticmethod
    def read(path: Path) -> tuple[str, str]:
        """The record id and URL last noted, or two empty strings."""
        try:
            text = path.read_bytes().decode(errors="replace").rstrip()
        except FileNotFoundError:
            return "", ""
        record_id, _, url = text.partition("\t")
        return record_id, url


class Quarantine:
    """The records of one shard that failed. More than `limit` of them are no poison but a fault of ours."""

    def __init__(self, step: str, shard: int, limit: int | None = None) -> None:
        self._step = step
        self._shard = shard
        self._limit = limit
        self.failures: list[Failure] = []
        self.last_error: Exception | None = None

    def add(self, record_id: str, url: str, reason: str, message: str, error: Exception | None = None) -> None:
        """Note one failure; raises `StageError` at the first one over the limit."""
        self.last_error = error
        trace = "" if error is None else "".join(traceback.format_exception(error))
        self.failures.append(
            Failure(self._step, self._shard, record_id, printable(url), reason,
                    printable(message)[:_MESSAGE_CHARS], printable(trace)[-_TRACEBACK_CHARS:])
        )  # fmt: skip
        if self._limit is not None and len(self.failures) > self._limit:
            raise StageError(
                f"step {self._step}, shard {self._shard}",
                f"at most {self._limit} of its records fail (the last: {reason}: {self.failures[-1].message})",
                "mend the stage, or raise runner.max_quarantined_per_shard",
            ) from error


class Feed:
    """Hands records to a per-record stage and knows which are still unanswered."""

    def __init__(
        self, records: Iterator[Any], mark: Mark, quarantine: Quarantine, *,
        skip: Mapping[str, str], one_by_one: bool, where: str, folder: Path,
    ) -> None:  # fmt: skip
        self._records = records
        self._mark = mark
        self._quarantine = quarantine
        self._skip = skip
        self._one_by_one = one_by_one
        self._where = where
        self._folder = folder
        self._pending: deque[Any] = deque()
        self._broken: MathpipeError | None = None
        self._exhausted = False
        self.rows_in = 0

    def answers(self, stage: Stage[Any, Any]) -> Iterator[Any | Drop]:
        """An answer for each record, but for those that are quarantined."""
        while not self._exhausted:
            before = self.rows_in
            yield from self._until_it_raises(stage)
            if self.rows_in == before and not self._exhausted:
                raise StageError(self._where, "the stage takes its records", "mend the stage: its run asks for none")
        self._mark.clear()

    def _next(self) -> Any | None:
        """The next record to work on; skipped ones are counted as failures on the way."""
        try:
            for record in self._records:
                self.rows_in += 1
                reason = self._skip.get(record.record_id)
                if reason is None:
                    return record
                self._fail(record, reason, "the worker did not survive this record")
        except MathpipeError as error:
            self._broken = error
            raise
        except Exception as error:
            self._broken = StageError(
                self._where,
                f"its input can be read to the end ({type(error).__name__}: {error})",
                "look at the files named in the ledger's traceback",
            )
            raise self._broken from error
        self._exhausted = True
        return None

    def _pull(self) -> Iterator[Any]:
        while (record := self._next()) is not None:
            self._mark.at(record)
            self._pending.append(record)
            yield record
            if self._one_by_one:
                return

    def _answered(self, record_id: str) -> None:
        for index, record in enumerate(self._pending):  # nearly always the first
            if record.record_id == record_id:
                del self._pending[index]
                return
        self._broken = StageError(
            self._where,
            f"each record is answered once, under its own id ({record_id!r} is none that waits for an answer)",
            "mend the stage: an output or a Drop carries its record's record_id",
        )
        raise self._broken

    def _until_it_raises(self, stage: Stage[Any, Any]) -> Iterator[Any | Drop]:
        """Answers until the source ends or the stage raises; then the unanswered records are tried singly."""
        try:
            with disk_faults(self._folder):
                for answer in stage.run(self._pull()):
                    self._answered(answer.record_id)
                    yield answer
        except (DiskFullError, CorruptShardError):
            raise
        except Exception as error:
            # The runner is the one place that outlives any stage error, unless the source itself is broken.
            if self._broken is not None:
                raise
            pending, self._pending = self._pending, deque()
            if not pending:
                raise StageError(
                    self._where,
                    f"the stage works outside its records ({type(error).__name__}: {error})",
                    "mend the stage; no record is to blame",
                ) from error
            if len(pending) == 1:
                self._fail(pending[0], type(error).__name__, str(error), error)
                return
            for record in pending:
                yield from self._single(stage, record)

    def _single(self, stage: Stage[Any, Any], record: Any) -> list[Any | Drop]:
        self._mark.at(record)
        try:
            with disk_faults(self._folder):
                return list(stage.run(iter([record])))
        except (DiskFullError, CorruptShardError):
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(record, type(error).__name__, str(error), error)
            return []

    def _fail(self, record: Any, reason: str, message: str, error: Exception | None = None) -> None:
        self._quarantine.add(record.record_id, getattr(record, "url", ""), reason, message, error)


def printable(text: str) -> str:
    """The text as UTF-8 can hold it: hostile pages carry lone surrogates."""
    return text.encode(errors="replace").decode()
