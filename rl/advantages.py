"""From a group's rewards to advantages: the group's mean is the baseline (GRPO, arXiv 2402.03300, section 4.1).

In: the rewards of one problem's samples, None where a sample could not be judged. Out: an advantage for each, and
whether the group teaches anything. Scaling by the deviation is the paper's; Dr. GRPO (2503.20783) leaves it out, as
it weighs easy and hard problems more; the batch's deviation keeps groups comparable (REINFORCE++).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, pstdev, stdev

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from verify.rewards.steps import step_advantages

# Rewards that differ by less are one reward: sums of weighted parts differ in the last bits.
TOLERANCE = 1e-6


class Scale(StrEnum):
    """What the centred rewards are divided by."""

    GROUP = "group"
    BATCH = "batch"
    NONE = "none"


class Deviation(StrEnum):
    """Whether a deviation divides by G - 1 (torch's and TRL's default) or by G; at G = 2 they differ by 1.41."""

    SAMPLE = "sample"
    POPULATION = "population"


class AdvantageConfig(Config):
    """How rewards become advantages. `epsilon` keeps a small deviation from blowing its group up."""

    scale: Scale = Scale.GROUP
    deviation: Deviation = Deviation.SAMPLE
    epsilon: float = 1e-4


@dataclass(frozen=True, slots=True)
class GroupAdvantages:
    """Advantages in the order of the rewards, None for a sample that was not judged.

    `teaches` is False where all judged rewards agree (or fewer than two were judged): every advantage is then 0.
    """

    advantages: tuple[float | None, ...]
    teaches: bool


def group_advantages(rewards: Sequence[Sequence[float | None]], config: AdvantageConfig) -> list[GroupAdvantages]:
    """Advantages of each group of a step."""
    judged = [[reward for reward in group if reward is not None] for group in rewards]
    every = [reward for group in judged for reward in group]
    batch = _deviation(every, config.deviation)
    return [_of_group(group, known, batch, config) for group, known in zip(rewards, judged, strict=True)]


def _of_group(
    group: Sequence[float | None], known: list[float], batch: float, config: AdvantageConfig
) -> GroupAdvantages:
    if len(known) < 2 or max(known) - min(known) <= TOLERANCE:
        return GroupAdvantages(tuple(None if reward is None else 0.0 for reward in group), teaches=False)
    mean = fmean(known)
    scale = {Scale.NONE: 1.0, Scale.BATCH: batch + config.epsilon}.get(config.scale)
    if scale is None:
        scale = _deviation(known, config.deviation) + config.epsilon
    return GroupAdvantages(
        tuple(None if reward is None else (reward - mean) / scale for reward in group), teaches=True
    )


def _deviation(values: Sequence[float], kind: Deviation) -> float:
    if len(values) < 2:
        return 0.0
    return stdev(values) if kind is Deviation.SAMPLE else pstdev(values)


def process_advantages(group: Sequence[Sequence[tuple[int, float]]], lengths: Sequence[int]) -> list[list[float]]:
    """Process supervision (the paper's section 4.1.3): a token's is the sum of normalised rewards from its step on.

    In: for each sample the (last token's position, normalised reward) of its steps, in order, and its length in
    tokens. Tokens behind the last step have none of their own: 0. Raises `InputError` for a step that ends outside.
    """
    found = []
    for steps, length in zip(group, lengths, strict=True):
        values = [0.0] * length
        begin = 0
        summed = step_advantages([reward for _, reward in steps])
        for (last, _), advantage in zip(steps, summed, strict=True):
            if not begin <= last < length:
                raise InputError(
                    f"a step that ends at token {last}", f"ends that rise, below {length}", "mend the steps"
                )
            values[begin : last + 1] = [advantage] * (last + 1 - begin)
            begin = last + 1
        found.append(values)
    return found
