"""One shard's work, the same inline and in a Ray worker: read, run the stage, write, publish, report.

In: a `Task`. Out: a `TaskResult` for the manifest. Output is written below `<step>/.tmp/` and renamed into place
when it is whole. Every record is accounted for: rows in = rows out + drops + quarantined, or the task fails.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mathpipe.core import memory
from mathpipe.core.config import Config
from mathpipe.core.errors import MathpipeError, StageError
from mathpipe.core.feed import Feed, Mark, Quarantine, printable
from mathpipe.core.manifest import INPUTS_LISTED, OutputFile, ShardEntry
from mathpipe.core.metrics import Failure
from mathpipe.core.mirror import Mirror
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext, StepOutput
from mathpipe.core.step import Gather, SplitStage
from mathpipe.core.store import (
    ShardWriter,
    WrittenFile,
    corrupt,
    digest_file,
    disk_faults,
    fsync_folder,
    read_records,
)

# A shard of at least so many records, all of which failed, was not poisoned: the stage does not work.
_ALL_FAILED = 10


@dataclass(frozen=True, slots=True)
class TaskInput:
    """A file to read and what its bytes must digest to ('' for a source file, which is taken as it is)."""

    path: str
    digest: str = ""
    rows: int = 0  # of a step's output


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
    side_files: tuple[TaskInput, ...] = ()  # the files of `sides`, to be checked before the stage looks at them
    split: Gather | None = None
    skip: Mapping[str, str] = field(default_factory=dict)  # record_id -> why it is not tried again
    one_by_one: bool = False  # after a crash: feed single records, so that the culprit is known
    record_timeout_seconds: float | None = None
    max_quarantined: int | None = None
    mirror: str | None = None  # where finished files are copied to, beside the step's folder

    def __str__(self) -> str:
        return f"step {self.step}, shard {self.shard}"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished task says: its manifest entry, its failures, and the worker's memory now, in bytes."""

    entry: ShardEntry
    failures: tuple[Failure, ...]
    rss_bytes: int


@dataclass(slots=True)
class _Made:
    """What a stage left below the work folder, and its counts."""

    rows_in: int
    rows_out: int
    dropped: dict[str, int]
    failures: list[Failure]
    files: list[WrittenFile]


def run_task(task: Task) -> TaskResult:
    """Make one shard and publish it. Raises `MathpipeError`, with the shard's number, where it cannot be made."""
    mark = Mark(Mark.path_of(task.folder, task.shard))
    work = task.folder / ".tmp" / f"{task.shard:05d}-{uuid.uuid4().hex[:8]}"
    try:
        with disk_faults(task.folder):
            return _run(task, work, mark)
    except MathpipeError as error:
        error.shard = task.shard
        raise
    except Exception as error:
        failed = StageError(
            str(task), f"the stage finishes ({type(error).__name__}: {error})", "see the traceback in ledger.jsonl"
        )
        failed.shard = task.shard
        raise failed from error
    finally:
        mark.close()
        shutil.rmtree(work, ignore_errors=True)


def _run(task: Task, work: Path, mark: Mark) -> TaskResult:
    started = time.perf_counter()
    memory.reset_peak()
    for item in (*task.inputs, *task.side_files):
        _verify(item)
    (work / "files").mkdir(parents=True)
    made = _make(task, work, mark)
    outputs = _publish(task, work, made.files)
    if task.mirror:
        Mirror(task.mirror, task.folder.parents[1]).put_files(task.step, outputs)
    entry = ShardEntry(
        shard=task.shard,
        key=task.key,
        inputs=tuple(item.path for item in task.inputs[:INPUTS_LISTED]),
        input_count=len(task.inputs),
        rows_in=made.rows_in,
        rows_out=made.rows_out,
        seconds=round(time.perf_counter() - started, 3),
        peak_rss_bytes=memory.peak_rss_bytes(),
        bytes_in=sum(Path(item.path).stat().st_size for item in task.inputs if Path(item.path).exists()),
        dropped=dict(sorted(made.dropped.items())),
        quarantined=len(made.failures),
        outputs=outputs,
    )
    return TaskResult(entry, tuple(made.failures), memory.rss_bytes())


# Files of this process that were found whole, as they stood then: a side is read by thousands of tasks.
_whole: set[tuple[str, str, int, int]] = set()


def _verify(item: TaskInput) -> None:
    if not item.digest:
        return
    path = Path(item.path)
    if not path.is_file():
        raise corrupt(path, "it is missing, though its manifest lists it")
    status = path.stat()
    seen = (item.path, item.digest, status.st_size, status.st_mtime_ns)
    if seen in _whole:
        return
    found = digest_file(path)
    if found != item.digest:
        raise corrupt(path, f"its bytes digest to {found}, its manifest says {item.digest}")
    _whole.add(seen)


