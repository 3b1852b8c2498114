"""Answers that are several values: lists, sets, roots, assignments to several names.

In: a tree. Out: a `Collection` of labelled items; None for a single answer.
A list or set has no order and no repetitions; values with different names are matched by name, or by place where the
other side has no names.
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.answers.equality import expand_plus_minus
from verify.answers.labels import Item, chained_items, interchangeable, item_of
from verify.answers.tree import Bracketed, Congruence, Listing, Node, PlusMinus, Relation, SetOf, SetOperation

MAX_ITEMS = 200
_MAX_SIGNS = 4


@dataclass(frozen=True, slots=True)
class Collection:
    """Items; whether each has a name of its own (then order or names matter); whether it was written as a set."""

    items: tuple[Item, ...]
    named: bool
    braces: bool = False  # an explicit set: {1, 2} is never the point (1, 2)

    @property
    def values(self) -> tuple[Node, ...]:
        """The items without their names."""
        return tuple(item.value for item in self.items)


def collect(node: Node) -> Collection | None:
    """The node as several values, or None where it is one (or where a part is a relation of its own)."""
    if isinstance(node, Relation) and node.operators == ("in",):
        return _relabelled(node.sides[0], collect(node.sides[1]))
    item = item_of(node)
    if item is not None and isinstance(item.label, Bracketed):
        return _coordinates_by_name(item.label, item.value)
    if isinstance(node, Relation) and item is not None and item.label is not None:
        below = collect(item.value)
        return _relabelled(item.label, below) if below else None
    items = _members(node)
    if items is None:
        return None
    labels = [item.label for item in items if item.label is not None]
    named = len(set(labels)) > 1 and len(labels) == len(items)
    if labels and not named and items[0].label is not None:  # a = 4, -8, -10
        items = [Item(items[0].label, item.value, item.approximate) for item in items]
    return Collection(tuple(items), named, isinstance(node, SetOf | SetOperation))


def _relabelled(label: Node, below: Collection | None) -> Collection | None:
    if below is None or below.named:
        return below
    relabelled = tuple(Item(label, item.value, item.approximate) for item in below.items)
    return Collection(relabelled, named=False, braces=below.braces)


def _coordinates_by_name(label: Bracketed, value: Node) -> Collection | None:
    """`(p, q) = (3, 2)`."""
    if not isinstance(value, Bracketed) or len(value.items) != len(label.items):
        return None
    return Collection(tuple(map(Item, label.items, value.items)), named=True)


def _members(node: Node) -> list[Item] | None:
    match node:
        case SetOf(items):
            return [
                member
                for item in items
                for member in ([Item(None, item)] if _is_set(item) else _all_members((item,)))
            ]
        case Listing(items):
            return _all_members(items)
        case SetOperation("union", parts) if all(isinstance(part, SetOf) for part in parts):
            return _all_members(parts)
        case _:
            values = _signs(node)
            return None if len(values) < 2 else [Item(None, value) for value in values]


def _all_members(nodes: tuple[Node, ...]) -> list[Item]:
    """Members of a list; a member that is several values with names of their own is one point."""
    members: list[Item] = []
    for node in nodes:
        below = collect(node)
        if below is None:
            members.extend(chained_items(node) or [item_of(node) or Item(None, node)])
        elif below.named:
            members.append(Item(None, Bracketed("(", ")", below.values)))
        else:
            members.extend(below.items)
    return members[: MAX_ITEMS + 1]


def _is_set(node: Node) -> bool:
    return isinstance(node, SetOf | SetOperation)


def _signs(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Bracketed | Congruence) or not _holds_plus_minus(node):
        return (node,)
    return expand_plus_minus(node)[: 2**_MAX_SIGNS]


def _holds_plus_minus(node: object) -> bool:
    if isinstance(node, PlusMinus):
        return True
    if isinstance(node, tuple):
        return any(map(_holds_plus_minus, node))
    return isinstance(node, Node) and any(
        _holds_plus_minus(getattr(node, name)) for name in node.__dataclass_fields__
    )


def names_are_roots(collection: Collection) -> bool:
    """Whether the names only count the roots of one equation."""
    return interchangeable([item.label for item in collection.items if item.label is not None])
