"""Whether two equations or inequalities say the same up to rearrangement.

In: two relations of two sides. Out: a `Comparison`. Everything is brought to one side: the two are the same if one
difference is a constant multiple of the other (a positive one for inequalities), so `y = -x/2 + 3/4` is
`2x + 4y - 3 = 0`, and `x y = x` is not `y = 1`. Inequalities are turned to `<` first.

The constant is the quotient of both differences at one point; whether it is the same everywhere is a question of
equal values. Equations that divide by variables are also compared with the denominators multiplied out
(`cleared_equations`).
"""

from __future__ import annotations

from collections.abc import Iterator

from flint import acb, fmpq

from verify.answers.balls import working_precision
from verify.answers.cleared_equations import same_when_cleared
from verify.answers.comparison import Comparison, different, equal, unknown
from verify.answers.equality import compare_values, exact_rational
from verify.answers.evaluation import Evaluator
from verify.answers.exact import NoValue
from verify.answers.forms import map_children
from verify.answers.random_points import Point, points
from verify.answers.traits import Traits, traits_of
from verify.answers.tree import Add, Multiply, Negate, Node, Number, Relation, Symbol

_TURNED = {">": "<", ">=": "<="}
_SYMMETRIC = frozenset({"=", "!="})
_KNOWN = frozenset({"=", "!=", "<", "<="})
_TRIES = 12
_BITS = 256


def compare_equations(left: Relation, right: Relation) -> Comparison:
    """Whether two relations hold for the same values, by rearrangement alone."""
    one, other = _one_sided(left), _one_sided(right)
    if one is None or other is None:
        return unknown("not an equation or inequality of two sides")
    if one[0] != other[0]:
        return different(f"{left.operators[0]} and {right.operators[0]}")
    found = _proportional(one[1], other[1], signed=one[0] not in _SYMMETRIC)
    if not found.equal and one[0] == "=" and same_when_cleared(left, right):
        return equal("one polynomial equation, denominators multiplied out")
    return found


def _one_sided(relation: Relation) -> tuple[str, Node] | None:
    """Operator and difference of the sides, with `<` for `>`."""
    if len(relation.operators) != 1:
        return None
    operator, (first, second) = relation.operators[0], relation.sides
    if operator in _TURNED:
        operator, first, second = _TURNED[operator], second, first
    return (operator, Add((first, Negate(second)))) if operator in _KNOWN else None


def _proportional(one: Node, other: Node, *, signed: bool) -> Comparison:
    traits = traits_of(one, other)
    if traits.not_value or not traits.symbols:
        return unknown("nothing to rearrange")
    zeros = [compare_values(node, Number(fmpq(0))).equal for node in (one, other)]
    if any(zeros):
        return equal("both hold always") if all(zeros) else different("one holds always")
    for point in _points(traits):
        here, there = _at(one, point), _at(other, point)
        signs = _sign(here), _sign(there)
        if 0 in signs:
            continue
        if signed and signs[0] != signs[1]:
            return different("the inequalities point in different directions")
        found = compare_values(Multiply((_folded(there), one)), Multiply((_folded(here), other)))
        words = "the sides' differences are multiples" if found.equal else "the sides' differences are no multiples"
        return Comparison(found.sameness, f"{words}: {found.how}")
    return unknown("no point was found at which both sides have values")


def _points(traits: Traits) -> Iterator[Point]:
    for _, point in zip(range(_TRIES), points(traits, whole=False), strict=False):
        yield point


def _at(node: Node, point: Point) -> Node:
    """The node with numbers for its symbols."""
    if isinstance(node, Symbol):
        return Number(point[node.name]) if node.name in point else node
    return map_children(node, lambda child: _at(child, point))


def _sign(node: Node) -> int:
    """1 or -1; 0 where that is not known. A complex value counts as neither."""
    try:
        with working_precision(_BITS):
            value = Evaluator(opaque=True).value(node)
    except NoValue:
        return 0
    if isinstance(value, acb):
        return 0
    return 1 if value > 0 else -1 if value < 0 else 0


def _folded(node: Node) -> Node:
    value = exact_rational(node)
    return node if value is None else Number(value)
