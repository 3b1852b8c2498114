"""Process supervision: a reward for each step of a sample, at the token that ends it (arXiv 2402.03300, 4.1.3).

In: judged samples. Out: the same with `step_rewards`. Steps are paragraphs and lines that begin with "Step 2", or
all lines where there is but one paragraph (`verify.rewards.step_spans`). The last step's reward is the sample's own,
by its outcome; those before it are judged by one of two verifiers:

- equations: 1 where the equations that the step states hold, 0 where one fails (`verify.step_equations`).
- rollouts: Math-Shepherd's estimate (arXiv 2312.08935): the sampler goes on from the step's end several times; the
  share of what ends right is the reward.

A step that cannot be judged alone (it states no equation, its verifier was killed) has no reward of its own: its
tokens count to the judged step after it, whose sum of rewards they have. Were it given one, a good one would be paid
for each sentence that states nothing. A sample without a reward gets no steps, and is not learned from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Outcome, Problem
from mathpipe.generate.engines.engine import sample_seed
from rl.rollout import RolloutJob
from rl.samplers import Sampler
from rl.token_positions import Decode, last_tokens
from rl.trajectories import Scored, Trajectory
from verify import StepClaim
from verify.rewards import ClaimPool, step_spans


class StepVerifierKind(StrEnum):
    """Who judges the steps before the last."""

    EQUATIONS = "equations"
    ROLLOUTS = "rollouts"


class StepConfig(Config):
    """How steps are found and judged; `rollouts` is how many completions are drawn from the end of each step."""

    verifier: StepVerifierKind = StepVerifierKind.EQUATIONS
    lines: bool = True  # a text without paragraphs is cut into its lines
    rollouts: int = Field(default=8, ge=1)


@dataclass(frozen=True, slots=True)
class Step:
    """A step before the last of its sample; `last` is the place of the token that ends it."""

    trajectory: Trajectory
    text: str
    last: int


class StepVerifier(Protocol):
    """How good steps are, from 0 to 1; None for one that cannot be judged. `job` is the one they were drawn in."""

    def __call__(self, steps: Sequence[Step], problems: Mapping[str, Problem], job: RolloutJob) -> list[float | None]:
        """In the order of the steps."""


class OutcomeJudge(Protocol):
    """What `rl.judging.Judge` does."""

    def __call__(self, trajectories: Sequence[Trajectory], problems: Mapping[str, Problem]) -> list[Scored]:
        """A reward for each trajectory."""


@dataclass(frozen=True, slots=True)
class StepJudge:
    """Gives judged samples their step rewards; a right step is worth `weight`."""

    verifier: StepVerifier
    decode: Decode
    weight: float = 1.0
    lines: bool = True

    def __call__(self, scored: Sequence[Scored], problems: Mapping[str, Problem], job: RolloutJob) -> list[Scored]:
        """The samples in their order."""
        steps = [self._steps(item.trajectory) if item.reward is not None else [] for item in scored]
        found = iter(self.verifier([step for row in steps for step in row], problems, job))
        return [
            item if item.reward is None else self._supervised(item, item.reward, row, [next(found) for _ in row])
            for item, row in zip(scored, steps, strict=True)
        ]

    def _steps(self, item: Trajectory) -> list[Step]:
        """All steps but the last; none where the tokens are not the text's, so that the outcome judges the whole."""
        *spans, _ = step_spans(item.text, lines=self.lines) or [(0, 0)]
        lasts = last_tokens(item.completion_ids, item.text, [end for _, end in spans], self.decode) or []
        steps = [
            Step(item, item.text[start:end], last) for (start, end), last in zip(spans, lasts, strict=bool(lasts))
        ]
        # Of steps that end within one token, the last; what ends with the completion is its last step's.
        ends = {step.last: step for step in steps if step.last < len(item.completion_ids) - 1}
        return list(ends.values())

    def _supervised(self, item: Scored, reward: float, steps: list[Step], found: list[float | None]) -> Scored:
        judged = [
            (step.last, self.weight * share) for step, share in zip(steps, found, strict=True) if share is not None
        ]
        return replace(item, step_rewards=(*judged, (len(item.trajectory.completion_ids) - 1, reward)))


@dataclass(frozen=True, slots=True)
class Equations:
    """Steps by the equations that they state."""

    pool: ClaimPool

    def __call__(self, steps: Sequence[Step], problems: Mapping[str, Problem], job: RolloutJob) -> list[float | None]:
        """1, 0, or None without an equation that can be checked."""
        told = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0}
        texts = list(dict.fromkeys(step.text for step in steps))  # samples of a group often begin alike
        verdicts = self.pool.map([StepClaim(text) for text in texts])
        found = {text: told.get(verdict.outcome) for text, verdict in zip(texts, verdicts, strict=True)}
        return [found[step.text] for step in steps]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Steps by how often what the sampler makes of them ends right."""

    sampler: Sampler
    judge: OutcomeJudge
    decode: Decode
    samples: int

    def __call__(self, steps: Sequence[Step], problems: Mapping[str, Problem], job: RolloutJob) -> list[float | None]:
        """The shares; None where nothing was drawn or could be judged. Steps with the same tokens are asked once."""
        prefixes = [(step.trajectory.problem_id, step.trajectory.completion_ids[: step.last + 1]) for step in steps]
        places = {prefix: place for place, prefix in enumerate(dict.fromkeys(prefixes))}
        if not places:
            return []
        asked = replace(
            job,
            name=f"{job.name}-steps",
            problems=tuple(problems[problem] for problem, _ in places),
            prefixes=tuple(ids for _, ids in places),
            samples=self.samples,
            seed=sample_seed(job.seed, "steps"),
            first_group=0,
        )
        begun = [self.decode(ids) for _, ids in places]
        drawn = self.sampler.sample(asked).result().trajectories
        judged = self.judge([replace(item, text=begun[item.group] + item.text) for item in drawn], problems)
        shares = _shares(judged)
        return [shares.get(places[prefix]) for prefix in prefixes]


def _shares(judged: Iterable[Scored]) -> dict[int, float]:
    """The share of right samples by group; a group without a judged one is left out."""
    right: dict[int, list[bool]] = {}
    for item in judged:
        if item.outcome is not None:
            right.setdefault(item.trajectory.group, []).append(item.outcome is Outcome.CORRECT)
    return {group: sum(found) / len(found) for group, found in right.items()}
