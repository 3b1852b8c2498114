"""Where tasks run: in this process (tests, debugging) or on Ray workers, one machine or many.

In: tasks. Out: results as they finish. On Ray each worker is an actor with a bound on its memory. A worker that
dies or hangs costs a retry with single records; the record at which it does so twice is quarantined and the rest go
on. A worker that has grown past the recycling mark is replaced between shards. Whatever takes long is named.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
from pydantic import Field, field_validator
from ray.exceptions import RayError, RayTaskError

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError, MathpipeError, StageError
from mathpipe.core.feed import Mark
from mathpipe.core.memory import bound_private_bytes
from mathpipe.core.node_service import stop_services
from mathpipe.core.task import Task, TaskResult, run_task

_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 10.0
# Ray's own handlers of these want memory: a worker that aborts because it has none would abort inside them, for ever.
_FATAL_SIGNALS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_DEATHS_TO_BLAME = 2  # a worker may die of something else once, hardly twice at one record
_ATTEMPTS_WITHOUT_CULPRIT = 3


class Mode(StrEnum):
    """How tasks are run."""

    RAY = "ray"
    INLINE = "inline"


class RunnerConfig(Config):
    """Workers and their bounds."""

    mode: Mode = Mode.RAY
    workers: int | None = Field(default=None, ge=1)  # None: every CPU of the machine or cluster
    address: str | None = None  # a running Ray cluster; None starts one here, or takes RAY_ADDRESS
    worker_memory_gb: float = Field(default=4.0, gt=0)  # a record that asks for more is quarantined
    recycle_memory_gb: float = Field(default=1.5, gt=0)  # a worker larger than this after a shard is replaced
    record_timeout_seconds: float = Field(default=60.0, gt=0)  # a record that takes longer is quarantined
    max_quarantined_per_shard: int = Field(default=100, ge=0)  # more than this is no poison but a fault of ours
    notice_after_seconds: float = Field(default=60.0, gt=0)  # what keeps the run waiting for longer is named
    num_gpus: float = Field(default=0.0, ge=0)  # of each worker on Ray, which hides the other GPUs from it

    @field_validator("num_gpus")
    @classmethod
    def _whole_or_part_of_one(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError("a worker takes whole GPUs or a part of one")
        return value


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
        """Results as they finish; a task is taken when a worker is free; raises the first `MathpipeError` of one."""


class InlineExecutor(Executor):
    """One task after the other in this process, without timeouts or memory bounds."""

    def run(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """Results in order."""
        return map(run_task, tasks)


class _Worker:
    """The actor's body. Its own process, so that it can be killed without harm to the others.

    It works in the driver's folder, so that relative paths mean the same on a cluster that was started elsewhere.
    """

    def __init__(self, memory_bytes: int, folder: str) -> None:
        os.chdir(folder)
        for number in _FATAL_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        bound_private_bytes(memory_bytes)

    def run(self, task: Task) -> TaskResult:
        return run_task(task)


def _check_reachable(address: str) -> None:
    """Raises `OSError` where nothing listens: Ray itself would go on trying for minutes without a word."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()


def _cluster_cpus() -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1.0)))


