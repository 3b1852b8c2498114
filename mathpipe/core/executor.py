"""Where tasks run: in this process (tests, debugging) or on Ray workers, one machine or many.

In: tasks. Out: results as they finish. On Ray each worker is an actor with a bound on its memory. A worker that
dies or hangs costs a retry with single records; the record at which it does so twice is quarantined and the rest go
on. A lost node costs its shards' time. A worker that has grown past the recycling mark is replaced between shards.
Whatever takes long is named.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
from pydantic import Field, field_validator, model_validator
from ray.exceptions import AuthenticationError, RayError, RayTaskError

from mathpipe.core import cluster
from mathpipe.core.blame import Blame
from mathpipe.core.config import Config
from mathpipe.core.crew import Crew, Waiting, Worker
from mathpipe.core.errors import InputError, MathpipeError, StageError
from mathpipe.core.feed import Mark
from mathpipe.core.node_service import stop_services
from mathpipe.core.task import Task, TaskResult, run_task

_POLL_SECONDS = 0.5
# Looking after thousands of workers reads a small file of each: at most this part of the driver's time goes there.
_WATCHING_SHARE = 0.05
_START_SECONDS = 5.0  # a worker starts in one or two


def _as_it_is(task: Task) -> Task:
    return task


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
    mirror: str | None = None  # s3://bucket/run: outputs are copied there too, and fetched if the folder is gone
    mirror_take_over: bool = False  # of another run, or of this one whose folder is lost
    autoscaling: bool = False  # `workers` beyond the CPUs there are ask the cluster for nodes; idle ones free theirs

    @field_validator("num_gpus")
    @classmethod
    def _whole_or_part_of_one(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError("a worker takes whole GPUs or a part of one")
        return value

    @model_validator(mode="after")
    def _autoscaling_to_a_number(self) -> Self:
        if self.autoscaling and self.workers is None:
            raise ValueError("autoscaling needs `workers`: how many there may be at most")
        return self

    def below(self, name: str) -> Self:
        """The same for one of several run folders that lie together: each has a place of its own on the mirror."""
        if self.mirror is None:
            return self
        address, mark, options = self.mirror.partition("?")
        return self.model_copy(update={"mirror": f"{address.rstrip('/')}/{name}{mark}{options}"})


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
    def run(self, tasks: Iterable[Task], taken: Callable[[Task], Task] = _as_it_is) -> Iterator[TaskResult]:
        """Results as they finish; raises the first `MathpipeError` of one.

        `taken` is told of a task at the moment a worker first gets it, and may change it.
        """


class InlineExecutor(Executor):
    """One task after the other in this process, without timeouts or memory bounds."""

    def run(self, tasks: Iterable[Task], taken: Callable[[Task], Task] = _as_it_is) -> Iterator[TaskResult]:
        """Results in order."""
        return (run_task(taken(task)) for task in tasks)


@dataclass(slots=True)
class _Running:
    """A task and the worker that has it; `notice_after` doubles with each line about it.

    All times are the driver's own: a worker writes its mark by the clock of another machine.
    """

    worker: Worker
    task: Task
    since: float
    notice_after: float
    _marked: int = 0
    _marked_since: float = 0.0

    @property
    def mark(self) -> Path:
        return Mark.path_of(self.task.folder, self.task.shard)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    def seconds_at_record(self) -> float:
        """How long it has been seen at the record that it is at; 0 when its mark has moved since the last look."""
        marked = self.mark.stat().st_mtime_ns
        if marked != self._marked:
            self._marked, self._marked_since = marked, time.monotonic()
        return time.monotonic() - self._marked_since

    @property
    def where(self) -> str:
        """What the task is at."""
        if not self.mark.exists():
            free = f"the cluster has {cluster.free_cpus():g} of {cluster.cpus()} CPUs free"
            return f"waiting for a worker to start ({free})"
        record_id, url = Mark.read(self.mark)
        return f"at record {record_id} {url}".rstrip() if record_id else "at no record"


class RayExecutor(Executor):
    """A pool of worker actors; use as a context manager."""

    def __init__(self, config: RunnerConfig, say: Callable[[str], object] = print) -> None:
        self._config = config
        self._say = say
        self._owns_ray = False
        self._crew = Crew(config.worker_memory_gb, config.num_gpus)
        self._blame = Blame(config.max_quarantined_per_shard)
        self._running: dict[Any, _Running] = {}
        self._next_look = 0.0
        self.workers = config.workers or 1

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not ray.is_initialized():
            self._owns_ray = True
            self._connect()
        self._lost = cluster.LostNodes()
        cpus = cluster.cpus()
        self.workers = self._wanted_workers()
        if self._config.workers and self._config.workers > self.workers:
            self._say(f"{self._config.workers} workers were asked for, the cluster has {cpus} CPUs: {cpus} it is")
        if self._config.num_gpus:
            self._fit_gpus()
        return self

    def _wanted_workers(self) -> int:
        """As many as asked for, and no more than the CPUs there are now unless the cluster grows when asked."""
        if self._config.autoscaling and self._config.workers:
            return self._config.workers
        cpus = cluster.cpus()
        return min(self._config.workers or cpus, cpus)

    def _fit_gpus(self) -> None:
        """No more workers than GPUs: another one would wait for a GPU and hold its task back."""
        room = cluster.room_on_gpus(self._config.num_gpus)
        if room < 1 and not self._config.autoscaling:
            if self._owns_ray:
                ray.shutdown()
            raise InputError(
                f"runner.num_gpus {self._config.num_gpus:g}",
                "a cluster with that many GPUs",
                "lower it, or start Ray there",
            )
        if room < self.workers and not self._config.autoscaling:
            self._say(f"the cluster's GPUs hold {room} workers: {room} it is, not {self.workers}")
            self.workers = room

    def _connect(self) -> None:
        address = self._config.address or os.environ.get("RAY_ADDRESS")
        try:
            cluster.connect(address, self._config.workers)
        except (OSError, RuntimeError, ValueError, AuthenticationError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"runner.address {address or 'local'}",
                f"a Ray cluster that answers ({reason})",
                "start one with `ray start --head`; of one that asks for its token, set RAY_AUTH_MODE=token here",
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RayError):  # a cluster that is gone has nothing left to end
            self._drop_running()
            self._crew.dismiss_idle()
            stop_services()
        if self._owns_ray:
            ray.shutdown()

    def run(self, tasks: Iterable[Task], taken: Callable[[Task], Task] = _as_it_is) -> Iterator[TaskResult]:
        """Results as they finish."""
        waiting = Waiting(tasks)
        given: set[tuple[str, int]] = set()
        try:
            while True:
                while len(self._running) < self.workers and (task := self._crew.choose(waiting)):
                    self._start(task if (task.step, task.shard) in given else taken(task))
                    given.add((task.step, task.shard))
                if not self._running:
                    return
                for reference in self._finished():
                    running = self._running.pop(reference)
                    result = self._result(reference, running)
                    if isinstance(result, Task):
                        waiting.again([result])
                    else:
                        self._keep_or_recycle(running, result)
                        yield result
                waiting.again(self._look_after())
        finally:
            self._drop_running()  # else a later call of `run` would get what these still bring

    def _finished(self) -> list[Any]:
        """What has come in by now; waits a little for the first."""
        references = list(self._running)
        ready, _ = ray.wait(references, num_returns=1, timeout=_POLL_SECONDS)
        if ready and len(references) > 1:  # all at once: each look at thousands takes its time
            ready, _ = ray.wait(references, num_returns=len(references), timeout=0)
        return list(ready)

    def _result(self, reference: Any, running: _Running) -> TaskResult | Task:
        """What a task came to, or the task as it is to be tried again."""
        try:
            result: TaskResult = ray.get(reference)
        except RayTaskError as error:
            self._crew.release(running.worker, running.task)
            raise _cause(error, running.task) from error
        except RayError as error:  # the actor or its node is gone, or Ray ended it for the memory it took
            return self._again(running, "worker-died", str(error))
        return result

    def _again(self, running: _Running, why: str, detail: str = "") -> Task:
        """The task as it is tried again after its worker died or hung."""
        running.worker.kill()  # one that only cannot be reached must not go on at a shard that another gets
        if self._lost.took(running.worker.node):
            self._say(f"{running.task}: its node is gone, it is done again")
            return self._blame.after_loss(running.task)
        return self._blame.after_crash(running.task, why, detail)

    def _drop_running(self) -> None:
        for running in self._running.values():
            running.worker.kill()
        self._running.clear()

    def _start(self, task: Task) -> None:
        worker = self._crew.take()
        Mark.path_of(task.folder, task.shard).unlink(missing_ok=True)
        notice_after = self._config.notice_after_seconds
        self._running[worker.start(task)] = _Running(worker, task, time.monotonic(), notice_after)

    def _look_after(self) -> list[Task]:
        """Now and then: end what hangs, name what takes long, count the CPUs anew. The tasks to run again."""
        started = time.monotonic()
        if started < self._next_look:
            return []
        again = self._reap_stuck() + self._reassign()
        self._watch()
        if self._config.autoscaling:
            self._crew.dismiss_idle(self._config.notice_after_seconds)
        elif not self._config.num_gpus:
            self.workers = self._wanted_workers()
        seconds = time.monotonic() - started
        self._next_look = time.monotonic() + max(_POLL_SECONDS, seconds / _WATCHING_SHARE)
        return again

    def _reassign(self) -> list[Task]:
        """Tasks whose own worker finds no CPU to start on, while others have nothing to do: after a node was lost."""
        late = [
            reference
            for reference, running in self._running.items()
            if running.seconds > _START_SECONDS and not running.mark.exists()
        ][: len(self._crew.idle)]
        again = [self._running.pop(reference) for reference in late]
        for running in again:
            running.worker.kill()
        return [running.task for running in again]

    def _watch(self) -> None:
        """Say what keeps the run waiting."""
        for running in self._running.values():
            if running.seconds < running.notice_after:
                continue
            started = running.mark.exists()
            if not started or not running.task.stage.per_record or not Mark.read(running.mark)[0]:
                self._say(f"{running.task}: {running.seconds:.0f} s, {running.where}")
            running.notice_after *= 2

    def _keep_or_recycle(self, running: _Running, result: TaskResult) -> None:
        if result.rss_bytes > self._config.recycle_memory_gb * 2**30:
            running.worker.kill()
        else:
            self._crew.release(running.worker, running.task)

    def _reap_stuck(self) -> list[Task]:
        """Kill workers whose record has taken too long; the tasks to run again."""
        again = []
        for reference, running in list(self._running.items()):
            limit = running.task.record_timeout_seconds or self._config.record_timeout_seconds
            if not running.task.stage.per_record or not Mark.read(running.mark)[0]:
                continue
            if running.seconds_at_record() > limit:
                del self._running[reference]
                again.append(self._again(running, "timeout"))
        return again


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
