"""The numbers of one step, put together from what its phases left. Pure values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from mathpipe.core.records import Finish, Outcome
from rl.batch import Corrected, Gap, Groups
from rl.generalised_advantages import explained_variance
from rl.journal import HeldOutScore, StepRecord
from rl.learner import UpdateReport
from rl.trajectories import Scored, TrainSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class StepParts:
    """What a step's phases left."""

    step: int
    version: int  # before the step's updates
    problems: int
    refused: int
    scored: Sequence[Scored]
    groups: Groups
    corrected: Corrected
    gap: Gap
    reports: Sequence[UpdateReport]
    warnings: Sequence[str] = ()


def make_record(parts: StepParts, held_out: HeldOutScore | None) -> StepRecord:
    """The step's line of the journal."""
    trajectories = [item.trajectory for item in parts.scored]
    rewards = [item.reward for item in parts.scored if item.reward is not None]
    judged = [item for item in parts.scored if item.outcome is not None]
    lengths = [len(item.completion_ids) for item in trajectories]
    stale = [parts.version - item.version for item in trajectories]
    groups = [list(items) for _, items in itertools.groupby(judged, key=lambda item: item.trajectory.group)]
    statistics = _weighted(parts.reports)
    return StepRecord(
        step=parts.step,
        version=parts.version + len(parts.reports),
        problems=parts.problems,
        samples=len(trajectories),
        refused=parts.refused,
        unjudged=len(trajectories) - len(rewards),
        reward_mean=_mean(rewards),
        reward_std=pstdev(rewards) if rewards else 0.0,
        pass_rate=_mean([_is_right(item) for item in judged]),
        solved=_mean([any(map(_is_right, group)) for group in groups]),
        groups_kept=parts.groups.kept,
        groups_without_variance=parts.groups.without_variance,
        sequences=len(parts.corrected.sequences),
        tokens_sampled=sum(lengths),
        tokens_learned=sum(report.tokens for report in parts.reports),
        length_mean=_mean(lengths),
        length_max=max(lengths, default=0),
        cut=_mean([item.finish is Finish.LENGTH for item in trajectories]),
        entropy=statistics.get("entropy", 0.0),
        kl=statistics.get("kl", 0.0),
        ratio_mean=statistics.get("ratio", 1.0),
        ratio_min=min((report.statistics["ratio_min"] for report in parts.reports), default=1.0),
        ratio_max=max((report.statistics["ratio_max"] for report in parts.reports), default=1.0),
        clipped_low=statistics.get("clipped_low", 0.0),
        clipped_high=statistics.get("clipped_high", 0.0),
        importance_mean=parts.corrected.importance_mean,
        importance_max=parts.corrected.importance_max,
        importance_capped=parts.corrected.capped_share,
        sampler_gap=parts.gap.mean,
        sampler_gap_max=parts.gap.largest,
        staleness_mean=_mean(stale),
        staleness_max=max(stale, default=0),
        loss=_mean([report.loss for report in parts.reports]),
        grad_norm=max((report.grad_norm for report in parts.reports), default=0.0),
        learning_rate=parts.reports[-1].learning_rate if parts.reports else 0.0,
        step_reward_mean=_mean([reward for item in parts.scored for _, reward in item.step_rewards]),
        value_loss=_mean([report.value_loss for report in parts.reports]),
        explained_variance=_explained(parts.corrected.sequences),
        warnings=list(parts.warnings),
        held_out=held_out,
    )


def _is_right(item: Scored) -> bool:
    return item.outcome is Outcome.CORRECT


def _explained(sequences: Sequence[TrainSequence]) -> float:
    goals = [value for item in sequences for value in item.returns or ()]
    values = [value for item in sequences for value in item.old_values or ()]
    return explained_variance(goals, values)


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _weighted(reports: Sequence[UpdateReport]) -> dict[str, float]:
    """Statistics of a step's updates, weighted by their tokens."""
    total = sum(report.tokens for report in reports)
    if not total:
        return {}
    names = reports[0].statistics
    return {name: sum(report.statistics[name] * report.tokens for report in reports) / total for name in names}
