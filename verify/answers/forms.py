"""Brings a tree into the few forms that the comparison knows. Nothing is computed that could be large.

In: a tree as the parser left it. Out: the same answer with minus signs folded into numbers, scientific notation as
one decimal, degrees and percents inside an expression as factors, sums and products of matrices carried out, and sums
of quantities ("5 feet 6 inches") as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

from flint import fmpq

from verify.answers.rounding import as_decimal
from verify.answers.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Matrix,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Quantity,
)
from verify.answers.units import DEGREE, PERCENT, factor_between

_MAX_MATRIX_ENTRIES = 144
_MAX_MATRIX_POWER = 12
N = TypeVar("N", bound=Node)
Change = Callable[[Node], Node]


def fold(node: Node) -> Node:
    """The whole tree in its folded form."""
    return _fold(node, inside=False)


def without_degrees(node: Node) -> Node:
    """The tree with every degree sign dropped, for a candidate that leaves them out: 180 - 2α beside 180° - 2α."""
    node = map_children(node, without_degrees)
    return node.value if isinstance(node, Quantity) and node.unit == DEGREE else node


def _fold(node: Node, *, inside: bool) -> Node:
    """`inside` an expression a percent or a degree is a factor; on its own it is a unit."""
    arithmetic = isinstance(node, Add | Multiply | Divide | Power | Call)
    node = map_children(node, lambda child: _fold(child, inside=arithmetic or inside))
    if isinstance(node, Negate):
        return _negated(node.operand)
    if isinstance(node, Multiply):
        return as_decimal(node) or _matrix_product(node) or node
    if isinstance(node, Add):
        return _quantity_sum(node) or _matrix_sum(node) or node
    if isinstance(node, Power) and isinstance(node.base, Matrix):
        return _matrix_power(node, node.base)
    if isinstance(node, Call) and node.function == "transpose" and isinstance(node.arguments[0], Matrix):
        return Matrix(tuple(zip(*node.arguments[0].rows, strict=True)))
    if isinstance(node, Quantity) and isinstance(node.value, Quantity):
        node = Quantity(_as_factor(node.value), node.unit)  # 50%%: only the outermost is a unit
    if inside and isinstance(node, Quantity):
        return _as_factor(node)
    return node


def map_children(node: N, change: Change) -> N:
    """The node with every child changed; itself where nothing did."""
    changes = {}
    for item in fields(node):
        before = getattr(node, item.name)
        after = _mapped(before, change)
        if after is not before:
            changes[item.name] = after
    return replace(node, **changes) if changes else node


def _mapped(value: object, change: Change) -> object:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        items = tuple(_mapped(item, change) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _negated(node: Node) -> Node:
    if isinstance(node, Number):
        return Number(-node.value, node.places)
    if isinstance(node, Negate):
        return node.operand
    if isinstance(node, Quantity):
        return Quantity(_negated(node.value), node.unit)
    if isinstance(node, Matrix) and not node.determinant:
        return Matrix(tuple(tuple(_negated(entry) for entry in row) for row in node.rows))
    return Negate(node)


def _as_factor(node: Quantity) -> Node:
    if node.unit == PERCENT:
        return Divide(node.value, Number(fmpq(100)))
    if node.unit == DEGREE:
        return Divide(Multiply((node.value, Constant(Name.PI))), Number(fmpq(180)))
    return node


def _quantity_sum(node: Add) -> Node | None:
    """`5 feet + 6 inches` in the unit of the first."""
    terms = [term for term in node.terms if isinstance(term, Quantity)]
    if len(terms) != len(node.terms):
        return None
    unit = terms[0].unit
    values: list[Node] = []
    for term in terms:
        factor = factor_between(term.unit, unit)
        if factor is None:
            return None
        values.append(_folded_product(Number(factor), term.value))
    return Quantity(_folded_sum(*values), unit)


# --- matrices ----------------------------------------------------------------------------------------------------


def _matrix_sum(node: Add) -> Node | None:
    matrices = [term for term in node.terms if isinstance(term, Matrix) and not term.determinant]
    if len(matrices) != len(node.terms) or len({_shape(matrix) for matrix in matrices}) != 1:
        return None
    rows, columns = _shape(matrices[0])
    return Matrix(
        tuple(
            tuple(Add(tuple(matrix.rows[row][column] for matrix in matrices)) for column in range(columns))
            for row in range(rows)
        )
    )


def _matrix_product(node: Multiply) -> Node | None:
    """Scalars times matrices, in order; None where there is no matrix or the shapes do not fit."""
    matrices = [factor for factor in node.factors if isinstance(factor, Matrix) and not factor.determinant]
    if not matrices:
        return None
    scalars = tuple(factor for factor in node.factors if not isinstance(factor, Matrix) or factor.determinant)
    product = matrices[0]
    for factor in matrices[1:]:
        multiplied = _multiplied(product, factor)
        if multiplied is None:
            return None
        product = multiplied
    if not scalars:
        return product
    return Matrix(tuple(tuple(_folded_product(*scalars, entry) for entry in row) for row in product.rows))


def _matrix_power(node: Power, base: Matrix) -> Node:
    exponent = node.exponent
    if not isinstance(exponent, Number) or exponent.value.q != 1 or base.determinant:
        return node
    # Entries with variables would grow without bound.
    most = _MAX_MATRIX_POWER if all(isinstance(entry, Number) for row in base.rows for entry in row) else 2
    times = int(exponent.value.p) if abs(exponent.value.p) <= most else 0
    product: Matrix | None = base
    for _ in range(times - 1):
        product = _multiplied(product, base) if product is not None else None
    return product if times > 0 and product is not None else node


def _multiplied(left: Matrix, right: Matrix) -> Matrix | None:
    rows, inner = _shape(left)
    height, columns = _shape(right)
    if inner != height or rows * columns * inner > _MAX_MATRIX_ENTRIES:
        return None
    return Matrix(
        tuple(
            tuple(
                _folded_sum(*(_folded_product(left.rows[row][k], right.rows[k][column]) for k in range(inner)))
                for column in range(columns)
            )
            for row in range(rows)
        )
    )


def _folded_product(*factors: Node) -> Node:
    value = fmpq(1)
    for factor in factors:
        if not isinstance(factor, Number):
            return Multiply(factors)
        value *= factor.value
    return Number(value)


def _folded_sum(*terms: Node) -> Node:
    value = fmpq(0)
    for term in terms:
        if not isinstance(term, Number):
            return Add(terms) if len(terms) > 1 else terms[0]
        value += term.value
    return Number(value)


def _shape(matrix: Matrix) -> tuple[int, int]:
    return len(matrix.rows), len(matrix.rows[0])
