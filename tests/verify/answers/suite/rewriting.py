"""Rewriting rules that keep the value of an answer: the table of identities, rules for numerals, rules for spelling.

A `TreeRule` changes one subtree, a `SpellingRule` the LaTeX of the whole answer. `rewrite` applies a few at random,
seeded. Rules are equalities of mathematics or of notation, each with a guard; none looks at what is being tested.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from tests.verify.answers.suite import number_rules, trees, values
from tests.verify.answers.suite.latex import latex
from tests.verify.answers.suite.spelling_rules import SPELLING_RULES
from tests.verify.answers.suite.trees import Tree

CASES = Path(__file__).resolve().parents[3] / "cases" / "answers" / "rewriting"
MAX_SIZE = 60


@dataclass(frozen=True)
class TreeRule:
    """`apply` gives a subtree of the same value, or None where the rule does not apply.

    `divides`: the new form divides by what may hold a variable; equal as a value, but not inside a relation, where
    it would lose a point.
    """

    name: str
    apply: Callable[[Tree], Tree | None]
    divides: bool = False


@dataclass(frozen=True)
class Base:
    """An answer to start from: a tree where it is written in Python's syntax, its LaTeX always."""

    kind: str
    text: str
    tree: Tree | None


@dataclass(frozen=True)
class Rewritten:
    """The new spelling and the names of the rules that led to it."""

    text: str
    rules: tuple[str, ...]


# --- guards ------------------------------------------------------------------------------------------------------


def _closed(test: Callable[[complex], bool]) -> Callable[[Tree], bool]:
    """The guard that a value without variables passes `test`."""

    def guard(tree: Tree) -> bool:
        value = values.closed_value(tree)
        return value is not None and test(value)

    return guard


@lru_cache(maxsize=50_000)
def _nonzero(tree: Tree) -> bool:
    try:
        return all(abs(values.evaluate(tree, point)) > 1e-9 for point in values.POINTS)
    except values.NoValueError:
        return False


def _integer(tree: Tree) -> bool:
    return tree[0] == "num" and tree[1].isdigit() and int(tree[1]) < 40


GUARDS: dict[str, Callable[[Tree], bool]] = {
    "number": _closed(lambda v: v.imag == 0 and abs(v) < 1e12),
    "positive": _closed(lambda v: v.imag == 0 and 1e-6 < v.real < 1e12),
    "not_one": _closed(lambda v: v.imag == 0 and 1e-3 < v.real < 1e6 and abs(v - 1) > 1e-3),
    "modest": _closed(lambda v: v.imag == 0 and abs(v) < 50),
    "inside": _closed(lambda v: v.imag == 0 and abs(v) < 0.999),
    "real": lambda tree: (
        not trees.has(tree, lambda part: part == ("sym", "I"))
        and (bool(trees.symbols(tree)) or GUARDS["number"](tree))
    ),
    "nonzero": _nonzero,
    "integer": _integer,
    "natural": lambda tree: _integer(tree) and int(tree[1]) > 0,
    "above_one": lambda tree: _integer(tree) and int(tree[1]) > 1,
    "interval": lambda tree: tree[0] == "call" and tree[1] in values.ENDS,
    "symbol": lambda tree: tree == ("sym", "x"),
}


def _sample(letter: str, guard: str, generator: random.Random) -> Tree:
    """Something simple that passes the guard."""
    if guard in ("integer", "natural", "above_one"):
        return trees.number(generator.randint(2, 9) + (5 if letter == "A" else 0))
    if guard == "number":  # in the order of the letters, so that an interval is not empty
        return trees.read(generator.choice({"A": ["1/3", "-2"], "B": ["5/2", "sqrt(7)"]}.get(letter, ["12", "pi+1"])))
    if guard in ("positive", "not_one", "modest", "real"):
        return generator.choice([trees.read(text) for text in ("3", "5/2", "sqrt(7)", "12", "1/3", "pi")])
    if guard == "inside":
        return generator.choice([trees.read("1/3"), trees.read("sqrt(2)/2")])
    if guard == "symbol":
        return ("sym", "x")
    if guard == "interval":
        return trees.read(generator.choice(["open(1,2)", "closed(3,4)", "openclosed(5,13/2)"]))
    return generator.choice([trees.read(text) for text in ("x", "a", "b", "3", "2*y", "x+1", "5/2", "7", "y", "n")])


def has_value(tree: Tree) -> bool:
    """Whether the oracle finds a number of moderate size."""
    try:
        values.fingerprint(tree)
    except (values.NoValueError, KeyError):
        return False
    return True


