"""Arithmetic on exact rationals whose cost is known before it is paid.

In: `fmpq` values. Out: `fmpq` values, or `NoValue` with the reason: the result would be too large (more than
`MAX_BITS`), is not rational, or does not exist. Sizes are estimated from logarithms first, so that `9^(9^9)` or
`(10^9)!` is refused without being begun.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from flint import fmpq, fmpz

# 60,000 digits: 2019! has 5,800. Products of whole numbers of this size take 0.25 ms, sums of fractions 8 ms.
MAX_BITS = 200_000
_MAX_COUNT = 20_000  # of factors in a factorial or binomial
_MAX_LOGARITHM_STEPS = 40
_WORD = 2**63 - 1
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Why(StrEnum):
    """Why an expression has no value here."""

    UNDEFINED = "it is undefined"
    TOO_LARGE = "it is too large to be computed"
    NOT_RATIONAL = "it is not a rational number"
    NOT_CLOSED = "it holds variables"
    UNDECIDED = "its value cannot be enclosed"
    SYMBOLIC = "it needs symbolic computation"
    NOT_A_VALUE = "it is not a value"
    TOO_LONG = "it takes too long to be computed"


class NoValue(Exception):  # noqa: N818 - it is an outcome of evaluation, not a fault
    """An expression has no value here; `why` says what stands in the way."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


def whole(value: fmpq) -> int:
    """The value as an int; a fraction where a whole number is needed is UNDEFINED."""
    if value.q != 1:
        raise NoValue(Why.UNDEFINED)
    return int(value.p)


def power(base: fmpq, exponent: int) -> fmpq:
    """`base ** exponent`; 0^0 is 1, as in polynomials."""
    if exponent < 0 and base == 0:
        raise NoValue(Why.UNDEFINED)
    if base in {0, 1, -1}:
        return fmpq(base) ** (2 - exponent % 2 if exponent else 0)
    if base.height_bits() * abs(exponent) > MAX_BITS:
        raise NoValue(Why.TOO_LARGE)
    return base**exponent


def root(value: fmpq, degree: int) -> fmpq:
    """The real root of the given degree where it is rational."""
    if degree <= 0 or (value < 0 and degree % 2 == 0):
        raise NoValue(Why.NOT_RATIONAL)
    if degree > MAX_BITS and value not in {0, 1, -1}:
        raise NoValue(Why.NOT_RATIONAL)
    above, below = _whole_root(abs(value.p), degree), _whole_root(value.q, degree)
    found = fmpq(above, below)
    return -found if value < 0 else found


def _whole_root(value: fmpz, degree: int) -> fmpz:
    if value in {0, 1}:
        return value
    found = value.isqrt() if degree == 2 else value.root(degree)
    if found**degree != value:
        raise NoValue(Why.NOT_RATIONAL)
    return found


def logarithm(value: fmpq, base: fmpq) -> fmpq:
    """log of `value` to `base` where it is rational: Euclid's algorithm on the exponents of a common base."""
    if value <= 0 or base <= 0 or base == 1:
        raise NoValue(Why.UNDEFINED if base == 1 or 0 in {value, base} else Why.NOT_RATIONAL)
    sign = -1 if (value < 1) != (base < 1) else 1
    value, base = max(value, 1 / value), max(base, 1 / base)
    largest = max(value.height_bits(), base.height_bits())
    quotients: list[int] = []
    while value != 1 and len(quotients) < _MAX_LOGARITHM_STEPS and base.height_bits() <= largest:
        times = _times(value, base)
        quotients.append(times)
        value, base = base, value / power(base, times)
        if base == 1:
            return sign * _from_quotients(quotients)
    if value == 1:
        return fmpq(0)
    raise NoValue(Why.NOT_RATIONAL)


def _times(value: fmpq, base: fmpq) -> int:
    """How often `base` divides `value` before the quotient is below `base`; all are above 1."""
    below = _log(base)
    times = int(_log(value) / below) if below > 0 else MAX_BITS
    if times * base.height_bits() > MAX_BITS:
        raise NoValue(Why.NOT_RATIONAL)
    # The float may be off by one at an exact power.
    if power(base, times) > value:
        return times - 1
    return times + 1 if power(base, times + 1) <= value else times


