"""Which problems a step samples, and sampling ahead of the learner.

In: a stream of problems and a sampler. Out: jobs with their rollouts, in order. With a staleness of S, S jobs beyond
the one that is waited for are in the sampler's queue while the learner works, so each is drawn with weights S steps
old. Jobs that were drawn and not yet learned from are part of a checkpoint.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from mathpipe.core.records import Problem
from mathpipe.generate.engines.engine import sample_seed
from rl.grpo_config import GrpoConfig
from rl.rollout import ProblemStream, Rollout, RolloutJob


class Source(Protocol):
    """What a job is handed to."""

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """Queue a job."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A job, and what comes of it."""

    job: RolloutJob
    rollout: Future[Rollout]


class Drawer:
    """Hands jobs to the sampler and rollouts back."""

    def __init__(self, config: GrpoConfig, problems: list[Problem], sampler: Source) -> None:
        self._config = config
        self._sampler = sampler
        self._stream = ProblemStream(problems, config.seed)
        self._ahead: deque[Drawn] = deque()
        self._jobs = 0

    def next(self) -> tuple[RolloutJob, Rollout]:
        """The next step's samples; as many jobs as may be are queued before this waits."""
        left = self._config.staleness + 1 - len(self._ahead)
        self._ahead.extend(self._draw(self._config.sampling.problems) for _ in range(left))
        drawn = self._ahead.popleft()
        return drawn.job, drawn.rollout.result()

    def more(self, problems: int) -> tuple[RolloutJob, Rollout]:
        """Samples of further problems for the same step."""
        drawn = self._draw(problems)
        return drawn.job, drawn.rollout.result()

    def state(self) -> dict[str, Any]:
        """Where the stream is, and what was drawn ahead (waits for it)."""
        ahead = [(drawn.job, drawn.rollout.result()) for drawn in self._ahead]
        return {"place": self._stream.place, "jobs": self._jobs, "ahead": ahead}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._stream.place, self._jobs = state["place"], state["jobs"]
        self._ahead.clear()
        for job, rollout in state["ahead"]:
            future: Future[Rollout] = Future()
            future.set_result(rollout)
            self._ahead.append(Drawn(job, future))

    def _draw(self, problems: int) -> Drawn:
        self._jobs += 1
        sampling = self._config.sampling
        job = RolloutJob(
            name=f"draw-{self._jobs}",
            problems=self._stream.take(problems),
            samples=sampling.samples,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            seed=sample_seed(self._config.seed, "draw", self._jobs),
        )
        return Drawn(job, self._sampler.sample(job))