def _room_on_gpus(of_each: float) -> int:
    """How many workers the cluster's GPUs hold."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = int(resources.get("GPU", 0.0))
    return gpus * int(1 / of_each) if of_each <= 1 else gpus // int(of_each)


@dataclass(slots=True)
class _Running:
    """A task and the actor that has it; `notice_after` doubles with each line about it."""

    actor: Any
    task: Task
    since: float
    notice_after: float

    @property
    def mark(self) -> Path:
        return Mark.path_of(self.task.folder, self.task.shard)

    @property
    def seconds(self) -> float:
        return time.time() - self.since

    @property
    def where(self) -> str:
        """What the task is at."""
        if not self.mark.exists():
            free = ray.available_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]
            return f"waiting for a worker to start (the cluster has {free:g} of {_cluster_cpus()} CPUs free)"
        record_id, url = Mark.read(self.mark)
        return f"at record {record_id} {url}".rstrip() if record_id else "at no record"


class RayExecutor(Executor):
    """A pool of worker actors; use as a context manager."""

    def __init__(self, config: RunnerConfig, say: Callable[[str], object] = print) -> None:
        self._config = config
        self._say = say
        self._owns_ray = False
        self._idle: list[Any] = []
        self._running: dict[Any, _Running] = {}
        self._crashes: Counter[tuple[str, int]] = Counter()
        self._deaths: Counter[tuple[str, int, str]] = Counter()
        self.workers = config.workers or 1

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not ray.is_initialized():
            self._owns_ray = True
            self._connect()
        cpus = _cluster_cpus()
        self.workers = min(self._config.workers or cpus, cpus)
        if self._config.workers and self._config.workers > cpus:
            self._say(f"{self._config.workers} workers were asked for, the cluster has {cpus} CPUs: {cpus} it is")
        if self._config.num_gpus:
            self._fit_gpus()
        return self

    def _fit_gpus(self) -> None:
        """No more workers than GPUs: another one would wait for a GPU and hold its task back."""
        room = _room_on_gpus(self._config.num_gpus)
        if room < 1:
            if self._owns_ray:
                ray.shutdown()
            raise InputError(
                f"runner.num_gpus {self._config.num_gpus:g}",
                "a cluster with that many GPUs",
                "lower it, or start Ray there",
            )
        if room < self.workers:
            self._say(f"the cluster's GPUs hold {room} workers: {room} it is, not {self.workers}")
            self.workers = room

    def _connect(self) -> None:
        address = self._config.address or os.environ.get("RAY_ADDRESS")
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "mathpipe"}
        if address is None:
            # "local": else Ray would join a cluster that someone happens to have running on this machine.
            # Records never pass through the object store, only task descriptions: 100 MB is plenty.
            address = "local"
            options.update(num_cpus=self._config.workers, include_dashboard=False, object_store_memory=10**8)
        try:
            _check_reachable(address)
            ray.init(address=address, **options)
        except (OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"runner.address {address}",
                f"a Ray cluster that answers ({reason})",
                "start one with `ray start --head`",
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RayError):  # a cluster that is gone has nothing left to end
            self._drop_running()
            for actor in self._idle:
                ray.kill(actor)
            stop_services()
        if self._owns_ray:
            ray.shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """Results as they finish."""
        fresh = iter(tasks)
        again: deque[Task] = deque()
        try:
            while True:
                while len(self._running) < self.workers and (task := again.popleft() if again else next(fresh, None)):
                    self._start(task)
                if not self._running:
                    return
                ready, _ = ray.wait(list(self._running), num_returns=1, timeout=_POLL_SECONDS)
                for reference in ready:
                    running = self._running.pop(reference)
                    try:
                        result: TaskResult = ray.get(reference)
                    except RayTaskError as error:
                        self._idle.append(running.actor)
                        raise _cause(error, running.task) from error
                    except RayError as error:  # the actor or its node is gone, or Ray ended it for the memory it took
                        again.append(self._after_crash(running.task, "worker-died", str(error)))
                        continue
                    self._keep_or_recycle(running.actor, result)
                    yield result
                again.extend(self._reap_stuck())
                self._watch()
        finally:
            self._drop_running()  # else a later call of `run` would get what these still bring

    def _drop_running(self) -> None:
        for running in self._running.values():
            ray.kill(running.actor)
        self._running.clear()

    def _start(self, task: Task) -> None:
        memory_bytes = int(self._config.worker_memory_gb * 2**30)
        make: Any = ray.remote(_Worker)
        room = make.options(num_cpus=1, num_gpus=self._config.num_gpus)
        actor: Any = self._idle.pop() if self._idle else room.remote(memory_bytes, str(Path.cwd()))
        Mark.path_of(task.folder, task.shard).unlink(missing_ok=True)
        self._running[actor.run.remote(task)] = _Running(actor, task, time.time(), self._config.notice_after_seconds)

    def _watch(self) -> None:
        """Say what keeps the run waiting, and let go of idle workers when another one finds no CPU to start on."""
        for running in self._running.values():
            if running.seconds < running.notice_after:
                continue
            started = running.mark.exists()
            if not started and self._idle:
                ray.kill(self._idle.pop())
            if not started or not running.task.stage.per_record or not Mark.read(running.mark)[0]:
                self._say(f"{running.task}: {running.seconds:.0f} s, {running.where}")
            running.notice_after *= 2

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
            if not running.task.stage.per_record or not Mark.read(running.mark)[0]:
                continue
            if time.time() - max(running.mark.stat().st_mtime, running.since) > limit:
                del self._running[reference]
                ray.kill(running.actor)
                again.append(self._after_crash(running.task, "timeout"))
        return again

    def _after_crash(self, task: Task, why: str, detail: str = "") -> Task:
        """The task as it is tried again: first record by record, then without the record it died at twice."""
        shard = (task.step, task.shard)
        record_id = Mark.read(Mark.path_of(task.folder, task.shard))[0] if task.stage.per_record else ""
        self._crashes[shard] += 1
        self._deaths[*shard, record_id] += 1
        proven = bool(record_id) and task.one_by_one and self._deaths[*shard, record_id] >= _DEATHS_TO_BLAME
        attempts_left = self._crashes[shard] < _DEATHS_TO_BLAME * len(task.skip) + _ATTEMPTS_WITHOUT_CULPRIT
        if len(task.skip) >= self._config.max_quarantined_per_shard if proven else not attempts_left:
            error = StageError(
                str(task),
                f"a worker finishes it (it died or hung {self._crashes[shard]} times, the last: {why} at record"
                f" {record_id or 'unknown'}) {' '.join(detail.split())[:300]}".rstrip(),
                "raise runner.worker_memory_gb or runner.record_timeout_seconds",
            )
            error.shard = task.shard
            raise error
        if proven:
            return replace(task, skip={**task.skip, record_id: why})
        return replace(task, one_by_one=task.stage.per_record)


def _cause(error: RayTaskError, task: Task) -> MathpipeError:
    """Our own error as it was raised in the worker, or any other one with the place where it happened."""
    cause = error.cause
    if isinstance(cause, MathpipeError):
        return cause
    return StageError(
        str(task),
        f"its result can be sent back ({type(cause).__name__}: {cause})",
        "see the traceback in ledger.jsonl",
    )


def make_executor(config: RunnerConfig, say: Callable[[str], object]) -> Executor:
    """The executor the config asks for; `say` is told what keeps it waiting."""
    return InlineExecutor() if config.mode is Mode.INLINE else RayExecutor(config, say)
