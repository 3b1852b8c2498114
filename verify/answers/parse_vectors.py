r"""`\mathbf{i} + 2\mathbf{j} - \mathbf{k}` is the vector (1, 2, -1): sums over the unit vectors as coordinates.

In: the terms of a sum. Out: a `Bracketed` in angles, or None where a term is no multiple of one unit vector.
"""

from __future__ import annotations

from flint import fmpq

from verify.answers.tree import Add, Bracketed, Divide, Multiply, Negate, Node, Number, Symbol

UNIT_VECTORS = {letter: Symbol(f"hat {letter}") for letter in "ijk"}
_AXES = {vector: axis for axis, vector in enumerate(UNIT_VECTORS.values())}


def read_vector(terms: list[Node]) -> Node | None:
    """The coordinates; three where k occurs, else two."""
    coordinates: dict[int, list[Node]] = {}
    for term in terms:
        found = _component(term)
        if found is None:
            return None
        coordinates.setdefault(found[0], []).append(found[1])
    size = 3 if 2 in coordinates else 2
    return Bracketed("<", ">", tuple(_total(coordinates.get(axis, [])) for axis in range(size)))


def _component(term: Node) -> tuple[int, Node] | None:
    """The axis and the coefficient of a term."""
    match term:
        case Symbol() if term in _AXES:
            return _AXES[term], Number(fmpq(1))
        case Negate(operand) if (found := _component(operand)) is not None:
            return found[0], Negate(found[1])
        case Divide(numerator, denominator) if (found := _component(numerator)) is not None:
            return found[0], Divide(found[1], denominator)
        case Multiply(factors):
            vectors = [factor for factor in factors if factor in _AXES]
            rest = tuple(factor for factor in factors if factor not in _AXES)
            if len(vectors) == 1 and isinstance(vectors[0], Symbol):
                return _AXES[vectors[0]], rest[0] if len(rest) == 1 else Multiply(rest)
    return None


def _total(parts: list[Node]) -> Node:
    if not parts:
        return Number(fmpq(0))
    return parts[0] if len(parts) == 1 else Add(tuple(parts))
