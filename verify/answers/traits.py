"""What a comparison must know about a tree before it evaluates it: variables, domain, kind of operations.

In: a tree. Out: `Traits`, gathered in one walk.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from flint import fmpq

from verify.answers.tree import (
    Add,
    Apply,
    BaseNumeral,
    Big,
    BigKind,
    Call,
    Constant,
    Derivative,
    Divide,
    Matrix,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Symbol,
)

_MAX_RATIONAL_EXPONENT = 4_096
_MASK = (1 << 64) - 1
# Two analytic functions that agree at random points of a connected domain agree. These have pieces,
_KINKED = frozenset("abs norm floor ceil fractional_part sign max min mod gcd lcm arg".split())
# and these have if their argument is more than a symbol: sqrt((x - 3)^2), arctan(1/x).
_KINKED_INSIDE = frozenset("sqrt root ln log lg arctan arccot arcsin arccos arcsec arccsc arccosh arctanh".split())
# Their arguments are whole numbers.
_COUNTING = frozenset("factorial double_factorial subfactorial binomial permutations gcd lcm mod".split())


class Traits:
    """Traits of a tree; those of two trees together by `look` at both."""

    __slots__ = (
        "_bound",
        "bare_log",
        "constants",
        "kinked",
        "literals",
        "not_value",
        "rational",
        "seed",
        "symbolic",
        "symbols",
        "whole",
    )

    def __init__(self) -> None:
        self.symbols: set[str] = set()  # free ones
        self.constants: set[Name] = set()
        self.whole: set[str] = set()  # symbols that stand for whole numbers
        self.literals: set[fmpq] = set()
        self.rational = True  # only + - * / and powers by written whole numbers
        self.kinked = False  # may have pieces that are different functions
        self.bare_log = False
        self.symbolic = False  # integrals, limits, derivatives, infinite sums
        self.not_value = False  # holds sets, relations, words, ±
        self.seed = 0  # the same in every process
        self._bound: list[str] = []

    def look(self, node: Node) -> None:
        """Adds the node's traits."""
        kind = type(node)
        looker = _LOOKERS.get(kind)
        if looker is None:
            self.not_value = True
        else:
            looker(self, node)

    def mix(self, code: int) -> None:
        """Lets the seed depend on one more part."""
        self.seed = (self.seed * 0x9E3779B1 + code) & _MASK

    def symbols_in(self, *nodes: Node) -> set[str]:
        """The free symbols of parts, which are looked at by this."""
        before = self.symbols
        self.symbols = set()
        for node in nodes:
            self.look(node)
        found = self.symbols
        self.symbols = before | found
        return found


def traits_of(*nodes: Node) -> Traits:
    """The traits of trees, together."""
    traits = Traits()
    for node in nodes:
        traits.look(node)
    return traits


def _number(traits: Traits, node: Number) -> None:
    traits.literals.add(node.value)
    traits.mix(hash(node.value))


def _constant(traits: Traits, node: Constant) -> None:
    if node.name not in traits._bound:
        traits.constants.add(node.name)
        if node.name in {Name.IMAGINARY, Name.INFINITY}:
            traits.rational = False
            traits.symbolic |= node.name is Name.INFINITY
    traits.mix(len(node.name))


def _symbol(traits: Traits, node: Symbol) -> None:
    if node.name not in traits._bound:
        traits.symbols.add(node.name)
    traits.mix(zlib.crc32(node.name.encode()))


def _add(traits: Traits, node: Add) -> None:
    for term in node.terms:
        traits.look(term)
    traits.mix(1)


def _multiply(traits: Traits, node: Multiply) -> None:
    for factor in node.factors:
        traits.look(factor)
    traits.mix(2)


def _negate(traits: Traits, node: Negate) -> None:
    traits.look(node.operand)
    traits.mix(3)


def _divide(traits: Traits, node: Divide) -> None:
    traits.look(node.numerator)
    traits.look(node.denominator)
    traits.mix(4)


def _power(traits: Traits, node: Power) -> None:
    traits.look(node.base)
    exponent = node.exponent.operand if isinstance(node.exponent, Negate) else node.exponent
    if isinstance(exponent, Number):
        traits.look(exponent)
        if exponent.value.q != 1 or abs(exponent.value) > _MAX_RATIONAL_EXPONENT:
            traits.rational = False
            traits.kinked |= not isinstance(node.base, Symbol)
    else:
        traits.rational = False
        traits.kinked |= isinstance(node.exponent, Divide) and not isinstance(node.base, Symbol | Constant | Number)
        found = traits.symbols_in(node.exponent)
        if _is_negative_or_imaginary(node.base):
            traits.whole |= found
    traits.mix(5)


def _is_negative_or_imaginary(node: Node) -> bool:
    match node:
        case Negate(Number(value)):
            return bool(value > 0)
        case Number(value):
            return bool(value < 0)
        case Constant(Name.IMAGINARY):
            return True
        case _:
            return False


def _call(traits: Traits, node: Call) -> None:
    traits.rational = False
    if node.function in _KINKED:
        traits.kinked = True
    if node.function == "log" and len(node.arguments) == 1:
        traits.bare_log = True
    found = traits.symbols_in(*node.arguments)
    if node.function in _KINKED_INSIDE and found and not isinstance(node.arguments[0], Symbol):
        traits.kinked = True
    if node.function in _COUNTING:
        traits.whole |= found
    traits.mix(zlib.crc32(node.function.encode()))


def _apply(traits: Traits, node: Apply) -> None:
    traits.rational = False
    for argument in node.arguments:
        traits.look(argument)
    traits.mix(zlib.crc32(node.function.encode()))


def _big(traits: Traits, node: Big) -> None:
    traits.rational = False
    bounds = [bound for bound in (node.lower, node.upper) if bound is not None]
    found = traits.symbols_in(*bounds)
    if node.kind in {BigKind.SUM, BigKind.PRODUCT} and len(bounds) == 2:
        traits.whole |= found
    else:
        traits.symbolic = True
    traits._bound.append(node.variable)
    traits.look(node.body)
    traits._bound.pop()
    traits.mix(zlib.crc32(node.kind.encode()))


def _derivative(traits: Traits, node: Derivative) -> None:
    traits.rational = False
    traits.symbolic = True
    traits.look(node.body)
    traits.mix(zlib.crc32(node.variable.encode()) + node.order)


def _numeral(traits: Traits, node: BaseNumeral) -> None:
    traits.mix(zlib.crc32(node.digits.encode()) + node.base)


def _matrix(traits: Traits, node: Matrix) -> None:
    """Only inside det, trace and the like; the evaluation refuses it elsewhere."""
    traits.rational = False
    for row in node.rows:
        for entry in row:
            traits.look(entry)


_LOOKERS: dict[type[Node], Callable[[Traits, Any], None]] = {
    Number: _number,
    Constant: _constant,
    Symbol: _symbol,
    Add: _add,
    Multiply: _multiply,
    Negate: _negate,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Apply: _apply,
    Big: _big,
    Derivative: _derivative,
    BaseNumeral: _numeral,
    Matrix: _matrix,
}
