"""Scores on problems that are never trained on, with the sampler and the verifiers of the run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, pvariance

from mathpipe.core.records import Outcome, Problem
from rl.grpo_config import GrpoConfig
from rl.journal import HeldOutScore
from rl.judging import Judge
from rl.rollout import RolloutJob
from rl.samplers import Sampler
from rl.trajectories import Scored


def evaluate_policy(
    config: GrpoConfig, problems: Sequence[Problem], sampler: Sampler, judge: Judge
) -> tuple[HeldOutScore, list[Scored]]:
    """The score with the weights the sampler has, and every sample. The draws are the same each time."""
    asked = config.evaluation
    job = RolloutJob(
        name="held-out",
        problems=tuple(problems),
        samples=asked.samples,
        max_tokens=asked.max_tokens or config.sampling.max_tokens,
        temperature=asked.temperature,
        seed=config.seed,
    )
    rollout = sampler.sample(job).result()
    scored = judge(rollout.trajectories, {problem.problem_id: problem for problem in problems})
    return held_out_score(scored, len(problems), asked.samples), scored


def held_out_score(scored: Sequence[Scored], problems: int, samples: int) -> HeldOutScore:
    """The mean over problems of the share of right samples; a sample that was refused or not judged is not right."""
    right = [
        sum(item.outcome is Outcome.CORRECT for item in items)
        for _, items in itertools.groupby(scored, key=lambda item: item.trajectory.group)
    ]
    shares = [count / samples for count in right] + [0.0] * (problems - len(right))
    lengths = [len(item.trajectory.completion_ids) for item in scored]
    return HeldOutScore(
        problems=problems,
        samples=samples,
        correct=sum(right),
        unjudged=sum(item.outcome is None for item in scored),
        pass_at_1=sum(right) / (problems * samples),
        mean_tokens=fmean(lengths) if lengths else 0.0,
        error=standard_error(shares),
    )


def standard_error(values: Sequence[float]) -> float:
    """Of the mean; 0 where one value alone says nothing of it."""
    return sqrt(pvariance(values) / (len(values) - 1)) if len(values) > 1 else 0.0
