"""One shard's work, the same inline and in a Ray worker: read, run the stage, write, publish, report.

In: a `Task`. Out: a `TaskResult` for the manifest. Output is written below `<step>/.tmp/` and renamed into place
when it is whole. A record that makes a per-record stage raise is quarantined and the rest go on; every record is
accounted for: rows in = rows out + drops + quarantined, or the task fails.
"""

from __future__ import annotations

import os
import shutil
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathpipe.core import memory
from mathpipe.core.config import Config
from mathpipe.core.errors import DiskFullError, MathpipeError, StageError
from mathpipe.core.manifest import OutputFile, ShardEntry
from mathpipe.core.metrics import Failure
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext, StepOutput
from mathpipe.core.step import Gather, SplitStage
from mathpipe.core.store import ShardWriter, corrupt, digest_file, disk_faults, fsync_folder, read_records

# A record shows where a task is: 32 hex digits and the URL, padded so that each write covers the last.
_MARK_BYTES = 256


@dataclass(frozen=True, slots=True)
class TaskInput:
    """A file to read and what its bytes must digest to ('' for a source file, which is taken as it is)."""

    path: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """All that a worker must know to make one shard."""

    step: str
    shard: int
    shard_count: int
    key: str
    folder: Path
    stage: type[Stage[Any, Any]]
    config: Config
    inputs: tuple[TaskInput, ...]
    takes: type
    makes: type
    reader: Callable[[str], Iterator[Any]] | None = None
    sides: Mapping[str, StepOutput] = field(default_factory=dict)
    split: Gather | None = None
    skip: Mapping[str, str] = field(default_factory=dict)  # record_id -> why it is not tried again
    one_by_one: bool = False  # after a crash: feed single records, so that the culprit is known
    record_timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished task says: its manifest entry, its failures, and the worker's memory now, in bytes."""

    entry: ShardEntry
    failures: tuple[Failure, ...]
    rss_bytes: int


@dataclass(slots=True)
class _Counts:
    rows_in: int = 0
    rows_out: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


