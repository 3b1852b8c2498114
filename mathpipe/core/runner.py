"""Runs the steps of a pipeline in order: plans tasks, skips what is finished, commits what comes back.

In: steps, a run folder, a runner config. Out: the run folder.

    RUN/config.yaml run.json metrics.jsonl ledger.jsonl
    RUN/steps/<step>/manifest.jsonl shard-00000.parquet drops-00000.parquet files-00000/

One shard is one task. A shard whose key (code, config, inputs, sides) and files stand is not made again; any
worker count gives the same bytes. A shard that has rotted is made again from its inputs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import yaml

import mathpipe
from mathpipe.core.config import Config
from mathpipe.core.errors import CorruptShardError, InputError, MathpipeError, StageError
from mathpipe.core.executor import Executor, RunnerConfig, make_executor
from mathpipe.core.manifest import Manifest, ShardEntry, library_versions, total_dropped
from mathpipe.core.metrics import Failure, JsonLines, Ledger, now
from mathpipe.core.mirror import Mirror
from mathpipe.core.plan import Plan
from mathpipe.core.progress import Progress
from mathpipe.core.provenance import git_commit
from mathpipe.core.step import Files, Step
from mathpipe.core.store import disk_faults
from mathpipe.core.task import Task, TaskResult

# Rot found this often in one run means the disk is failing: stop and say so.
_MAX_REBUILDS = 20
_PUBLISHED = re.compile(r"(?:shard|drops|files)-(\d{5,})(?:\.parquet)?")


@dataclass(frozen=True, slots=True)
class StepSummary:
    """What a step came to, over all its shards."""

    name: str
    shards: int
    made: int
    rows_in: int
    rows_out: int
    quarantined: int
    seconds: float
    peak_rss_bytes: int
    dropped: dict[str, int]


class Runner:
    """One run folder and its steps."""

    def __init__(self, run: Path, steps: Sequence[Step], config: RunnerConfig, say: Callable[[str], None]) -> None:
        self.run_folder = run
        self._plan = Plan(run, steps)
        self._config = config
        self._say = say
        self._mirror = Mirror(config.mirror, run) if config.mirror else None

    def run(self, resolved: Config, only: str | None = None) -> list[StepSummary]:
        """Run all steps, or `only` one whose inputs must be there. Returns what each step came to."""
        with disk_faults(self.run_folder), self._lock():
            if self._mirror:
                self._mirror.claim(self._run_id(), take_over=self._config.mirror_take_over)
            self._restore()
            chosen = self._chosen(only)
            self._write_provenance(resolved)
            metrics, ledger = JsonLines(self.run_folder / "metrics.jsonl"), Ledger(self.run_folder / "ledger.jsonl")
            with Progress() as progress, ExitStack() as stack:
                job = _Job(self._plan, metrics, ledger, progress, self._config, self._mirror, stack)
                summaries = self._run_steps(job, chosen)
            metrics.write(event="run_finished", steps=[summary.name for summary in summaries])
            self._write_provenance(resolved, finished=now())
            if self._mirror:
                self._mirror.put_run_files()
        return summaries

    def _run_id(self) -> str:
        """What this run is known by on a mirror; it stays in the folder: a run that was killed is known again."""
        path = self.run_folder / ".run_id"
        if not path.is_file():
            temporary = path.with_suffix(".tmp")
            temporary.write_text(uuid.uuid4().hex)
            temporary.replace(path)
        return path.read_text()

    def _restore(self) -> None:
        """Fetch what the mirror has of steps that are not here."""
        if self._mirror and (shards := self._mirror.restore(step.name for step in self._plan.steps)):
            self._plan.forget_manifests()
            self._say(f"fetched {shards} finished shards from {self._mirror.address}")

    def _chosen(self, only: str | None) -> list[Step]:
        if only is None:
            return self._plan.steps
        if only not in self._plan.given:
            raise InputError(f"step {only!r}", f"one of {', '.join(self._plan.given)}", "name a step of the pipeline")
        for name in self._plan.ancestors(only):
            missing = self._plan.missing_shards(name)
            if missing:
                raise InputError(
                    f"step {only}",
                    f"the output of step {name} ({missing} of its shards are missing)",
                    f"run `mathpipe stage {name} CONFIG` first",
                )
        return [entry for entry in self._plan.steps if entry.name in (only, f"{only}-split")]

    def _run_steps(self, job: _Job, steps: Sequence[Step]) -> list[StepSummary]:
        for _ in range(_MAX_REBUILDS):
            try:
                return [job.run_step(step) for step in steps]
            except CorruptShardError as error:
                owner = self._plan.void_owner(Path(error.path))
                if owner is None:
                    raise
                self._say(f"rebuilding {error.path}: {error.expected}")
                steps = self._from(owner[0], steps)
        raise StageError(str(self.run_folder), "shards that stay as they were written", "check the disk")

    def _from(self, name: str, steps: Sequence[Step]) -> list[Step]:
        chosen = {step.name for step in steps} | {name, f"{name}-split"}
        return [step for step in self._plan.steps if step.name in chosen]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.run_folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.run_folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise InputError(
                str(self.run_folder),
                f"a folder that can be written ({error.strerror})",
                "give the run another `output`",
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise InputError(
                str(self.run_folder), "no other process at work in it", "wait for it, or give this run another name"
            ) from None
        try:
            yield
        finally:
            os.close(handle)

    def _write_provenance(self, resolved: Config, finished: str | None = None) -> None:
        path = self.run_folder / "run.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        values = resolved.model_dump(mode="json")
        (self.run_folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
        row = {
            "name": self.run_folder.name,
            "started": before.get("started") or now(),
            "finished": finished,
            "git_commit": git_commit(Path(mathpipe.__file__).parent),
            "mathpipe_version": mathpipe.version(),
            "libraries": list(library_versions()),
            "mode": str(self._config.mode),
            "workers": self._config.workers,
            "config": values,
        }
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(row, indent=1, ensure_ascii=False))
        temporary.replace(path)


class _Job:
    """What one call of `Runner.run` holds open: the executor (started when first needed) and the sinks."""

    def __init__(
        self,
        plan: Plan,
        metrics: JsonLines,
        ledger: Ledger,
        progress: Progress,
        config: RunnerConfig,
        mirror: Mirror | None,
        stack: ExitStack,
    ) -> None:
        self._plan = plan
        self._metrics = metrics
        self._ledger = ledger
        self._progress = progress
        self._config = config
        self._mirror = mirror
        self._stack = stack
        self._executor: Executor | None = None

    def _workers(self) -> Executor:
        if self._executor is None:
            self._executor = self._stack.enter_context(make_executor(self._config, self._progress.say))
        return self._executor

    def run_step(self, step: Step) -> StepSummary:
        """Make what is missing of one step."""
        tasks = self._plan.plan(step)
        manifest = self._plan.manifest(step.name)
        self._sweep(step, manifest, len(tasks))
        todo = [task for task in tasks if manifest.finished(task.shard, task.key) is None]
        if self._mirror:
            left = {task.shard for task in todo}
            self._mirror.open_step(
                step.name, [entry for shard, entry in manifest.entries.items() if shard not in left]
            )
        self._progress.start_step(step.name, len(tasks), len(tasks) - len(todo))
        if todo:
            self._metrics.write(event="step_started", step=step.name, shards=len(tasks), todo=len(todo))
            self._state_memory(step, todo)
            self._run_tasks(step, manifest, todo)
        summary = summary_of(step.name, list(manifest.entries.values()), len(todo))
        self._progress.finish_step(step.name, summary.rows_in, summary.rows_out)
        self._metrics.write(
            event="step_finished",
            step=step.name,
            rows_in=summary.rows_in,
            rows_out=summary.rows_out,
            dropped=summary.dropped,
            quarantined=summary.quarantined,
            seconds=summary.seconds,
            peak_rss_bytes=summary.peak_rss_bytes,
            made=summary.made,
        )
        return summary

    def _run_tasks(self, step: Step, manifest: Manifest, todo: Sequence[Task]) -> None:
        try:
            for result in self._workers().run(todo, partial(self._hand_out, manifest)):
                self._commit(step, manifest, result)
        except MathpipeError as error:
            trace = "".join(traceback.format_exception(error))
            self._ledger.add(Failure(step.name, error.shard, "", "", type(error).__name__, str(error), trace))
            with suppress(InputError):  # perhaps it is the mirror that failed
                self._put_on_mirror(step, manifest)
            raise
        self._put_on_mirror(step, manifest)

    def _put_on_mirror(self, step: Step, manifest: Manifest) -> None:
        if self._mirror:
            self._mirror.put_manifest(step.name, manifest.entries.values())
            self._mirror.put_run_files()

    def _hand_out(self, manifest: Manifest, task: Task) -> Task:
        """A task that a worker gets. From now on its shard's files may be half old, half new: a kill between the
        renames and the manifest's line must not leave an entry that vouches for them."""
        manifest.void(task.shard)
        return replace(task, max_quarantined=self._config.max_quarantined_per_shard, mirror=self._config.mirror)

    def _commit(self, step: Step, manifest: Manifest, result: TaskResult) -> None:
        entry = result.entry
        for failure in result.failures:
            self._ledger.add(failure)
        manifest.add(entry)
        if self._mirror:
            self._mirror.put_manifest_sometimes(step.name, manifest)
        self._metrics.write(
            event="shard_finished",
            step=step.name,
            shard=entry.shard,
            rows_in=entry.rows_in,
            rows_out=entry.rows_out,
            dropped=dict(entry.dropped),
            quarantined=entry.quarantined,
            bytes_in=entry.bytes_in,
            bytes_out=entry.size_bytes,
            seconds=entry.seconds,
            peak_rss_bytes=entry.peak_rss_bytes,
        )
        self._progress.advance(step.name, entry.rows_in, entry.bytes_in)

    def _state_memory(self, step: Step, todo: Sequence[Task]) -> None:
        """Say what the largest task of a gathering stage will need, and refuse what cannot fit."""
        if step.stage.per_record or isinstance(step.reads, Files):
            return
        rows = max(sum(item.rows for item in task.inputs) for task in todo)
        need = step.stage.memory_bytes(step.config, rows)
        if need is None:
            return
        limit = int(self._config.worker_memory_gb * 2**30)
        mebibytes = f"about {need / 2**20:,.0f} MiB of {limit / 2**20:,.0f} allowed"
        self._progress.say(f"{step.name}: at most {rows:,} records a task, {mebibytes}")
        self._metrics.write(event="memory_stated", step=step.name, rows=rows, need_bytes=need, limit_bytes=limit)
        if need > limit:
            raise StageError(
                f"step {step.name}",
                f"a task of {rows:,} records fits in {limit / 2**30:.1f} GiB (it needs about {need / 2**30:.1f})",
                "raise the step's partitions or runner.worker_memory_gb",
            )

    def _sweep(self, step: Step, manifest: Manifest, shards: int) -> None:
        """Clear temporary files of a killed run, shards beyond those there are now, and a split of earlier days."""
        manifest.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(manifest.folder / ".tmp", ignore_errors=True)
        (manifest.folder / ".tmp").mkdir(exist_ok=True)
        for shard in [shard for shard in manifest.entries if shard >= shards]:
            manifest.void(shard)
        for path in manifest.folder.iterdir():
            published = _PUBLISHED.fullmatch(path.name)
            if published and int(published[1]) >= shards:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        split = f"{step.name}-split"
        if step.name in self._plan.given and all(other.name != split for other in self._plan.steps):
            shutil.rmtree(self._plan.step_folder(split), ignore_errors=True)


def summary_of(name: str, entries: Sequence[ShardEntry], made: int) -> StepSummary:
    """What a step's shards come to together."""
    return StepSummary(
        name=name,
        shards=len(entries),
        made=made,
        rows_in=sum(entry.rows_in for entry in entries),
        rows_out=sum(entry.rows_out for entry in entries),
        quarantined=sum(entry.quarantined for entry in entries),
        seconds=round(sum(entry.seconds for entry in entries), 3),
        peak_rss_bytes=max((entry.peak_rss_bytes for entry in entries), default=0),
        dropped=total_dropped(entries),
    )
