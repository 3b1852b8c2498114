"""Answers as trees that the suites rewrite: Python's own syntax in, nested tuples out.

A tree is `(head, *children)`: `("num", "0.5")`, `("sym", "x")`, `("+", a, b)`, `("neg", a)`, `("call", "sin", a)`,
`("rel", ("<", "<="), a, b, c)`, `("tuple", …)`, `("set", …)`, `("matrix", row, row)`, `("row", …)`. Independent of
`verify` on purpose: the suites judge it. Single capitals but `I` (the imaginary unit) stand for anything in a rule.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

Tree = tuple[Any, ...]

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
COMPARISONS = {ast.Eq: "=", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def read(text: str) -> Tree:
    """The tree of an expression in Python's syntax."""
    return _tree(ast.parse(text, mode="eval").body, text)


def _tree(node: ast.expr, text: str) -> Tree:
    match node:
        case ast.Constant() | ast.Name():
            head = "sym" if isinstance(node, ast.Name) else "num"
            return (head, ast.get_source_segment(text, node))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return ("neg", _tree(operand, text))
        case ast.BinOp(left=left, op=operator, right=right):
            return (OPERATORS[type(operator)], _tree(left, text), _tree(right, text))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return ("call", name, *(_tree(argument, text) for argument in arguments))
        case ast.Compare(left=left, ops=operators, comparators=others):
            signs = tuple(COMPARISONS[type(operator)] for operator in operators)
            return ("rel", signs, *(_tree(side, text) for side in (left, *others)))
        case ast.Tuple(elts=items):
            return ("tuple", *(_tree(item, text) for item in items))
        case ast.Set(elts=items):
            return ("set", *(_tree(item, text) for item in items))
        case ast.List(elts=rows):
            return ("matrix", *(("row", *(_tree(item, text) for item in row.elts)) for row in rows))
    raise ValueError(f"no tree for {ast.dump(node)}")


def number(value: int) -> Tree:
    """The tree of an integer; a negative one is a minus before its digits."""
    return ("neg", ("num", str(-value))) if value < 0 else ("num", str(value))


def subtrees(tree: Tree, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Tree]]:
    """Every subtree with the path of child positions that leads to it, the tree itself first."""
    yield path, tree
    for position, child in enumerate(tree):
        if position and is_tree(child):
            yield from subtrees(child, (*path, position))


def replace(tree: Tree, path: tuple[int, ...], new: Tree) -> Tree:
    """`tree` with `new` in place of the subtree at `path`."""
    if not path:
        return new
    position = path[0]
    return (*tree[:position], replace(tree[position], path[1:], new), *tree[position + 1 :])


def symbols(tree: Tree) -> set[str]:
    """Names of the variables; `pi`, `e`, `I` and `oo` are constants."""
    return {part[1] for _, part in subtrees(tree) if part[0] == "sym"} - {"pi", "e", "I", "oo"}


def has(tree: Tree, test: Callable[[Tree], bool]) -> bool:
    """Whether any subtree passes."""
    return any(test(part) for _, part in subtrees(tree))


def size(tree: Tree) -> int:
    """How many subtrees."""
    return sum(1 for _ in subtrees(tree))


def match(pattern: Tree, tree: Tree, bound: dict[str, Tree], *, regions: bool = False) -> bool:
    """Whether `tree` is an instance of `pattern`; what the capitals stand for (values only) goes into `bound`."""
    if pattern[0] == "sym" and is_metavariable(pattern[1]):
        return (regions or is_value(tree)) and bound.setdefault(pattern[1], tree) == tree
    if len(pattern) != len(tree) or pattern[0] != tree[0]:
        return False
    regions = pattern[:2] == ("call", "union")
    return all(
        match(ours, theirs, bound, regions=regions) if is_tree(ours) and is_tree(theirs) else ours == theirs
        for ours, theirs in zip(pattern[1:], tree[1:], strict=True)
    )


def is_tree(part: object) -> bool:
    """Whether a child is a tree, not a name, digits or the signs of a relation."""
    return isinstance(part, tuple) and bool(part) and part[0] in HEADS


def is_value(tree: Tree) -> bool:
    """Whether the tree stands for one number or expression."""
    if tree[0] == "call":
        return tree[1] not in MANY
    return tree[0] not in ("rel", "tuple", "set", "matrix", "row")


MANY = {"pm", "listed", "ratio", "union", "open", "closed", "openclosed", "closedopen"}
HEADS = {"num", "sym", "neg", "call", "tuple", "set", "matrix", "row", "rel", *OPERATORS.values()}


def is_metavariable(name: str) -> bool:
    """A capital other than `I` stands for any tree in a rule."""
    return len(name) == 1 and name.isupper() and name != "I"


def fill(pattern: Tree, bound: dict[str, Tree]) -> Tree:
    """`pattern` with its capitals replaced."""
    if pattern[0] == "sym":
        return bound.get(pattern[1], pattern)
    return tuple(fill(part, bound) if is_tree(part) else part for part in pattern)
