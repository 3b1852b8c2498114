"""From judged samples to what the learner takes: advantages, which groups teach, corrections, masks.

In: `Scored` trajectories of a step, grouped; log-probabilities by the trainer and the reference, values by a critic.
Out: `TrainSequence`s. Pure values: nothing here touches a model.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from mathpipe.core.records import Finish
from rl.advantages import AdvantageConfig, group_advantages, process_advantages
from rl.generalised_advantages import gae, returns, whitened
from rl.learner.critic import CriticConfig
from rl.off_policy import CorrectionConfig, importance_weights
from rl.trajectories import Scored, TrainSequence, Trajectory


@dataclass(frozen=True, slots=True)
class Advantaged:
    """A sample that is learned from, with the advantage of each of its tokens; the rest is for a critic."""

    trajectory: Trajectory
    advantages: tuple[float, ...]
    returns: tuple[float, ...] | None = None
    old_values: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """The samples of a step by problem: those that teach, and how many groups do not."""

    samples: tuple[Advantaged, ...]
    kept: int
    without_variance: int


def advantaged(scored: Sequence[Scored], config: AdvantageConfig, *, keep_all: bool) -> Groups:
    """Advantages within each group (samples next to one another with the same `group`).

    Under process supervision the rewards that are compared are those of all steps of the group. A group whose rewards
    all agree is dropped before the backbone sees it, unless `keep_all`.
    """
    groups = [list(items) for _, items in itertools.groupby(scored, key=lambda item: item.trajectory.group)]
    found = group_advantages([_compared(group) for group in groups], config)
    samples: list[Advantaged] = []
    kept = 0
    for group, outcome in zip(groups, found, strict=True):
        if not (outcome.teaches or keep_all):
            continue
        rows = _token_advantages(group, outcome.advantages)
        kept += bool(rows)
        samples += rows
    return Groups(tuple(samples), kept, sum(not outcome.teaches for outcome in found))


def recorded(scored: Sequence[Scored]) -> Groups:
    """For SFT: every sample counts as it is, with a coefficient of 1 on each token."""
    samples = tuple(Advantaged(item.trajectory, (1.0,) * len(item.trajectory.completion_ids)) for item in scored)
    return Groups(samples, len({item.trajectory.group for item in scored}), 0)


def rewarded(scored: Sequence[Scored], config: AdvantageConfig) -> Groups:
    """For a critic: every judged sample, a group that agrees too; `advantages` are still the tokens' rewards."""
    groups = advantaged(scored, config, keep_all=True)
    rewards = (_token_rewards(item, item.reward) for item in scored if item.reward is not None)
    samples = (replace(sample, advantages=row) for sample, row in zip(groups.samples, rewards, strict=True))
    return replace(groups, samples=tuple(samples))


def _token_rewards(item: Scored, reward: float) -> tuple[float, ...]:
    """At the end of each step under process supervision, else the whole reward at the last token."""
    last = len(item.trajectory.completion_ids) - 1
    found = [0.0] * (last + 1)
    for place, value in item.step_rewards or ((last, reward),):
        found[place] += value
    return tuple(found)


def estimated(groups: Groups, values: Sequence[tuple[float, ...]], config: CriticConfig, *, mask_cut: bool) -> Groups:
    """Rewards become generalised advantages and returns by the critic's values, which are kept as old ones."""
    rewards = [sample.advantages for sample in groups.samples]
    raw = [gae(row, value, trace=config.gae_lambda) for row, value in zip(rewards, values, strict=True)]
    counted = [not _is_masked(sample.trajectory, mask_cut) for sample in groups.samples]
    advantages = whitened(raw, counted) if config.whiten else raw
    samples = [
        Advantaged(sample.trajectory, advantage, returns(plain, value), tuple(value))
        for sample, advantage, plain, value in zip(groups.samples, advantages, raw, values, strict=True)
    ]
    return replace(groups, samples=tuple(samples))


def _by_steps(group: list[Scored]) -> list[Scored]:
    """The judged samples of a group under process supervision; none without it, or where one has no baseline."""
    judged = [item for item in group if item.reward is not None]
    return judged if len(judged) > 1 and all(item.step_rewards for item in judged) else []


def _compared(group: list[Scored]) -> list[float | None]:
    """The rewards within which a group's mean and deviation are taken."""
    if steps := _by_steps(group):
        return [reward for item in steps for _, reward in item.step_rewards]
    return [item.reward for item in group]


def _is_masked(trajectory: Trajectory, mask_cut: bool) -> bool:
    return mask_cut and trajectory.finish is not Finish.STOP


