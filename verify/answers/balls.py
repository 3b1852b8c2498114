"""Functions of real and complex balls, with the conventions that answers follow.

In: values, each an exact rational (`fmpq`), a real ball (`arb`) or a complex ball (`acb`). Out: a value that encloses
the true one. A real argument gives a real ball wherever the function is real there, else a complex one: an `acb` out
of real arguments says that the reals were left. Balls are Arb's (Johansson 2017, "Arb: efficient arbitrary-precision
midpoint-radius interval arithmetic").

Conventions: odd roots of negative reals are real, unless principal values are asked for; 0^0 = 1; arccot maps the
reals to (0, π); powers of a negative real by a fraction with an odd denominator are real.

The working precision of python-flint is one number for the whole process, not for a thread. `working_precision` sets
it under a lock and puts it back. Where other code changes it meanwhile, results stay correct enclosures, only wider
or narrower ones.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from flint import acb, arb, ctx, fmpq, fmpz

from verify.answers import exact
from verify.answers.exact import NoValue, Why

Value = fmpq | arb | acb
Real = fmpq | arb

# Beyond 2^(10^18) not even the exponent of a ball is worth having; Stirling's series still works at 10^18.
_LARGEST_ARGUMENT = 2**60
_MAX_EXPONENT_BITS = 2_048
_MAX_GAMMA_BITS = 4_096  # at 20,000 bits gamma takes 15 ms
_MAX_ZETA = 1_000
_MAX_ROOT = 2**16

_locks: dict[int, threading.RLock] = {}


class working_precision:  # noqa: N801 - reads as a verb; a class, since a generator costs three times as much
    """`with working_precision(bits):` balls are computed to that many bits inside; one thread at a time."""

    __slots__ = ("_before", "_bits", "_lock")

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def __enter__(self) -> None:
        # A lock held by another thread at a fork would never be released in the child: each process has its own.
        self._lock = _locks.setdefault(os.getpid(), threading.RLock())
        self._lock.acquire()
        self._before = ctx.prec
        ctx.prec = self._bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self._before
        self._lock.release()


def ball(value: Value) -> arb | acb:
    """The value as a ball."""
    return arb(value) if isinstance(value, fmpq) else value


def complex_ball(value: Value) -> acb:
    """The value as a complex ball."""
    return value if isinstance(value, acb) else acb(ball(value))


def simplest(value: Value) -> Value:
    """A complex ball with no imaginary part as a real one."""
    return value.real if isinstance(value, acb) and value.imag.is_zero() else value


def contains_zero(value: Value) -> bool:
    """Whether the value may be zero."""
    return bool(value == 0) if isinstance(value, fmpq) else bool(value.contains(0))


# --- powers ------------------------------------------------------------------------------------------------------


def divide(above: Value, below: Value) -> Value:
    """A quotient; exact zero below the line is UNDEFINED, a ball around zero UNDECIDED."""
    if isinstance(below, fmpq):
        if below == 0:
            raise NoValue(Why.UNDEFINED)
    elif below.contains(0):
        raise NoValue(Why.UNDEFINED if below.is_zero() else Why.UNDECIDED)
    return above / below


def power(base: Value, exponent: Value, *, principal: bool) -> Value:
    """`base ** exponent`, real wherever a convention makes it so."""
    if isinstance(exponent, fmpq):
        if exponent.q == 1:
            return _whole_power(base, exponent.p)
        if isinstance(base, fmpq):
            try:
                if base >= 0 or (exponent.q % 2 == 1 and not principal):
                    return exact.power(exact.root(base, int(exponent.q)), int(exponent.p))
            except NoValue as reason:
                if reason.why is Why.UNDEFINED:
                    raise
        if not isinstance(base, acb):
            return _fractional_power(arb(base), exponent, principal=principal)
    return _general_power(base, exponent)


def _whole_power(base: Value, exponent: fmpz) -> Value:
    if exponent.bit_length() > _MAX_EXPONENT_BITS:
        raise NoValue(Why.TOO_LARGE)
    if isinstance(base, fmpq):
        try:
            return exact.power(base, int(exponent))
        except NoValue as reason:
            if reason.why is Why.UNDEFINED:
                raise
            base = arb(base)
    if exponent < 0:
        return divide(fmpq(1), base**-exponent)
    return base**exponent


def _fractional_power(base: arb, exponent: fmpq, *, principal: bool) -> Value:
    if base > 0:
        if exponent.q <= _MAX_ROOT and abs(exponent.p) <= _MAX_ROOT:
            return _whole_power(base.root(int(exponent.q)), exponent.p)
        return base ** arb(exponent)
    if base < 0:
        if exponent.q % 2 == 1 and not principal:
            size = _fractional_power(-base, exponent, principal=False)
            return -size if exponent.p % 2 == 1 else size
        return acb(base) ** acb(arb(exponent))
    if exponent < 0:
        raise NoValue(Why.UNDECIDED)
    if exponent.q % 2 == 1 and not principal:  # a ball around zero, odd root: continuous and monotonic
        return _whole_power(_odd_root(base, int(exponent.q)), exponent.p)
    return _around_zero(base, exponent)


def _odd_root(base: arb, degree: int) -> arb:
    low, high = base.lower(), base.upper()
    return (-((-low).root(degree)) if low < 0 else low.root(degree)).union(
        -((-high).root(degree)) if high < 0 else high.root(degree)
    )


def _around_zero(base: arb, exponent: fmpq) -> acb:
    """A ball that encloses every branch of a positive power of a ball around zero."""
    size = base.abs_upper() ** arb(exponent)
    around = (-size).union(size)
    return acb(around, around)


def _general_power(base: Value, exponent: Value) -> Value:
    if isinstance(base, fmpq) and base == 1:
        return base
    if _magnitude(exponent) > _LARGEST_ARGUMENT:
        raise NoValue(Why.TOO_LARGE)
    if not isinstance(base, acb) and base > 0:
        return _bounded(ball(base) ** exponent)
    if contains_zero(base):
        raise NoValue(Why.UNDECIDED)
    return _bounded(complex_ball(base) ** complex_ball(exponent))


def _magnitude(value: Value) -> arb | fmpq:
    return abs(value) if isinstance(value, fmpq) else value.abs_upper()


def square_root(value: Value) -> Value:
    """The root that is not negative, or the principal one."""
    if isinstance(value, fmpq):
        if value >= 0:
            try:
                return exact.root(value, 2)
            except NoValue:
                return arb(value).sqrt()
        return acb(0, 1) * ball(square_root(-value))
    if isinstance(value, acb):
        return value.sqrt()
    if value >= 0:
        return value.sqrt()
    if value < 0:
        return acb(0, (-value).sqrt())
    return _around_zero(value, fmpq(1, 2))


def root(value: Value, degree: Value) -> Value:
    """`\\sqrt[n]{x}`: real for an odd n and a real x."""
    if not isinstance(degree, fmpq):
        return power(value, divide(fmpq(1), degree), principal=False)
    if degree == 2:
        return square_root(value)
    return power(value, divide(fmpq(1), degree), principal=False)


# --- logarithms, circular and hyperbolic functions ---------------------------------------------------------------


def exponential(value: Value) -> Value:
    """e to the value."""
    if isinstance(value, fmpq) and value == 0:
        return fmpq(1)
    if _magnitude(value) > _LARGEST_ARGUMENT:
        raise NoValue(Why.TOO_LARGE)
    return _bounded(ball(value).exp())


def natural_logarithm(value: Value) -> Value:
    """The principal logarithm."""
    if isinstance(value, fmpq):
        if value == 0:
            raise NoValue(Why.UNDEFINED)
        if value == 1:
            return fmpq(0)
    if contains_zero(value):
        raise NoValue(Why.UNDECIDED)
    if isinstance(value, acb):
        return value.log()
    return ball(value).log() if value > 0 else complex_ball(value).log()


def logarithm(value: Value, base: Value) -> Value:
    """The logarithm to a base; exact where it is rational."""
    if isinstance(value, fmpq) and isinstance(base, fmpq):
        try:
            return exact.logarithm(value, base)
        except NoValue as reason:
            if reason.why is Why.UNDEFINED:
                raise
    return divide(natural_logarithm(value), natural_logarithm(base))


def _everywhere(name: str, at_zero: int | None) -> Callable[[Value], Value]:
    """A function that is real on all reals (up to poles), exact at zero only."""
    on_reals, elsewhere = getattr(arb, name), getattr(acb, name)

    def function(value: Value) -> Value:
        if isinstance(value, fmpq) and value == 0 and at_zero is not None:
            return fmpq(at_zero)
        result = elsewhere(value) if isinstance(value, acb) else on_reals(ball(value))
        return _bounded(result)

    return function


def _between(name: str, low: int | None, high: int | None, zero_at: int | None) -> Callable[[Value], Value]:
    """A function that is real between bounds, exactly zero at one place."""
    on_reals, elsewhere = getattr(arb, name), getattr(acb, name)

    def function(value: Value) -> Value:
        if isinstance(value, fmpq) and value == zero_at:
            return fmpq(0)
        real = not isinstance(value, acb) and (low is None or value >= low) and (high is None or value <= high)
        return _bounded(on_reals(ball(value)) if real else elsewhere(complex_ball(value)))

    return function


def _bounded(value: arb | acb) -> arb | acb:
    if not value.is_finite():
        raise NoValue(Why.UNDECIDED)
    return value


def _of_reciprocal(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda value: function(divide(fmpq(1), value))


def _inverse_cotangent(value: Value) -> Value:
    return arb.pi() / 2 - _ARCTAN(value)


_ARCTAN = _everywhere("atan", 0)
_ARCSIN = _between("asin", -1, 1, 0)
_ARCCOS = _between("acos", -1, 1, 1)

# --- parts of numbers --------------------------------------------------------------------------------------------


def absolute(value: Value) -> Value:
    """The modulus."""
    if isinstance(value, acb):
        return _modulus(value)
    return abs(value) if isinstance(value, arb) else max(value, -value)


def _modulus(value: acb) -> arb:
    square = value.real * value.real + value.imag * value.imag
    return square.sqrt() if square > 0 else square.abs_upper().sqrt().union(0)


def sign(value: Value) -> Value:
    """-1, 0 or 1."""
    if isinstance(value, acb):
        return divide(value, absolute(value))
    if value > 0:
        return fmpq(1)
    if value < 0:
        return fmpq(-1)
    if isinstance(value, fmpq):
        return fmpq(0)
    raise NoValue(Why.UNDECIDED)


def floor(value: Value) -> Value:
    """The largest whole number not above; UNDECIDED where a ball holds a whole number inside."""
    if isinstance(value, acb):
        raise NoValue(Why.UNDEFINED)
    if isinstance(value, fmpq):
        return fmpq(value.floor())
    found = value.floor().unique_fmpz()
    if found is None:
        raise NoValue(Why.UNDECIDED)
    return fmpq(found)


def ceiling(value: Value) -> Value:
    """The smallest whole number not below."""
    return -floor(-value)


def fractional_part(value: Value) -> Value:
    """What is left above the floor."""
    return value - floor(value)


def modulo(value: Value, modulus: Value) -> Value:
    """The remainder with the sign of the modulus."""
    return value - modulus * floor(divide(value, modulus))


def real_part(value: Value) -> Value:
    """Re z."""
    return value.real if isinstance(value, acb) else value


def imaginary_part(value: Value) -> Value:
    """Im z."""
    return value.imag if isinstance(value, acb) else fmpq(0)


def conjugate(value: Value) -> Value:
    """The complex conjugate."""
    return value.conjugate() if isinstance(value, acb) else value


def argument(value: Value) -> Value:
    """The angle in (-π, π]."""
    if contains_zero(value):
        raise NoValue(Why.UNDECIDED)
    if isinstance(value, acb):
        return value.arg()
    return fmpq(0) if value > 0 else arb.pi()


def largest(values: list[Value]) -> Value:
    """max of reals."""
    reals = _reals(values)
    exact_ones = [value for value in reals if isinstance(value, fmpq)]
    if len(exact_ones) == len(reals):
        return max(exact_ones)
    found = arb(reals[0])
    for value in reals[1:]:
        found = found.max(value)
    return found


def smallest(values: list[Value]) -> Value:
    """min of reals."""
    return -largest([-value for value in values])


def _reals(values: list[Value]) -> list[Real]:
    reals = [value for value in values if not isinstance(value, acb)]
    if len(reals) < len(values):
        raise NoValue(Why.UNDEFINED)
    return reals


# --- factorials --------------------------------------------------------------------------------------------------


def gamma(value: Value) -> Value:
    """Γ; exact at whole numbers."""
    if isinstance(value, fmpq) and value.q == 1 and value <= 0:
        raise NoValue(Why.UNDEFINED)
    return factorial(value - 1)


def factorial(value: Value) -> Value:
    """x! = Γ(x + 1); exact at natural numbers up to 20,000."""
    if isinstance(value, fmpq) and value.q == 1:
        try:
            return exact.factorial(value)
        except NoValue as reason:
            if reason.why is Why.UNDEFINED:
                raise
    if _magnitude(value) > _LARGEST_ARGUMENT or ctx.prec > _MAX_GAMMA_BITS:
        raise NoValue(Why.TOO_LARGE)
    return _bounded(ball(value + 1).gamma())


def binomial(above: Value, below: Value) -> Value:
    """n over k; by Γ where n or k is no whole number or large."""
    if isinstance(above, fmpq) and isinstance(below, fmpq) and below.q == 1:
        try:
            return exact.binomial(above, below)
        except NoValue as reason:
            if reason.why is Why.UNDEFINED:
                raise
    return divide(factorial(above), factorial(below) * factorial(above - below))


def permutations(above: Value, below: Value) -> Value:
    """n! / (n - k)!."""
    if isinstance(above, fmpq) and isinstance(below, fmpq) and above.q == 1 == below.q:
        try:
            return exact.permutations(above, below)
        except NoValue as reason:
            if reason.why is Why.UNDEFINED:
                raise
    return divide(factorial(above), factorial(above - below))


def zeta(value: Value) -> Value:
    """Riemann's ζ."""
    if isinstance(value, fmpq) and value == 1:
        raise NoValue(Why.UNDEFINED)
    if _magnitude(value) > _MAX_ZETA or ctx.prec > _MAX_GAMMA_BITS:
        raise NoValue(Why.TOO_LARGE)
    return _bounded(ball(value).zeta())


