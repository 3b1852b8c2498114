"""A step: a stage with its config, where its records come from, and what other steps it looks at.

`pipeline.py` lists the steps of a run; the runner turns each into tasks, one a shard:

- a *map* step makes one shard out of each shard (or source file) it reads;
- a *gather* step sees together all records of one partition; with more than one partition the runner first
  splits every input shard by the step's partition key (its own, resumable step `<name>-split`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

from mathpipe.core.config import Config
from mathpipe.core.errors import StageError
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.store import ShardWriter


@dataclass(frozen=True, slots=True)
class Files:
    """Source files, one a shard, and the function that turns a path into records."""

    paths: tuple[str, ...]
    reader: Callable[[str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Gather:
    """All records of a partition together: `partition(record, partitions)` names a record's partition."""

    partitions: int = 1
    partition: Callable[[Any, int], int] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the pipeline."""

    name: str
    stage: type[Stage[Any, Any]]
    config: Config
    reads: Files | str
    takes: type
    makes: type
    sides: tuple[str, ...] = ()  # steps that are looked at; `step/file`: only at its files of that name
    gather: Gather | None = None
    record_timeout_seconds: float | None = None  # None: the runner's own limit


class SplitConfig(Config):
    """How a shard is split for the gather step that follows."""

    partitions: int


class SplitStage(Stage[Any, Any]):
    """Writes each record into the file of its partition, `part-00007.parquet`; empty parts are not written."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: SplitConfig, context: StageContext, kind: type, gather: Gather) -> None:
        self._partitions = config.partitions
        self._files = context.files
        self._kind = kind
        self._gather = gather

    def run(self, shard: Iterable[Any]) -> Iterator[Any | Drop]:
        """Consume the shard; nothing goes on as records, all goes into the files."""
        partition = self._gather.partition
        writers: dict[int, ShardWriter] = {}
        with ExitStack() as stack:
            for record in shard:
                index = 0 if partition is None else partition(record, self._partitions)
                if not 0 <= index < self._partitions:
                    raise StageError(
                        f"record {record.record_id}", f"a partition below {self._partitions}, not {index}",
                        "mend the step's partition function",
                    )  # fmt: skip
                if index not in writers:
                    writer = ShardWriter(self._files / part_name(index), self._kind)
                    writers[index] = stack.enter_context(writer)
                writers[index].write(record)
        yield from ()


def part_name(partition: int) -> str:
    """File name of one partition of a split shard."""
    return f"part-{partition:05d}.parquet"
