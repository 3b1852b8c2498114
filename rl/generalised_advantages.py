"""Advantages with a critic, for PPO: generalised advantage estimation (GAE, arXiv 1506.02438) over a completion.

In: the reward of each token (0 but at the end, or at the ends of steps) and the critic's value of the state before
it. The state after the last token is worth 0. Out: an advantage and a return (what the critic should have said) for
each token. Pure functions over numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Row = tuple[float, ...]
_NO_SPREAD = 1e-12


def gae(rewards: Sequence[float], values: Sequence[float], *, trace: float, discount: float = 1.0) -> Row:
    """A_t = sum over k of (discount trace)^k delta_(t+k), delta_t = r_t + discount V_(t+1) - V_t; from the end back.

    `trace` is the paper's lambda: 1 gives the reward to come less the value (no bias), 0 the next value's word alone.
    """
    found: list[float] = []
    advantage = following = 0.0
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        advantage = reward + discount * following - value + discount * trace * advantage
        following = value
        found.append(advantage)
    return tuple(reversed(found))


def returns(advantages: Sequence[float], values: Sequence[float]) -> Row:
    """What the critic is to say of each token: its value and what that fell short by."""
    return tuple(advantage + value for advantage, value in zip(advantages, values, strict=True))


def explained_variance(goals: Sequence[float], values: Sequence[float]) -> float:
    """1 - Var(R - V) / Var(R): 1 is a perfect critic, 0 a constant one, less a harmful one; 0 where all R agree."""
    spread = _variance(goals)
    errors = [goal - value for goal, value in zip(goals, values, strict=True)]
    return 1 - _variance(errors) / spread if spread > _NO_SPREAD else 0.0


def whitened(rows: Sequence[Row], counted: Sequence[bool], *, epsilon: float = 1e-8) -> list[Row]:
    """All rows with mean 0 and deviation 1 over the tokens of those that count; the others are moved alike."""
    known = [value for row, counts in zip(rows, counted, strict=True) if counts for value in row]
    if not known:
        return list(rows)
    mean, deviation = math.fsum(known) / len(known), math.sqrt(_variance(known))
    return [tuple((value - mean) / (deviation + epsilon) for value in row) for row in rows]


def _variance(values: Sequence[float]) -> float:
    """The population's; 0 of nothing."""
    if not values:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / len(values)