class Mark:
    """The record a task is at, in a small file: the driver reads it when the worker is gone or stuck."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def at(self, record_id: str, url: str) -> None:
        """Note the record about to be worked on."""
        line = f"{record_id}\t{url}".encode()[:_MARK_BYTES]
        os.pwrite(self._handle, line.ljust(_MARK_BYTES), 0)

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


def run_task(task: Task) -> TaskResult:
    """Make one shard and publish it. Raises `MathpipeError` where the shard as a whole cannot be made."""
    started = time.perf_counter()
    memory.reset_peak()
    for item in task.inputs:
        _verify(item)
    with disk_faults(task.folder):
        work = task.folder / ".tmp" / f"{task.shard:05d}-{uuid.uuid4().hex[:8]}"
        (work / "files").mkdir(parents=True)
    try:
        with disk_faults(task.folder):
            counts, outputs = _make(task, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    entry = ShardEntry(
        shard=task.shard,
        key=task.key,
        inputs=tuple(item.path for item in task.inputs),
        rows_in=counts.rows_in,
        rows_out=counts.rows_out,
        seconds=round(time.perf_counter() - started, 3),
        peak_rss_bytes=memory.peak_rss_bytes(),
        bytes_in=sum(Path(item.path).stat().st_size for item in task.inputs if Path(item.path).exists()),
        dropped=dict(sorted(counts.dropped.items())),
        quarantined=len(counts.failures),
        outputs=outputs,
    )
    return TaskResult(entry, tuple(counts.failures), memory.rss_bytes())


def _verify(item: TaskInput) -> None:
    if not item.digest:
        return
    path = Path(item.path)
    if not path.is_file():
        raise corrupt(path, "it is missing, though its manifest lists it")
    found = digest_file(path)
    if found != item.digest:
        raise corrupt(path, f"its bytes digest to {found}, its manifest says {item.digest}")


def _make(task: Task, work: Path) -> tuple[_Counts, tuple[OutputFile, ...]]:
    counts = _Counts()
    context = StageContext(work / "files", task.sides, task.shard, task.shard_count)
    if task.split is not None:
        stage: Stage[Any, Any] = SplitStage(task.config, context, task.takes, task.split)  # type: ignore[arg-type]
    else:
        stage = task.stage(task.config, context)  # type: ignore[call-arg]
    shard_path, drops_path = work / "shard.parquet", work / "drops.parquet"
    with ShardWriter(shard_path, task.makes) as out, ShardWriter(drops_path, Drop) as drops:
        for answer in _answers(task, stage, counts):
            if isinstance(answer, Drop):
                drops.write(answer)
                counts.dropped[str(answer.reason)] = counts.dropped.get(str(answer.reason), 0) + 1
            else:
                out.write(answer)
                counts.rows_out += 1
        for failure in counts.failures:
            drops.write(Drop(failure.record_id, "quarantined", failure.url, failure.message))
    accounted = counts.rows_out + sum(counts.dropped.values()) + len(counts.failures)
    if stage.per_record and accounted != counts.rows_in:
        raise StageError(
            f"step {task.step}, shard {task.shard}",
            f"{counts.rows_in} records went in and {accounted} are accounted for",
            f"{type(stage).__name__}.run must answer each record with one output or one Drop",
        )
    published = [
        _publish(out.written.path, task.folder, f"shard-{task.shard:05d}.parquet"),
        _publish(drops.written.path, task.folder, f"drops-{task.shard:05d}.parquet"),
        *_publish_folder(work / "files", task.folder, f"files-{task.shard:05d}"),
    ]
    fsync_folder(task.folder)
    return counts, tuple(published)


def _publish(source: Path, folder: Path, name: str) -> OutputFile:
    digest, size = digest_file(source), source.stat().st_size
    source.replace(folder / name)
    return OutputFile(name, size, digest)


def _publish_folder(source: Path, folder: Path, name: str) -> list[OutputFile]:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    if not files:
        return []
    published = [
        OutputFile(f"{name}/{path.relative_to(source)}", path.stat().st_size, digest_file(path)) for path in files
    ]
    source.replace(target)
    return published


def _records(task: Task) -> Iterator[Any]:
    for item in task.inputs:
        if task.reader is not None:
            yield from task.reader(item.path)
        else:
            yield from read_records(Path(item.path), task.takes)


def _answers(task: Task, stage: Stage[Any, Any], counts: _Counts) -> Iterator[Any | Drop]:
    """Run the stage over the shard; per-record stages survive a poison record."""
    if not stage.per_record:

        def counted() -> Iterator[Any]:
            for record in _records(task):
                counts.rows_in += 1
                yield record

        yield from stage.run(counted())
        return
    feed = _Feed(task, counts)
    try:
        while not feed.exhausted:
            yield from feed.answers(stage)
    finally:
        feed.close()


class _Feed:
    """Hands records to a per-record stage and knows which are still unanswered."""

    def __init__(self, task: Task, counts: _Counts) -> None:
        self._task = task
        self._counts = counts
        self._source = _records(task)
        self._mark = Mark(Mark.path_of(task.folder, task.shard))
        self._pending: dict[str, Any] = {}
        self._broken: MathpipeError | None = None
        self.exhausted = False

    def close(self) -> None:
        """Close the mark."""
        self._mark.close()

    def _next(self) -> Any | None:
        """The next record to work on; skipped ones are counted as failures on the way."""
        while True:
            try:
                record = next(self._source)
            except StopIteration:
                break
            except MathpipeError as error:
                self._broken = error
                raise
            except Exception as error:
                self._broken = self._unreadable(error)
                raise self._broken from error
            self._counts.rows_in += 1
            reason = self._task.skip.get(record.record_id)
            if reason is None:
                return record
            self._fail(record, reason, "the worker did not survive this record")
        self.exhausted = True
        return None

    def _unreadable(self, error: Exception) -> StageError:
        return StageError(
            f"step {self._task.step}, shard {self._task.shard}",
            f"its input can be read to the end ({type(error).__name__}: {error})",
            f"look at {', '.join(item.path for item in self._task.inputs)}",
        )

    def _pull(self) -> Iterator[Any]:
        while (record := self._next()) is not None:
            self._mark.at(record.record_id, getattr(record, "url", ""))
            self._pending[record.record_id] = record
            yield record
            if self._task.one_by_one:
                return

    def answers(self, stage: Stage[Any, Any]) -> Iterator[Any | Drop]:
        """Answers until the source ends or the stage raises; then the unanswered records are tried singly."""
        try:
            with disk_faults(self._task.folder):
                for answer in stage.run(self._pull()):
                    self._pending.pop(answer.record_id, None)
                    yield answer
        except DiskFullError:
            raise
        except Exception as error:
            # The runner is the one place that outlives any stage error, unless the source itself is broken.
            if self._broken is not None:
                raise
            pending, self._pending = list(self._pending.values()), {}
            if not pending:
                raise StageError(
                    f"step {self._task.step}, shard {self._task.shard}",
                    f"the stage works outside its records ({type(error).__name__}: {error})",
                    "mend the stage; no record is to blame",
                ) from error
            if len(pending) == 1:
                self._fail(pending[0], type(error).__name__, str(error), traceback.format_exc())
                return
            for record in pending:
                yield from self._single(stage, record)

    def _single(self, stage: Stage[Any, Any], record: Any) -> Iterator[Any | Drop]:
        self._mark.at(record.record_id, getattr(record, "url", ""))
        try:
            with disk_faults(self._task.folder):
                answers = list(stage.run(iter([record])))
        except DiskFullError:
            raise
        except Exception as error:  # noqa: BLE001 - as in `answers`
            self._fail(record, type(error).__name__, str(error), traceback.format_exc())
            return
        yield from answers

    def _fail(self, record: Any, reason: str, message: str, trace: str = "") -> None:
        self._counts.failures.append(
            Failure(self._task.step, self._task.shard, record.record_id, getattr(record, "url", ""),
                    reason, message, trace)
        )  # fmt: skip
