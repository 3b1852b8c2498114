"""When an update must not happen, and what looks wrong without being so: checked before a weight is touched.

A loss or gradient that is not finite, and a gradient of exactly 0 although tokens have advantages, end the run with
`LearnerDiverged`. Loss alone says little: on-policy with normalised advantages it is 0 up to rounding, always. When
loss and gradient both vanish, update after update, the report warns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mathpipe.core.errors import MathpipeError

_QUIET_LOSS = 1e-7
_QUIET_NORM = 1e-7
_QUIET_UPDATES = 10


class LearnerDiverged(MathpipeError):  # noqa: N818 - a name that says what happened
    """An update that would have ruined the policy; its weights are those of the step before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one step's backward left. Losses are of this rank's micro-batches, norms of this rank's gradients.

    `coefficients` counts tokens whose gradient is not zero, `expected` those whose advantage says so, `clipped` those
    that a clip took out.
    """

    step: int
    losses: Sequence[float]
    names: Sequence[str]
    norms: Sequence[float]
    norm: float
    loss: float
    coefficients: int
    expected: int
    clipped: int


class Guard:
    """Watches updates. `quiet` counts those in a row whose loss and gradient were both next to nothing."""

    def __init__(self) -> None:
        self.quiet = 0

    def check(self, found: Found) -> tuple[str, ...]:
        """Warnings. Raises `LearnerDiverged` where the step must not be taken."""
        _finite(found)
        if found.norm == 0:
            _not_lost(found)
        still = abs(found.loss) < _QUIET_LOSS and found.norm < _QUIET_NORM
        self.quiet = self.quiet + 1 if still else 0
        warnings = []
        if not found.coefficients:
            warnings.append(f"no token has a gradient ({found.clipped} were clipped)")
        if self.quiet >= _QUIET_UPDATES:
            warnings.append(f"loss and gradient have been next to 0 for {self.quiet} updates: nothing is learned")
        return tuple(warnings)


def _finite(found: Found) -> None:
    if math.isfinite(found.norm) and math.isfinite(found.loss):
        return
    wrong = [
        f"micro-batch {place}: loss {loss}" for place, loss in enumerate(found.losses) if not math.isfinite(loss)
    ]
    wrong += [
        f"gradient of {name}: norm {norm}"
        for name, norm in zip(found.names, found.norms, strict=True)
        if not math.isfinite(norm)
    ]
    first = wrong[0] if wrong else f"gradient norm {found.norm}, on another rank or by its sum"
    raise LearnerDiverged(
        f"update {found.step}, {first}",
        "finite losses and gradients",
        "go on from the checkpoint before with a lower learning rate, or look at its samples' log-probabilities",
    )


def _not_lost(found: Found) -> None:
    lost = found.coefficients or max(0, found.expected - found.clipped)
    if lost:
        raise LearnerDiverged(
            f"update {found.step}, gradient norm exactly 0",
            f"a gradient: {lost} tokens have an advantage and were not clipped",
            "look for importance weights of 0, frozen parameters, or states without a gradient",
        )
