"""End points of sets of reals: exact rationals, closed expressions, roots of polynomials as balls; their order.

In: a tree or a ball. Out: a `Limit`. Two limits are the same where the comparison of values says so, or, for roots of
polynomials, where they share 300 digits. `NoValue` says that a limit or an order could not be found.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, fmpq

from verify.answers.balls import working_precision
from verify.answers.closed_values import agree
from verify.answers.comparison import Sameness
from verify.answers.equality import compare_values, evaluate_real, exact_rational
from verify.answers.exact import NoValue, Why
from verify.answers.tree import Node, Number

BITS = 1_024
_AGREEING_BITS = 900


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """A real number: a ball around it, its exact value if it is rational, its expression if it was written."""

    ball: arb
    exact: fmpq | None = None
    node: Node | None = None


def rational_limit(value: fmpq) -> Limit:
    """A limit that is rational."""
    with working_precision(BITS):
        return Limit(arb(value), value, Number(value))


def limit_of(node: Node) -> Limit:
    """The limit that a closed expression names."""
    exact = exact_rational(node)
    if exact is not None:
        return rational_limit(exact)
    ball = evaluate_real(node, BITS)
    if ball is None:
        raise NoValue(Why.NOT_CLOSED)
    return Limit(ball, None, node)


def order(one: Limit, other: Limit) -> int:
    """-1, 0 or 1."""
    if one.exact is not None and other.exact is not None:
        return (one.exact > other.exact) - (one.exact < other.exact)
    with working_precision(BITS):
        if one.ball < other.ball:
            return -1
        if one.ball > other.ball:
            return 1
        close = agree(one.ball, other.ball, _AGREEING_BITS)
    if one.node is not None and other.node is not None:
        close = compare_values(one.node, other.node).sameness is Sameness.EQUAL
    if not close:
        raise NoValue(Why.UNDECIDED)
    return 0
