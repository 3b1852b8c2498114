"""Random closed expressions: `check_answer` calls equal and different what mpmath at 50 digits does, both ways."""

from __future__ import annotations

import random

import pytest

from tests.verify.answers.suite import trees, values
from tests.verify.answers.suite.latex import latex
from tests.verify.answers.suite.rewriting import has_value, places, tree_rules
from tests.verify.answers.suite.trees import Tree
from verify import Outcome, check_answer

LEAVES = ["1", "2", "3", "5", "7", "12", "1/2", "2/3", "0.5", "pi", "e", "sqrt(2)", "sqrt(3)", "10"]
FORMS = (
    "A+B A-B A*B A/B (A+B)/2 -A 1/A A**2 A**B A**(1/2) sqrt(A) A*sqrt(B) root(A,3) abs(A) ln(A) lg(A) exp(A) sin(A)"
    " cos(A) arctan(A)"
).split()


def random_expression(generator: random.Random, depth: int = 0) -> Tree:
    """A closed expression of a few operations."""
    if depth == 3 or generator.random() < 0.25:
        return trees.read(generator.choice(LEAVES))
    parts = {name: random_expression(generator, depth + 1) for name in "AB"}
    return trees.fill(trees.read(generator.choice(FORMS)), parts)


def sample(generator: random.Random) -> Tree:
    """A real expression of moderate size with a value at 50 digits."""
    while True:
        tree = random_expression(generator)
        value = values.closed_value(tree)
        if (
            value is not None
            and has_value(tree)
            and value.imag == 0
            and 1e-3 < abs(value) < 1e6
            and trees.size(tree) <= 15
        ):
            return tree


def respelled(tree: Tree, generator: random.Random) -> Tree:
    """The same value by two random identities."""
    for _ in range(2):
        for rule in generator.sample(tree_rules(), 60):
            found = places(rule, tree)
            if found:
                path, new = generator.choice(found)
                tree = trees.replace(tree, path, new)
                break
    return tree


def disagreements(seed: int, count: int) -> tuple[list[str], list[str]]:
    """Wrong answers that were accepted, and equal ones that were not."""
    generator = random.Random(seed)
    accepted, missed = [], []
    for _ in range(count):
        tree = sample(generator)
        other = generator.choice([respelled(tree, generator), sample(generator)])
        if "." in latex(other) + latex(tree) and (tree[0] == "num" or other[0] == "num"):
            continue  # a decimal as the reference is a rounding
        if not has_value(other):
            continue
        equal = values.same(values.fingerprint(tree), values.fingerprint(other))
        for reference, candidate in ((tree, other), (other, tree)):
            verdict = check_answer(latex(reference), latex(candidate))
            line = f"{latex(reference)!r} | {latex(candidate)!r} | {verdict.outcome}: {verdict.detail}"
            if verdict.outcome is Outcome.CORRECT and not equal:
                accepted.append(line)
            if verdict.outcome is not Outcome.CORRECT and equal:
                missed.append(line)
    return accepted, missed


@pytest.mark.parametrize("seed", range(4))
def test_check_answer_agrees_with_mpmath(seed: int) -> None:
    accepted, missed = disagreements(seed, 250)
    assert not accepted, "\n".join(accepted)
    assert len(missed) <= 2, "\n".join(missed)


@pytest.mark.slow
def test_check_answer_agrees_with_mpmath_on_many() -> None:
    accepted, missed = disagreements(99, 10_000)
    assert not accepted, "\n".join(accepted)
    assert len(missed) <= 100, "\n".join(missed)


NEAR_MISSES = [
    ("1", "10**(-40)"),
    ("sqrt(2)", "10**(-35)"),
    ("pi", "10**(-45)"),
    ("2**200", "1"),
    ("exp(20)", "10**(-30)"),
]


@pytest.mark.parametrize(("text", "difference"), NEAR_MISSES)
def test_a_difference_beyond_any_float_is_seen(text: str, difference: str) -> None:
    tree = trees.read(text)
    near = ("+", tree, trees.read(difference))
    for reference, candidate in ((tree, near), (near, tree)):
        assert check_answer(latex(reference), latex(candidate)).outcome is not Outcome.CORRECT
    assert check_answer(latex(tree), latex(("+", trees.read("0"), tree))).outcome is Outcome.CORRECT
