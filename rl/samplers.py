"""Where sampling happens: in this process at once, in a thread beside the learner, or in a Ray actor.

All three are the same queue: calls of one `RolloutWorker` are done in the order in which they were made, and each
gives a future. In an asynchronous run jobs and weights are queued ahead of what the learner needs, so a job is always
drawn with the same weights, wherever the worker lives: sampling beside learning changes the time, not the result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from mathpipe.core.errors import InputError, StageError
from mathpipe.generate import EngineConfig
from rl.rollout import Probe, Rollout, RolloutJob, RolloutWorker, SamplingConfig, Scores

T = TypeVar("T")
_TRIES = 3  # an actor may die of something else once or twice, hardly three times at one job
_PLACEMENT_SECONDS = 120


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

    def rest(self) -> None:
        """Give the device's memory to the learner, where both use one device."""

    def close(self) -> None:
        """End the worker."""


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a worker is made of."""

    engine: EngineConfig
    sampling: SamplingConfig
    num_gpus: float = 0.0  # of each actor
    actors: int = 1

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

    def rest(self) -> None:
        """Let the engine sleep."""
        self._worker.rest()

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

    def rest(self) -> None:
        """Nothing: it samples while the learner works."""

    def close(self) -> None:
        """End the thread once its queue is empty."""
        self._thread.submit(self._worker.close).result()
        self._thread.shutdown()


class RaySampler:
    """Actors, each of its own process and devices, in one placement group; a job is shared out among them.

    An actor that dies is started again with the weights it had and does its part of the job again: the same seeds
    give the same samples.
    """

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._group = _placement_group(plan)
        self._weights: tuple[Any, int] | None = None  # reference in Ray's store, version
        self._actors = [self._start(number) for number in range(plan.actors)]
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="ray-samplers")
        self._calls = ThreadPoolExecutor(plan.actors, thread_name_prefix="ray-sampler")

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Queue a job."""
        return self._queue.submit(self._sample, job)

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Put the weights into Ray's store and queue their update."""
        import ray

        stored = ray.put([(name, tensor.detach().cpu()) for name, tensor in weights])
        return self._queue.submit(self._update, stored, version, probe)

    def rest(self) -> None:
        """Nothing: the actors have devices of their own."""

    def close(self) -> None:
        """End the actors and give their places back."""
        import ray
        from ray.util import remove_placement_group

        self._queue.shutdown(cancel_futures=True)
        self._calls.shutdown()
        for actor in self._actors:
            ray.kill(actor)
        remove_placement_group(self._group)

    def process_ids(self) -> list[int]:
        """The actors' processes on their nodes."""
        import ray

        return [ray.get(actor.process_id.remote()) for actor in self._actors]

    def _sample(self, job: RolloutJob) -> Rollout:
        parts = job.parts(len(self._actors))
        found: list[Rollout] = list(self._calls.map(self._call, range(len(parts)), ["sample"] * len(parts), parts))
        return Rollout(
            trajectories=tuple(item for part in found for item in part.trajectories),
            refused=tuple(item for part in found for item in part.refused),
            seconds=max(part.seconds for part in found),
        )

    def _update(self, stored: Any, version: int, probe: Probe) -> Scores:
        self._weights = (stored, version)
        futures = [
            self._calls.submit(self._call, number, "update_weights", stored, version, probe)
            for number in range(len(self._actors))
        ]
        found = [future.result() for future in futures]
        return found[0] if len(found) == 1 else _furthest(found)

    def _call(self, number: int, method: str, *arguments: Any) -> Any:
        import ray
        from ray.exceptions import RayActorError

        for _ in range(_TRIES):
            try:
                return ray.get(getattr(self._actors[number], method).remote(*arguments))
            except RayActorError:
                self._actors[number] = self._start(number)
                if self._weights is not None and method != "update_weights":
                    ray.get(self._actors[number].update_weights.remote(*self._weights))
        raise StageError("rollout actor", f"one that lives ({_TRIES} died at {method})", "see the Ray log")

    def _start(self, number: int) -> Any:
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        strategy = PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=number)
        options = {"num_cpus": 1, "num_gpus": self._plan.num_gpus, "scheduling_strategy": strategy}
        return ray.remote(_ActorWorker).options(**options).remote(self._plan)


def _placement_group(plan: WorkerPlan) -> Any:
    """A place for every actor, all or none of them."""
    import ray
    from ray.exceptions import GetTimeoutError
    from ray.util import placement_group, remove_placement_group

    if not ray.is_initialized():
        ray.init(include_dashboard=False)
    bundle = {"CPU": 1.0} | ({"GPU": plan.num_gpus} if plan.num_gpus else {})
    group = placement_group([bundle] * plan.actors, strategy="PACK")
    try:
        ray.get(group.ready(), timeout=_PLACEMENT_SECONDS)
    except GetTimeoutError:
        remove_placement_group(group)
        raise InputError(
            f"sampler.actors={plan.actors}, {plan.num_gpus:g} GPUs and a CPU each",
            f"a cluster that has them free within {_PLACEMENT_SECONDS} s, not {_free()}",
            "ask for fewer, or add nodes",
        ) from None
    return group


def _free() -> str:
    import ray

    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    known = [f"{free[name]:g} {name}" for name in ("CPU", "GPU") if name in free]
    return ", ".join(known) or "none"


def _furthest(found: Sequence[Scores]) -> Scores:
    """Of several actors' scores of one probe, those that lie furthest from the first actor's.

    The trainer compares what it is given with its own: one actor that did not take the weights must show.
    """
    first = [value for row in found[0] for value in row]

    def distance(scores: Scores) -> float:
        return sum(abs(a - b) for a, b in zip(first, (v for row in scores for v in row), strict=True))

    return max(found[1:], key=distance) if any(distance(one) for one in found[1:]) else found[0]


class _ActorWorker(RolloutWorker):
    """A worker as Ray makes it."""

    def __init__(self, plan: WorkerPlan) -> None:
        super().__init__(plan.engine, plan.sampling)

    def process_id(self) -> int:
        """This process."""
        return os.getpid()


class NoSampler:
    """On a rank that does not sample: takes weights, as every rank must hand its part over, and lets them go."""

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Refused: the first rank samples."""
        raise StageError(f"job {job.name}", "the first rank to sample", "report this fault")

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Gather the weights with the other ranks."""
        for _ in weights:
            pass
        return _done([])

    def rest(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


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
