"""What an answer is called and what it is: `x = 5` is 5 with the label x; `2x + z = 1` is an equation.

In: a relation. Out: an `Item` (label, value, whether it was said to be approximate), or None where the relation says
more than what something is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from verify.answers.tree import (
    Apply,
    Bracketed,
    Call,
    Constant,
    Derivative,
    Divide,
    Listing,
    Multiply,
    Name,
    Node,
    Number,
    Ratio,
    Relation,
    Symbol,
)

_EQUALS = frozenset({"=", "~"})
_COORDINATES = frozenset("xyz")
# x_1 and x_2 are two roots of one equation in either order; a_1 and a_2 are two terms of a sequence.
_ROOT_NAMES = frozenset({"x", "z", "t", "lambda", "r"})
# Functions of named things that a person writes before an equals sign: |AB| = 1.
_MEASURES = frozenset({"abs", "norm", "det", "trace", "re", "im", "arg"})


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an answer."""

    label: Node | None
    value: Node
    approximate: bool = False


def unbracketed(node: Node) -> Node:
    """`[x = 1, y = 2]`, as computer algebra systems print it, is a list of named values and no vector.

    Named values have no order; x, y and z get the one of a point, so that `(1, 2)` says the same.
    """
    if not isinstance(node, Bracketed) or (node.opening, node.closing) != ("[", "]"):
        return node
    names = [_name_in(part) for part in node.items]
    if "" in names or len(set(names)) < len(names):
        return node
    if not _COORDINATES.issuperset(names):
        return Listing(node.items)
    return Listing(tuple(part for _, part in sorted(zip(names, node.items, strict=True), key=lambda pair: pair[0])))


def _name_in(part: Node) -> str:
    """What `x = 5` is about; nothing for anything else."""
    if isinstance(part, Relation) and part.operators == ("=",) and isinstance(part.sides[0], Symbol):
        return part.sides[0].name
    return ""


def item_of(node: Node) -> Item | None:
    """The node as a labelled value; a node that is no relation is its own value; None for a real relation."""
    if not isinstance(node, Relation):
        return Item(None, node)
    if not _EQUALS.issuperset(node.operators):
        return None
    label = node.sides[0] if is_label(node.sides[0]) else None
    if label is None and is_label(node.sides[-1]) and len(node.sides) == 2 and not symbols_of(node.sides[0]):
        return Item(node.sides[-1], node.sides[0], "~" in node.operators)
    if label is None:
        return _chained_value(node)
    if any(isinstance(side, Symbol) for side in node.sides[1:-1]):
        return None  # x = y = 4 is about two things
    value, approximate = _last_exact(node.sides[1:], node.operators)
    return Item(label, value, approximate)


def chained_items(node: Node) -> list[Item]:
    """`x = y = 4` as two values; empty for anything else."""
    if not isinstance(node, Relation) or set(node.operators) != {"="} or len(node.sides) < 3:
        return []
    names, value = node.sides[:-1], node.sides[-1]
    return [Item(name, value) for name in names] if all(isinstance(name, Symbol) for name in names) else []


def _chained_value(node: Relation) -> Item | None:
    """`1 + 1 = 2`, `1/3 ≈ 0.33`: worth its last exact side, where no side holds a variable."""
    if any(symbols_of(side) for side in node.sides):
        return None
    value, approximate = _last_exact(node.sides[1:], node.operators)
    if node.operators[0] == "~":
        return Item(None, node.sides[0])
    return Item(None, value, approximate)


def _last_exact(sides: tuple[Node, ...], operators: tuple[str, ...]) -> tuple[Node, bool]:
    """The last side before the first ≈; the side after it, as approximate, where none stands before."""
    exact = 0
    while exact < len(sides) and operators[exact] == "=":
        exact += 1
    return (sides[exact - 1], False) if exact else (sides[0], True)


def is_label(node: Node) -> bool:
    """Whether the node is the name of something: `x`, `f(x)`, `|AB|`, `NO/BO`, `(p, q)`, `S_1 : S_2`, `AB`."""
    match node:
        case Symbol() | Apply() | Constant(Name.E | Name.IMAGINARY) | Derivative(_, _, Symbol() | Apply()):
            return True
        case Call(function, arguments):
            return function in _MEASURES and all(_is_figure(part) for part in arguments)
        case Divide(numerator, denominator):
            return is_label(numerator) and is_label(denominator)
        case Ratio(items):
            return all(is_label(part) for part in items)
        case Bracketed(_, _, items):
            return all(isinstance(part, Symbol) for part in items)
        case Multiply(factors):
            return all(isinstance(part, Symbol) and part.name[0].isupper() for part in factors)
        case _:
            return False


def _is_figure(node: Node) -> bool:
    """A segment, a vector, a matrix, a set: something whose size is named, where `|x| = 1` is an equation."""
    if isinstance(node, Symbol):
        return len(node.name) > 1 or node.name.isupper()
    return is_label(node) and not isinstance(node, Constant)


def symbols_of(node: object) -> frozenset[str]:
    """Names of the variables in a tree."""
    if isinstance(node, Symbol):
        return frozenset({node.name})
    if isinstance(node, Number | Constant):
        return frozenset()
    if isinstance(node, Apply):
        return frozenset({node.function}).union(*map(symbols_of, node.arguments))
    if isinstance(node, tuple):
        return frozenset().union(*map(symbols_of, node)) if node else frozenset()
    if isinstance(node, Node):
        return frozenset().union(*(symbols_of(getattr(node, name)) for name in node.__dataclass_fields__))
    return frozenset()


def labels_agree(reference: Node | None, candidate: Node | None) -> bool:
    """Whether two names may stand for the same thing: `x` and `y` may not, nor `y_1` and `y_2`, nor a ratio and its
    inverse; a name without an index may be any of its kind."""
    if isinstance(reference, Symbol) and isinstance(candidate, Symbol):
        (plain, index), (other, its_index) = _parts(reference.name), _parts(candidate.name)
        return plain == other and (index == its_index or "" in (index, its_index))
    if isinstance(reference, Apply) and isinstance(candidate, Apply):
        return reference.function.lower() == candidate.function.lower() and _same_arguments(
            reference.arguments, candidate.arguments
        )
    both_ratios = isinstance(reference, Divide | Ratio) and isinstance(candidate, Divide | Ratio)
    return reference == candidate or not both_ratios


def _same_arguments(reference: tuple[Node, ...], candidate: tuple[Node, ...]) -> bool:
    """A variable may have another name, a value not: f(2) is not f(3), and P(X = 0) not P(X = 3)."""
    if len(reference) != len(candidate):
        return False
    pairs = zip(reference, candidate, strict=True)
    return all(one == other or (isinstance(one, Symbol) and isinstance(other, Symbol)) for one, other in pairs)


def _parts(name: str) -> tuple[str, str]:
    """A name and its index; where there is none, the empty one."""
    plain, _, index = name.partition("_")
    return plain, index


def interchangeable(labels: list[Node]) -> bool:
    """Whether the labels name roots of one equation, which have no order."""
    names = {_parts(label.name)[0] if isinstance(label, Symbol) else "" for label in labels}
    return len(names) == 1 and names <= _ROOT_NAMES


def without_index(item: Item) -> Item:
    """`x_2 = 3` as `x = 3`: the index only counts the roots."""
    if not isinstance(item.label, Symbol):
        return item
    return replace(item, label=Symbol(_parts(item.label.name)[0]))
