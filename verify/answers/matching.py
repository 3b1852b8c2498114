"""Several values beside several values: by name, by place, or as sets.

In: two collections (`several`) and how one item is compared with another. Out: a match. Names decide where both sides
name their values, places where one side does; otherwise two collections are equal if each value of the one has an
equal in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from verify.answers.equality import Sameness
from verify.answers.judgement import Match, Pairwise, Reason, different, same
from verify.answers.labels import Item, without_index
from verify.answers.several import MAX_ITEMS, Collection, names_are_roots
from verify.answers.tree import Bracketed, Matrix, Node

Itemwise = Callable[[Item, Item], Match]


def match_collections(first: Collection, second: Collection, compare: Itemwise) -> Match:
    """The reference's values and the candidate's."""
    if max(len(first.items), len(second.items)) > MAX_ITEMS:
        return Match(Sameness.UNKNOWN, Reason.TOO_LONG, f"lists of more than {MAX_ITEMS} values are not compared")
    if _is_point(second, of=first) and not first.braces:
        return _by_place(first, _coordinates(second), compare)
    if _is_point(first, of=second) and not second.braces:
        return _by_place(_coordinates(first), second, compare)
    roots = names_are_roots(first) or names_are_roots(second)
    if first.named and second.named:
        match = _by_name(first, second, compare)
        if match.equal or not roots:
            return match
    elif first.named != second.named and not roots:
        return _by_place(first, second, compare)
    if roots:
        first, second = _without_indices(first), _without_indices(second)
    return _as_sets(first, second, compare)


def _without_indices(collection: Collection) -> Collection:
    """Which root is called the first does not matter."""
    return replace(collection, items=tuple(map(without_index, collection.items)))


def in_order(first: Sequence[Node], second: Sequence[Node], compare: Pairwise) -> Match:
    """Part by part."""
    if len(first) != len(second):
        return different(f"{len(second)} values, not {len(first)}", Reason.DIFFERENT_COUNT)
    for index, (one, other) in enumerate(zip(first, second, strict=True), start=1):
        match = compare(one, other)
        if not match.equal:
            return Match(match.sameness, match.reason, f"part {index}: {match.detail}")
    return same("equal part by part")


def _is_point(collection: Collection, *, of: Collection) -> bool:
    """One item that is itself several coordinates in round brackets; a column of them, where the other names them."""
    if len(collection.items) != 1:
        return False
    value = collection.items[0].value
    return isinstance(value, Bracketed) or (of.named and _column(value) is not None)


def _column(node: Node) -> tuple[Node, ...] | None:
    """The entries of a column vector."""
    if not isinstance(node, Matrix) or node.determinant or any(len(row) != 1 for row in node.rows):
        return None
    return tuple(row[0] for row in node.rows)


def _coordinates(collection: Collection) -> Collection:
    point = collection.items[0].value
    items = point.items if isinstance(point, Bracketed) else _column(point) or (point,)
    return Collection(tuple(Item(None, item) for item in items), named=False)


def _by_place(first: Collection, second: Collection, compare: Itemwise) -> Match:
    if len(first.items) != len(second.items):
        return different(f"{len(second.items)} values, not {len(first.items)}", Reason.DIFFERENT_COUNT)
    for index, (one, other) in enumerate(zip(first.items, second.items, strict=True), start=1):
        match = compare(one, other)
        if not match.equal:
            return Match(match.sameness, match.reason, f"value {index}: {match.detail}")
    return same("the same values in the same order")


def _by_name(first: Collection, second: Collection, compare: Itemwise) -> Match:
    found = {item.label: item for item in second.items}
    if found.keys() != {item.label for item in first.items}:
        return _by_place(first, second, compare)
    for item in first.items:
        match = compare(item, found[item.label])
        if not match.equal:
            return match
    return same("each name has its value")


def _as_sets(first: Collection, second: Collection, compare: Itemwise) -> Match:
    unknown: Match | None = None
    for items, partners, whose in (
        (first.items, second.items, "the reference"),
        (second.items, first.items, "the candidate"),
    ):
        of_reference = items is first.items
        for index, item in enumerate(items, start=1):
            matches = [compare(item, other) if of_reference else compare(other, item) for other in partners]
            if any(match.equal for match in matches):
                continue
            unsure = next((match for match in matches if match.sameness is Sameness.UNKNOWN), None)
            if unsure is None:
                return _missing(f"value {index} of {whose} has no equal", first, second)
            unknown = unknown or unsure
    return unknown or _as_often(first, second, compare)


def _as_often(first: Collection, second: Collection, compare: Itemwise) -> Match:
    """Lists of one length say how often, too: 1, 1, 2 is not 1, 2, 2. A value said twice over is no other answer."""
    if len(first.items) == len(second.items) and not (first.braces and second.braces):
        left = list(second.items)
        for index, item in enumerate(first.items, start=1):
            place = next((at for at, other in enumerate(left) if compare(item, other).equal), None)
            if place is None:
                return _missing(f"value {index} of the reference comes less often", first, second)
            del left[place]
    return same("the same values")


def _missing(what: str, first: Collection, second: Collection) -> Match:
    counts = len(first.items), len(second.items)
    reason = Reason.DIFFERENT_COUNT if counts[0] != counts[1] else Reason.DIFFERENT
    return different(f"{what} ({counts[0]} in the reference, {counts[1]} in the candidate)", reason)
