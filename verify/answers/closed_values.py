"""Whether two values without variables are equal.

In: two trees. Out: a `Comparison`. Rationals are compared exactly; balls that do not meet prove a difference. Where
they meet, equality is proven by a formal identity in pi and e, by a separation bound for algebraic numbers
(`separation`), or else taken from agreement to `AGREEING_BITS` at a precision that counts the largest and smallest
numbers on the way: `sin(1) + 10^(-1000)` is not `sin(1)`.
"""

from __future__ import annotations

import math

from flint import arb, fmpq

from verify.answers import balls
from verify.answers.balls import Value, working_precision
from verify.answers.comparison import Comparison, apart, different, equal, unknown
from verify.answers.evaluation import Evaluator, SizingEvaluator
from verify.answers.exact import NoValue, Why
from verify.answers.identities import same_formally
from verify.answers.separation import separation_bits
from verify.answers.traits import Traits
from verify.answers.tree import Call, Divide, Multiply, Name, Negate, Node, Power

FIRST_BITS = 64
_SECOND_BITS = 256
AGREEING_BITS = 1_024  # 300 digits
_MAX_BITS = 20_000
_SLACK = 64


def compare_closed(left: Node, right: Node, traits: Traits, log_base: int | None) -> Comparison:
    """Two closed values, `log` being to the given base."""
    at = Evaluator(principal=Name.IMAGINARY in traits.constants, log_base=log_base, opaque=True)
    try:
        return _compare(at, left, right, traits)
    except NoValue as reason:
        if reason.why is Why.TOO_LARGE:
            return _compare_logarithms(at, left, right)
        return unknown(reason.why.value)


def _compare(at: Evaluator, left: Node, right: Node, traits: Traits) -> Comparison:
    return (
        _looked_at(at, left, right, FIRST_BITS)
        or _proven(at, left, right, traits)
        or _looked_at(at, left, right, _SECOND_BITS)
        or _agreement(at, left, right)
    )


def _looked_at(at: Evaluator, left: Node, right: Node, bits: int, enough: float = math.inf) -> Comparison | None:
    """Equal where both are rational or share `enough` bits, different where they are apart or one is undefined."""
    with working_precision(bits):
        one, other = _value_or_why(at, left), _value_or_why(at, right)
        if isinstance(one, Why) or isinstance(other, Why):
            return _without_value(one, other)
        if isinstance(one, fmpq) and isinstance(other, fmpq) and one == other:
            return equal("the same rational number")
        found = apart(one, other)
        if found is None and enough < bits and agree(one, other, int(enough)):
            return equal(f"the same to {int(enough) * 3 // 10} digits")
        return found


def _without_value(one: Value | Why, other: Value | Why) -> Comparison | None:
    whys = [value for value in (one, other) if isinstance(value, Why)]
    if whys == [Why.UNDEFINED]:
        return different("one of them is undefined")
    hard = [why for why in whys if why is not Why.UNDECIDED]
    if hard:
        raise NoValue(hard[0])
    return None


def _value_or_why(at: Evaluator, node: Node) -> Value | Why:
    try:
        return at.value(node)
    except NoValue as reason:
        return reason.why


def _proven(at: Evaluator, left: Node, right: Node, traits: Traits) -> Comparison | None:
    """Equal by proof, or different at the precision the proof asks for."""
    if traits.rational and traits.constants and same_formally(left, right, traits):
        return equal("the same expression in " + " and ".join(sorted(traits.constants)))
    needed = separation_bits(left, Negate(right))
    if needed is None or needed > _MAX_BITS:
        return None
    with working_precision(int(needed) + _SLACK):
        one, other = at.value(left), at.value(right)
        gap = balls.ball(one - other)
        if gap.abs_upper() < arb(2) ** arb(-int(needed) - 1):
            return equal(f"algebraic numbers closer than {int(needed)} bits, their separation bound")
        return apart(one, other)


def _agreement(at: Evaluator, left: Node, right: Node) -> Comparison:
    """Equal as far as anyone would look."""
    # Twice the bits: a square root around zero loses half of them.
    bits = 2 * (AGREEING_BITS + _size(at, left, right))
    if bits > _MAX_BITS:
        return unknown("numbers of such different sizes are not told apart")
    found = _looked_at(at, left, right, bits, AGREEING_BITS - _SLACK)
    return found or unknown("they could not be told apart")


def agree(one: Value, other: Value, bits: int) -> bool:
    """Whether two balls meet and are so small that the numbers share `bits` bits (are below 2^-bits, if both may be
    zero)."""
    gap = balls.ball(one - other).abs_upper()
    size = max(balls.ball(one).abs_lower(), balls.ball(other).abs_lower())
    return bool(gap < (size if size > 0 else arb(1)) * arb(2) ** -bits)


def _size(at: Evaluator, *nodes: Node) -> int:
    """How many bits lie between the largest or smallest number on the way and 1."""
    sizing = SizingEvaluator(principal=at.principal, log_base=at.log_base, opaque=True, work=at.work)
    with working_precision(FIRST_BITS):
        for node in nodes:
            _value_or_why(sizing, node)
    at.work = sizing.work
    return sizing.size


# --- numbers too large even for balls ----------------------------------------------------------------------------


def _compare_logarithms(at: Evaluator, left: Node, right: Node) -> Comparison:
    """`9^(9^(9^9))` has no ball, its logarithm does."""
    try:
        with working_precision(_SECOND_BITS):
            if apart(_logarithm(at, left), _logarithm(at, right)) is not None:
                return different("their logarithms differ")
    except NoValue as reason:
        return unknown(reason.why.value)
    return unknown("numbers too large to be told apart")


def _logarithm(at: Evaluator, node: Node) -> Value:
    """The logarithm of a positive number."""
    match node:
        case Power(base, exponent):
            return at.value(exponent) * _logarithm(at, base)
        case Multiply(factors):
            logarithms = [_logarithm(at, factor) for factor in factors]
            total = logarithms[0]
            for more in logarithms[1:]:
                total = total + more
            return total
        case Divide(above, below):
            return _logarithm(at, above) - _logarithm(at, below)
        case Call("factorial", (argument,)):
            value = at.value(argument)
            if isinstance(value, fmpq | arb) and value > 0:
                return balls.ball(value + 1).lgamma()
            raise NoValue(Why.UNDECIDED)
        case _:
            value = at.value(node)
            if isinstance(value, fmpq | arb) and value > 0:
                return balls.natural_logarithm(value)
            raise NoValue(Why.UNDECIDED)
