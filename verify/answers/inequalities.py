"""The real solutions of one equation or inequality in one variable.

In: two sides, an operator and the variable. Out: a `Region`; `NoValue` where the sides are not made of + - * /,
whole powers and absolute values with rational coefficients (a bare variable may be compared with any closed value).

Method: cut the line at every place where something may change (zeros and poles of the difference of both sides, for
each choice of signs of the absolute values, and the zeros of what stands in them), then look whether the relation
holds at one number of each gap and at each cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key
from itertools import product
from typing import Any

from flint import arb, fmpq, fmpq_poly, fmpz

from verify.answers.balls import Value, working_precision
from verify.answers.equality import exact_rational, sign_of_infinity
from verify.answers.evaluation import Evaluator
from verify.answers.exact import NoValue, Why
from verify.answers.intervals import EMPTY, EVERYTHING, Region, above, below, complement, point, region_of
from verify.answers.limits import BITS, Limit, limit_of, order, rational_limit
from verify.answers.tree import Add, Call, Divide, Multiply, Negate, Node, Number, Power, Symbol

_MAX_DEGREE = 24
_MAX_ABSOLUTES = 4
_MAX_COEFFICIENT_BITS = 4_096
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
Fraction = tuple[fmpq_poly, fmpq_poly]


def solve(left: Node, operator: str, right: Node, variable: str) -> Region:
    """All reals at which `left operator right` holds."""
    if operator not in _MIRROR:
        raise NoValue(Why.NOT_A_VALUE)
    for one, sign, other in ((left, operator, right), (right, _MIRROR[operator], left)):
        if one == Symbol(variable):
            infinite = sign_of_infinity(other)
            if infinite:
                return _beside_infinity(sign, infinite)
            try:
                return _beside(sign, limit_of(other))
            except NoValue as reason:
                if reason.why is not Why.NOT_CLOSED:
                    raise
    return _by_cutting(left, operator, right, variable)


def _beside(operator: str, limit: Limit) -> Region:
    match operator:
        case "<" | "<=":
            return below(limit, closed=operator == "<=")
        case ">" | ">=":
            return above(limit, closed=operator == ">=")
        case "=":
            return point(limit)
        case _:
            return complement(point(limit))


def _beside_infinity(operator: str, sign: int) -> Region:
    """`x < oo` holds for all reals."""
    return EVERYTHING if operator == "!=" or operator.startswith("<" if sign > 0 else ">") else EMPTY


def _by_cutting(left: Node, operator: str, right: Node, variable: str) -> Region:
    gap = Add((left, Negate(right)))
    cuts = _cuts(gap, variable)
    inside: list[bool] = []
    for index in range(len(cuts) + 1):
        before = cuts[index - 1] if index else None
        after = cuts[index] if index < len(cuts) else None
        inside.append(_holds(gap, operator, variable, _between(before, after)))
        if after is not None:
            inside.append(_holds(gap, operator, variable, after.ball if after.exact is None else after.exact))
    return region_of(cuts, inside)


def _holds(gap: Node, operator: str, variable: str, at: Value) -> bool:
    with working_precision(BITS):
        try:
            value = Evaluator({variable: at}).value(gap)
        except NoValue as reason:
            if reason.why in {Why.UNDEFINED, Why.UNDECIDED}:  # a pole
                return False
            raise
        if not isinstance(value, fmpq | arb):
            return False
        # At a cut that is no rational number the ball of a zero holds zero.
        sign = 1 if value > 0 else -1 if value < 0 else 0
    return {"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0, "=": sign == 0, "!=": sign != 0}[operator]


def _between(before: Limit | None, after: Limit | None) -> fmpq:
    """A rational number strictly between two neighbouring cuts."""
    with working_precision(BITS):
        if before is None:
            return fmpq(0) if after is None else fmpq(_whole(after.ball, -2))
        if after is None:
            return fmpq(_whole(before.ball, 2))
        low, high = before.ball.upper(), after.ball.lower()
        return ((low + high) / 2).mid().fmpq()


def _whole(ball: arb, step: int) -> fmpz:
    return (ball.mid().floor() + step).unique_fmpz() or fmpz(step)


def _cuts(gap: Node, variable: str) -> list[Limit]:
    absolutes = list(dict.fromkeys(_absolutes(gap)))
    if len(absolutes) > _MAX_ABSOLUTES:
        raise NoValue(Why.TOO_LONG)
    fractions: list[Fraction] = []
    for signs in product((1, -1), repeat=len(absolutes)):
        reading = _Reading(variable, dict(zip(absolutes, signs, strict=True)))
        fractions.append(reading.fraction(gap))
        fractions.extend(reading.fraction(inner) for inner in absolutes)
    limits = sorted(_roots(part for fraction in fractions for part in fraction), key=cmp_to_key(order))
    return [limit for index, limit in enumerate(limits) if not index or order(limits[index - 1], limit)]


def _absolutes(node: Node) -> Iterable[Node]:
    """What stands between absolute value bars."""
    match node:
        case Add(parts) | Multiply(parts):
            for part in parts:
                yield from _absolutes(part)
        case Negate(inner) | Power(inner, _):
            yield from _absolutes(inner)
        case Divide(numerator, denominator):
            yield from _absolutes(numerator)
            yield from _absolutes(denominator)
        case Call("abs", (inner,)):
            yield inner
            yield from _absolutes(inner)


class _Reading:
    """Trees as quotients of polynomials, absolute values read with given signs."""

    def __init__(self, variable: str, signs: dict[Node, int]) -> None:
        self.variable = variable
        self.signs = signs

    def fraction(self, node: Node) -> Fraction:
        """Numerator and denominator."""
        one = fmpq_poly([1])
        match node:
            case Symbol(name) if name == self.variable:
                return fmpq_poly([0, 1]), one
            case Add(terms):
                return self._sum(terms)
            case Multiply(factors):
                above_, below_ = one, one
                for factor in factors:
                    numerator, denominator = self.fraction(factor)
                    above_, below_ = above_ * numerator, below_ * denominator
                return _checked(above_, below_)
            case Negate(inner):
                numerator, denominator = self.fraction(inner)
                return -numerator, denominator
            case Divide(numerator_, denominator_):
                first, second = self.fraction(numerator_), self.fraction(denominator_)
                return _checked(first[0] * second[1], first[1] * second[0])
            case Call("abs", (inner,)):
                numerator, denominator = self.fraction(inner)
                return self.signs[inner] * numerator, denominator
            case _:
                return self._power_or_number(node)

    def _sum(self, terms: tuple[Node, ...]) -> Fraction:
        above_, below_ = fmpq_poly([0]), fmpq_poly([1])
        for term in terms:
            numerator, denominator = self.fraction(term)
            above_, below_ = above_ * denominator + numerator * below_, below_ * denominator
            _checked(above_, below_)
        return above_, below_

    def _power_or_number(self, node: Node) -> Fraction:
        value = exact_rational(node)
        if value is not None and value.height_bits() <= _MAX_COEFFICIENT_BITS:
            return fmpq_poly([value]), fmpq_poly([1])
        if not isinstance(node, Power) or not isinstance(node.exponent, Number) or node.exponent.value.q != 1:
            raise NoValue(Why.NOT_RATIONAL)
        times = int(node.exponent.value.p)
        numerator, denominator = self.fraction(node.base)
        if abs(times) * max(numerator.degree(), denominator.degree()) > _MAX_DEGREE:
            raise NoValue(Why.TOO_LARGE)
        above_, below_ = numerator ** abs(times), denominator ** abs(times)
        return (above_, below_) if times >= 0 else (below_, above_)


def _checked(numerator: fmpq_poly, denominator: fmpq_poly) -> Fraction:
    if max(numerator.degree(), denominator.degree()) > _MAX_DEGREE:
        raise NoValue(Why.TOO_LARGE)
    if denominator.degree() < 0:
        raise NoValue(Why.UNDEFINED)
    return numerator, denominator


def _roots(polynomials: Iterable[fmpq_poly]) -> Iterable[Limit]:
    """The real roots of polynomials, the rational ones exactly, each polynomial factor once."""
    seen: set[str] = set()
    for polynomial in polynomials:
        if polynomial.degree() < 1:
            continue
        for factor, _ in polynomial.numer().factor()[1]:
            if str(factor) in seen:
                continue
            seen.add(str(factor))
            if factor.degree() == 1:
                yield rational_limit(fmpq(-factor[0], factor[1]))
                continue
            with working_precision(BITS):
                pairs: Any = factor.complex_roots()  # root and multiplicity; the stubs say roots alone
            yield from (Limit(root.real) for root, _ in pairs if root.imag == 0)
