"""Whether two equations are the same once denominators are multiplied out: `x y = 12` and `y = 12/x`.

In: two equations between several variables. Out: whether they are. Each is brought to one polynomial over one product
of symbols; the polynomials must be constant multiples of each other, exactly. Nothing is cancelled, and a polynomial
that a symbol of its denominator divides is refused: `y = x/x` is not `x y = x`. So is a denominator of several terms.
What is given up is where a denominator is 0: `F = m a` passes for `a = F/m`, although m may be 0 in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from verify.answers.labels import symbols_of
from verify.answers.tree import Add, Constant, Divide, Multiply, Name, Negate, Node, Number, Power, Relation, Symbol

_MAX_NAMES = 16
_MAX_TERMS = 200  # of a product, before like terms are joined
_MAX_EXPONENT = 24
_MAX_HEIGHT_BITS = 4_000
_CONSTANTS = (Name.PI, Name.E)


class _NoPolynomialError(Exception):
    """The tree is no polynomial over a product of symbols, or too large a one."""


@dataclass(frozen=True, slots=True)
class _Fraction:
    """above / below; `below` is a product of symbols and constants. Not reduced."""

    above: fmpq_mpoly
    below: fmpq_mpoly


def same_when_cleared(one: Relation, other: Relation) -> bool:
    """Whether two equations of two sides are one polynomial equation, at least one having had a denominator."""
    names = sorted(symbols_of(one))
    if not 2 <= len(names) <= _MAX_NAMES or names != sorted(symbols_of(other)):
        return False
    reading = _Reading(names)
    try:
        first, second = reading.equation(one), reading.equation(other)
    except _NoPolynomialError:
        return False
    if first is None or second is None or len(first) != len(second):
        return False
    return first * second.leading_coefficient() == second * first.leading_coefficient()


class _Reading:
    """Trees as fractions of polynomials in these names, pi and e."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        generators = [f"v{place}" for place in range(len(names) + len(_CONSTANTS))]
        self.context = fmpq_mpoly_ctx.get(generators, Ordering.lex)

    def equation(self, relation: Relation) -> fmpq_mpoly | None:
        """The polynomial that must vanish; None where it says more or less than the equation."""
        left, right = relation.sides
        difference = self.fraction(Add((left, Negate(right))))
        if not len(difference.above) or not all(difference.above.degrees()[: len(self.names)]):
            return None  # a variable has gone, or all have
        below = difference.below.degrees()[: len(self.names)]
        least = [min(powers) for powers in zip(*(term[0] for term in difference.above.terms()), strict=True)]
        return None if any(low and high for low, high in zip(least, below, strict=False)) else difference.above

    def fraction(self, node: Node) -> _Fraction:
        """The tree as one fraction."""
        match node:
            case Number(value):
                return self._constant(value)
            case Symbol(name):
                return self._generator(self.names.index(name))
            case Constant(name) if name in _CONSTANTS:
                return self._generator(len(self.names) + _CONSTANTS.index(name))
            case Negate(operand):
                inner = self.fraction(operand)
                return _Fraction(-inner.above, inner.below)
            case Add(terms):
                return self._sum([self.fraction(term) for term in terms])
            case Multiply(factors):
                return self._product([self.fraction(factor) for factor in factors])
            case Divide(numerator, denominator):
                return self._product([self.fraction(numerator), self._inverse(self.fraction(denominator))])
            case Power(base, Number(value)) if value.q == 1 and 0 < abs(value) <= _MAX_EXPONENT:
                factor = self.fraction(base)
                return self._product([factor if value > 0 else self._inverse(factor)] * abs(int(value.p)))
            case _:
                raise _NoPolynomialError

    def _constant(self, value: fmpq) -> _Fraction:
        return _Fraction(self.context.constant(value), self.context.constant(1))

    def _generator(self, place: int) -> _Fraction:
        return _Fraction(self.context.gens()[place], self.context.constant(1))

    def _sum(self, parts: list[_Fraction]) -> _Fraction:
        total = parts[0]
        for part in parts[1:]:
            shared = total.below.gcd(part.below)
            ours, theirs = part.below / shared, total.below / shared
            above = _times(total.above, ours) + _times(part.above, theirs)
            total = _Fraction(_small(above), _times(total.below, ours))
        return total

    def _product(self, parts: list[_Fraction]) -> _Fraction:
        product = self._constant(fmpq(1))
        for part in parts:
            product = _Fraction(_times(product.above, part.above), _times(product.below, part.below))
        return product

    def _inverse(self, fraction: _Fraction) -> _Fraction:
        if len(fraction.above) != 1:
            raise _NoPolynomialError
        return _Fraction(fraction.below, fraction.above)


def _times(one: fmpq_mpoly, other: fmpq_mpoly) -> fmpq_mpoly:
    if len(one) * len(other) > _MAX_TERMS:
        raise _NoPolynomialError
    return _small(one * other)


def _small(polynomial: fmpq_mpoly) -> fmpq_mpoly:
    high = any(degree > _MAX_EXPONENT for degree in polynomial.degrees())
    if high or any(value.height_bits() > _MAX_HEIGHT_BITS for value in polynomial.coeffs()):
        raise _NoPolynomialError
    return polynomial
