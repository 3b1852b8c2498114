"""Edits that change an answer's value: what a wrong answer looks like. Each is named and takes a tree, or a raw text.

A `TreeEdit` is tried at every subtree; the oracle of `values.py` throws away what happens to leave the value alone.
`TEXT_EDITS` are for answers that are not trees (units, words, choices, bases, congruences).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.verify.answers.suite import trees, values
from tests.verify.answers.suite.trees import Tree

ONE, TWO, PI = ("num", "1"), ("num", "2"), ("sym", "pi")
Edit = Callable[[Tree], Tree | None]


@dataclass(frozen=True)
class TreeEdit:
    """`apply` gives a subtree that means something else, or None."""

    name: str
    apply: Edit


def _integer(change: Callable[[int], int | None]) -> Edit:
    """An edit of an integer numeral."""

    def apply(tree: Tree) -> Tree | None:
        if tree[0] != "num" or not tree[1].isdigit():
            return None
        new = change(int(tree[1]))
        return None if new is None else trees.number(new)

    return apply


def _digits(change: Callable[[str], str | None]) -> Edit:
    """An edit of the digits of a numeral."""

    def apply(tree: Tree) -> Tree | None:
        new = change(tree[1]) if tree[0] == "num" else None
        return ("num", new) if new and re.fullmatch(r"\d+(\.\d+)?", new) else None

    return apply


def _head(old: str, change: Callable[[Tree], Tree]) -> Edit:
    """An edit of trees with one head."""
    return lambda tree: change(tree) if tree[0] == old else None


def _function(old: str, change: Callable[[Tree], Tree | None]) -> Edit:
    """An edit of calls of one function."""
    return lambda tree: change(tree) if tree[:2] == ("call", old) else None


def _renamed(old: str, new: str) -> Edit:
    """Another function of the same arguments."""
    return _function(old, lambda tree: ("call", new, *tree[2:]))


def _signs(change: dict[str, str]) -> Edit:
    """Other signs of a relation."""

    def apply(tree: Tree) -> Tree | None:
        if tree[0] != "rel" or not any(sign in change for sign in tree[1]):
            return None
        return ("rel", tuple(change.get(sign, sign) for sign in tree[1]), *tree[2:])

    return apply


def _items(head: str, at_least: int, change: Callable[[tuple[Tree, ...]], tuple[Tree, ...]]) -> Edit:
    """Other items of a set, tuple or matrix, or of a call such as `listed`."""

    def apply(tree: Tree) -> Tree | None:
        named = tree[0] == "call"
        if (tree[1] if named else tree[0]) != head:
            return None
        start = 2 if named else 1
        return (*tree[:start], *change(tree[start:])) if len(tree) - start >= at_least else None

    return apply


def _renamed_variable(tree: Tree) -> Tree | None:
    return ("sym", "w") if tree[0] == "sym" and len(tree[1]) == 1 and tree[1] not in "eIw" else None


def _cut(places: int) -> Edit:
    """An irrational or unending value cut after some places."""

    def apply(tree: Tree) -> Tree | None:
        value = values.closed_value(tree)
        if tree[0] == "num" or value is None or value.imag or not 1e-2 < abs(value.real) < 1e4:
            return None
        digits = f"{abs(value.real):.{places}f}"
        return ("neg", ("num", digits)) if value.real < 0 else ("num", digits)

    return apply


def _transposed(rows: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """Rows as columns; a vector stays, as a row it is the same vector to many."""
    if len(rows[0]) < 3:
        return rows
    return tuple(("row", *column) for column in zip(*(row[1:] for row in rows), strict=True))


def _first(change: Callable[[Tree], Tree]) -> Callable[[tuple[Tree, ...]], tuple[Tree, ...]]:
    """The first item changed."""
    return lambda items: (change(items[0]), *items[1:])


def _plus_one(tree: Tree) -> Tree:
    return ("+", tree, ONE)


def _negative(tree: Tree) -> Tree:
    return ("neg", tree)


def _end(position: int, change: Callable[[Tree], Tree]) -> Edit:
    """Another end of an interval."""

    def apply(tree: Tree) -> Tree | None:
        if tree[0] != "call" or tree[1] not in values.ENDS:
            return None
        return trees.replace(tree, (position,), change(tree[position]))

    return apply


ENDS_OPENED = {"closed": "open", "closedopen": "open", "openclosed": "open"}
ENDS_CLOSED = {"open": "closed", "closedopen": "closed", "openclosed": "closed"}


def _bounded(new: dict[str, str]) -> Edit:
    """Other brackets of an interval whose ends are numbers."""

    def apply(tree: Tree) -> Tree | None:
        if tree[0] != "call" or tree[1] not in new or trees.has(tree, lambda part: part == ("sym", "oo")):
            return None
        return ("call", new[tree[1]], *tree[2:])

    return apply


_TABLE: dict[str, Edit] = {
    # numerals
    "one more": _integer(lambda n: n + 1),
    "one less": _integer(lambda n: n - 1),
    "two more": _integer(lambda n: n + 2),
    "ten times": _integer(lambda n: 10 * n),
    "a hundred times": _integer(lambda n: 100 * n),
    "doubled": _integer(lambda n: 2 * n),
    "squared": _integer(lambda n: n * n),
    "sign of a numeral": _integer(lambda n: -n),
    "a tenth": _digits(lambda d: f"{d[:-1] or '0'}.{d[-1]}" if d.isdigit() else None),
    "last two digits swapped": _digits(
        lambda d: d[:-2] + d[-1] + d[-2] if d[:-1].isdigit() and d[-1] in "123456789" else None
    ),
    "last digit dropped": _digits(lambda d: d[:-1] if d.isdigit() and len(d) > 1 else None),
    "last digit doubled": _digits(lambda d: d + d[-1] if d.isdigit() else None),
    "last digit changed": _digits(lambda d: d[:-1] + str((int(d[-1]) + 5) % 10)),
    "first digit changed": _digits(lambda d: str(int(d[0]) % 9 + 1) + d[1:] if d[0] != "0" else None),
    "zero slipped in": _digits(lambda d: d[0] + "0" + d[1:] if d.isdigit() and len(d) > 1 else None),
    "zero after the point": _digits(lambda d: d.replace(".", ".0") if "." in d else None),
    "point lost": _digits(lambda d: d.replace(".", "").lstrip("0") if "." in d else None),
    # operations
    "plus to minus": _head("+", lambda t: ("-", *t[1:])),
    "minus to plus": _head("-", lambda t: ("+", *t[1:])),
    "sum to product": _head("+", lambda t: ("*", *t[1:])),
    "product to sum": _head("*", lambda t: ("+", *t[1:])),
    "difference turned": _head("-", lambda t: ("-", t[2], t[1])),
    "first term lost": _head("+", lambda t: t[2]),
    "last term lost": _head("+", lambda t: t[1]),
    "subtrahend lost": _head("-", lambda t: t[1]),
    "first factor lost": _head("*", lambda t: t[2]),
    "last factor lost": _head("*", lambda t: t[1]),
    "quotient upside down": _head("/", lambda t: ("/", t[2], t[1])),
    "quotient to product": _head("/", lambda t: ("*", *t[1:])),
    "product to quotient": _head("*", lambda t: ("/", *t[1:])),
    "denominator lost": _head("/", lambda t: t[1]),
    "numerator lost": _head("/", lambda t: ("/", ONE, t[2])),
    "sign lost": _head("neg", lambda t: t[1]),
    "sign of the whole": lambda t: ("neg", t) if trees.is_value(t) and t[0] != "neg" else None,
    "exponent one more": _head("^", lambda t: ("^", t[1], ("+", t[2], ONE))),
    "exponent one less": _head("^", lambda t: ("^", t[1], ("-", t[2], ONE))),
    "exponent's sign": _head("^", lambda t: ("^", t[1], ("neg", t[2]))),
    "exponent lost": _head("^", lambda t: t[1]),
    "base and exponent swapped": _head("^", lambda t: ("^", t[2], t[1])),
    "power as a product": _head("^", lambda t: ("*", t[2], t[1])),
    # functions
    "sine to cosine": _renamed("sin", "cos"),
    "cosine to sine": _renamed("cos", "sin"),
    "sine to tangent": _renamed("sin", "tan"),
    "tangent to cotangent": _renamed("tan", "cot"),
    "cotangent to tangent": _renamed("cot", "tan"),
    "secant to cosecant": _renamed("sec", "csc"),
    "cosecant to secant": _renamed("csc", "sec"),
    "sine to hyperbolic sine": _renamed("sin", "sinh"),
    "hyperbolic cosine to cosine": _renamed("cosh", "cos"),
    "hyperbolic cosine to sine": _renamed("cosh", "sinh"),
    "hyperbolic tangent to tangent": _renamed("tanh", "tan"),
    "arc tangent to tangent": _renamed("arctan", "tan"),
    "arc sine to arc cosine": _renamed("arcsin", "arccos"),
    "arc cosine to arc sine": _renamed("arccos", "arcsin"),
    "natural to decimal logarithm": _renamed("ln", "lg"),
    "decimal to natural logarithm": _renamed("lg", "ln"),
    "logarithm lost": _function("ln", lambda t: t[2]),
    "base and argument swapped": _function("log", lambda t: ("call", "log", t[3], t[2])),
    "base one more": _function("log", lambda t: ("call", "log", t[2], ("num", str(int(t[3][1]) + 1)))),
    "root lost": _function("sqrt", lambda t: t[2]),
    "square root to cube root": _function("sqrt", lambda t: ("call", "root", t[2], ("num", "3"))),
    "cube root to square root": _function("root", lambda t: ("call", "sqrt", t[2])),
    "index one more": _function("root", lambda t: ("call", "root", t[2], ("num", str(int(t[3][1]) + 1)))),
    "exponential lost": _function("exp", lambda t: t[2]),
    "exponential's sign": _function("exp", lambda t: ("call", "exp", ("neg", t[2]))),
    "bars lost": _function("abs", lambda t: t[2]),
    "negative modulus": _function("abs", lambda t: ("neg", t)),
    "factorial lost": _function("factorial", lambda t: t[2]),
    "factorial of one less": _function("factorial", lambda t: ("call", "factorial", ("-", t[2], ONE))),
    "factorial of one more": _function("factorial", lambda t: ("call", "factorial", ("+", t[2], ONE))),
    "binomial to quotient": _function("binomial", lambda t: ("/", t[2], t[3])),
    "binomial one more below": _function("binomial", lambda t: ("call", "binomial", t[2], ("+", t[3], ONE))),
    "binomial one less above": _function("binomial", lambda t: ("call", "binomial", ("-", t[2], ONE), t[3])),
    # names
    "another variable": _renamed_variable,
    "pi lost": lambda t: ONE if t == PI else None,
    "pi doubled": lambda t: ("*", TWO, PI) if t == PI else None,
    "pi as three": lambda t: ("num", "3") if t == PI else None,
    "pi cut": lambda t: ("num", "3.14") if t == PI else None,
    "e cut": lambda t: ("num", "2.718") if t == ("sym", "e") else None,
    "conjugate": lambda t: ("neg", t) if t == ("sym", "I") else None,
    "imaginary unit lost": lambda t: ONE if t == ("sym", "I") else None,
    "cut after two places": _cut(2),
    "cut after four places": _cut(4),
    "cut after eight places": _cut(8),
    # relations and regions
    "inequality turned": _signs({"<": ">", ">": "<", "<=": ">=", ">=": "<="}),
    "strict": _signs({"<=": "<", ">=": ">"}),
    "weak": _signs({"<": "<=", ">": ">="}),
    "equation to inequality": _signs({"=": "<="}),
    "inequation to equation": _signs({"!=": "="}),
    "inequality to equation": _signs({"<=": "=", ">=": "="}),
    "brackets opened": _bounded(ENDS_OPENED),
    "brackets closed": _bounded(ENDS_CLOSED),
    "brackets swapped": _bounded({"closedopen": "openclosed", "openclosed": "closedopen"}),
    "lower end moved": _end(2, _plus_one),
    "upper end moved": _end(3, _plus_one),
    "lower end's sign": _end(2, _negative),
    "half of a union": _function("union", lambda t: t[2]),
    "other half of a union": _function("union", lambda t: t[3]),
    # collections
    "first element lost": _items("set", 2, lambda items: items[1:]),
    "last element lost": _items("set", 2, lambda items: items[:-1]),
    "an element too many": _items("set", 1, lambda items: (*items, ("num", "77"))),
    "two elements too many": _items("set", 1, lambda items: (*items, ("num", "55"), ("num", "77"))),
    "an element's sign": _items("set", 1, _first(_negative)),
    "an element one more": _items("set", 1, _first(_plus_one)),
    "first listed lost": _items("listed", 3, lambda items: items[1:]),
    "one listed too many": _items("listed", 2, lambda items: (*items, ("num", "77"))),
    "only the upper sign": _function("pm", lambda t: ("+", t[2], t[3])),
    "only the lower sign": _function("pm", lambda t: ("-", t[2], t[3])),
    "components swapped": _items("tuple", 2, lambda items: (items[1], items[0], *items[2:])),
    "components reversed": _items("tuple", 2, lambda items: items[::-1]),
    "a component lost": _items("tuple", 3, lambda items: items[:-1]),
    "a component too many": _items("tuple", 2, lambda items: (*items, ("num", "0"))),
    "a component's sign": _items("tuple", 2, _first(_negative)),
    "transposed": _items("matrix", 2, _transposed),
    "rows swapped": _items("matrix", 2, lambda rows: (rows[1], rows[0], *rows[2:])),
    "a row lost": _items("matrix", 3, lambda rows: rows[:-1]),
    "columns swapped": _items("matrix", 2, lambda rows: tuple(("row", *row[:0:-1]) for row in rows)),
    "an entry one more": _items("row", 1, _first(_plus_one)),
    "ratio turned": _items("ratio", 2, lambda items: items[::-1]),
    "a term too many": _items("ratio", 2, lambda items: (*items, ("num", "7"))),
}
TREE_EDITS = tuple(TreeEdit(name, apply) for name, apply in _TABLE.items())

# (kind, pattern, replacement): regular expressions on answers that are not trees.
TEXT_EDITS: dict[str, tuple[str, str, str]] = {
    "centimetres to metres": ("quantity", r"\{ cm\}", "{ m}"),
    "centimetres to millimetres": ("quantity", r"\{ cm\}", "{ mm}"),
    "area to length": ("quantity", r"cm\}\^2", "cm}"),
    "area to volume": ("quantity", r"cm\}\^2", "cm}^3"),
    "length to area": ("quantity", r"\{ (cm|km|m)\}$", r"{ \1}^2"),
    "kilometres to miles": ("quantity", r"\{ km\}", "{ miles}"),
    "kilometres to kilometres an hour": ("quantity", r"\{ km\}", "{ km/h}"),
    "kilograms to grams": ("quantity", r"\{ kg\}", "{ g}"),
    "kilograms to kilometres": ("quantity", r"\{ kg\}", "{ km}"),
    "metres to seconds": ("quantity", r"\{ m\}", "{ s}"),
    "quantity ten times": ("quantity", r"^(\\?\$?)(\d+)", r"\g<1>\g<2>0"),
    "quantity's sign": ("quantity", "^", "-"),
    "percent to degrees": ("quantity", r"\\%", r"^\\circ"),
    "degrees to percent": ("quantity", r"\^\\circ", r"\\%"),
    "degrees to radians": ("quantity", r"\^\\circ", r" \\text{ radians}"),
    "dollars to euros": ("quantity", r"^\\\$", "€"),
    "dollars to cents": ("quantity", r"^\\\$(\d+)", r"\1 \\text{ cents}"),
    "negated words": ("words", r"\\text\{", r"\\text{not "),
    "words hedged": ("words", r"$", r" \\text{ or something else}"),
    "odd to even": ("words", "odd", "even"),
    "another name": ("words", "Evelyn", "Evelina"),
    "another day": ("words", "Monday", "Tuesday"),
    "words cut": ("words", "no solution", "solution"),
    "a word too many": ("words", r"\}$", " unknown}"),
    "next choice": ("choice", r"[BC]", "D"),
    "choice hedged": ("choice", r"$", r" \\text{ or D}"),
    "choice negated": ("choice", "^", r"\\text{not }"),
    "another base": ("other", r"204_5", "204_6"),
    "digits of a base numeral": ("other", r"204_5", "402_5"),
    "another residue": ("other", r"equiv 3", "equiv 4"),
    "another modulus": ("other", r"pmod\{7\}", "pmod{8}"),
    "condition turned": ("other", r"x > 2", "x < 2"),
    "condition weak": ("other", r"x > 2", r"x \\ge 2"),
    "condition moved": ("other", r"x > 2", "x > 3"),
    "upper bound one more": ("other", r"\^\{10\}", "^{11}"),
    "lower bound one more": ("other", r"k=1", "k=2"),
    "summand's power": ("other", r"k\^2", "k^3"),
    "function's sign": ("other", r"x\^2 \+ 1", "x^2 - 1"),
    "function's power": ("other", r"x\^2", "x^3"),
    "another set of numbers": ("other", r"mathbb\{R\}", "mathbb{Q}"),
    "empty to zero": ("other", r"\\emptyset", r"\\{0\\}"),
    "afternoon to morning": ("other", r"p\.m\.", "a.m."),
    "minutes changed": ("other", "4:30", "4:03"),
    "another repeating digit": ("other", r"overline\{3\}", "overline{6}"),
    "repetition lost": ("other", r"\\overline\{3\}", "3"),
}


def changed(tree: Tree, generator: random.Random) -> tuple[str, Tree] | None:
    """A random edit at a random place that truly changes the value, with its name; None where none was found."""
    for _ in range(40):
        edit = generator.choice(TREE_EDITS)
        found = edited(edit, tree)
        if found:
            return edit.name, generator.choice(found)
    return None


def edited(edit: TreeEdit, tree: Tree) -> list[Tree]:
    """Every tree that the edit makes of this one and that the oracle finds to differ."""
    found = []
    for path, part in trees.subtrees(tree):
        if _notation(tree, path, part):
            continue
        new = edit.apply(part)
        if new is not None and differs(tree, whole := trees.replace(tree, path, new)):
            found.append(whole)
    return found


def _notation(tree: Tree, path: tuple[int, ...], part: Tree) -> bool:
    """Indices of roots, bases of logarithms and infinity are not numbers to be edited."""
    parent = tree
    for position in path[:-1]:
        parent = parent[position]
    fixed = bool(path) and path[-1] == 3 and parent[:2] in (("call", "root"), ("call", "log"))
    return fixed or (trees.is_value(part) and trees.has(part, lambda inner: inner == ("sym", "oo")))


def differs(before: Tree, after: Tree) -> bool:
    """Whether the oracle tells the two apart; a decimal reference is a rounding, so near it says nothing."""
    try:
        old, new = values.fingerprint(before), values.fingerprint(after)
    except values.NoValueError:
        return False
    if before[0] == "num" and "." in before[1]:
        return abs(old[1] - new[1]) > abs(old[1]) / 50 if old[0] == new[0] == "value" else True
    if values.is_real(old) and not values.is_real(new):
        return False  # (-5)^{2/3} is real to some and complex to others
    return not values.same(old, new)
