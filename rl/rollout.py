"""Sampling: problems to trajectories, by one engine whose weights are renewed.

In: a `RolloutJob` (which problems, how many samples each, how drawn). Out: trajectories in the order of problems and
samples, each with the log-probabilities it was drawn with. Every sample's seed comes from the job's and its own
place, so a job that is done again gives the same trajectories.

A sampler that cuts its distribution (top-p, top-k) is refused: the ratio of the policy to what was drawn from would
be wrong on every token, and for the tokens that were cut away it does not exist.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from pydantic import Field, model_validator

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Form, Problem
from mathpipe.generate import Completion, Engine, EngineConfig, Request, make_engine
from mathpipe.generate.engines.engine import sample_seed
from mathpipe.generate.forms.settings import DEFAULT_PROMPTS, GenerationConfig
from mathpipe.generate.forms.steps import first_prompt
from mathpipe.generate.prompts import Style, load_prompt
from rl.trajectories import Trajectory

Probe = tuple[tuple[int, ...], ...]  # sequences of token ids
Scores = list[tuple[float, ...]]  # log-probabilities of their tokens but the first


class SamplingConfig(Config):
    """How the policy is sampled: `problems` questions a step, `samples` solutions of each (the group).

    `top_p` and `top_k` are here to be refused with a reason.
    """

    problems: int = Field(default=16, ge=1)
    samples: int = Field(default=8, ge=1)
    max_tokens: int = Field(default=1024, ge=1)
    temperature: float = Field(default=1.0, gt=0)
    prompt: str = DEFAULT_PROMPTS[Form.CHAIN_OF_THOUGHT]
    style: Style = Style.CHAT
    shots: int | None = Field(default=None, ge=0)
    top_p: float = 1.0
    top_k: int = 0

    @model_validator(mode="after")
    def _whole_distribution(self) -> SamplingConfig:
        if self.top_p != 1.0 or self.top_k not in {0, -1}:
            raise ValueError(
                "top_p 1 and top_k 0: a cut distribution makes every ratio between policy and sampler wrong; "
                "lower the temperature instead"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutJob:
    """What to sample. `seed` differs for every job of a run; temperature 0 is greedy, for evaluation.

    With `prefixes`, one for each problem, a completion goes on from its tokens, which count to `max_tokens`.
    """

    name: str
    problems: tuple[Problem, ...]
    samples: int
    max_tokens: int
    temperature: float
    seed: int
    first_group: int = 0
    prefixes: tuple[tuple[int, ...], ...] = ()

    def parts(self, count: int) -> list[RolloutJob]:
        """The job cut into at most `count` jobs, whose trajectories together are the whole job's."""
        size = -(-len(self.problems) // count)
        return [
            replace(
                self,
                problems=self.problems[at : at + size],
                first_group=self.first_group + at,
                prefixes=self.prefixes[at : at + size],
            )
            for at in range(0, len(self.problems), size)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What came out of a job: trajectories, refusals of the engine (a prompt too long), the time it took."""

    trajectories: tuple[Trajectory, ...]
    refused: tuple[str, ...]
    seconds: float


class RolloutWorker:
    """One engine that samples and takes weights. `version` is the weights' (optimizer steps)."""

    def __init__(self, engine: EngineConfig, sampling: SamplingConfig, version: int = 0) -> None:
        self._engine: Engine = make_engine(engine, print)
        self._file = load_prompt(sampling.prompt)
        # The prompts' own settings; those of drawing come with each job.
        self._settings = GenerationConfig(prompt=sampling.prompt, style=sampling.style, shots=sampling.shots)
        self._version = version

    def sample(self, job: RolloutJob) -> Rollout:
        """Draw every sample of the job."""
        started = time.perf_counter()
        asked = [self._request(job, place) for place in range(len(job.problems))]
        places = {request.request_id: place for place, request in enumerate(asked)}
        found: list[Trajectory] = []
        refused: list[str] = []
        for completion in self._engine.generate(asked):
            place = places[completion.request_id]
            if completion.finish is Finish.ERROR or not completion.token_ids:
                refused.append(f"{job.problems[place].problem_id}: {completion.detail or 'nothing was sampled'}")
                continue
            found.append(self._trajectory(job, place, asked[place], completion))
        found.sort(key=lambda item: (item.group, item.index))
        return Rollout(
            trajectories=tuple(found), refused=tuple(sorted(refused)), seconds=time.perf_counter() - started
        )

    def update_weights(self, weights: Iterable[tuple[str, Any]], version: int, probe: Probe = ()) -> Scores:
        """Take the policy's weights, and score the probe with them to show that they were taken."""
        self._engine.update_weights(weights)
        self._version = version
        return self._engine.score(probe) if probe else []

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()

    def rest(self) -> bool:
        """Give up the device's memory until new weights come, where the engine can: True if it did."""
        return self._engine.sleep()

    def _request(self, job: RolloutJob, place: int) -> Request:
        problem, group = job.problems[place], job.first_group + place
        prompt = first_prompt(problem, self._file, self._settings, self._engine)
        if prompt.token_ids is None:
            raise InputError("engine", "one that takes token ids", "use vllm or transformers for training")
        template = self._engine.template
        begun = job.prefixes[place] if job.prefixes else ()
        return Request(
            request_id=f"{job.name}/{group}",
            prompt_token_ids=(*prompt.token_ids, *begun),
            n=job.samples,
            max_tokens=job.max_tokens - len(begun),
            temperature=job.temperature,
            stop=self._file.stop if self._settings.style is Style.FEW_SHOT else (),
            stop_token_ids=template.stop_token_ids if template is not None else (),
            seed=sample_seed(job.seed, job.name, problem.problem_id, group),
            logprobs=True,
        )

    def _trajectory(self, job: RolloutJob, place: int, request: Request, completion: Completion) -> Trajectory:
        return Trajectory(
            problem_id=job.problems[place].problem_id,
            group=job.first_group + place,
            index=completion.index,
            prompt_ids=request.prompt_token_ids or (),
            completion_ids=completion.token_ids,
            sampler_logprobs=completion.logprobs or (),
            version=self._version,
            text=completion.text,
            finish=completion.finish,
        )


class ProblemStream:
    """Problems for ever: every one once in an order drawn by the seed, then all again in another.

    `place` is how many were handed out; a stream made anew and put at the same place goes on in the same way.
    """

    def __init__(self, problems: list[Problem], seed: int, place: int = 0) -> None:
        if not problems:
            raise InputError("problems", "at least one", "check the source and its split")
        self._problems = problems
        self._seed = seed
        self.place = place
        self._epoch = -1
        self._order: list[int] = []

    def take(self, count: int) -> tuple[Problem, ...]:
        """The next `count` problems."""
        return tuple(self._next() for _ in range(count))

    def _next(self) -> Problem:
        epoch, within = divmod(self.place, len(self._problems))
        if epoch != self._epoch:
            self._order = _permutation(len(self._problems), sample_seed(self._seed, "epoch", epoch))
            self._epoch = epoch
        self.place += 1
        return self._problems[self._order[within]]


def _permutation(size: int, seed: int) -> list[int]:
    order = list(range(size))
    Random(seed).shuffle(order)
    return order


def engine_config(engine: EngineConfig, model: str) -> EngineConfig:
    """The sampler's configuration with the policy in it."""
    return engine.model_copy(update={"model": model, "name": engine.name or model})
