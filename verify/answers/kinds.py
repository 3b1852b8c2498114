"""Kinds of answers that are more than one value: points, matrices, ratios, remainders, cases, numerals with a base.

In: two parts of which at least one is of the kind, and `compare` for their parts. Out: a match.
"""

from __future__ import annotations

from verify.answers.equality import compare_values, exact_rational
from verify.answers.judgement import Match, Pairwise, Reason, different, of_comparison, same
from verify.answers.labels import labels_agree
from verify.answers.matching import in_order
from verify.answers.tree import (
    BaseNumeral,
    Bracketed,
    Congruence,
    Divide,
    Listing,
    Matrix,
    Node,
    Number,
    Piecewise,
    Ratio,
    SetOf,
)

_KIND = Reason.DIFFERENT_KIND


def compare_points(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """A point, vector or column, coordinate by coordinate; two pairs in brackets must agree on what is open."""
    first, second = _coordinates(reference), _coordinates(candidate)
    if first is None or second is None:
        return different("one is a point or vector, the other is not", _KIND)
    if (
        isinstance(reference, Bracketed)
        and isinstance(candidate, Bracketed)
        and not _same_brackets(reference, candidate)
    ):
        return different("the brackets say open and closed differently")
    return in_order(first, second, compare)


def _same_brackets(first: Bracketed, second: Bracketed) -> bool:
    """Only two items can be an interval; `<1, 2>` is a vector however it is written."""
    if len(first.items) != 2 or "<" in (first.opening, second.opening):
        return True
    return _ends(first) == _ends(second)


def _ends(node: Bracketed) -> tuple[str, str]:
    """The brackets, an outward one written as it is elsewhere: `]0, 1[` is `(0, 1)`."""
    return node.opening.replace("]", "("), node.closing.replace("[", ")")


def _coordinates(node: Node) -> tuple[Node, ...] | None:
    if isinstance(node, Bracketed):
        return node.items
    if isinstance(node, Matrix) and not node.determinant and 1 in (len(node.rows), len(node.rows[0])):
        return tuple(entry for row in node.rows for entry in row)
    return None


def compare_matrices(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """Matrices entry by entry; one row or one column is a vector."""
    if isinstance(reference, Bracketed) or isinstance(candidate, Bracketed):
        return compare_points(reference, candidate, compare)
    if not isinstance(reference, Matrix) or not isinstance(candidate, Matrix):
        return of_comparison(compare_values(reference, candidate))
    shapes = [(len(matrix.rows), len(matrix.rows[0])) for matrix in (reference, candidate)]
    if shapes[0] != shapes[1] or reference.determinant != candidate.determinant:
        return different(f"a {shapes[1][0]} x {shapes[1][1]} matrix, not {shapes[0][0]} x {shapes[0][1]}")
    entries = [[entry for row in matrix.rows for entry in row] for matrix in (reference, candidate)]
    return in_order(entries[0], entries[1], compare)


def compare_ratios(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """Ratios are equal up to a common factor; a ratio of two is also their quotient."""
    if isinstance(reference, Ratio) and isinstance(candidate, Ratio):
        if len(reference.items) != len(candidate.items):
            return different("ratios of different length", Reason.DIFFERENT_COUNT)
        last, other = reference.items[-1], candidate.items[-1]
        first = tuple(Divide(item, last) for item in reference.items[:-1])
        return in_order(first, tuple(Divide(item, other) for item in candidate.items[:-1]), compare)
    quotients = [
        Divide(*node.items) if isinstance(node, Ratio) and len(node.items) == 2 else node
        for node in (reference, candidate)
    ]
    if any(isinstance(node, Ratio) for node in quotients):
        return different("one is a ratio, the other is not", _KIND)
    return of_comparison(compare_values(quotients[0], quotients[1]))


def compare_congruences(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """Classes of remainders."""
    if not isinstance(reference, Congruence) or not isinstance(candidate, Congruence):
        return different("one is a class of remainders, the other is not", _KIND)
    if not labels_agree(reference.left, candidate.left):
        return different("it is about another variable", Reason.DIFFERENT_LABEL)
    modulus = compare(reference.modulus, candidate.modulus)
    if not modulus.equal:
        return different("another modulus")
    residues, others = _residues(reference), _residues(candidate)
    if residues is None or others is None:
        return compare(reference.right, candidate.right)
    return same("the same remainders") if residues == others else different("other remainders")


def _residues(node: Congruence) -> frozenset[str] | None:
    """Remainders as numbers, or None where one is no integer."""
    modulus = exact_rational(node.modulus)
    items = node.right.items if isinstance(node.right, Listing | SetOf) else (node.right,)
    values = [exact_rational(item) for item in items]
    if modulus is None or modulus.q != 1 or modulus.p <= 0:
        return None
    if any(value is None or value.q != 1 for value in values):
        return None
    return frozenset(str(value.p % modulus.p) for value in values if value is not None)


def compare_piecewise(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """Functions defined by cases, in any order."""
    if not isinstance(reference, Piecewise) or not isinstance(candidate, Piecewise):
        return different("one is defined by cases, the other is not", _KIND)
    if len(reference.cases) != len(candidate.cases):
        return different("another number of cases", Reason.DIFFERENT_COUNT)
    for value, condition in reference.cases:
        if not any(
            compare(value, other).equal and _same_condition(condition, when, compare)
            for other, when in candidate.cases
        ):
            return different("a case of the reference is missing or has another value")
    return same("case by case")


def _same_condition(first: Node | None, second: Node | None, compare: Pairwise) -> bool:
    if first is None or second is None:
        return first is second
    return compare(first, second).equal


def compare_numerals(reference: Node, candidate: Node) -> Match:
    """Numerals with a base: by value, or by digits where the candidate leaves the base out."""
    if isinstance(reference, BaseNumeral) and isinstance(candidate, Number):
        digits = str(candidate.value.p) if candidate.places is None and candidate.value.q == 1 else ""
        if digits and digits == reference.digits.lstrip("0"):
            return same("the digits of the reference, its base left out")
    return of_comparison(compare_values(reference, candidate))
