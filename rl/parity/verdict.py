"""What a difference means: none, rounding, a fault that starts here, or a fault handed on.

In: the differences of the points in order of execution, one dtype at a time. Out: a verdict for each. A difference
is counted in rounding floors (`excess`): a point's floor is the reference implementation's own error there at that
dtype, so that what amplifies rounding anywhere in the model amplifies the yardstick alike. Above some floors
(`Limits`) a difference is no rounding. The first such point is where the fault starts; what comes after only hands
it on, unless it is `jump_factor` times worse than all before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from pydantic import Field

from mathpipe.core.config import Config


class Verdict(StrEnum):
    """Why a difference is or is not a fault."""

    SAME = "same"  # every element is equal
    ROUNDING = "rounding"  # within a few of the reference implementation's own errors
    SUSPECT = "suspect"  # far above them, and it starts or jumps here
    INHERITED = "inherited"  # far above them, but no worse than what came in
    NOT_FINITE = "not finite"  # the reference implementation itself overflows here: nothing can be said


class Limits(Config):
    """Where rounding ends, in floors.

    Measured on tiny models of seven families: products summed in other orders, and other attention code, reach 1.5
    floors in fp32 and 2.0 in bf16 and fp16 (4.0 where 128 partial sums are each rounded to fp16). The smallest fault
    of the tests, RMSNorm's eps 1e-5 for 1e-6 before inputs of variance near 1, is at 5.8 in fp32.
    """

    floor_factor: float = Field(default=4.0, gt=1.0)  # fp32 and fp64
    low_floor_factor: float = Field(default=8.0, gt=1.0)  # bf16 and fp16
    jump_factor: float = Field(default=10.0, gt=1.0)

    def ends_at(self, dtype: torch.dtype) -> float:
        """The largest difference in `dtype` that still is rounding."""
        return self.floor_factor if dtype in (torch.float32, torch.float64) else self.low_floor_factor


@dataclass(frozen=True)
class Judged:
    """A verdict and, for a suspect, the multiple of the rounding floor."""

    verdict: Verdict
    excess: float


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on: one point at one dtype."""

    same: bool
    relative: float
    floor: float
    left_is_finite: bool
    right_is_finite: bool


def judge(points: Sequence[Evidence], dtype: torch.dtype, limits: Limits) -> Iterator[Judged]:
    """A verdict for each point; `points` in order of execution, all of one `dtype`."""
    worst_before, end = 0.0, limits.ends_at(dtype)
    for point in points:
        if not point.left_is_finite:
            yield Judged(Verdict.NOT_FINITE, math.nan)
            continue
        excess = _excess(point)
        yield Judged(_verdict(point.same, excess, worst_before, end, limits.jump_factor), excess)
        worst_before = max(worst_before, excess)


def _excess(point: Evidence) -> float:
    if point.same:
        return 0.0
    return point.relative / point.floor if point.right_is_finite else math.inf


def _verdict(same: bool, excess: float, worst_before: float, end: float, jump: float) -> Verdict:
    if same:
        return Verdict.SAME
    if excess <= end:
        return Verdict.ROUNDING
    if worst_before <= end or excess > jump * worst_before:
        return Verdict.SUSPECT
    return Verdict.INHERITED
