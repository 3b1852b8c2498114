"""What a shard is tried with again after its worker died, hung, or went down with its node.

In: the task and what became of it. Out: the task as it is tried again; `StageError` when that makes no sense any
more. A death is held against the record the worker was at: first the shard is fed record by record, then the record
at which it died twice is left out. A lost node is held against nobody: the shard is simply done again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from mathpipe.core.errors import StageError
from mathpipe.core.feed import Mark
from mathpipe.core.task import Task

_DEATHS_TO_BLAME = 2  # a worker may die of something else once, hardly twice at one record
_ATTEMPTS_WITHOUT_CULPRIT = 3
# Machines that are taken away hit shards at random; one shard that ends so many nodes ends them itself.
_NODES_A_SHARD_MAY_LOSE = 10


class Blame:
    """Counts deaths by shard and record over a run."""

    def __init__(self, max_quarantined: int) -> None:
        self._max_quarantined = max_quarantined
        self._crashes: Counter[tuple[str, int]] = Counter()
        self._deaths: Counter[tuple[str, int, str]] = Counter()
        self._losses: Counter[tuple[str, int]] = Counter()

    def after_loss(self, task: Task) -> Task:
        """The task again, as it was: its node was lost."""
        shard = (task.step, task.shard)
        self._losses[shard] += 1
        if self._losses[shard] > _NODES_A_SHARD_MAY_LOSE:
            raise _given_up(
                task, f"a node outlives it (it went down with {self._losses[shard]} nodes)",
                "look at what those nodes died of; a smaller runner.worker_memory_gb keeps a shard from filling one",
            )  # fmt: skip
        return task

    def after_crash(self, task: Task, why: str, detail: str = "") -> Task:
        """The task record by record, then without the record at which a worker died twice."""
        shard = (task.step, task.shard)
        record_id = Mark.read(Mark.path_of(task.folder, task.shard))[0] if task.stage.per_record else ""
        self._crashes[shard] += 1
        self._deaths[*shard, record_id] += 1
        proven = bool(record_id) and task.one_by_one and self._deaths[*shard, record_id] >= _DEATHS_TO_BLAME
        attempts_left = self._crashes[shard] < _DEATHS_TO_BLAME * len(task.skip) + _ATTEMPTS_WITHOUT_CULPRIT
        if len(task.skip) >= self._max_quarantined if proven else not attempts_left:
            raise _given_up(
                task,
                f"a worker finishes it (it died or hung {self._crashes[shard]} times, the last: {why} at record"
                f" {record_id or 'unknown'}) {' '.join(detail.split())[:300]}".rstrip(),
                "raise runner.worker_memory_gb or runner.record_timeout_seconds",
            )
        if proven:
            return replace(task, skip={**task.skip, record_id: why})
        return replace(task, one_by_one=task.stage.per_record)


def _given_up(task: Task, expected: str, repair: str) -> StageError:
    error = StageError(str(task), expected, repair)
    error.shard = task.shard
    return error