# Functions of one argument by their names in a `Call`.
FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "sqrt": square_root,
    "ln": natural_logarithm,
    "exp": exponential,
    "sin": _everywhere("sin", 0),
    "cos": _everywhere("cos", 1),
    "tan": _everywhere("tan", 0),
    "cot": _everywhere("cot", None),
    "sec": _everywhere("sec", 1),
    "csc": _everywhere("csc", None),
    "arcsin": _ARCSIN,
    "arccos": _ARCCOS,
    "arctan": _ARCTAN,
    "arccot": _inverse_cotangent,
    "arcsec": _of_reciprocal(_ARCCOS),
    "arccsc": _of_reciprocal(_ARCSIN),
    "sinh": _everywhere("sinh", 0),
    "cosh": _everywhere("cosh", 1),
    "tanh": _everywhere("tanh", 0),
    "coth": _everywhere("coth", None),
    "sech": _everywhere("sech", 1),
    "csch": _everywhere("csch", None),
    "arcsinh": _everywhere("asinh", 0),
    "arccosh": _between("acosh", 1, None, 1),
    "arctanh": _between("atanh", -1, 1, 0),
    "abs": absolute,
    "norm": absolute,
    "sign": sign,
    "floor": floor,
    "ceil": ceiling,
    "fractional_part": fractional_part,
    "re": real_part,
    "im": imaginary_part,
    "conjugate": conjugate,
    "arg": argument,
    "gamma": gamma,
    "factorial": factorial,
    "zeta": zeta,
}
