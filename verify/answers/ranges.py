"""Answers that are ranges of reals: intervals, inequalities in one variable, unions, set-builders.

In: two trees. Out: a match where at least one of them can only be a range and both are understood as sets of reals;
None where this is no question of ranges. `(1, 2)` beside another pair is a point; beside a range it is an interval.
"""

from __future__ import annotations

from verify.answers.forms import map_children
from verify.answers.judgement import Match, Reason, different, of_comparison
from verify.answers.labels import symbols_of
from verify.answers.regions import compare_regions, solution_set
from verify.answers.tree import (
    Apply,
    Bracketed,
    Constant,
    Listing,
    Name,
    Negate,
    Node,
    NumberSet,
    Relation,
    SetBuilder,
    SetOf,
    SetOperation,
    Symbol,
)

_ORDER = frozenset({"<", "<=", ">", ">=", "!="})


def compare_ranges(reference: Node, candidate: Node) -> Match | None:
    """None where neither is a range, or one of them is not understood as a set of reals."""
    if not (is_range(reference) or is_range(candidate)):
        return None
    if not _may_be_range(reference) or not _may_be_range(candidate):
        return different("one is a range of values, the other is not", Reason.DIFFERENT_KIND)
    if not _same_variable(reference, candidate):
        return different("it is a range of another variable", Reason.DIFFERENT_LABEL)
    first, second = solution_set(_plain(reference)), solution_set(_plain(candidate))
    if first is None or second is None:
        return None
    return of_comparison(compare_regions(first, second))


def is_range(node: Node) -> bool:
    """Whether the node can only be a range: an inequality, a half-open or unbounded bracket, a union."""
    match node:
        case Relation(operators, sides):
            return bool(_ORDER.intersection(operators)) or (operators == ("in",) and not isinstance(sides[1], SetOf))
        case Bracketed(opening, closing, items):
            square = opening in "[]" or closing in "[]"
            return len(items) == 2 and (square or any(map(_is_infinite, items)))
        case Listing(items):
            return any(isinstance(item, Relation) and is_range(item) for item in items) and _one_variable(node)
        case SetOperation(_, parts):
            return not all(isinstance(part, SetOf) for part in parts)
        case SetBuilder(element, condition):
            return symbols_of(condition) <= symbols_of(element)
        case NumberSet():
            return True
        case _:
            return False


def _may_be_range(node: Node) -> bool:
    if is_range(node):
        return True
    if isinstance(node, Bracketed):
        return len(node.items) == 2 and node.opening in "(]" and node.closing in ")["
    return isinstance(node, SetOf | SetOperation) or (isinstance(node, Relation) and node.operators == ("in",))


def _one_variable(node: Node) -> bool:
    return len(symbols_of(node)) == 1


def _same_variable(reference: Node, candidate: Node) -> bool:
    """A range that names its variable is no range of another one; an interval names none."""
    first, second = _variables(reference), _variables(candidate)
    return not first or not second or len(first) != 1 or len(second) != 1 or first == second


def _variables(node: Node) -> frozenset[str]:
    bound = isinstance(node, SetBuilder) or not isinstance(node, Relation | Listing)
    return frozenset() if bound else symbols_of(node)


def _is_infinite(node: Node) -> bool:
    if isinstance(node, Negate):
        node = node.operand
    return isinstance(node, Constant) and node.name is Name.INFINITY


def _plain(node: Node) -> Node:
    """`0 < f(x) < 1` bounds the values of f: as a range it is that of one variable."""
    if isinstance(node, Apply) and all(isinstance(argument, Symbol) for argument in node.arguments):
        return Symbol(f"{node.function}()")
    return map_children(node, _plain)
