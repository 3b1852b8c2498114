"""Whether two values are equal, soundly: exact where it can be, proven different by balls, equal by agreement of many
digits at many points.

In: two trees of values (no relations, sets or words). Out: a `Comparison` that says how it was found. Everything runs
in this process within budgets (`evaluation.WORK`); what needs algebra beyond evaluation (integrals, limits, infinite
sums) is UNKNOWN here and a matter for `symbolic`.

Conventions
- Symbols are real numbers. A point counts where both expressions are defined in the reals (in the complex numbers, if
  `i` occurs): removable singularities and smaller domains make no difference, so `ln(x^2) = 2 ln x`, but
  `sqrt(x^2)` is `|x|` and not `x`. Where no real point serves, principal complex values are compared.
- Symbols inside factorials, binomials, and exponents of negative numbers are whole numbers.
- `log` without a base is read alike on both sides: as the natural one, then as the common one.
- An unknown function is a symbol for each list of argument values.
"""

from __future__ import annotations

from flint import acb, arb, fmpq

from verify.answers.balls import ball, working_precision
from verify.answers.closed_values import compare_closed
from verify.answers.comparison import Comparison, Sameness, different, equal, unknown
from verify.answers.evaluation import Evaluator
from verify.answers.exact import NoValue, Why
from verify.answers.open_values import compare_open
from verify.answers.signs import expand_plus_minus
from verify.answers.traits import Traits, traits_of
from verify.answers.tree import Constant, Name, Negate, Node, Number

__all__ = [
    "Comparison",
    "Sameness",
    "compare_values",
    "evaluate_real",
    "exact_rational",
    "expand_plus_minus",
    "sign_of_infinity",
]

_EXACT_BITS = 64
# What python-flint and a tree made by hand may raise; a verdict all the same.
_FAULTS = (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError)


def exact_rational(node: Node) -> fmpq | None:
    """The value of a closed tree if it is rational and of bounded size."""
    if isinstance(node, Number):
        return node.value
    try:
        with working_precision(_EXACT_BITS):
            value = Evaluator().value(node)
    except (NoValue, *_FAULTS):
        return None
    return value if isinstance(value, fmpq) else None


def evaluate_real(node: Node, bits: int = 128) -> arb | None:
    """The value of a closed real tree as a ball; None if it has none.

    Where rounding leaves a sliver of an imaginary part around zero, the real part is meant.
    """
    try:
        with working_precision(bits):
            value = ball(Evaluator().value(node))
            if isinstance(value, acb):
                sliver = value.imag
                return value.real if sliver.contains(0) and sliver.abs_upper() < arb(2) ** (-bits // 4) else None
            return value
    except (NoValue, *_FAULTS):
        return None


def compare_values(left: Node, right: Node) -> Comparison:
    """Whether two values are equal. Symmetric, never raises, takes milliseconds at most."""
    if isinstance(left, Number) and isinstance(right, Number):
        if left.value == right.value:
            return equal("the same number")
        return different(f"{left.value} and {right.value}")
    try:
        if left == right:
            return equal("the same form")
        return _compare(left, right)
    except _FAULTS as fault:
        return unknown(f"the comparison failed ({type(fault).__name__})")


def _compare(left: Node, right: Node) -> Comparison:
    one, other = exact_rational(left), exact_rational(right)
    if one is not None and other is not None:
        return equal("the same rational number") if one == other else different("two rational numbers")
    infinite = _compare_infinite(left, right)
    if infinite is not None:
        return infinite
    traits = traits_of(left, right)
    if traits.not_value:
        return unknown(Why.NOT_A_VALUE.value)
    if traits.symbolic:
        return unknown(Why.SYMBOLIC.value)
    found = _by_reading(left, right, traits, None)
    if traits.bare_log and not found.equal:
        common = _by_reading(left, right, traits, 10)
        if common.equal:
            return equal(f"{common.how}, log to base 10")
    return found


def _by_reading(left: Node, right: Node, traits: Traits, log_base: int | None) -> Comparison:
    """`log_base` is what a `log` without one means."""
    compare = compare_open if traits.symbols else compare_closed
    return compare(left, right, traits, log_base)


def _compare_infinite(left: Node, right: Node) -> Comparison | None:
    """Infinity equals itself, with its sign, and nothing else."""
    one, other = sign_of_infinity(left), sign_of_infinity(right)
    if one == other == 0:
        return None
    if one == other:
        return equal("infinite")
    if one and other:
        return different("infinities of different sign")
    finite = evaluate_real(right if one else left)
    return different("one is infinite") if finite is not None else unknown("one is infinite")


def sign_of_infinity(node: Node) -> int:
    """1 or -1 for an infinity, else 0."""
    if isinstance(node, Negate):
        return -sign_of_infinity(node.operand)
    return int(isinstance(node, Constant) and node.name is Name.INFINITY)
