"""Rewards of trajectories: verdicts of `verify`, and what is added for form, length and repetition.

In: trajectories and their problems. Out: `Scored`, one each. Answers, proofs and programs each have their verifier; a
sample whose verifier failed (not the sample: a reference that cannot be read, a crash) has no reward and is not
learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Outcome, Problem, ProblemKind
from rl.process_supervision import Equations, OutcomeJudge, Rollouts, StepConfig, StepJudge, StepVerifierKind
from rl.samplers import Sampler
from rl.token_positions import decoder_of
from rl.trajectories import Scored, Trajectory
from verify import percent
from verify.answers.extract import extract_answer
from verify.rewards import (
    ClaimPool,
    Reward,
    Weighted,
    accuracy_reward,
    compose,
    format_reward,
    overlong_penalty,
    program_reward,
    proof_reward,
    repetition_penalty,
)


class Supervision(StrEnum):
    """What is rewarded: the solution as a whole, or each of its steps."""

    OUTCOME = "outcome"
    PROCESS = "process"


class RewardConfig(Config):
    """Weights of what is summed to a reward; 0 leaves a part out. `soft_tokens` before the limit length costs."""

    correct: float = Field(default=1.0, gt=0)
    form: float = Field(default=0.0, ge=0)
    repetition: float = Field(default=0.0, ge=0)
    overlong: float = Field(default=0.0, ge=0)
    soft_tokens: int = Field(default=256, ge=1)
    supervision: Supervision = Supervision.OUTCOME
    steps: StepConfig = StepConfig()  # under process supervision


class Judge:
    """Rewards through a verifier pool."""

    def __init__(self, config: RewardConfig, pool: ClaimPool, max_tokens: int) -> None:
        verifiers = {
            ProblemKind.ANSWER: accuracy_reward(pool=pool),
            ProblemKind.PROOF: proof_reward(pool=pool),
            ProblemKind.CODE: program_reward(pool=pool),
        }
        self._rewards = {kind: _composed(verifier, config, max_tokens) for kind, verifier in verifiers.items()}
        self._verifiers = {kind: verifier.name for kind, verifier in verifiers.items()}

    def __call__(self, trajectories: Sequence[Trajectory], problems: Mapping[str, Problem]) -> list[Scored]:
        """A reward for each trajectory; `problems` by their id."""
        found: dict[int, Scored] = {}
        for kind in ProblemKind:
            places = [at for at, item in enumerate(trajectories) if problems[item.problem_id].kind is kind]
            if places:
                chosen = [trajectories[at] for at in places]
                found |= zip(places, self._of_kind(kind, chosen, problems), strict=True)
        return [found[at] for at in range(len(trajectories))]

    def _of_kind(
        self, kind: ProblemKind, trajectories: list[Trajectory], problems: Mapping[str, Problem]
    ) -> list[Scored]:
        asked = [problems[item.problem_id] for item in trajectories]
        logged: dict[str, list[object]] = {}
        scores = self._rewards[kind](
            [item.text for item in trajectories],
            prompts=[problem.question for problem in asked],
            completion_ids=[item.completion_ids for item in trajectories],
            answer=[_reference(problem, item) for problem, item in zip(asked, trajectories, strict=True)],
            statement=[problem.statement for problem in asked],
            tests=[[_io_test(asdict(test)) for test in problem.tests] for problem in asked],
            log_extra=logged.__setitem__,
        )
        verified = logged[self._verifiers[kind]]
        reasons = logged.get("verdict", [""] * len(scores))
        return [
            Scored(trajectory=item, reward=score, outcome=_outcome(right), detail=str(reason))
            for item, score, right, reason in zip(trajectories, scores, verified, reasons, strict=True)
        ]


def step_judge(
    config: RewardConfig, pool: ClaimPool, judge: OutcomeJudge, sampler: Sampler, tokenizer: Any
) -> StepJudge | None:
    """What rewards steps; None where outcomes alone are rewarded."""
    if config.supervision is Supervision.OUTCOME:
        return None
    decode = decoder_of(tokenizer)
    by_rollouts = config.steps.verifier is StepVerifierKind.ROLLOUTS
    verifier = Rollouts(sampler, judge, decode, config.steps.rollouts) if by_rollouts else Equations(pool)
    return StepJudge(verifier, decode, config.correct, config.steps.lines)


def _reference(problem: Problem, item: Trajectory) -> str | None:
    """What the answer is held against: after the percent rule, as selection and evaluation do."""
    if problem.kind is not ProblemKind.ANSWER or problem.answer is None:
        return problem.answer
    return percent.stated_reference(problem.question, problem.answer, extract_answer(item.text))


def _composed(verifier: Reward, config: RewardConfig, max_tokens: int) -> Reward:
    parts = [
        Weighted(verifier, config.correct, required=True),
        Weighted(format_reward(), config.form),
        Weighted(repetition_penalty(), config.repetition),
    ]
    if config.overlong:
        soft = min(config.soft_tokens, max_tokens)
        parts.append(Weighted(overlong_penalty(max_tokens=max_tokens, soft_tokens=soft), config.overlong))
    return compose(*(part for part in parts if part.weight))


def _outcome(right: object) -> Outcome | None:
    if right is None:
        return None
    return Outcome.CORRECT if right == 1.0 else Outcome.WRONG


def _io_test(test: dict[str, str]) -> dict[str, str]:
    return {"stdin": test["stdin"], "expected": test["stdout"]}
