"""What a template makes of a random generator: a question, its exact answer, and the steps to it.

In: nothing. Out: `Draft`, `Template`, and how a whole number or fraction is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

MAX_DIFFICULTY = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem without its place: `steps` are the solution's lines, the answer is exact."""

    question: str
    answer: str
    steps: Sequence[str]

    @property
    def solution(self) -> str:
        """The chain of thought, which ends with the answer in a box."""
        return "\n".join([*self.steps, f"The answer is $\\boxed{{{self.answer}}}$."])


@dataclass(frozen=True, slots=True)
class Template:
    """A family of problems. `draft` is a function of the generator and a difficulty from 1 to 5."""

    name: str
    subject: str
    draft: Callable[[Random, int], Draft]


def written(value: Fraction | int) -> str:
    r"""A number in LaTeX: `7`, `-\frac{3}{4}`."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return str(exact.numerator)
    sign = "-" if exact < 0 else ""
    return f"{sign}\\frac{{{abs(exact.numerator)}}}{{{exact.denominator}}}"


def reduced(numerator: int, denominator: int) -> str:
    r"""A fraction and what it is in lowest terms: `\frac{4}{6} = \frac{2}{3}`; once where it is so already."""
    plain, lowest = f"\\frac{{{numerator}}}{{{denominator}}}", written(Fraction(numerator, denominator))
    return plain if plain == lowest else f"{plain} = {lowest}"


def bracketed(value: Fraction | int) -> str:
    """A number as a later operand: negative ones in parentheses."""
    return f"({written(value)})" if value < 0 else written(value)


def signed(value: Fraction | int, unit: str = "") -> str:
    """A later term of a sum: `+ 3x`, `- 3x`; a coefficient of 1 is left out before a letter."""
    return f"{'-' if value < 0 else '+'} {_size(value, unit)}{unit}"


def leading(value: Fraction | int, unit: str = "") -> str:
    """A first term: `3x`, `-x`, `5`."""
    return f"{'-' if value < 0 else ''}{_size(value, unit)}{unit}"


def _size(value: Fraction | int, unit: str) -> str:
    size = Fraction(value) if value >= 0 else -Fraction(value)
    return "" if unit and size == 1 else written(size)


def nonzero(rng: Random, bound: int) -> int:
    """A whole number from -bound to bound that is not 0."""
    return rng.choice((-1, 1)) * rng.randint(1, bound)
