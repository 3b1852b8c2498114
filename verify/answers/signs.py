"""Expressions with ± as the expressions they stand for.

In: a tree. Out: one tree for each choice of signs, plus first. With ∓ in the tree all signs go together
(`a ± b ∓ c` is two values), without it each ± has its own (`± 1 ± 2` is four).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import cycle, product

from verify.answers.tree import Add, Negate, Node, PlusMinus

MAX_SIGNS = 4


def expand_plus_minus(node: Node) -> tuple[Node, ...]:
    """The values that the node stands for; the node alone where it holds no ±, or more than `MAX_SIGNS`."""
    signs = list(_signs_in(node))
    if not signs or len(signs) > MAX_SIGNS:
        return (node,)
    together = any(sign.minus_first for sign in signs)
    choices = product((True, False), repeat=1 if together else len(signs))
    return tuple(dict.fromkeys(_chosen(node, cycle(choice).__next__) for choice in choices))


def _signs_in(value: object) -> list[PlusMinus]:
    found: list[PlusMinus] = [value] if isinstance(value, PlusMinus) else []
    for part in _parts(value):
        found.extend(_signs_in(part))
    return found


def _parts(value: object) -> tuple[object, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(getattr(value, field.name) for field in fields(value)) if isinstance(value, Node) else ()


def _chosen(node: Node, next_sign: Callable[[], bool]) -> Node:
    """The node with signs taken in the order in which `_signs_in` finds them."""
    if isinstance(node, PlusMinus):
        plus = next_sign() != node.minus_first
        left = _chosen(node.left, next_sign) if node.left is not None else None
        right = _chosen(node.right, next_sign)
        right = right if plus else Negate(right)
        return right if left is None else Add((left, right))
    return replace(node, **{field.name: _chosen_in(getattr(node, field.name), next_sign) for field in fields(node)})


def _chosen_in(value: object, next_sign: Callable[[], bool]) -> object:
    if isinstance(value, Node):
        return _chosen(value, next_sign)
    return tuple(_chosen_in(part, next_sign) for part in value) if isinstance(value, tuple) else value
