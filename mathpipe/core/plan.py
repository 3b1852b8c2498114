"""What is to be done: a step's tasks, each with its inputs, its sides and a key that digests all it depends on.

In: the pipeline's steps and the run folder's manifests. Out: `Task`s in shard order, finished ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.config import files_named_in
from mathpipe.core.manifest import Manifest, code_digest, digest_of, source_digest
from mathpipe.core.stage import StepOutput
from mathpipe.core.step import Files, Gather, SplitConfig, SplitStage, Step, part_name
from mathpipe.core.store import schema_of
from mathpipe.core.task import Task, TaskInput


def with_splits(steps: Sequence[Step]) -> list[Step]:
    """The steps with a split step before each gather step of several partitions."""
    expanded: list[Step] = []
    for step in steps:
        gather = step.gather
        if gather is not None and gather.partitions > 1:
            split = SplitConfig(partitions=gather.partitions)
            expanded.append(
                replace(
                    step,
                    name=f"{step.name}-split",
                    stage=SplitStage,
                    config=split,
                    makes=step.takes,
                    sides=(),
                    gather=None,
                )
            )
        expanded.append(step)
    return expanded


class Plan:
    """The steps of a run, split steps included, and what of them is finished."""

    def __init__(self, run_folder: Path, steps: Sequence[Step]) -> None:
        self.run_folder = run_folder
        self.steps = with_splits(steps)
        self.given = {step.name: step for step in steps}
        self._manifests: dict[str, Manifest] = {}

    def step_folder(self, name: str) -> Path:
        """Where a step's shards lie."""
        return self.run_folder / "steps" / name

    def manifest(self, name: str) -> Manifest:
        """A step's manifest, read once."""
        if name not in self._manifests:
            self._manifests[name] = Manifest(self.step_folder(name))
        return self._manifests[name]

    def void_owner(self, path: Path) -> tuple[str, int] | None:
        """Forget the shard that published a rotten file; its step and number, or None for a foreign file."""
        for step in self.steps:
            shard = self.manifest(step.name).owner_of(path)
            if shard is not None:
                self.manifest(step.name).void(shard)
                return step.name, shard
        return None

    def largest_task_rows(self, tasks: Sequence[Task]) -> int:
        """Records of the largest task: what a gathering stage must hold."""
        return max(sum(_rows_in_file(Path(item.path)) for item in task.inputs) for task in tasks)

    def plan(self, step: Step) -> list[Task]:
        """The tasks of a step, finished ones included, in shard order."""
        groups = self._inputs(step)
        sides = {name: self._side(name) for name in step.sides}
        side_digest = digest_of(*(f"{name}:{self._digest_of_step(name)}" for name in step.sides))
        named = digest_of(*(source_digest(path) for path in files_named_in(step.config)))
        fixed = digest_of(
            code_digest(step.stage.__module__.partition(".")[0]),
            step.stage.__qualname__,
            step.config.model_dump_json(),
            named,
            schema_of(step.takes).to_string(),
            schema_of(step.makes).to_string(),
            side_digest,
        )
        split = self.given[step.name.removesuffix("-split")].gather if step.stage is SplitStage else None
        tasks = []
        for shard, inputs in enumerate(groups):
            key = digest_of(fixed, *(f"{Path(item.path).name}:{digest}" for item, digest in inputs))
            tasks.append(
                Task(
                    step=step.name,
                    shard=shard,
                    shard_count=len(groups),
                    key=key,
                    folder=self.step_folder(step.name),
                    stage=step.stage,
                    config=step.config,
                    inputs=tuple(item for item, _ in inputs),
                    takes=step.takes,
                    makes=step.makes,
                    reader=step.reads.reader if isinstance(step.reads, Files) else None,
                    sides=sides,
                    split=split,
                    record_timeout_seconds=step.record_timeout_seconds,
                )
            )
        return tasks

    def _inputs(self, step: Step) -> list[list[tuple[TaskInput, str]]]:
        """Per shard of the step: the files it reads with their digests."""
        if isinstance(step.reads, Files):
            sources = [(TaskInput(path), source_digest(Path(path))) for path in step.reads.paths]
            return [sources] if step.gather else [[source] for source in sources]
        if step.gather is not None and step.gather.partitions > 1:
            return self._parts(step.name, step.gather)
        folder = self.step_folder(step.reads)
        entries = self.manifest(step.reads).entries
        files = [
            (TaskInput(str(folder / output.path), output.digest), output.digest)
            for _, entry in sorted(entries.items())
            for output in entry.outputs
            if output.path.startswith("shard-")
        ]
        return [files] if step.gather else [[file] for file in files]

    def _parts(self, name: str, gather: Gather) -> list[list[tuple[TaskInput, str]]]:
        split = f"{name}-split"
        folder = self.step_folder(split)
        groups: list[list[tuple[TaskInput, str]]] = [[] for _ in range(gather.partitions)]
        for _, entry in sorted(self.manifest(split).entries.items()):
            by_name = {Path(output.path).name: output for output in entry.outputs}
            for index, group in enumerate(groups):
                output = by_name.get(part_name(index))
                if output is not None:
                    group.append((TaskInput(str(folder / output.path), output.digest), output.digest))
        return groups

    def _side(self, name: str) -> StepOutput:
        folder = self.step_folder(name)
        entries = [entry for _, entry in sorted(self.manifest(name).entries.items())]
        outputs = [output for entry in entries for output in entry.outputs]
        shards = tuple(folder / output.path for output in outputs if output.path.startswith("shard-"))
        files = {(folder / output.path).parts[: len(folder.parts) + 1] for output in outputs if "/" in output.path}
        return StepOutput(shards, tuple(sorted(Path(*parts) for parts in files)))

    def _digest_of_step(self, name: str) -> str:
        entries = self.manifest(name).entries
        return digest_of(*(entries[shard].digest for shard in sorted(entries)))


def _rows_in_file(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):  # rotten: the task that reads it will say so
        return 0
