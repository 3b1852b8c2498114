"""What a tree is worth, by mpmath at 50 digits: the oracle that says whether a rewriting kept the value.

In: a tree of `trees.py`. Out: a fingerprint, numbers at fixed points for whatever the tree is; equal fingerprints to
`TOLERANCE` are equal answers. Sets and lists are sorted, regions and relations are looked up at a grid of points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import mpmath
from mpmath import mp, mpc, mpf

from tests.verify.answers.suite.trees import Tree, is_value, symbols

DIGITS = 50
TOLERANCE = mpf(10) ** -30
LETTERS = "abchnrwxyz"
# Irrational-looking positive values, so that no identity holds by accident; n is integer for factorials' sake.
POINTS = [
    {letter: mpf(7 + 5 * k * k + 11 * j) / (13 + 3 * k) for k, letter in enumerate(LETTERS)} | {"n": mpf(4 + j)}
    for j in range(4)
]
GRID = [mpf(k) / 4 for k in range(-48, 49)] + [mpf("1.41421"), mpf("1.41422"), mpf(100), mpf(-100)]


class NoValueError(Exception):
    """The tree has no value at the point: a pole, a logarithm of zero, something too large."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": mpmath.sqrt,
    "root": lambda x, n: mpmath.root(x, int(n)) if n == int(n) else x ** (1 / n),
    "abs": abs,
    "ln": mpmath.log,
    "lg": mpmath.log10,
    "log": lambda x, base: mpmath.log(x) / mpmath.log(base),
    "exp": mpmath.exp,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "factorial": mpmath.factorial,
    "gamma": mpmath.gamma,
    "binomial": mpmath.binomial,
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "gcd": lambda a, b: mpf(math.gcd(int(a), int(b))),
    "lcm": lambda a, b: mpf(math.lcm(int(a), int(b))),
    "max": max,
    "min": min,
    **{name: getattr(mpmath, name) for name in "sin cos tan cot sec csc sinh cosh tanh".split()},
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: abs(a - b) < TOLERANCE,
    "!=": lambda a, b: abs(a - b) >= TOLERANCE,
    "<": lambda a, b: a < b - TOLERANCE,
    "<=": lambda a, b: a <= b + TOLERANCE,
    ">": lambda a, b: a > b + TOLERANCE,
    ">=": lambda a, b: a >= b - TOLERANCE,
}
ENDS = {"open": "()", "closed": "[]", "closedopen": "[)", "openclosed": "(]"}


@lru_cache(maxsize=50_000)
def closed_value(tree: Tree) -> complex | None:
    """The number a tree without variables stands for, as a double; None where it has none."""
    if symbols(tree) or not is_value(tree):
        return None
    try:
        return complex(evaluate(tree, {}))
    except NoValueError:
        return None


def evaluate(tree: Tree, point: dict[str, Any]) -> Any:
    """The number a value tree stands for; raises NoValueError."""
    try:
        with mp.workdps(DIGITS):
            result = _evaluate(tree, point)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError, KeyError) as error:
        raise NoValueError(str(error)) from error
    if not mpmath.isfinite(result) or abs(result) > mpf(10) ** 60:
        raise NoValueError("no finite number of moderate size")
    return mpmath.re(result) if abs(mpmath.im(result)) <= TOLERANCE * max(1, abs(result)) else result


def _evaluate(tree: Tree, point: dict[str, Any]) -> Any:
    head = tree[0]
    if head == "num":
        return mpf(tree[1])
    if head == "sym":
        constants = {"pi": +mp.pi, "e": +mp.e, "I": mpc(0, 1), "oo": mpf("1e50")}
        return constants[tree[1]] if tree[1] in constants else point[tree[1]]
    if head == "neg":
        return -_evaluate(tree[1], point)
    if head == "^":
        base, exponent = _evaluate(tree[1], point), _evaluate(tree[2], point)
        if abs(exponent) > 400:
            raise OverflowError("exponent")
        return base**exponent
    if head in ARITHMETIC:
        return ARITHMETIC[head](_evaluate(tree[1], point), _evaluate(tree[2], point))
    return FUNCTIONS[tree[1]](*(_evaluate(argument, point) for argument in tree[2:]))


def fingerprint(tree: Tree) -> Any:
    """Numbers that two equal answers share, nested as the answer is; raises NoValueError where it can't be had."""
    with mp.workdps(DIGITS):
        return _fingerprint(tree)


def _fingerprint(tree: Tree) -> Any:
    head, name = tree[0], tree[1] if len(tree) > 1 else None
    if head == "set" or name == "listed":
        items = tree[1:] if head == "set" else tree[2:]
        return ("set", sorted((fingerprint(item) for item in items), key=str))
    if name == "pm":
        return fingerprint(("set", ("+", *tree[2:]), ("-", *tree[2:])))
    if head in ("tuple", "matrix", "row"):
        return (head, *(fingerprint(item) for item in tree[1:]))
    if name == "ratio":
        first, *rest = (evaluate(item, {}) for item in tree[2:])
        return ("ratio", *(item / first for item in rest))
    if head == "rel" or name in ("union", *ENDS):
        return ("region", *_truths(tree))
    if not symbols(tree):
        return ("value", *[evaluate(tree, {})] * len(POINTS))
    return ("value", *(evaluate(tree, point) for point in POINTS))


def _truths(tree: Tree) -> list[bool]:
    """Where a relation or region holds: at a grid of x, the other letters being fixed small integers."""
    others = {letter: mpf(k % 3 + 1) for k, letter in enumerate(LETTERS)}
    names = symbols(tree)
    heights = (mpf(-3), mpf(2), mpf(4), mpf("0.25")) if "y" in names else (mpf(1),)
    return [_holds(tree, others | {"x": x, "y": y}) for x in GRID for y in heights]


def _holds(tree: Tree, point: dict[str, Any]) -> bool:
    if tree[0] == "rel":
        sides = [_real(evaluate(side, point)) for side in tree[2:]]
        return all(HOLDS[sign](*pair) for sign, *pair in zip(tree[1], sides, sides[1:], strict=False))
    if tree[1] == "union":
        return any(_holds(part, point) for part in tree[2:])
    low, high = (_real(evaluate(end, point)) for end in tree[2:])
    left, right = ENDS[tree[1]]
    return HOLDS[">=" if left == "[" else ">"](point["x"], low) and HOLDS["<=" if right == "]" else "<"](
        point["x"], high
    )


def _real(value: Any) -> Any:
    if abs(mpmath.im(value)) > TOLERANCE:
        raise NoValueError("not real")
    return mpmath.re(value)


def is_real(found: Any) -> bool:
    """Whether no number of a fingerprint is complex."""
    if isinstance(found, (tuple, list)):
        return all(is_real(part) for part in found)
    return not isinstance(found, mpc)


def same(left: Any, right: Any) -> bool:
    """Whether two fingerprints agree."""
    with mp.workdps(DIGITS):
        return _same(left, right)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, (tuple, list)):
        return (
            isinstance(right, (tuple, list))
            and len(left) == len(right)
            and all(_same(ours, theirs) for ours, theirs in zip(left, right, strict=True))
        )
    if isinstance(left, (str, bool)) or isinstance(right, (str, bool, tuple, list)):
        return bool(left == right)
    return bool(abs(left - right) <= TOLERANCE * max(1, abs(left)))