def _make(task: Task, work: Path, mark: Mark) -> _Made:
    """Run the stage over the shard into files below `work`."""
    context = StageContext(work / "files", task.sides, task.shard, task.shard_count)
    if task.split is not None:
        stage: Stage[Any, Any] = SplitStage(task.config, context, task.takes, task.split)  # type: ignore[arg-type]
    else:
        stage = task.stage(task.config, context)  # type: ignore[call-arg]
    quarantine = Quarantine(task.step, task.shard, task.max_quarantined)

    def refuse(row: dict[str, Any], error: Exception) -> None:
        quarantine.add(str(row["record_id"]), str(row.get("url", "")), type(error).__name__, str(error), error)

    source: Feed | _Counted
    if stage.per_record:
        source = Feed(
            _records(task), mark, quarantine,
            skip=task.skip, one_by_one=task.one_by_one, where=str(task), folder=task.folder,
        )  # fmt: skip
    else:
        source = _Counted(_records(task), mark)
    dropped: dict[str, int] = {}
    with ShardWriter(work / "drops.parquet", Drop) as drops:
        with ShardWriter(work / "shard.parquet", task.makes, refuse if stage.per_record else None) as out:
            for answer in source.answers(stage):
                if isinstance(answer, Drop):
                    drops.write(
                        Drop(answer.record_id, answer.reason, printable(answer.url), printable(answer.detail))
                    )
                    dropped[str(answer.reason)] = dropped.get(str(answer.reason), 0) + 1
                else:
                    out.write(answer)
        for failure in quarantine.failures:
            drops.write(Drop(failure.record_id, "quarantined", failure.url, failure.message))
    made = _Made(source.rows_in, out.rows, dropped, quarantine.failures, [out.written, drops.written])
    _check_account(task, stage, made, quarantine.last_error)
    return made


def _check_account(task: Task, stage: Stage[Any, Any], made: _Made, last_error: Exception | None) -> None:
    """Every record of a per-record stage is answered, and not all of them by failure."""
    accounted = made.rows_out + sum(made.dropped.values()) + len(made.failures)
    if stage.per_record and accounted != made.rows_in:
        raise StageError(
            str(task),
            f"{made.rows_in} records went in and {accounted} are accounted for",
            f"{type(stage).__name__}.run must answer each record with one output or one Drop",
        )
    if len(made.failures) == made.rows_in >= _ALL_FAILED:
        last = made.failures[-1]
        raise StageError(
            str(task),
            f"some of its {made.rows_in} records go through (all failed, the last: {last.reason}: {last.message})",
            "mend the stage",
        ) from last_error


class _Counted:
    """Feeds a stage that gathers: it sees the records as they come, and a failure is the shard's."""

    def __init__(self, records: Iterator[Any], mark: Mark) -> None:
        self._records = records
        self._mark = mark
        self.rows_in = 0

    def answers(self, stage: Stage[Any, Any]) -> Iterator[Any | Drop]:
        """What the stage yields."""
        yield from stage.run(self._pull())

    def _pull(self) -> Iterator[Any]:
        for record in self._records:
            self._mark.at(record)
            self.rows_in += 1
            yield record
        self._mark.clear()


def _records(task: Task) -> Iterator[Any]:
    for item in task.inputs:
        if task.reader is not None:
            yield from task.reader(item.path)
        else:
            yield from read_records(Path(item.path), task.takes)


def _publish(task: Task, work: Path, tables: list[WrittenFile]) -> tuple[OutputFile, ...]:
    """Move what was made into the step's folder, and make that survive a power cut."""
    outputs = []
    for file, kind in zip(tables, ("shard", "drops"), strict=True):
        name = f"{kind}-{task.shard:05d}.parquet"
        file.path.replace(task.folder / name)
        outputs.append(OutputFile(name, file.size_bytes, file.digest, file.rows))
    target = task.folder / f"files-{task.shard:05d}"
    shutil.rmtree(target, ignore_errors=True)
    beside = sorted(path for path in (work / "files").rglob("*") if path.is_file())
    for path in beside:
        with path.open("rb") as file_:
            os.fsync(file_.fileno())
        name = f"{target.name}/{path.relative_to(work / 'files')}"
        rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else 0
        outputs.append(OutputFile(name, path.stat().st_size, digest_file(path), rows))
    if beside:
        (work / "files").replace(target)
    fsync_folder(task.folder)
    return tuple(outputs)
