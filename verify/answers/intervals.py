"""The algebra of sets of reals that are finite unions of intervals and points.

A `Region` is a line cut at some limits: for n limits 2n + 1 pieces, gaps and limits in turn, each inside or not.
Union, intersection, difference and complement are one operation, piece by piece, on the common cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verify.answers.comparison import Comparison, different, equal, unknown
from verify.answers.exact import NoValue
from verify.answers.limits import Limit, order


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """`inside` has an entry for the gap before each limit and one for the limit itself, and one for the last gap."""

    limits: tuple[Limit, ...]
    inside: tuple[bool, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is inside."""
        return not any(self.inside)


EMPTY = Region((), (False,))
EVERYTHING = Region((), (True,))


def point(limit: Limit) -> Region:
    """One number."""
    return Region((limit,), (False, True, False))


def below(limit: Limit, *, closed: bool) -> Region:
    """All numbers below a limit."""
    return Region((limit,), (True, closed, False))


def above(limit: Limit, *, closed: bool) -> Region:
    """All numbers above a limit."""
    return Region((limit,), (False, closed, True))


def complement(region: Region) -> Region:
    """All other numbers."""
    return Region(region.limits, tuple(not piece for piece in region.inside))


def union(one: Region, other: Region) -> Region:
    """What is in either."""
    return _combined(one, other, lambda first, second: first or second)


def intersection(one: Region, other: Region) -> Region:
    """What is in both."""
    return _combined(one, other, lambda first, second: first and second)


def difference(one: Region, other: Region) -> Region:
    """What is in the first alone."""
    return _combined(one, other, lambda first, second: first and not second)


def _combined(one: Region, other: Region, rule: Callable[[bool, bool], bool]) -> Region:
    limits: list[Limit] = []
    inside: list[bool] = []
    first = second = 0  # limits passed so far
    while True:
        inside.append(rule(one.inside[2 * first], other.inside[2 * second]))
        turn = _turn(one, first, other, second)
        if turn is None:
            return region_of(limits, inside)
        limits.append(one.limits[first] if turn <= 0 else other.limits[second])
        here = one.inside[2 * first + (turn <= 0)], other.inside[2 * second + (turn >= 0)]
        inside.append(rule(*here))
        first += turn <= 0
        second += turn >= 0


def _turn(one: Region, first: int, other: Region, second: int) -> int | None:
    """Whose limit is next: -1 the first's, 1 the second's, 0 the same of both, None where none is left."""
    if first == len(one.limits):
        return None if second == len(other.limits) else 1
    if second == len(other.limits):
        return -1
    return order(one.limits[first], other.limits[second])


def region_of(limits: list[Limit], inside: list[bool]) -> Region:
    """The region without the limits at which nothing changes."""
    kept: list[Limit] = []
    pieces = inside[:1]
    for index, limit in enumerate(limits):
        here, after = inside[2 * index + 1 : 2 * index + 3]
        if not pieces[-1] == here == after:
            kept.append(limit)
            pieces += [here, after]
    return Region(tuple(kept), tuple(pieces))


def compare_regions(left: Region, right: Region) -> Comparison:
    """Whether two sets are the same: the same limits, open and closed alike."""
    try:
        only_left, only_right = difference(left, right), difference(right, left)
    except NoValue:
        return unknown("two limits could not be told apart")
    if only_left.is_empty and only_right.is_empty:
        return equal("the same set of reals")
    where = only_left if not only_left.is_empty else only_right
    return different(f"one set holds {_sample(where)}, the other does not")


def _sample(region: Region) -> str:
    """Words for a part of the set."""
    for index, limit in enumerate(region.limits):
        if region.inside[2 * index + 1]:
            return limit.ball.str(8, radius=False)
    ends = [limit.ball.str(8, radius=False) for limit in region.limits]
    first = region.inside.index(True) // 2
    start = ends[first - 1] if first else "-infinity"
    return f"what lies between {start} and {ends[first] if first < len(ends) else 'infinity'}"
