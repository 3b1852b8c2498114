"""Where sampling happens: in this process at once, in a thread beside the learner, or in a Ray actor.

All three are the same queue: calls of one `RolloutWorker` are done in the order in which they were made, and each
gives a future. In an asynchronous run jobs and weights are queued ahead of what the learner needs, so a job is always
drawn with the same weights, wherever the worker lives: sampling beside learning changes the time, not the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from mathpipe.core.errors import InputError, StageError
from mathpipe.generate import EngineConfig
from rl.rollout import Probe, Rollout, RolloutJob, RolloutWorker, SamplingConfig, Scores

T = TypeVar("T")


class Place(StrEnum):
    """Where the sampler runs."""

    INLINE = "inline"
    THREAD = "thread"
    RAY = "ray"


class Sampler(Protocol):
    """A queue before one worker."""

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Queue a job."""

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Queue new weights, with sequences to score; what is given may be changed once this has returned."""

    def close(self) -> None:
        """End the worker."""


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker is made of."""

    engine: EngineConfig
    sampling: SamplingConfig
    num_gpus: float = 0.0

    def make(self) -> RolloutWorker:
        """Load the engine."""
        return RolloutWorker(self.engine, self.sampling)


class InlineSampler:
    """Does each call before it returns."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._worker = plan.make()

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Sample now."""
        return _done(self._worker.sample(job))

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Update now."""
        return _done(self._worker.update_weights(weights, version, probe))

    def close(self) -> None:
        """Free the engine."""
        self._worker.close()


class ThreadSampler:
    """One thread of this process: torch lets the learner run meanwhile."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampler")
        self._worker = self._thread.submit(plan.make).result()

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Queue a job."""
        return self._thread.submit(self._worker.sample, job)

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Queue a copy of the weights."""
        copied = [(name, tensor.clone()) for name, tensor in weights]
        return self._thread.submit(self._worker.update_weights, copied, version, probe)

    def close(self) -> None:
        """End the thread once its queue is empty."""
        self._thread.submit(self._worker.close).result()
        self._thread.shutdown()


class RaySampler:
    """An actor of its own process (and device). One that dies is started again and its unfinished calls are redone.

    Weights are needed for that: the last ones that were queued before the first unfinished job are kept here.
    """

    def __init__(self, plan: WorkerPlan, tries: int = 3) -> None:
        self._plan = plan
        self._tries = tries
        self._weights: tuple[Any, int] | None = None  # reference in Ray's store, version
        self._actor = self._start()
        self._watch = ThreadPoolExecutor(1, thread_name_prefix="ray-sampler")

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Queue a job."""
        return self._watch.submit(self._call, "sample", job)

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Put the weights into Ray's store and queue their update."""
        import ray

        stored = ray.put([(name, tensor.detach().cpu()) for name, tensor in weights])
        return self._watch.submit(self._update, stored, version, probe)

    def close(self) -> None:
        """End the actor."""
        import ray

        self._watch.shutdown(cancel_futures=True)
        ray.kill(self._actor)

    @property
    def process_id(self) -> int:
        """The actor's process on its node."""
        import ray

        found: int = ray.get(self._actor.process_id.remote())
        return found

    def _update(self, stored: Any, version: int, probe: Probe) -> Scores:
        self._weights = (stored, version)
        scores: Scores = self._call("update_weights", stored, version, probe)
        return scores

    def _call(self, method: str, *arguments: Any) -> Any:
        import ray
        from ray.exceptions import RayActorError

        for _ in range(self._tries):
            try:
                return ray.get(getattr(self._actor, method).remote(*arguments))
            except RayActorError:
                self._actor = self._start()
                if self._weights is not None and method != "update_weights":
                    ray.get(self._actor.update_weights.remote(*self._weights))
        raise StageError("rollout actor", f"one that lives ({self._tries} died at {method})", "see the Ray log")

    def _start(self) -> Any:
        import ray

        if not ray.is_initialized():
            ray.init(log_to_driver=True, include_dashboard=False)
        actor = ray.remote(_ActorWorker).options(num_gpus=self._plan.num_gpus, num_cpus=1)
        return actor.remote(self._plan)


class _ActorWorker(RolloutWorker):
    """A worker as Ray makes it."""

    def __init__(self, plan: WorkerPlan) -> None:
        super().__init__(plan.engine, plan.sampling)

    def process_id(self) -> int:
        """This process."""
        import os

        return os.getpid()


def make_sampler(place: Place, plan: WorkerPlan) -> Sampler:
    """The sampler of that place."""
    match place:
        case Place.INLINE:
            return InlineSampler(plan)
        case Place.THREAD:
            return ThreadSampler(plan)
        case Place.RAY:
            return RaySampler(plan)
    raise InputError(f"sampler place {place!r}", ", ".join(Place), "name one of them")


def _done(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future
