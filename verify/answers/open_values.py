"""Whether two expressions with variables are equal, by their values at random points.

In: two trees and their traits. Out: a `Comparison`. One point at which the two are apart proves a difference; the
same values to `AGREEING_BITS` at enough points (`random_points.needed_points`) are taken for equality.
"""

from __future__ import annotations

from verify.answers.balls import working_precision
from verify.answers.closed_values import agree
from verify.answers.comparison import Comparison, apart, different, equal, unknown
from verify.answers.evaluation import WORK, SizingEvaluator
from verify.answers.exact import NoValue, Why
from verify.answers.identities import compare_formally, spelled_point
from verify.answers.random_points import Point, needed_points, points
from verify.answers.traits import Traits
from verify.answers.tree import Name, Node

AGREEING_BITS = 192  # 57 digits
_FEWEST_POINTS = 8  # where the domain lets no more be found
_SLACK = 32
_FIRST_BITS = AGREEING_BITS + 2 * _SLACK
_MAX_BITS = 8_000
_FATAL = frozenset({Why.TOO_LONG, Why.SYMBOLIC, Why.NOT_A_VALUE, Why.NOT_CLOSED})


def compare_open(left: Node, right: Node, traits: Traits, log_base: int | None) -> Comparison:
    """Two expressions, `log` being to the given base."""
    if traits.rational:
        found = compare_formally(left, right, traits)
        if found is not None:
            return found
    try:
        return _Sampling(left, right, traits, log_base).run()
    except NoValue as reason:
        return unknown(reason.why.value)


class _Sampling:
    """One comparison by points; keeps count of what was found."""

    def __init__(self, left: Node, right: Node, traits: Traits, log_base: int | None) -> None:
        self.left, self.right, self.traits = left, right, traits
        principal = Name.IMAGINARY in traits.constants
        self.at = SizingEvaluator(principal=principal, log_base=log_base, opaque=True, work=2 * WORK)
        self.needed = needed_points(traits)
        self.real = 0  # points at which both are real and agree
        self.outside = 0  # … at which an expression left the reals, and both agree
        self.apart_outside: Comparison | None = None  # … and they differ

    def run(self) -> Comparison:
        """Real points, whole ones only where they are the domain; complex values where nothing is real."""
        rounds = (False,) if self.traits.whole >= self.traits.symbols else (False, True)
        for whole in rounds:
            for point in points(self.traits, whole=whole):
                found = self.look_at(point)
                if found is not None:
                    return found
                if self.real >= self.needed:
                    return self.agreed()
            if self.real + self.outside >= _FEWEST_POINTS and self.apart_outside is None:
                return self.agreed()
            if self.real == 0 and self.apart_outside is not None:
                return self.apart_outside
        if self.real >= _FEWEST_POINTS:
            return self.agreed()
        return unknown(f"only {self.real} points at which both are defined")

    def agreed(self) -> Comparison:
        """What agreement at points amounts to."""
        return equal(f"the same to {AGREEING_BITS * 3 // 10} digits at {self.real + self.outside} points")

    def look_at(self, point: Point, bits: int = _FIRST_BITS) -> Comparison | None:
        """DIFFERENT where the two are apart in the reals; else the counts go up."""
        at = self.at
        at.point, at.left_reals, at.size = point, False, 0
        with working_precision(bits):
            try:
                one, other = at.value(self.left), at.value(self.right)
            except NoValue as reason:
                if reason.why in _FATAL:
                    raise
                return None
            found = apart(one, other)
            close = found is None and agree(one, other, AGREEING_BITS)
        left_reals = at.left_reals and not at.principal
        if found is not None:
            found = different(f"at {spelled_point(point)}: {found.how}")
            if not left_reals:
                return found
            self.apart_outside = self.apart_outside or found
            return None
        # Small terms beside large ones would be lost: such a point is looked at again, or left out.
        needed = _FIRST_BITS + 2 * max(0, at.size - _SLACK)
        if needed > bits:
            return self.look_at(point, needed) if needed <= _MAX_BITS else None
        self.real += close and not left_reals
        self.outside += close and left_reals
        return None
