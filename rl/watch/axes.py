"""Axes: where a value lies between 0 and 1, and which round values are written beside it.

In: the numbers that a chart shows; those that are not finite are left out (and those next to it, with which no sum
can be made), and on a logarithmic axis those that are not above 0. Out: an `Axis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # of which power of ten, round values lie apart
_WANTED = 5  # parts that an axis is cut into, about
_SAME = 1e-9  # of a value: what differs by less differs by rounding
_LARGEST, _SMALLEST = 1e150, 1e-150  # a run that has such numbers is lost, but its charts are drawn


def drawable(value: float) -> bool:
    """Whether a chart can show the value."""
    return isfinite(value) and abs(value) < _LARGEST


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, both above 0 where it is logarithmic; `ticks` are the values that are written."""

    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def place(self, value: float) -> float | None:
        """Where the value lies, 0 at the low end and 1 at the high one; None where it cannot be shown."""
        if not drawable(value) or (self.logarithmic and value <= _SMALLEST):
            return None
        if self.logarithmic:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)


def linear_axis(values: Iterable[float]) -> Axis:
    """A round axis around the values. It begins at 0 unless they all lie far from it."""
    finite = [value for value in values if drawable(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if 0 <= low <= high / 2:
        low = 0.0
    if high - low <= max(_SAME * max(abs(low), abs(high)), _SMALLEST):
        low, high = (low - abs(low) / 10, high + abs(high) / 10) if abs(low) > _SMALLEST else (0.0, 1.0)
    step = _round_step((high - low) / _WANTED)
    first, last = floor(low / step + _SAME), ceil(high / step - _SAME)
    ticks = [float(f"{at * step:.12g}") for at in range(first, last + 1)]
    return Axis(ticks[0], ticks[-1], ticks)


def logarithmic_axis(values: Iterable[float]) -> Axis:
    """Whole powers of ten around the values."""
    shown = [value for value in values if drawable(value) and value > _SMALLEST]
    first, last = (floor(log10(min(shown))), ceil(log10(max(shown)))) if shown else (-1, 0)
    last = max(last, first + 1)
    apart = ceil((last - first) / 6)
    ticks = [10.0**power for power in range(first, last + 1, apart)]
    return Axis(10.0**first, 10.0**last, ticks, logarithmic=True)


def place_axis(first: float, last: float, *, whole: bool) -> Axis:
    """The horizontal axis from the first place to the last one as they are, round values (`whole` ones) written."""
    if first >= last:
        return Axis(first - 0.5, first + 0.5, [first])
    step = _round_step((last - first) / _WANTED)
    step = max(1.0, floor(step)) if whole else step
    numbers = range(ceil(first / step - _SAME), floor(last / step + _SAME) + 1)
    return Axis(first, last, [float(f"{at * step:.12g}") for at in numbers])


def figure(value: float) -> str:
    """A value as it stands beside an axis: four digits at most."""
    if isfinite(value) and value and not 1e-3 <= abs(value) < 1e5:
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _round_step(least: float) -> float:
    unit: float = 10.0 ** floor(log10(least))
    return next(step * unit for step in _STEPS if step * unit >= least * (1 - _SAME))