def instance(rule: TreeRule, generator: random.Random) -> tuple[Tree, Tree] | None:
    """Both sides of an identity with random simple things for its capitals; None for a rule of another form."""
    if not isinstance(rule.apply, partial) or rule.apply.func is not _identity:
        return None
    left, right, where = rule.apply.args
    names = {part[1] for _, part in trees.subtrees(left) if part[0] == "sym" and trees.is_metavariable(part[1])}
    for _ in range(20):
        bound = {name: _sample(name, where.get(name, ""), generator) for name in sorted(names)}
        filled = trees.fill(left, bound)
        tautology = left[0] == "rel" and not trees.symbols(filled)
        if rule.apply(filled) is not None and has_value(filled) and not tautology:
            return filled, trees.fill(right, bound)
    return None


# --- rules -------------------------------------------------------------------------------------------------------


def _identity(left: Tree, right: Tree, where: dict[str, str], tree: Tree) -> Tree | None:
    bound: dict[str, Tree] = {}
    if not trees.match(left, tree, bound):
        return None
    if not all(GUARDS[guard](bound[letter]) for letter, guard in where.items()):
        return None
    return trees.fill(right, bound)


@lru_cache(maxsize=1)
def identities() -> tuple[TreeRule, ...]:
    """The rules of `identities.jsonl`."""
    rows = [json.loads(line) for line in (CASES / "identities.jsonl").read_text().splitlines()]
    return tuple(
        TreeRule(
            row["name"],
            partial(_identity, trees.read(row["left"]), trees.read(row["right"]), row.get("where", {})),
            divides="nonzero" in row.get("where", {}).values(),
        )
        for row in rows
    )


@lru_cache(maxsize=1)
def tree_rules() -> tuple[TreeRule, ...]:
    """Identities and the rules for numerals."""
    numerals = [
        TreeRule(f"a numeral as {name}", partial(number_rules.respell_integer, rule))
        for name, rule in number_rules.INTEGER_RULES.items()
    ]
    return (*identities(), *numerals, *(TreeRule(name, rule) for name, rule in number_rules.TREE_RULES.items()))


@lru_cache(maxsize=1)
def bases() -> tuple[Base, ...]:
    """The corpus: `bases.jsonl`. Kinds in `RAW` are written in LaTeX already."""
    raw = {"quantity", "words", "choice", "other"}
    found = []
    for line in (CASES / "bases.jsonl").read_text().splitlines():
        row = json.loads(line)
        tree = None if row["kind"] in raw else trees.read(row["answer"])
        found.append(Base(row["kind"], row["answer"] if tree is None else latex(tree), tree))
    return tuple(found)


def places(rule: TreeRule, tree: Tree) -> list[tuple[tuple[int, ...], Tree]]:
    """Where the rule applies: paths with what would stand there."""
    found: list[tuple[tuple[int, ...], Tree]] = []
    if rule.divides and tree[0] == "rel":
        return found
    for path, part in trees.subtrees(tree):
        if _fixed(tree, path):
            continue
        new = rule.apply(part)
        if new is not None and new != part:
            found.append((path, new))
    return found


def _fixed(tree: Tree, path: tuple[int, ...]) -> bool:
    """Positions where a numeral is notation: the index of a root, a base, a whole row, infinity."""
    parent = tree
    for position in path:
        if parent[:2] in (("call", "root"), ("call", "log")) and position == 3:
            return True
        if parent[0] == "call" and position == 1:
            return True
        parent = parent[position]
    return parent[0] == "row" or parent in (("sym", "oo"), ("neg", ("sym", "oo")))


def rewrite(base: Base, generator: random.Random, steps: int) -> Rewritten:
    """`steps` random rules that apply, tree rules before spelling rules."""
    tree: Tree | None = base.tree
    used: list[str] = []
    spelling_steps = generator.randint(0, steps) if tree is not None else steps
    for _ in range(steps - spelling_steps):
        step = _random_step(tree, generator) if tree is not None else None
        if step is None:
            break
        name, tree = step
        used.append(name)
    text = base.text if tree is None else latex(tree)
    for _ in range(spelling_steps):
        rule, text = _random_spelling(text, base.kind, generator)
        used.append(rule)
    return Rewritten(text, tuple(used))


def _random_spelling(text: str, kind: str, generator: random.Random) -> tuple[str, str]:
    """The name of a rule that applies and the new text; "nothing" and the old text where none was found."""
    for rule in generator.sample(SPELLING_RULES, 60):
        new = rule.apply(text, kind)
        if new is not None and new != text:
            return rule.name, new
    return "nothing", text


def _random_step(tree: Tree, generator: random.Random) -> tuple[str, Tree] | None:
    for _ in range(40):
        rule = generator.choice(tree_rules())
        found = places(rule, tree)
        if not found:
            continue
        path, new = generator.choice(found)
        changed = trees.replace(tree, path, new)
        if trees.size(changed) <= MAX_SIZE:
            return rule.name, changed
    return None
