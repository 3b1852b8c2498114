"""Where tasks run: in this process (tests, debugging) or on Ray workers, one machine or many.

In: tasks. Out: results as they finish. On Ray each worker is an actor with a bound on its memory. A worker that
dies or hangs costs one retry with single records, then the record it was at is quarantined and the rest go on;
a worker that has grown past the recycling mark is replaced between shards.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import ray
from pydantic import Field
from ray.exceptions import RayActorError, RayTaskError

from mathpipe.core.config import Config
from mathpipe.core.errors import MathpipeError, StageError
from mathpipe.core.memory import bound_private_bytes
from mathpipe.core.node_service import stop_services
from mathpipe.core.task import Mark, Task, TaskResult, run_task

_POLL_SECONDS = 0.5
_ATTEMPTS_WITHOUT_CULPRIT = 3


class Mode(StrEnum):
    """How tasks are run."""

    RAY = "ray"
    INLINE = "inline"


class RunnerConfig(Config):
    """Workers and their bounds."""

    mode: Mode = Mode.RAY
    workers: int | None = Field(None, ge=1)  # None: every CPU of the machine or cluster
    address: str | None = None  # a running Ray cluster; None starts one here, or takes RAY_ADDRESS
    worker_memory_gb: float = Field(4.0, gt=0)  # a record that asks for more is quarantined
    recycle_memory_gb: float = Field(1.5, gt=0)  # a worker larger than this after a shard is replaced
    record_timeout_seconds: float = Field(60.0, gt=0)  # a record that takes longer is quarantined
    max_quarantined_per_shard: int = Field(100, ge=0)  # more than this is no poison but a fault of ours


class Executor(ABC):
    """Runs tasks in any order; a context manager that ends its workers."""

    workers: int = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def run(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """Results as they finish; raises the first `MathpipeError` of a task."""


class InlineExecutor(Executor):
    """One task after the other in this process, without timeouts or memory bounds."""

    def run(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """Results in order."""
        return map(run_task, tasks)


class _Worker:
    """The actor's body. Its own process, so that it can be killed without harm to the others."""

    def __init__(self, memory_bytes: int) -> None:
        bound_private_bytes(memory_bytes)

    def run(self, task: Task) -> TaskResult:
        return run_task(task)


def _cluster_cpus() -> float:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.get("CPU", 1.0)


@dataclass(slots=True)
class _Running:
    actor: Any
    task: Task
    since: float


class RayExecutor(Executor):
    """A pool of worker actors; use as a context manager."""

    def __init__(self, config: RunnerConfig) -> None:
        self._config = config
        self._owns_ray = False
        self._idle: list[Any] = []
        self._running: dict[Any, _Running] = {}
        self._crashes: dict[tuple[str, int], int] = {}
        self.workers = config.workers or 1

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = self._config.address or os.environ.get("RAY_ADDRESS")
        if not ray.is_initialized():
            self._owns_ray = True
            quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "mathpipe"}
            if address:
                ray.init(address=address, **quiet)
            else:
                # Records never pass through the object store, only task descriptions: 100 MB is plenty.
                ray.init(num_cpus=self._config.workers, include_dashboard=False, object_store_memory=10**8, **quiet)
        self.workers = self._config.workers or max(1, int(_cluster_cpus()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running.values():
            ray.kill(running.actor)
        for actor in self._idle:
            ray.kill(actor)
        stop_services()
        if self._owns_ray:
            ray.shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """Results as they finish."""
        waiting = deque(tasks)
        while waiting or self._running:
            while waiting and len(self._running) < self.workers:
                self._start(waiting.popleft())
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=_POLL_SECONDS)
            for reference in ready:
                running = self._running.pop(reference)
                try:
                    result: TaskResult = ray.get(reference)
                except RayActorError:
                    waiting.appendleft(self._after_crash(running.task, "worker-died"))
                    continue
                except RayTaskError as error:
                    self._idle.append(running.actor)
                    raise _cause(error, running.task) from error
                self._keep_or_recycle(running.actor, result)
                yield result
            waiting.extendleft(self._reap_stuck())

    def _start(self, task: Task) -> None:
        memory_bytes = int(self._config.worker_memory_gb * 2**30)
        make: Any = ray.remote(_Worker)
        actor: Any = self._idle.pop() if self._idle else make.options(num_cpus=1).remote(memory_bytes)
        Mark.path_of(task.folder, task.shard).unlink(missing_ok=True)
        self._running[actor.run.remote(task)] = _Running(actor, task, time.time())

    def _keep_or_recycle(self, actor: Any, result: TaskResult) -> None:
        if result.rss_bytes > self._config.recycle_memory_gb * 2**30:
            ray.kill(actor)
        else:
            self._idle.append(actor)

    def _reap_stuck(self) -> list[Task]:
        """Kill workers whose record has taken too long; the tasks to run again."""
        again = []
        for reference, running in list(self._running.items()):
            limit = running.task.record_timeout_seconds or self._config.record_timeout_seconds
            mark = Mark.path_of(running.task.folder, running.task.shard)
            if not running.task.stage.per_record or not mark.exists():
                continue
            if time.time() - max(mark.stat().st_mtime, running.since) > limit:
                del self._running[reference]
                ray.kill(running.actor)
                again.append(self._after_crash(running.task, "timeout"))
        return again

    def _after_crash(self, task: Task, why: str) -> Task:
        """The task as it is tried again: first record by record, then without the record it died at."""
        key = (task.step, task.shard)
        self._crashes[key] = self._crashes.get(key, 0) + 1
        record_id, _ = Mark.read(Mark.path_of(task.folder, task.shard))
        if not task.one_by_one and task.stage.per_record:
            return replace(task, one_by_one=True)
        if not record_id and self._crashes[key] < _ATTEMPTS_WITHOUT_CULPRIT:
            return task
        if not record_id or len(task.skip) >= self._config.max_quarantined_per_shard:
            raise StageError(
                f"step {task.step}, shard {task.shard}",
                f"a worker finishes it (it died or hung {self._crashes[key]} times, last: {why})",
                "raise runner.worker_memory_gb or runner.record_timeout_seconds, or look into ledger.jsonl",
            )
        return replace(task, skip={**task.skip, record_id: why})


def _cause(error: RayTaskError, task: Task) -> MathpipeError:
    """Our own error as it was raised in the worker, or any other one with the place where it happened."""
    cause = error.cause
    if isinstance(cause, MathpipeError):
        return cause
    return StageError(
        f"step {task.step}, shard {task.shard}",
        f"the stage finishes ({type(cause).__name__}: {cause})",
        "see the traceback in ledger.jsonl",
    )


def make_executor(config: RunnerConfig) -> Executor:
    """The executor the config asks for."""
    return InlineExecutor() if config.mode is Mode.INLINE else RayExecutor(config)
