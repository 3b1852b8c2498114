"""Whether two rational expressions are the same function.

In: two trees of numbers, symbols, pi, e, + - * / and whole powers. Out: same or not, by exact evaluation at random
points of 96 bits, the constants taken as variables. Since the exact values are bounded by `exact.MAX_BITS`, degrees
are below 3,000, and two points leave a chance under 2^-160 of taking different functions for the same.
"""

from __future__ import annotations

from flint import fmpq

from verify.answers.balls import Value
from verify.answers.comparison import Comparison, different, equal, spelled
from verify.answers.evaluation import Evaluator
from verify.answers.exact import NoValue
from verify.answers.random_points import Point, formal_points, small_point
from verify.answers.traits import Traits
from verify.answers.tree import Node

_POINTS = 2


def same_formally(left: Node, right: Node, traits: Traits) -> bool | None:
    """Whether the two agree for all values of symbols and constants; None where they could not be evaluated."""
    names = sorted(traits.symbols | traits.constants)
    at = Evaluator()
    for point in formal_points(names, traits.seed, _POINTS):
        pair = exact_pair(at, left, right, point)
        if pair is None:
            return None
        if pair[0] != pair[1]:
            return False
    return True


def compare_formally(left: Node, right: Node, traits: Traits) -> Comparison | None:
    """Equal or different as functions; None where that is not known.

    pi alone, or e alone, satisfies no equation, so it may be taken for a variable; both at once are only known to be
    equal where the functions are.
    """
    names = sorted(traits.symbols)
    if not traits.constants:
        point = small_point(names, traits.seed)
        pair = exact_pair(Evaluator(), left, right, point)
        if pair is not None and pair[0] != pair[1]:
            return different(f"at {spelled_point(point)}: {spelled(pair[0])} and {spelled(pair[1])}")
    same = same_formally(left, right, traits)
    if same:
        return equal("the same rational expression")
    if same is None or len(traits.constants) > 1:
        return None
    return different("not the same rational expression")


def exact_pair(at: Evaluator, left: Node, right: Node, point: Point) -> tuple[fmpq, fmpq] | None:
    """Both values at a point where both are exact."""
    at.point = point
    try:
        one: Value = at.value(left)
        other: Value = at.value(right)
    except NoValue:
        return None
    return (one, other) if isinstance(one, fmpq) and isinstance(other, fmpq) else None


def spelled_point(point: Point) -> str:
    """`x = 3/7, y = 2`."""
    return ", ".join(f"{name} = {spelled(value)}" for name, value in point.items())
