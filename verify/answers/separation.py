"""How close to zero an algebraic number can be without being zero.

In: a closed tree of whole numbers, + - * /, powers by whole numbers, roots and i. Out: bits b such that the value is
zero or at least 2^-b in size. So a ball smaller than that which holds zero proves that the value is zero.

The bound is that of Burnikel, Funke, Mehlhorn, Schirra and Schmitt, "A separation bound for real algebraic
expressions" (2001): with upper bounds u and l for all conjugates of an algebraic integer numerator and denominator,
E = 0 or |E| ≥ 1 / (u^(D-1) l), D the product of the degrees of the distinct roots. Here u and l are base-2
logarithms, rounded up. i is a root of degree 2 of -1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from flint import fmpq, fmpz

from verify.answers.exact import NoValue, Why
from verify.answers.tree import Add, Call, Constant, Divide, Multiply, Name, Negate, Node, Number, Power

_MAX_DEGREE = 1 << 16
Bounds = tuple[float, float]  # log2 of u, log2 of l


def separation_bits(*parts: Node) -> float | None:
    """Bits for the sum of the parts; None where the bound does not apply or would be of no use."""
    walk = _Walk()
    try:
        above, below = walk.total([walk.bounds(part) for part in parts])
    except NoValue:
        return None
    return (walk.degree - 1) * above + below + 4


class _Walk:
    """Collects the distinct roots: the same radicand and degree is the same root."""

    def __init__(self) -> None:
        self.degree = 1
        self._seen: set[tuple[Node, int]] = set()

    def bounds(self, node: Node) -> Bounds:
        match node:
            case Number(value):
                return _bits(value.p), _bits(value.q)
            case Constant(Name.IMAGINARY):
                self._adjoin(node, 2)
                return 0.0, 0.0
            case Add(terms):
                return self.total([self.bounds(term) for term in terms])
            case Multiply(factors):
                parts = [self.bounds(factor) for factor in factors]
                return sum(part[0] for part in parts), sum(part[1] for part in parts)
            case Divide(numerator, denominator):
                above, below = self.bounds(numerator), self.bounds(denominator)
                return above[0] + below[1], above[1] + below[0]
            case _:
                return self._raised(node)

    def _raised(self, node: Node) -> Bounds:
        match node:
            case Negate(operand):
                return self.bounds(operand)
            case Power(base, exponent):
                return self._power(base, _written_rational(exponent))
            case Call("sqrt", (radicand,)):
                return self._root(radicand, 2)
            case Call("root", (radicand, Number(degree))) if degree.q == 1 and degree >= 2:
                return self._root(radicand, int(degree.p))
            case _:
                raise NoValue(Why.NOT_RATIONAL)

    def total(self, bounds: Sequence[Bounds]) -> Bounds:
        """Of a sum: u is each numerator times the denominators of the others, l the product of all denominators."""
        below = sum(part[1] for part in bounds)
        return max(part[0] - part[1] for part in bounds) + below + math.log2(len(bounds)), below

    def _power(self, base: Node, exponent: fmpq) -> Bounds:
        if max(abs(exponent.p), exponent.q) > _MAX_DEGREE:
            raise NoValue(Why.TOO_LARGE)
        above, below = self.bounds(base) if exponent.q == 1 else self._root(base, int(exponent.q))
        times = abs(int(exponent.p))
        return (above * times, below * times) if exponent >= 0 else (below * times, above * times)

    def _root(self, radicand: Node, degree: int) -> Bounds:
        above, below = self.bounds(radicand)
        self._adjoin(radicand, degree)
        if above >= below:
            return (above + (degree - 1) * below) / degree, below
        return above, ((degree - 1) * above + below) / degree

    def _adjoin(self, radicand: Node, degree: int) -> None:
        if (radicand, degree) not in self._seen:
            self._seen.add((radicand, degree))
            self.degree *= degree
            if self.degree > _MAX_DEGREE:
                raise NoValue(Why.TOO_LARGE)


def _written_rational(node: Node) -> fmpq:
    match node:
        case Number(value):
            return value
        case Negate(operand):
            return -_written_rational(operand)
        case Divide(Number(above), Number(below)) if below != 0:
            return above / below
        case _:
            raise NoValue(Why.NOT_RATIONAL)


def _bits(value: fmpz) -> float:
    """log2, a little above; of zero as of one."""
    size = abs(value)
    if size <= 1:
        return 0.0
    return math.log2(int(size)) + 1e-9 if size.bit_length() < 50 else float(size.bit_length())
