"""What is to be done: a step's tasks, each with its inputs, its sides and a key that digests all it depends on.

In: the pipeline's steps and the run folder's manifests. Out: `Task`s in shard order, finished ones included.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mathpipe.core.config import Config, files_named_in
from mathpipe.core.errors import InputError
from mathpipe.core.manifest import Manifest, address_digest, code_digest, digest_of, source_digest
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
        _check_order(self.steps)
        self._manifests: dict[str, Manifest] = {}

    def step_folder(self, name: str) -> Path:
        """Where a step's shards lie."""
        return self.run_folder / "steps" / name

    def manifest(self, name: str) -> Manifest:
        """A step's manifest, read once."""
        if name not in self._manifests:
            self._manifests[name] = Manifest(self.step_folder(name))
        return self._manifests[name]

    def forget_manifests(self) -> None:
        """Read the manifests anew: others have written them."""
        self._manifests.clear()

    def void_owner(self, path: Path) -> tuple[str, int] | None:
        """Forget the shard that published a rotten file; its step and number, or None for a foreign file."""
        for step in self.steps:
            shard = self.manifest(step.name).owner_of(path)
            if shard is not None:
                self.manifest(step.name).void(shard)
                return step.name, shard
        return None

    def plan(self, step: Step) -> list[Task]:
        """The tasks of a step, finished ones included, in shard order."""
        groups = self._inputs(step)
        split = self.given[step.name.removesuffix("-split")].gather if step.stage is SplitStage else None
        reader = step.reads.reader if isinstance(step.reads, Files) and not _parted(step) else None
        sides = {step_of(side): self._side(side) for side in step.sides}
        side_files = tuple(item for side in step.sides for item in self._side_files(side))
        code = [step.stage, *(function for function in (reader, split and split.partition) if function)]
        fixed = digest_of(
            *(f"{code_digest(item.__module__)}:{getattr(item, '__qualname__', item)}" for item in code),
            _config_digest(step.config),
            schema_of(step.takes).to_string(),
            schema_of(step.makes).to_string(),
            *(f"{side}:{self._digest_of_step(step_of(side))}" for side in step.sides),
        )
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
                    reader=reader,
                    sides=sides,
                    side_files=side_files,
                    split=split,
                    record_timeout_seconds=step.record_timeout_seconds,
                )
            )
        return tasks

    def _inputs(self, step: Step) -> list[list[tuple[TaskInput, str]]]:
        """Per shard of the step: the files it reads with their digests."""
        if step.gather is not None and _parted(step):
            return self._parts(step.name, step.gather)
        if isinstance(step.reads, Files):
            sources = [(TaskInput(path), _known_source(path)) for path in step.reads.paths]
            return [sources] if step.gather else [[source] for source in sources]
        folder = self.step_folder(step.reads)
        entries = self.manifest(step.reads).entries
        files = [
            (TaskInput(str(folder / output.path), output.digest, output.rows), output.digest)
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
                    item = TaskInput(str(folder / output.path), output.digest, output.rows)
                    group.append((item, output.digest))
        return groups

    def _side_files(self, side: str) -> list[TaskInput]:
        """What a step left that others may look at: its shards and the files beside them, not its drops."""
        name, _, file = side.partition("/")
        folder = self.step_folder(name)
        outputs = [output for _, entry in sorted(self.manifest(name).entries.items()) for output in entry.outputs]
        return [
            TaskInput(str(folder / output.path), output.digest)
            for output in outputs
            if (output.path.partition("/")[2] == file if file else not output.path.startswith("drops-"))
        ]

    def _side(self, side: str) -> StepOutput:
        folder = self.step_folder(step_of(side))
        paths = [Path(item.path).relative_to(folder) for item in self._side_files(side)]
        shards = tuple(folder / path for path in paths if len(path.parts) == 1)
        return StepOutput(shards, tuple(sorted({folder / path.parts[0] for path in paths if len(path.parts) > 1})))

    def ancestors(self, name: str) -> list[str]:
        """The steps that a step reads or looks at, and theirs, in the order they run."""
        wanted = {name}
        for step in reversed(self.given.values()):
            if step.name in wanted:
                wanted.update(step_of(other) for other in (step.reads, *step.sides) if isinstance(other, str))
        return [other for other in self.given if other in wanted - {name}]

    def missing_shards(self, name: str) -> int:
        """How many of a step's shards were never made, as things stand."""
        step = next(step for step in self.steps if step.name == name)
        return len({task.shard for task in self.plan(step)} - set(self.manifest(name).entries))

    def _digest_of_step(self, name: str) -> str:
        entries = self.manifest(name).entries
        return digest_of(*(entries[shard].digest for shard in sorted(entries)))


def step_of(side: str) -> str:
    """The step that a side belongs to."""
    return side.partition("/")[0]


def _check_order(steps: Sequence[Step]) -> None:
    """A step reads and looks at steps before it, under names of their own."""
    known: set[str] = set()
    for step in steps:
        for name in (step.reads, *step.sides):
            if isinstance(name, str) and step_of(name) not in known:
                raise InputError(f"step {step.name}", f"{name!r} to be a step before it", "mend the list of steps")
        if step.name in known:
            raise InputError(f"step {step.name}", "a name of its own", "mend the list of steps")
        known.add(step.name)


def _parted(step: Step) -> bool:
    return step.gather is not None and step.gather.partitions > 1


def _known_source(path: str) -> str:
    if "://" in path:
        return address_digest(path)
    try:
        return source_digest(Path(path))
    except OSError as error:
        raise InputError(path, f"a source file that can be read ({error.strerror})", "check the path") from None


def _config_digest(config: Config) -> str:
    """Digest of a config's values and of the files it names: these count by content, wherever they lie."""
    text = config.model_dump_json()
    named = list(files_named_in(config))
    for path in named:
        text = text.replace(json.dumps(str(path), ensure_ascii=False), json.dumps(path.name))
    return digest_of(text, *(source_digest(path) for path in named))
