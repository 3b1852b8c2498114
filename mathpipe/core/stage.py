"""What a stage is: records in, records or drops out; built inside the worker from its config and context.

    class LanguageStage(Stage[Page, Page]):
        def __init__(self, config: LanguageConfig, context: StageContext) -> None: ...
        def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]: ...

A *per-record* stage (the default) answers every record with exactly one output of the same `record_id` or one
`Drop`; it may read ahead in batches. The runner checks the count, and can quarantine one poison record and go on.
A stage that gathers (`per_record = False`) may yield anything; a failure there fails the shard.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from mathpipe.core.records import Drop

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class StepOutput:
    """All that an earlier step left: its Parquet shards in order, and the folders of files written beside them."""

    shards: tuple[Path, ...]
    files: tuple[Path, ...]

    def file(self, name: str) -> Path:
        """The one file of that name among the step's files."""
        for folder in self.files:
            if (folder / name).is_file():
                return folder / name
        raise FileNotFoundError(name)


@dataclass(frozen=True, slots=True)
class StageContext:
    """Where a stage stands: its shard, a folder for files of its own, and the outputs of the steps it named."""

    files: Path  # written here, published together with the shard
    sides: Mapping[str, StepOutput] = field(default_factory=dict)
    shard_index: int = 0
    shard_count: int = 1


class Stage(ABC, Generic[In, Out]):
    """One transformation of a shard; subclasses take `(config, context)`."""

    per_record: ClassVar[bool] = True

    @classmethod
    def memory_bytes(cls, config: Any, input_rows: int) -> int | None:
        """Peak bytes one task of `input_rows` records will need; None for a stage that streams.

        The runner states it before the step starts, and refuses a task that cannot fit in a worker.
        """
        return None

    @abstractmethod
    def run(self, shard: Iterable[In]) -> Iterator[Out | Drop]:
        """Yield, for the records of the shard in order, what goes on and what is dropped."""
