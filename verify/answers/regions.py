"""Sets of reals made of intervals and points, and which answers mean one.

In: an inequality or chain, intervals, unions, set-builders, `x != 3`, finite sets, R. Out: a `Region`, or None where
the tree is not understood as a set of reals: symbolic end points, several variables, whole numbers.

A list of conditions joined by "or" is a union, by "and" an intersection; by commas an intersection unless that is
empty (`x < 1, x > 5`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

from flint import fmpq

from verify.answers.equality import sign_of_infinity
from verify.answers.equations import compare_equations
from verify.answers.exact import NoValue, Why
from verify.answers.inequalities import solve
from verify.answers.intervals import (
    EMPTY,
    EVERYTHING,
    Region,
    above,
    below,
    compare_regions,
    complement,
    difference,
    intersection,
    point,
    union,
)
from verify.answers.limits import limit_of, rational_limit
from verify.answers.signs import expand_plus_minus
from verify.answers.traits import traits_of
from verify.answers.tree import (
    Bracketed,
    Listing,
    Node,
    NumberSet,
    Relation,
    SetBuilder,
    SetOf,
    SetOperation,
    Symbol,
)

__all__ = ["Region", "compare_equations", "compare_regions", "solution_set"]

_MAX_PARTS = 50
_OPERATIONS = {"union": union, "intersection": intersection, "difference": difference}


def solution_set(node: Node, variable: str | None = None) -> Region | None:
    """The set of reals that the node means; `variable` is the one it is about, found if it is the only one."""
    try:
        return _set(node, variable)
    except (NoValue, ArithmeticError, ValueError, TypeError, RecursionError):  # the latter from trees made by hand
        return None


def _set(node: Node, variable: str | None) -> Region:
    match node:
        case Relation(operators, sides):
            return _relation(operators, sides, variable or _only_variable(node))
        case Listing(items, joiner):
            return _listing(items, joiner, variable)
        case Bracketed():
            return _interval(node)
        case SetOf(items):
            return _union([point(limit_of(value)) for item in _few(items) for value in expand_plus_minus(item)])
        case SetOperation(kind, parts):
            return reduce(_OPERATIONS[kind], [_set(part, variable) for part in _few(parts)])
        case SetBuilder(element, condition):
            return _builder(element, condition)
        case NumberSet(name):
            return _number_set(name)
        case _:
            raise NoValue(Why.NOT_A_VALUE)


def _few(items: tuple[Node, ...]) -> tuple[Node, ...]:
    if len(items) > _MAX_PARTS:
        raise NoValue(Why.TOO_LONG)
    return items


def _union(regions: list[Region]) -> Region:
    return reduce(union, regions, EMPTY)


def _only_variable(node: Relation) -> str:
    """The one variable of a relation, what follows an `in` aside."""
    sides = node.sides if node.operators[-1] not in {"in", "notin"} else node.sides[:-1]
    symbols = traits_of(*sides).symbols
    if len(symbols) != 1:
        raise NoValue(Why.NOT_CLOSED)
    return next(iter(symbols))


def _relation(operators: tuple[str, ...], sides: tuple[Node, ...], variable: str) -> Region:
    found = EVERYTHING
    for left, operator, right in zip(sides, operators, sides[1:], strict=False):
        found = intersection(found, _step(left, operator, right, variable))
    return found


def _step(left: Node, operator: str, right: Node, variable: str) -> Region:
    if operator in {"in", "notin"}:
        if left != Symbol(variable):
            raise NoValue(Why.NOT_A_VALUE)
        found = _set(right, variable)
        return found if operator == "in" else complement(found)
    rights = expand_plus_minus(right)
    steps = [solve(left, operator, value, variable) for value in rights]
    return reduce(intersection if operator == "!=" else union, steps)


def _listing(items: tuple[Node, ...], joiner: str, variable: str | None) -> Region:
    parts: list[Region] = []
    before: Relation | None = None
    for item in _few(items):
        if isinstance(item, Relation):
            before = item
        elif before is not None and len(before.operators) == 1 and before.operators[0] in {"=", "!="}:
            item = Relation(before.operators, (before.sides[0], item))  # noqa: PLW2901 - `x != 1, 2`
        if not isinstance(item, Relation) and joiner != "or":
            raise NoValue(Why.NOT_A_VALUE)
        parts.append(_set(item, variable))
    if joiner == "or":
        return _union(parts)
    together = reduce(intersection, parts)
    return _union(parts) if together.is_empty and joiner != "and" else together


def _interval(node: Bracketed) -> Region:
    if len(node.items) != 2 or node.opening not in "([]" or node.closing not in ")][":
        raise NoValue(Why.NOT_A_VALUE)
    low, high = node.items
    found = EVERYTHING
    if sign_of_infinity(low) >= 0:
        found = above(limit_of(low), closed=node.opening == "[")
    if sign_of_infinity(high) <= 0:
        found = intersection(found, below(limit_of(high), closed=node.closing == "]"))
    if found.is_empty:  # (3, 1) is a point, not a set
        raise NoValue(Why.UNDEFINED)
    return found


def _builder(element: Node, condition: Node) -> Region:
    match element:
        case Symbol(name):
            return _set(condition, name)
        case Relation(("in",), (Symbol(name), domain)):
            return intersection(_set(domain, name), _set(condition, name))
        case _:
            raise NoValue(Why.NOT_A_VALUE)


def _number_set(name: str) -> Region:
    zero = rational_limit(fmpq(0))
    sets: dict[str, Callable[[], Region]] = {
        "R": lambda: EVERYTHING,
        "R+": partial(above, zero, closed=False),
        "R-": partial(below, zero, closed=False),
        "R*": lambda: complement(point(zero)),
        "R>=0": partial(above, zero, closed=True),
        "R<=0": partial(below, zero, closed=True),
    }
    if name not in sets:
        raise NoValue(Why.NOT_A_VALUE)
    return sets[name]()
