"""Equations and inequalities that are answers themselves: `y = 2x + 1`, `a^2 + b^2 = c^2`, `f(2) < f(1)`.

In: two relations. Out: a match. Side by side first (also read from right to left), then up to rearrangement, which
`regions.compare_equations` decides; the name of a function's argument does not matter.
"""

from __future__ import annotations

from verify.answers.forms import map_children
from verify.answers.judgement import Match, Pairwise, Reason, different, of_comparison, same
from verify.answers.regions import compare_equations
from verify.answers.tree import Apply, Node, Relation, Symbol

_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!=", "~": "~"}


def compare_relations(reference: Relation, candidate: Relation, compare: Pairwise) -> Match:
    """Two relations, whatever they relate."""
    for form in (candidate, _mirrored(candidate)):
        if form is not None and _side_by_side(reference, form, compare):
            return same("the same relation")
    if len(reference.operators) == len(candidate.operators) == 1:
        return of_comparison(compare_equations(reference, candidate))
    return different("another relation", Reason.DIFFERENT_KIND)


def _side_by_side(reference: Relation, candidate: Relation, compare: Pairwise) -> bool:
    if reference.operators != candidate.operators:
        return False
    pairs = zip(reference.sides, candidate.sides, strict=True)
    return all(compare(one, other).equal for one, other in pairs)


def _mirrored(relation: Relation) -> Relation | None:
    operators = [_MIRROR.get(operator) for operator in reversed(relation.operators)]
    known = tuple(operator for operator in operators if operator is not None)
    return Relation(known, relation.sides[::-1]) if len(known) == len(operators) else None


def renamed(reference: Relation, candidate: Relation) -> Relation:
    """The candidate with the argument of its function named as in the reference: f(t) = t^2 is f(x) = x^2.

    Names change places, so that f(t) = 2x becomes f(x) = 2t and not f(x) = 2x.
    """
    one, other = reference.sides[0], candidate.sides[0]
    if not isinstance(one, Apply) or not isinstance(other, Apply) or len(one.arguments) != len(other.arguments):
        return candidate
    names = {
        was: now
        for now, was in zip(one.arguments, other.arguments, strict=True)
        if isinstance(now, Symbol) and isinstance(was, Symbol)
    }
    names = {now: was for was, now in names.items()} | names

    def rename(node: Node) -> Node:
        return names.get(node, node) if isinstance(node, Symbol) else map_children(node, rename)

    return map_children(candidate, rename)
