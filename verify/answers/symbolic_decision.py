"""The child's part of `symbolic`: SymPy evaluates, our own arithmetic decides.

In: two trees. Out: a `Comparison`. Integrals, limits, derivatives and infinite sums are evaluated by SymPy; what
comes out is read back into a tree and compared like any other two values. Only where that is not possible does the
verdict rest on SymPy: on a difference that simplifies to zero and is zero at some points, or on its digits.

Antiderivatives are equal up to a constant where each side either is an integral without bounds or holds the constant
`C`; then the derivatives are compared.
"""

from __future__ import annotations

import sympy

from verify.answers.comparison import Comparison, Sameness, different, equal, unknown
from verify.answers.equality import compare_values
from verify.answers.exact import NoValue
from verify.answers.forms import map_children
from verify.answers.symbolic_trees import Converter, read_back
from verify.answers.traits import traits_of
from verify.answers.tree import Big, BigKind, Node

_DIGITS = 40
_CONSTANTS_OF_INTEGRATION = frozenset("Cc")
_CHECKED_AT = (sympy.Rational(13, 7), sympy.Rational(22, 9), sympy.Rational(5, 11))


def decide(trees: tuple[Node, Node]) -> Comparison:
    """Compares two trees; the handler of `symbolic`."""
    left, right = trees
    found = unknown("SymPy found nothing")
    # Parameters are real; if that leaves an integral open, they are taken for positive.
    for assumptions in ({"real": True}, {"positive": True}):
        try:
            found = _compare(left, right, Converter(traits_of(left, right), assumptions))
        except NoValue as reason:
            found = unknown(reason.why.value)
        if found.sameness is not Sameness.UNKNOWN:
            return found
    return found


def _compare(left: Node, right: Node, converter: Converter) -> Comparison:
    variables = [_integrated_over(node) for node in (left, right)]
    one, other = converter.convert(left), converter.convert(right)
    variable = variables[0] or variables[1]
    if variable is not None:
        if not all(
            over == variable or _has_constant(node) for over, node in zip(variables, (left, right), strict=True)
        ):
            return unknown("one is an antiderivative, the other holds no constant of integration")
        symbol = converter.symbol(variable)
        one, other = sympy.diff(one, symbol), sympy.diff(other, symbol)
    one, other = one.doit(), other.doit()
    back, again = read_back(one), read_back(other)
    if back is not None and again is not None:
        found = compare_values(back, again)
        if found.sameness is not Sameness.UNKNOWN:
            return Comparison(found.sameness, f"evaluated by SymPy: {found.how}")
    return _by_simplifying(one - other)


def _integrated_over(node: Node) -> str | None:
    """The variable of an integral without bounds somewhere in the tree."""
    found: list[str] = []

    def look(part: Node) -> Node:
        if isinstance(part, Big) and part.kind is BigKind.INTEGRAL and part.lower is None and part.upper is None:
            found.append(part.variable)
        return map_children(part, look)

    look(node)
    return found[0] if found else None


def _has_constant(node: Node) -> bool:
    return bool(traits_of(node).symbols & _CONSTANTS_OF_INTEGRATION)


def _by_simplifying(difference: sympy.Expr) -> Comparison:
    simplified = sympy.simplify(difference)
    if simplified == 0:
        return equal("SymPy simplifies the difference to 0") if _vanishes(difference) else unknown("SymPy is at odds")
    if simplified.free_symbols:
        return unknown("SymPy finds no zero")
    value = simplified.evalf(_DIGITS)
    size = abs(value).evalf(_DIGITS)
    if not isinstance(size, sympy.Float):  # an integral that has no digits either
        return unknown("SymPy finds no number")
    if size > sympy.Float(10) ** (-_DIGITS // 2):
        return different(f"SymPy finds a difference of {sympy.N(value, 8)}")
    return unknown("SymPy can't tell the difference from 0")


def _vanishes(difference: sympy.Expr) -> bool:
    """Whether the difference is zero at some points, as far as it can be evaluated there."""
    for index in range(len(_CHECKED_AT)):
        names = sorted(difference.free_symbols, key=str)
        point = {name: _CHECKED_AT[(index + place) % len(_CHECKED_AT)] for place, name in enumerate(names)}
        size = abs(difference.subs(point).evalf(_DIGITS)).evalf(_DIGITS)
        if isinstance(size, sympy.Float) and size > sympy.Float(10) ** (-_DIGITS // 2):
            return False
    return True
