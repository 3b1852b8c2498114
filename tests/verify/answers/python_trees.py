"""Answer trees written as Python expressions: `tree("sqrt(2)/2 + x**2")`. For tests of what works on trees alone.

Known functions become `Call`, other ones `Apply`; `pi`, `e`, `i`, `oo` are constants; `Sum(k, 1, n, body)`,
`Product(...)` and `Integral(...)` are `Big`; a decimal keeps its places; `a < b` is a `Relation`,
a tuple a `Listing`.
"""

from __future__ import annotations

import ast

from flint import fmpq, fmpz

from verify.answers.tree import (
    FUNCTIONS,
    Add,
    Apply,
    Big,
    BigKind,
    Call,
    Constant,
    Divide,
    Listing,
    Matrix,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Relation,
    Symbol,
)

_CONSTANTS = {"pi": Name.PI, "e": Name.E, "i": Name.IMAGINARY, "oo": Name.INFINITY}
_OPERATORS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=", ast.NotEq: "!=", ast.In: "in"}


def tree(text: str) -> Node:
    """The tree of a Python expression."""
    return _convert(ast.parse(text, mode="eval").body, text)


def _convert(node: ast.expr, text: str) -> Node:
    def go(inner: ast.expr) -> Node:
        return _convert(inner, text)

    match node:
        case ast.Constant():
            return _number(ast.get_source_segment(text, node) or str(node.value))
        case ast.Name(name):
            return Constant(_CONSTANTS[name]) if name in _CONSTANTS else Symbol(name)
        case ast.UnaryOp(ast.USub(), operand):
            return Negate(go(operand))
        case ast.BinOp(left, operator, right):
            return _operation(operator, go(left), go(right))
        case ast.Compare(left, operators, others):
            return Relation(tuple(_OPERATORS[type(one)] for one in operators), tuple(map(go, [left, *others])))
        case ast.Tuple(items):
            return Listing(tuple(map(go, items)))
        case ast.List(rows):
            return Matrix(tuple(tuple(map(go, row.elts)) for row in rows if isinstance(row, ast.List)))
        case ast.Call(ast.Name(name), arguments):
            return _called(name, tuple(map(go, arguments)))
        case _:
            raise ValueError(text)


def _number(text: str) -> Number:
    if "." in text:
        whole, decimals = text.split(".")
        return Number(fmpq(fmpz(int(whole + decimals)), fmpz(10) ** len(decimals)), len(decimals))
    return Number(fmpq(fmpz(text)))


def _operation(operator: ast.operator, left: Node, right: Node) -> Node:
    match operator:
        case ast.Add():
            return Add((left, right))
        case ast.Sub():
            return Add((left, Negate(right)))
        case ast.Mult():
            return Multiply((left, right))
        case ast.Div():
            return Divide(left, right)
        case ast.Pow():
            return Power(left, right)
        case ast.Mod():
            return Call("mod", (left, right))
        case _:
            raise ValueError(operator)


def _called(name: str, arguments: tuple[Node, ...]) -> Node:
    if name in {"Sum", "Product", "Integral", "Limit"}:
        variable, lower, upper, body = arguments
        assert isinstance(variable, Symbol | Constant)
        bound = variable.name if isinstance(variable, Symbol) else variable.name.value
        return Big(BigKind(name.lower()), bound, lower, upper, body)
    return Call(name, arguments) if name in FUNCTIONS else Apply(name, arguments)
