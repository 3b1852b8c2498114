"""The worker processes of a run on Ray: one actor each, started when first needed and placed where the data is.

In: tasks that wait. Out: a worker and the task it is to do: of the next tasks one whose shard was made on its node,
where it still lies in memory or on the node's own disk.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError

from mathpipe.core.memory import bound_private_bytes
from mathpipe.core.task import Task, TaskResult, run_task

# Ray's own handlers of these want memory: a worker that aborts because it has none would abort inside them, for ever.
_FATAL_SIGNALS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
# So many tasks are looked through for one near a worker's data: found in microseconds, and most nodes have one there.
_LOOK_AHEAD = 256
# Some 60 KB: what Ray sends within a message (below 100 KB) and what it puts into its object store and may spill.
_MANY_FILES = 500
_SHARDS_REMEMBERED = 500_000  # some 100 MB of the driver's memory: the last few steps of a snapshot


class _WorkerBody:
    """The actor's body. Its own process, so that it can be killed without harm to the others.

    It works in the driver's folder, so that relative paths mean the same on a cluster that was started elsewhere.
    """

    def __init__(self, memory_bytes: int, folder: str) -> None:
        os.chdir(folder)
        for number in _FATAL_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        bound_private_bytes(memory_bytes)

    def node(self) -> str:
        return str(ray.get_runtime_context().get_node_id())

    def run(self, task: Task | bytes) -> TaskResult:
        return run_task(_read(task) if isinstance(task, bytes) else task)


@dataclass(slots=True, eq=False)
class Worker:
    """One actor."""

    actor: Any
    home: Any  # a reference to its node's id
    idle_since: float = field(default_factory=time.time)
    _node: str = ""

    @property
    def node(self) -> str:
        """Its node's id, '' before it has said so."""
        if not self._node:
            with suppress(RayError):
                self._node = str(ray.get(self.home, timeout=0))
        return self._node

    def start(self, task: Task) -> Any:
        """A reference to what the task will come to."""
        return self.actor.run.remote(_description(task))

    def kill(self) -> None:
        """End its process."""
        ray.kill(self.actor)


def _description(task: Task) -> Task | bytes:
    """The task, or the path of a file that holds it: one of very many inputs would fill Ray's object store."""
    if len(task.inputs) + len(task.side_files) < _MANY_FILES:
        return task
    path = task.folder / ".tmp" / f"task-{task.shard:05d}"
    path.write_bytes(cloudpickle.dumps(task))  # type: ignore[no-untyped-call]
    return os.fsencode(path)


def _read(path: bytes) -> Task:
    task: Task = cloudpickle.loads(Path(os.fsdecode(path)).read_bytes())
    return task


class Crew:
    """The idle workers, how new ones are made, and which node made which shard."""

    def __init__(self, memory_gb: float, num_gpus: float) -> None:
        self._memory_bytes = int(memory_gb * 2**30)
        make: Any = ray.remote(_WorkerBody)  # once: each wrapping is exported to the whole cluster anew
        self._make = make.options(num_cpus=1, num_gpus=num_gpus)
        self._made_on: dict[str, str] = {}
        self.idle: list[Worker] = []

    def take(self) -> Worker:
        """The worker that was busy last, else a new one."""
        if self.idle:
            return self.idle.pop()
        actor = self._make.remote(self._memory_bytes, str(Path.cwd()))
        return Worker(actor, actor.node.remote())

    def release(self, worker: Worker, task: Task) -> None:
        """A worker has finished a task and waits for the next."""
        self._made_on[str(task.folder / f"shard-{task.shard:05d}.parquet")] = worker.node
        if len(self._made_on) > _SHARDS_REMEMBERED:
            del self._made_on[next(iter(self._made_on))]
        worker.idle_since = time.time()
        self.idle.append(worker)

    def dismiss_idle(self, longer_than_seconds: float = 0.0) -> None:
        """End the workers that have had nothing to do for so long."""
        before = time.time() - longer_than_seconds
        for worker in [worker for worker in self.idle if worker.idle_since <= before]:
            worker.kill()
            self.idle.remove(worker)

    def choose(self, waiting: Waiting) -> Task | None:
        """The task for the worker that `take` gives next: one that reads what its node made, else the first."""
        tasks = waiting.ahead()
        node = self.idle[-1].node if self.idle else ""
        near = (number for number, task in enumerate(tasks) if self._is_at(task, node))
        return waiting.pop(next(near, 0)) if tasks else None

    def _is_at(self, task: Task, node: str) -> bool:
        return bool(node) and len(task.inputs) == 1 and self._made_on.get(task.inputs[0].path) == node


class Waiting:
    """Tasks that no worker has yet, the ones to do again first."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._fresh: Iterator[Task] = iter(tasks)
        self._ahead: deque[Task] = deque()

    def again(self, tasks: Iterable[Task]) -> None:
        """Tasks that a worker did not finish."""
        self._ahead.extendleft(tasks)

    def ahead(self) -> deque[Task]:
        """The next tasks."""
        while len(self._ahead) < _LOOK_AHEAD and (task := next(self._fresh, None)) is not None:
            self._ahead.append(task)
        return self._ahead

    def pop(self, number: int) -> Task:
        """Take one out of those ahead."""
        task = self._ahead[number]
        del self._ahead[number]
        return task