def _token_advantages(group: list[Scored], outcome: tuple[float | None, ...]) -> list[Advantaged]:
    """Outcome supervision: one number on every token. Process supervision, where samples have steps: one a step."""
    if steps := _by_steps(group):
        left = iter(outcome)
        normalised = [[(last, next(left) or 0.0) for last, _ in item.step_rewards] for item in steps]
        rows = process_advantages(normalised, [len(item.trajectory.completion_ids) for item in steps])
        return [Advantaged(item.trajectory, tuple(row)) for item, row in zip(steps, rows, strict=True)]
    judged = [(item, value) for item, value in zip(group, outcome, strict=True) if value is not None]
    return [Advantaged(item.trajectory, (value,) * len(item.trajectory.completion_ids)) for item, value in judged]


@dataclass(frozen=True, slots=True)
class Corrected:
    """Sequences to learn from, and what their sampler disagreed by."""

    sequences: tuple[TrainSequence, ...]
    importance_mean: float
    importance_max: float
    capped_share: float


def corrected(
    samples: Sequence[Advantaged],
    trainer: Sequence[tuple[float, ...]] | None,
    reference: Sequence[tuple[float, ...]] | None,
    config: CorrectionConfig,
    *,
    keep_old: bool,
    mask_cut: bool,
    by_update: bool = False,
) -> Corrected:
    """Put together what is known of each sample.

    `trainer` are log-probabilities under the trainer's weights before the step's first update (None: not scored, and
    the sampler is trusted, unless `by_update`: the update itself scores and corrects). `keep_old`: the step makes
    several updates, so that ratios move away from 1.
    """
    sequences: list[TrainSequence] = []
    weights: list[float] = []
    capped = 0
    for place, sample in enumerate(samples):
        trajectory = sample.trajectory
        importance = None
        if trainer is not None:
            found = importance_weights(trainer[place], trajectory.sampler_logprobs, config)
            importance = found.weights
            weights += found.weights
            capped += found.capped
        cut = _is_masked(trajectory, mask_cut)
        sequences.append(
            TrainSequence(
                prompt_ids=trajectory.prompt_ids,
                completion_ids=trajectory.completion_ids,
                advantages=sample.advantages,
                learned=(False,) * len(trajectory.completion_ids) if cut else None,
                old_logprobs=trainer[place] if trainer is not None and keep_old else None,
                reference_logprobs=None if reference is None else reference[place],
                importance=importance,
                sampler_logprobs=trajectory.sampler_logprobs if by_update else None,
                returns=sample.returns,
                old_values=sample.old_values,
            )
        )
    return Corrected(
        tuple(sequences),
        fmean(weights) if weights else 1.0,
        max(weights, default=1.0),
        capped / len(weights) if weights else 0.0,
    )


def measured(
    learned: Corrected, scores: Mapping[int, tuple[float, ...]], config: CorrectionConfig
) -> tuple[Corrected, Gap]:
    """The same with what an update that scored by itself has found, and the gap; `scores` by the sequence's place."""
    pairs = [
        (mine, theirs)
        for place, row in sorted(scores.items())
        for mine, theirs in zip(row, learned.sequences[place].sampler_logprobs or (), strict=True)
        if not math.isnan(mine)  # not learned from, so not scored
    ]
    if not pairs:
        return learned, Gap(0.0, 0.0)
    mine, theirs = zip(*pairs, strict=True)
    found = importance_weights(mine, theirs, config)
    seen = replace(
        learned,
        importance_mean=fmean(found.weights),
        importance_max=max(found.weights),
        capped_share=found.capped / len(pairs),
    )
    return seen, _gap(abs(one - other) for one, other in pairs)


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the sampler's log-probabilities are from the trainer's, a token."""

    mean: float
    largest: float


def sampler_gap(samples: Sequence[Trajectory], trainer: Sequence[tuple[float, ...]]) -> Gap:
    """|trainer - sampler| over all tokens."""
    return _gap(
        abs(mine - theirs)
        for trajectory, scores in zip(samples, trainer, strict=True)
        if trajectory.sampler_logprobs  # a written solution was drawn by no sampler
        for mine, theirs in zip(scores, trajectory.sampler_logprobs, strict=True)
    )


def _gap(gaps: Iterable[float]) -> Gap:
    found = list(gaps)
    return Gap(fmean(found), max(found)) if found else Gap(0.0, 0.0)


def mini_batches(sequences: Sequence[TrainSequence], updates: int, unit: int = 1) -> list[list[TrainSequence]]:
    """The step's sequences in `updates` parts of nearly one size, in order; empty parts are left out.

    `unit` sequences next to one another (a pair: 2) stay together.
    """
    size, more = divmod(len(sequences) // unit, updates)
    ends = list(itertools.accumulate(unit * (size + (number < more)) for number in range(updates)))
    parts = [list(sequences[begin:end]) for begin, end in itertools.pairwise([0, *ends])]
    return [part for part in parts if part]
