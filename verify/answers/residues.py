"""Remainders of numbers that are too large to be written: `7^(7^(7^7)) mod 100`.

In: a closed tree and a modulus. Out: the remainder, or `NoValue` where the tree is not made of whole numbers, sums,
products and powers. Euler's theorem for any base: for e ≥ log2(m), a^e ≡ a^(e mod φ(m) + φ(m)) mod m; so the exponent
is needed only modulo φ(m) and as "small and known" or "large", and a tower of height h costs h factorisations of
shrinking moduli.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flint import fmpq, fmpz

from verify.answers.exact import NoValue, Why, whole
from verify.answers.tree import Add, Call, Multiply, Negate, Node, Number, Power

_MAX_MODULUS = 1 << 62  # factored within a millisecond
_SMALL_BITS = 4_096


@dataclass(frozen=True, slots=True)
class _Residue:
    """A whole number known modulo `modulus`, and itself where it is small."""

    modulus: int
    remainder: int
    value: int | None


def residue(node: Node, modulus: int) -> fmpq:
    """The remainder of the node's value on division by `modulus` > 0."""
    if not 0 < modulus <= _MAX_MODULUS:
        raise NoValue(Why.TOO_LARGE)
    return fmpq(_reduce(node, modulus).remainder)


def _reduce(node: Node, modulus: int) -> _Residue:
    match node:
        case Number(value):
            return _known(whole(value), modulus)
        case Negate(operand):
            inner = _reduce(operand, modulus)
            return _made(-inner.remainder, None if inner.value is None else -inner.value, modulus)
        case Add(terms):
            parts = [_reduce(term, modulus) for term in terms]
            values = [part.value for part in parts if part.value is not None]
            total = sum(values) if len(values) == len(parts) else None
            return _made(sum(part.remainder for part in parts), total, modulus)
        case Multiply(factors):
            parts = [_reduce(factor, modulus) for factor in factors]
            values = [part.value for part in parts if part.value is not None]
            product = math.prod(values) if len(values) == len(parts) else None
            return _made(math.prod(part.remainder for part in parts), product, modulus)
        case Power(base, exponent):
            return _power(base, exponent, modulus)
        case Call("factorial", (Number(value),)) if 0 <= value <= _SMALL_BITS:
            return _known(math.factorial(whole(value)), modulus)
        case _:
            raise NoValue(Why.TOO_LARGE)


def _power(base: Node, exponent: Node, modulus: int) -> _Residue:
    totient = int(fmpz(modulus).euler_phi())
    below, above = _reduce(base, modulus), _reduce(exponent, totient)
    if above.value is not None:
        if above.value < 0:
            raise NoValue(Why.NOT_RATIONAL)
        small = None
        if below.value is not None and below.value.bit_length() * above.value <= _SMALL_BITS:
            small = below.value**above.value
        return _made(pow(below.remainder, above.value, modulus), small, modulus)
    if not _is_large(exponent):
        raise NoValue(Why.TOO_LARGE)
    return _made(pow(below.remainder, above.remainder + totient, modulus), None, modulus)


def _is_large(node: Node) -> bool:
    """Whether a whole number that was not computed for its size is positive, and so above any log2 of a modulus.

    Of a sum this is not known: 10^5000 - 10^5000 was not computed either.
    """
    match node:
        case Power(base, _):
            return _is_positive(base)
        case Multiply(factors):
            return all(_is_positive(factor) for factor in factors)
        case _:
            return False


def _is_positive(node: Node) -> bool:
    match node:
        case Number(value):
            return bool(value > 1)
        case Power(base, exponent):
            return _is_positive(base) and _is_positive(exponent)
        case _:
            return False


def _known(value: int, modulus: int) -> _Residue:
    return _made(value, value, modulus)


def _made(remainder: int, value: int | None, modulus: int) -> _Residue:
    small = value if value is not None and value.bit_length() <= _SMALL_BITS else None
    return _Residue(modulus, remainder % modulus, small)