def _log(value: fmpq) -> float:
    return math.log(int(value.p)) - math.log(int(value.q))


def _from_quotients(quotients: Sequence[int]) -> fmpq:
    value = fmpq(quotients[-1])
    for quotient in reversed(quotients[:-1]):
        value = quotient + 1 / value
    return value


# --- counting ----------------------------------------------------------------------------------------------------


def factorial(value: fmpq) -> fmpq:
    """n! of a natural number."""
    n = _natural(value)
    if n > _MAX_COUNT:  # 20,000! has 256,909 bits
        raise NoValue(Why.TOO_LARGE)
    return fmpq(fmpz.fac_ui(fmpz(n)))


def double_factorial(value: fmpq) -> fmpq:
    """n!! = n (n - 2) (n - 4) …; (-1)!! is 1."""
    n = _natural(value + 1) - 1
    if n > _MAX_COUNT:
        raise NoValue(Why.TOO_LARGE)
    half = max(n, 0) // 2
    even = fmpz.fac_ui(fmpz(half)) * fmpz(2) ** half
    return fmpq(even if n % 2 == 0 else fmpz.fac_ui(fmpz(max(n, 1))) // even)


def subfactorial(value: fmpq) -> fmpq:
    """Permutations of n things that leave none in its place."""
    n = _natural(value)
    if n > 1_000:
        raise NoValue(Why.TOO_LARGE)
    count = 1
    for k in range(1, n + 1):
        count = k * count + (-1) ** k
    return fmpq(count)


def binomial(above: fmpq, below: fmpq) -> fmpq:
    """Subsets of k things out of n; also for a negative or fractional n, 0 for a negative k."""
    k = whole(below)
    if k < 0:
        return fmpq(0)
    if above.q == 1 and above >= 0:
        n = int(above.p)
        k = min(k, n - k)
        if k < 0:
            return fmpq(0)
        if k * (n.bit_length() - k.bit_length() + 2) > MAX_BITS:
            raise NoValue(Why.TOO_LARGE)
        return fmpq(fmpz.bin_uiui(n, k)) if n <= _WORD else fmpq(math.comb(n, k))
    if k > 200:
        raise NoValue(Why.TOO_LARGE)
    return _falling(above, k) / fmpq(fmpz.fac_ui(fmpz(k)))


def permutations(above: fmpq, below: fmpq) -> fmpq:
    """Ordered choices of k things out of n."""
    n, k = _natural(above), _natural(below)
    if k > n:
        return fmpq(0)
    if k * n.bit_length() > MAX_BITS or k > _MAX_COUNT:
        raise NoValue(Why.TOO_LARGE)
    return fmpq(fmpz(n - k + 1).rising(k))


def _falling(value: fmpq, count: int) -> fmpq:
    product = fmpq(1)
    for k in range(count):
        product *= value - k
    return product


def _natural(value: fmpq) -> int:
    n = whole(value)
    if n < 0:
        raise NoValue(Why.UNDEFINED)
    return n


# --- whole numbers -----------------------------------------------------------------------------------------------


def modulo(value: fmpq, modulus: fmpq) -> fmpq:
    """The remainder with the sign of the modulus."""
    if modulus == 0:
        raise NoValue(Why.UNDEFINED)
    return value - modulus * fmpq((value / modulus).floor())


def greatest_divisor(values: Sequence[fmpq]) -> fmpq:
    """gcd of whole numbers."""
    return fmpq(math.gcd(*map(whole, values)))


def least_multiple(values: Sequence[fmpq]) -> fmpq:
    """lcm of whole numbers."""
    if sum(value.height_bits() for value in values) > MAX_BITS:
        raise NoValue(Why.TOO_LARGE)
    return fmpq(math.lcm(*map(whole, values)))


def numeral(digits: str, base: int) -> fmpq:
    """The value of a numeral in a base from 2 to 36; one point may divide it."""
    front, _, behind = digits.lower().partition(".")
    value = fmpz(0)
    if not 2 <= base <= 36 or not front + behind or not (front + behind).isalnum():
        raise NoValue(Why.UNDEFINED)
    for digit in front + behind:
        place = _LETTERS.find(digit)
        if not 0 <= place < base:
            raise NoValue(Why.UNDEFINED)
        value = value * base + place
    return fmpq(value, fmpz(base) ** len(behind))
