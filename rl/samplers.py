"""Where sampling happens: in this process at once, in a thread beside the learner, or in a Ray actor.

In this process means in every process that learns: each rank samples its part of a job on its own device, which
learner and engine then have by turns (vLLM sleeps while the learner works, and its weights and cache are gone).

All are the same queue: calls of one `RolloutWorker` are done in the order in which they were made, and each
gives a future. In an asynchronous run jobs and weights are queued ahead of what the learner needs, so a job is always
drawn with the same weights, wherever the worker lives: sampling beside learning changes the time, not the result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from mathpipe.core.errors import InputError, StageError
from mathpipe.generate import EngineConfig, EngineKind
from rl.lead import Lead
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

    def rest(self) -> bool:
        """Give the device's memory to the learner, where both use one: True if new weights must come first then."""

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
    """Does each call before it returns: one engine in each process that learns, and a job is shared out among them.

    Made and renewed by all of them; a job is asked for by the first.
    """

    def __init__(self, plan: WorkerPlan, lead: Lead) -> None:
        if lead.world > 1 and plan.engine.vllm.tensor_parallel > 1:
            raise InputError(
                f"engine.vllm.tensor_parallel={plan.engine.vllm.tensor_parallel}, sampler: inline, several ranks",
                "an engine on each rank's one device",
                "set it to 1, or use sampler: ray",
            )
        self._lead = lead
        self._worker = plan.make()
        lead.answer("sample", self._part)

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Sample now."""
        return _done(_joined([part for part in self._lead.everywhere("sample", job) if part is not None]))

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Future[Scores]:
        """Update now."""
        return _done(_furthest(self._lead.gathered(self._worker.update_weights(weights, version, probe))))

    def rest(self) -> bool:
        """Let the engine sleep."""
        return self._worker.rest()

    def close(self) -> None:
        """Free the engine."""
        self._worker.close()

    def _part(self, job: RolloutJob) -> Rollout | None:
        parts = job.parts(self._lead.world)
        return self._worker.sample(parts[self._lead.rank]) if self._lead.rank < len(parts) else None


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

    def rest(self) -> bool:
        """Nothing: it samples while the learner works."""
        return False

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

    def rest(self) -> bool:
        """Nothing: the actors have devices of their own."""
        return False

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
        return _joined(list(self._calls.map(self._call, range(len(parts)), ["sample"] * len(parts), parts)))

    def _update(self, stored: Any, version: int, probe: Probe) -> Scores:
        self._weights = (stored, version)
        futures = [
            self._calls.submit(self._call, number, "update_weights", stored, version, probe)
            for number in range(len(self._actors))
        ]
        found = [future.result() for future in futures]
        return _furthest(found)

    def _call(self, number: int, method: str, *arguments: Any) -> Any:
        import ray
        from ray.exceptions import RayActorError

        new = False
        for _ in range(_TRIES):
            try:
                if new and self._weights is not None and method != "update_weights":
                    ray.get(self._actors[number].update_weights.remote(*self._weights))
                new = False
                return ray.get(getattr(self._actors[number], method).remote(*arguments))
            except RayActorError:
                self._actors[number], new = self._start(number), True
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
        # "local" where no cluster is named: else Ray would wait for the last one that ran on this machine.
        address = os.environ.get("RAY_ADDRESS")
        ray.init(address) if address else ray.init("local", include_dashboard=False)
    bundle = {"CPU": 1.0} | ({"GPU": plan.num_gpus} if plan.num_gpus else {})
    group = placement_group([bundle] * plan.actors, strategy="PACK")
    try:
        ray.get(group.ready(), timeout=_PLACEMENT_SECONDS)
    except GetTimeoutError:
        remove_placement_group(group)
        raise InputError(
            f"sampler_actors={plan.actors}, {plan.num_gpus:g} GPUs and a CPU each",
            f"a cluster that has them free within {_PLACEMENT_SECONDS} s, not {_free()}",
            "ask for fewer, or add nodes",
        ) from None
    return group


def _free() -> str:
    import ray

    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    known = [f"{free[name]:g} {name}" for name in ("CPU", "GPU") if name in free]
    return ", ".join(known) or "none"


def _joined(found: Sequence[Rollout]) -> Rollout:
    """The parts of a job, in their order."""
    return Rollout(
        trajectories=tuple(item for part in found for item in part.trajectories),
        refused=tuple(item for part in found for item in part.refused),
        seconds=max(part.seconds for part in found),
    )


def _furthest(found: Sequence[Scores]) -> Scores:
    """Of several engines' scores of one probe, those that lie furthest from the first engine's.

    The trainer compares what it is given with its own: one engine that did not take the weights must show.
    """
    first = [value for row in found[0] for value in row]

    def distance(scores: Scores) -> float:
        return sum(abs(a - b) for a, b in zip(first, (v for row in scores for v in row), strict=True))

    return max(found, key=distance)


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

    def rest(self) -> bool:
        """Nothing."""
        return False

    def close(self) -> None:
        """Nothing."""


def make_sampler(place: Place, plan: WorkerPlan, lead: Lead) -> Sampler:
    """The sampler of that place; every rank makes its own."""
    if place is Place.INLINE:
        return InlineSampler(_by_turns(plan), lead)
    if not lead.leads:
        return NoSampler()
    if place is Place.RAY:
        return RaySampler(plan)
    if lead.world > 1 and plan.engine.kind is not EngineKind.TRANSFORMERS:
        raise InputError(
            "sampler: thread on several ranks",
            "engine.kind: transformers, as vLLM would wait for the other ranks",
            "use sampler: inline (each rank samples), or ray",
        )
    return ThreadSampler(plan)


def _by_turns(plan: WorkerPlan) -> WorkerPlan:
    """With vLLM's sleep on a GPU, unless the configuration says otherwise."""
    import torch

    if plan.engine.vllm.sleep_mode is not None or plan.engine.device == "cpu" or not torch.cuda.is_available():
        return plan
    vllm = plan.engine.vllm.model_copy(update={"sleep_mode": True})
    return replace(plan, engine=plan.engine.model_copy(update={"vllm": vllm}))


def _done(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future
