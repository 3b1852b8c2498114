"""Values with units. The candidate may leave the reference's unit out or add one, never contradict it.

In: two parts of which at least one has a unit. Out: a match. Units of one dimension convert exactly. `30%` is 0.3; as
a reference it takes a bare 30 too (the question asked how many percent), as a candidate it is never 30; nor is 3000%
what a whole number asks for.
"""

from __future__ import annotations

from flint import fmpq

from verify.answers.judgement import Match, Pairwise, Reason, different
from verify.answers.labels import symbols_of
from verify.answers.tree import Add, Constant, Divide, Multiply, Name, Node, Number, Quantity, Symbol
from verify.answers.units import DEGREE, PERCENT, RADIAN, Unit, factor_between, is_generic, is_label, read_unit

_PURE = frozenset({"percent", "dozen"})


def compare_quantities(reference: Node, candidate: Node, compare: Pairwise) -> Match:
    """`compare` judges the bare values, the reference's first."""
    value, unit = _split(reference)
    other, other_unit = _split(candidate)
    if not other_unit and unit:
        other, other_unit = _unit_letter(candidate)
    if not unit and other_unit:
        value, unit = _unit_letter(reference)
    if unit == other_unit:
        return compare(value, other)
    if not unit:
        return _extra_unit(value, other, other_unit, compare)
    if not other_unit:
        return _missing_unit(value, unit, other, compare)
    if _generic_pair(unit, other_unit):
        return compare(value, other)
    if {unit, other_unit} == {DEGREE, RADIAN}:
        return compare(_in_radians(value, unit), _in_radians(other, other_unit))
    factor = factor_between(_money(other_unit), _money(unit)) or factor_between(other_unit, unit)
    if factor is None:
        return different(f"{_spelled(other_unit)} where {_spelled(unit)} are asked for", Reason.DIFFERENT_UNIT)
    return compare(value, _scaled(other, factor))


def _split(node: Node) -> tuple[Node, Unit]:
    if isinstance(node, Quantity):
        return node.value, node.unit
    return node, ()


def _unit_letter(node: Node) -> tuple[Node, Unit]:
    """`5 m` may have been read as five times m: beside a quantity it is five metres."""
    if isinstance(node, Multiply) and isinstance(node.factors[-1], Symbol):
        unit = read_unit(node.factors[-1].name)
        rest = node.factors[:-1]
        if unit and not is_label(unit) and not symbols_of(rest):
            return (rest[0] if len(rest) == 1 else Multiply(rest)), unit
    return node, ()


def _extra_unit(value: Node, other: Node, unit: Unit, compare: Pairwise) -> Match:
    """The reference is a bare number."""
    if unit == DEGREE:
        plain = compare(value, other)
        return plain if plain.equal else compare(value, _in_radians(other, unit))
    factor = _pure_factor(unit)
    if unit == PERCENT and isinstance(value, Number) and value.value.q == 1 and value.value > 1:
        return different("a percentage where a whole number is asked for", Reason.DIFFERENT_UNIT)
    return compare(value, other if factor is None else _scaled(other, factor))


def _missing_unit(value: Node, unit: Unit, other: Node, compare: Pairwise) -> Match:
    """The candidate is a bare number."""
    plain = compare(value, other)
    if plain.equal:
        return plain
    factor = _pure_factor(unit)
    if factor is not None:
        return compare(value, _scaled(other, 1 / factor))
    if unit == DEGREE and _holds_pi(other):
        return compare(_in_radians(value, unit), other)
    return plain


def _pure_factor(unit: Unit) -> fmpq | None:
    """What a unit without dimension multiplies by: percent, dozen."""
    if len(unit) == 1 and unit[0][0] in _PURE and unit[0][1] == 1:
        return fmpq(1, 100) if unit == PERCENT else fmpq(12)
    return None


def _generic_pair(first: Unit, second: Unit) -> bool:
    """`square units` agrees with any unit of that power."""
    for generic, other in ((first, second), (second, first)):
        if is_generic(generic) and (is_label(other) or sum(p for _, p in generic) == sum(p for _, p in other)):
            return True
    return False


def _money(unit: Unit) -> Unit:
    """Pounds that may be sterling: beside a weight they are none."""
    return tuple(sorted(("sterling" if name == "pound" else name, power) for name, power in unit))


def _in_radians(value: Node, unit: Unit) -> Node:
    if unit != DEGREE:
        return value
    return Divide(Multiply((value, Constant(Name.PI))), Number(fmpq(180)))


def _scaled(value: Node, factor: fmpq) -> Node:
    """The value times an exact factor; a decimal keeps as many places as it still has."""
    if factor == 1:
        return value
    if isinstance(value, Number):
        scaled = value.value * factor
        return Number(scaled, None if value.places is None else _places(value.places, factor))
    return Multiply((Number(factor), value))


def _places(places: int, factor: fmpq) -> int | None:
    """Places after the point of a decimal times a power of ten; other factors leave no count."""
    shift = len(str(factor.p)) - len(str(factor.q))
    return places - shift if factor == fmpq(10) ** shift else None


def _holds_pi(node: object) -> bool:
    if isinstance(node, Constant):
        return node.name is Name.PI
    if isinstance(node, tuple):
        return any(map(_holds_pi, node))
    if isinstance(node, Add | Multiply | Divide):
        return any(_holds_pi(getattr(node, name)) for name in node.__dataclass_fields__)
    return False


def _spelled(unit: Unit) -> str:
    return " ".join(name.removeprefix("word:") + ("" if power == 1 else f"^{power}") for name, power in unit)
