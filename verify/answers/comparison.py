"""How the comparison of two values came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flint import acb, arb, fmpq

from verify.answers.balls import Value


class Sameness(StrEnum):
    """Whether two values are the same."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An outcome and a sentence that says how it was found."""

    sameness: Sameness
    how: str

    @property
    def equal(self) -> bool:
        """Whether the two were shown to be the same."""
        return self.sameness is Sameness.EQUAL


def equal(how: str) -> Comparison:
    """The two are the same."""
    return Comparison(Sameness.EQUAL, how)


def different(how: str) -> Comparison:
    """The two differ."""
    return Comparison(Sameness.DIFFERENT, how)


def unknown(how: str) -> Comparison:
    """Neither was shown."""
    return Comparison(Sameness.UNKNOWN, how)


def apart(one: Value, other: Value) -> Comparison | None:
    """DIFFERENT where the two cannot be the same number."""
    gap = one - other
    if not gap.is_finite() or gap.contains(0) if isinstance(gap, arb | acb) else gap == 0:
        return None
    first, second = spelled(one), spelled(other)
    return different(f"{first} and {second}" if first != second else f"{first} twice, but for {spelled(gap)}")


def spelled(value: Value) -> str:
    """A few digits of a value."""
    if isinstance(value, fmpq):
        return str(value) if value.height_bits() <= 64 else arb(value).str(8, radius=False)
    if isinstance(value, acb):
        return f"{value.real.str(8, radius=False)} + {value.imag.str(8, radius=False)} i"
    return value.str(8, radius=False)
