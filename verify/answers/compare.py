"""Whether two answers that have been read say the same. The order of the tries, each a small rule with a reason.

In: the trees of reference and candidate. Out: a `Match`. Structure first, then words, sets of reals, several values,
one value with its name and unit; arithmetic decides at the leaves (`equality`, `regions`), rounding by the reference
(`rounding`). A part that cannot be decided is UNKNOWN, never equal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from verify.answers.equality import compare_values
from verify.answers.forms import fold, map_children, without_degrees
from verify.answers.judgement import Match, Pairwise, Reason, different, of_comparison, same
from verify.answers.kinds import (
    compare_congruences,
    compare_matrices,
    compare_numerals,
    compare_piecewise,
    compare_points,
    compare_ratios,
)
from verify.answers.labels import Item, item_of, labels_agree, symbols_of
from verify.answers.matching import match_collections
from verify.answers.quantities import compare_quantities
from verify.answers.ranges import compare_ranges
from verify.answers.relations import compare_relations, renamed
from verify.answers.rounding import as_decimal, printed_value, rounds_to
from verify.answers.several import Collection, collect
from verify.answers.text_answers import ALL_REALS, NOTHING, normal_words, words_of
from verify.answers.tree import (
    Add,
    BaseNumeral,
    Bracketed,
    Congruence,
    Listing,
    Matrix,
    Node,
    Number,
    NumberSet,
    Piecewise,
    Quantity,
    Ratio,
    Relation,
    SetBuilder,
    SetOf,
    SetOperation,
    Symbol,
    Text,
)

# Nothing but another one of its kind equals one of these.
_WHOLES = (SetOf, SetOperation, SetBuilder, NumberSet, Listing, Relation)


def compare(reference: Node, candidate: Node) -> Match:
    """Whether the candidate's tree answers as the reference's does."""
    match = _compare(fold(reference), fold(candidate))
    if not match.equal and isinstance(reference, Add) and without_degrees(candidate) == candidate:
        plain = without_degrees(reference)
        return match if plain == reference else _compare(fold(plain), fold(candidate))
    return match


def _compare(reference: Node, candidate: Node) -> Match:
    if reference == candidate:
        return same("the same form")
    if isinstance(reference, Text) or isinstance(candidate, Text):
        return _compare_words(reference, candidate)
    if isinstance(reference, Bracketed) and isinstance(candidate, Bracketed):
        return compare_points(reference, candidate, _compare)
    ranges = compare_ranges(reference, candidate)
    if ranges is not None:
        return ranges
    if isinstance(reference, SetBuilder) and isinstance(candidate, SetBuilder):
        return _compare_builders(reference, candidate)
    return _compare_values_or_lists(reference, candidate)


def _compare_values_or_lists(reference: Node, candidate: Node) -> Match:
    many, others = collect(reference), collect(candidate)
    if many is not None or others is not None:
        return match_collections(_as_collection(reference, many), _as_collection(candidate, others), _compare_items)
    one, other = item_of(reference), item_of(candidate)
    if isinstance(reference, Relation) and isinstance(candidate, Relation):
        return _compare_two_relations(reference, candidate, one)
    if one is None or other is None:
        return different("one is an equation, the other a value", Reason.DIFFERENT_KIND)
    return _compare_items(one, other)


def _as_collection(node: Node, found: Collection | None) -> Collection:
    """A single answer as a list of one."""
    return found or Collection((item_of(node) or Item(None, node),), named=False)


def _compare_two_relations(reference: Relation, candidate: Relation, one: Item | None) -> Match:
    candidate = renamed(reference, candidate)
    other = item_of(candidate)
    if one is not None and other is not None and one.label is not None and other.label is not None:
        match = _compare_items(one, other)
        if match.equal or (match.reason is Reason.DIFFERENT_LABEL and not symbols_of((one.value, other.value))):
            return match
    return compare_relations(reference, candidate, _compare)


def _compare_items(reference: Item, candidate: Item) -> Match:
    if not labels_agree(reference.label, candidate.label):
        return different("it is the value of another variable", Reason.DIFFERENT_LABEL)
    if isinstance(reference.value, Relation) and isinstance(candidate.value, Relation):
        return compare_relations(reference.value, candidate.value, _compare)
    return _compare_parts(reference.value, candidate.value, approximate=reference.approximate)


def _compare_parts(reference: Node, candidate: Node, *, approximate: bool = False) -> Match:
    """Two single answers, by what kind they are."""
    if isinstance(reference, Text) or isinstance(candidate, Text):
        return _compare_words(reference, candidate)
    if isinstance(reference, Quantity) or isinstance(candidate, Quantity):
        return compare_quantities(reference, candidate, partial(_compare_parts, approximate=approximate))
    if isinstance(reference, BaseNumeral) or isinstance(candidate, BaseNumeral):
        return compare_numerals(reference, candidate)
    for kind, compare_kind in _KINDS.items():
        if isinstance(reference, kind) or isinstance(candidate, kind):
            return compare_kind(reference, candidate, _compare)
    if isinstance(reference, _WHOLES) or isinstance(candidate, _WHOLES):
        return different("one is a set or a relation, the other is not", Reason.DIFFERENT_KIND)
    match = of_comparison(compare_values(reference, candidate))
    return match if match.equal else _by_rounding(reference, candidate, match, approximate=approximate)


def _by_rounding(reference: Node, candidate: Node, match: Match, *, approximate: bool) -> Match:
    decimal = as_decimal(reference)
    if decimal is None and approximate and isinstance(reference, Number):
        decimal = Number(reference.value, 0)
    if decimal is not None and rounds_to(candidate, decimal, approximate=approximate):
        return same("it rounds to the reference at the places the reference gives", Reason.ROUNDED)
    if printed_value(candidate, reference):
        return same("it is the reference as a program prints it", Reason.ROUNDED)
    written = as_decimal(candidate)
    if decimal is None and written is not None and rounds_to(reference, written, approximate=True):
        return different("it is rounded, the reference is exact", Reason.ROUNDED_CANDIDATE)
    return match


def _compare_builders(reference: SetBuilder, candidate: SetBuilder) -> Match:
    """`{2n | n ∈ Z}` and `{2k | k ∈ Z}`: the name of the bound variable does not matter."""
    ours, theirs = sorted(symbols_of(reference)), sorted(symbols_of(candidate))
    if len(ours) != len(theirs):
        return different("another number of variables")
    names = dict(zip(theirs, ours, strict=True))

    def rename(node: Node) -> Node:
        if isinstance(node, Symbol):
            return Symbol(names.get(node.name, node.name))
        return map_children(node, rename)

    renamed = map_children(candidate, rename)
    element = _compare(reference.element, renamed.element)
    return _compare(reference.condition, renamed.condition) if element.equal else element


def _compare_words(reference: Node, candidate: Node) -> Match:
    for one, other in ((reference, candidate), (candidate, reference)):
        meaning = normal_words(one.words) if isinstance(one, Text) else ""
        if meaning == NOTHING and isinstance(other, SetOf) and not other.items:
            return same("there is no solution")
        if meaning == ALL_REALS and isinstance(other, NumberSet) and other.name == "R":
            return same("all real numbers")
    words, others = words_of(reference), words_of(candidate)
    if words is None or others is None:
        return different("one is in words, the other in symbols", Reason.DIFFERENT_KIND)
    if normal_words(words) and normal_words(words) == normal_words(others):
        return same("the same words")
    return different("other words")


_KINDS: dict[type[Node], Callable[[Node, Node, Pairwise], Match]] = {
    Congruence: compare_congruences,
    Piecewise: compare_piecewise,
    Ratio: compare_ratios,
    Matrix: compare_matrices,
    Bracketed: compare_points,
}
