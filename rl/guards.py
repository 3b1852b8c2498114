"""What ends a run by itself: a sampler that is not the policy, a reward that jumps.

In: numbers of a step. Nothing comes out of a good one; `RunStopped` of a bad one, with what was seen and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev

from mathpipe.core.errors import MathpipeError

_SMALLEST_JUMP = 0.3
_FEWEST_STEPS = 5  # below which the rewards' deviation says nothing


class RunStopped(MathpipeError):  # noqa: N818 - what happened, as KeyboardInterrupt is
    """A run that a guard ended; what was written before it is whole."""


def check_sync(found: Sequence[Sequence[float]], expected: Sequence[Sequence[float]], limit: float) -> float:
    """The mean |log-probability of the sampler - of the trainer| over a probe, after the sampler took new weights."""
    gaps = [
        abs(mine - theirs)
        for ours, sampled in zip(expected, found, strict=True)
        for mine, theirs in zip(ours, sampled, strict=True)
    ]
    gap = fmean(gaps) if gaps else 0.0
    if not gap <= limit:  # NaN as well
        raise RunStopped(
            "weight sync",
            f"the sampler to score as the trainer does within {limit} a token, not {gap:.3g}",
            "the new weights did not arrive, or a cache holds the old ones: see docs/grpo.md",
        )
    return gap


def check_reward_jump(past: Sequence[float], reward: float, deviations: float) -> None:
    """Stop where the mean reward rises at once by more than so many deviations of the past (and 0.3)."""
    if len(past) < _FEWEST_STEPS:
        return
    rise = reward - fmean(past)
    limit = max(_SMALLEST_JUMP, deviations * pstdev(past))
    if rise > limit:
        raise RunStopped(
            f"reward {reward:.3f}",
            f"a rise of at most {limit:.3f} over the last {len(past)} steps' mean, not {rise:.3f}",
            "read this step's samples for a gamed verifier or a leak; guards.reward_jump=null goes on regardless",
        )
