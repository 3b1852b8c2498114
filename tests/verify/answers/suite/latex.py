"""A tree of `trees.py` as LaTeX, in one plain canonical spelling; `spelling_rules.py` respells it."""

from __future__ import annotations

from tests.verify.answers.suite.trees import Tree
from tests.verify.answers.suite.values import ENDS

SUM, PRODUCT, MINUS, POWER, ATOM = range(1, 6)  # how tightly a spelling holds together
NAMES = {"pi": r"\pi", "I": "i", "oo": r"\infty"}
SIGNS = {"=": "=", "!=": r"\neq", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}
BARE = {"sec": r"\sec", "csc": r"\csc", "cot": r"\cot", "gamma": r"\Gamma"}


def latex(tree: Tree) -> str:
    """The LaTeX of any answer tree."""
    return _spell(tree)[0]


def _spell(tree: Tree) -> tuple[str, int]:
    head = tree[0]
    if head in ("num", "sym"):
        return NAMES.get(tree[1], tree[1]), ATOM
    if head == "neg":
        return "-" + _within(tree[1], MINUS), SUM
    if head in "+-":
        return f"{_within(tree[1], SUM)} {head} {_within(tree[2], PRODUCT)}", SUM
    if head == "*":
        return _product(tree), PRODUCT
    if head == "/":
        return rf"\frac{{{latex(tree[1])}}}{{{latex(tree[2])}}}", POWER
    if head == "^":
        return f"{_within(tree[1], ATOM)}^{{{latex(tree[2])}}}", POWER
    if head == "call":
        return _call(tree[1], tree[2:])
    return _collection(tree), ATOM


def _within(tree: Tree, at_least: int) -> str:
    text, tightness = _spell(tree)
    return text if tightness >= at_least else rf"\left({text}\right)"


def _product(tree: Tree) -> str:
    left, right = _within(tree[1], PRODUCT), _within(tree[2], MINUS)
    return left + right if _may_touch(tree[1], tree[2]) else rf"{left} \cdot {right}"


def _may_touch(left: Tree, right: Tree) -> bool:
    """Whether the factors can stand side by side without a sign and without being read as something else."""
    core = right[1] if right[0] == "^" else right
    begins_well = (core[0] == "sym" and core[1] not in ("pi", "oo")) or core[:2] == ("call", "sqrt")
    ends_well = left[0] == "num" or (left[0] == "sym" and len(left[1]) == 1)
    return begins_well and ends_well


def _call(name: str, arguments: tuple[Tree, ...]) -> tuple[str, int]:
    inside = [latex(argument) for argument in arguments]
    if name in ENDS:
        left, right = ENDS[name]
        return rf"\left{left}{inside[0]}, {inside[1]}\right{right}", ATOM
    spellings = {
        "sqrt": lambda: rf"\sqrt{{{inside[0]}}}",
        "root": lambda: rf"\sqrt[{inside[1]}]{{{inside[0]}}}",
        "abs": lambda: rf"\left|{inside[0]}\right|",
        "floor": lambda: rf"\lfloor {inside[0]} \rfloor",
        "ceil": lambda: rf"\lceil {inside[0]} \rceil",
        "binomial": lambda: rf"\binom{{{inside[0]}}}{{{inside[1]}}}",
        "union": lambda: r" \cup ".join(inside),
        "listed": lambda: ", ".join(inside),
        "ratio": lambda: ":".join(_within(argument, POWER) for argument in arguments),
    }
    if name in spellings:
        return spellings[name](), ATOM
    if name == "factorial":
        return f"{_within(arguments[0], ATOM)}!", POWER
    if name == "exp":
        return f"e^{{{inside[0]}}}", POWER
    if name == "pm":
        return _plus_minus(arguments), SUM
    if name in ("lg", "log"):
        base = "10" if name == "lg" else inside[1]
        return rf"\log_{{{base}}}\left({inside[0]}\right)", MINUS
    return rf"{BARE.get(name, chr(92) + name)}\left({', '.join(inside)}\right)", MINUS


def _plus_minus(arguments: tuple[Tree, ...]) -> str:
    right = _within(arguments[1], PRODUCT)
    return rf"\pm {right}" if arguments[0] == ("num", "0") else rf"{_within(arguments[0], SUM)} \pm {right}"


def _collection(tree: Tree) -> str:
    inside = [latex(item) for item in tree[2 if tree[0] == "rel" else 1 :]]
    match tree[0]:
        case "rel":
            return inside[0] + "".join(
                f" {SIGNS[sign]} {side}" for sign, side in zip(tree[1], inside[1:], strict=True)
            )
        case "tuple":
            return rf"\left({', '.join(inside)}\right)"
        case "set":
            return rf"\left\{{{', '.join(inside)}\right\}}"
        case "row":
            return " & ".join(inside)
        case _:
            return r"\begin{pmatrix} " + r" \\ ".join(inside) + r" \end{pmatrix}"
