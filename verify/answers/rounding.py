"""When a rounded number counts as the exact one. The reference decides; there is no tolerance.

In: reference and candidate values that are not equal. Out: whether the rule accepts the candidate.

- A reference written as a decimal accepts a candidate that cannot be written with as many places and rounds to it
  (half up or half to even), if the reference has at least `MIN_DIGITS` significant digits, one more where the
  candidate is a terminating decimal itself (12.54 is not what 12.5 stands for, 25/2 + 1/300 may be).
- A reference said to be approximate (`≈ 3.14`) accepts whatever rounds to it.
- An exact reference accepts what a program prints: a decimal of `PRINTED_DIGITS` significant digits or more that is
  its rounding or truncation, or one of 17 digits within a double's precision (0.30000000000000004). So 0.333 is not
  1/3, and 0.3333333333333333 is.
"""

from __future__ import annotations

from flint import arb, fmpq, fmpz

from verify.answers.equality import evaluate_real, exact_rational
from verify.answers.tree import Add, Multiply, Node, Number, Power

MIN_DIGITS = 3
PRINTED_DIGITS = 15
_DOUBLE_DIGITS = 17  # what it takes to print any double (IEEE 754)
_DOUBLE_ERROR = fmpq(1, 2**52)  # one unit in the last place of a double, relative
_MAX_PLACES = 400


def as_decimal(node: Node) -> Number | None:
    """The node as a decimal with counted places: a written one, its negative is read the same way, or 1.5 × 10^3."""
    if isinstance(node, Number):
        return node if node.places is not None else None
    if isinstance(node, Multiply) and len(node.factors) == 2:
        mantissa, power = node.factors
        if not (isinstance(mantissa, Number) and mantissa.places is not None and isinstance(power, Power)):
            return None
        exponent = exact_rational(power.exponent)
        if exact_rational(power.base) != 10 or exponent is None or exponent.q != 1 or abs(exponent.p) > _MAX_PLACES:
            return None
        shift = int(exponent.p)
        return Number(mantissa.value * fmpq(10) ** shift, mantissa.places - shift)
    return None


def significant_digits(decimal: Number) -> int:
    """Digits from the first one that is not zero to the last one written."""
    places = decimal.places or 0
    scaled = decimal.value * fmpq(10) ** places
    return len(str(abs(scaled.p))) if scaled.p else 0


def rounds_to(candidate: Node, reference: Number, *, approximate: bool = False) -> bool:
    """Whether the candidate's value, rounded to the places of the reference, is the reference."""
    places = reference.places
    if places is None or abs(places) > _MAX_PLACES:
        return False
    unit = fmpq(10) ** -places
    exact = exact_rational(candidate)
    if exact is not None and (exact / unit).q == 1:
        return False  # it could have been written with those places, and is another number
    needed = 0 if approximate else MIN_DIGITS + (exact is not None and _terminates(exact))
    if significant_digits(reference) < needed:
        return False
    if exact is not None:
        return abs(exact - reference.value) <= unit / 2
    distance = _distance(candidate, reference)
    return distance is not None and bool(distance <= arb(unit / 2))


def _terminates(value: fmpq) -> bool:
    """Whether the value can be written as a decimal at all."""
    rest = fmpz(value.q)
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return bool(rest == 1)


def printed_value(candidate: Node, reference: Node) -> bool:
    """Whether the candidate is what a program prints for the exact reference."""
    decimal = as_decimal(candidate)
    if decimal is None or as_decimal(reference) is not None or significant_digits(decimal) < PRINTED_DIGITS:
        return False
    allowed = fmpq(10) ** -(decimal.places or 0)
    if significant_digits(decimal) >= _DOUBLE_DIGITS:
        allowed = max(allowed, abs(decimal.value) * _DOUBLE_ERROR)
    exact = exact_rational(reference)
    if exact is not None:
        return exact.q != 1 and abs(exact - decimal.value) < allowed  # a whole number is printed as it is
    distance = _distance(reference, decimal)
    return distance is not None and bool(distance < arb(allowed))


def _distance(node: Node, decimal: Number) -> arb | None:
    """How far a real value lies from a decimal; the difference is taken before anything is rounded."""
    difference = evaluate_real(Add((node, Number(-decimal.value))), 64 + 4 * abs(decimal.places or 0))
    return None if difference is None else abs(difference)
