"""The suite's own rules are true: mpmath at 50 digits finds both sides of every identity equal."""

from __future__ import annotations

import random

import pytest

from tests.verify.answers.suite import trees, values
from tests.verify.answers.suite.edits import TEXT_EDITS, TREE_EDITS, edited
from tests.verify.answers.suite.latex import latex
from tests.verify.answers.suite.rewriting import TreeRule, bases, identities, instance, places, tree_rules
from tests.verify.answers.suite.spelling_rules import SPELLING_RULES

NUMERAL_RULES = tree_rules()[len(identities()) :]


def test_there_are_enough_rules_edits_and_answers() -> None:
    assert len(tree_rules()) + len(SPELLING_RULES) >= 500
    assert len({rule.name for rule in tree_rules()}) == len(tree_rules())
    assert len(TREE_EDITS) + len(TEXT_EDITS) >= 150
    assert len(bases()) >= 200


@pytest.mark.parametrize("rule", identities(), ids=lambda rule: rule.name)
def test_an_identity_holds(rule: TreeRule) -> None:
    generator = random.Random(rule.name)
    for _ in range(3):
        sides = instance(rule, generator)
        assert sides is not None, "no instance found"
        left, right = map(values.fingerprint, sides)
        assert values.same(left, right), f"{latex(sides[0])} and {latex(sides[1])}"


@pytest.mark.parametrize("rule", NUMERAL_RULES, ids=lambda rule: rule.name)
def test_a_rule_for_numerals_holds(rule: TreeRule) -> None:
    held = 0
    for text in ("12", "7", "120", "2.75", "22/7", "3/8", "sqrt(12)", "1024", "28", "1", "100000"):
        tree = trees.read(text)
        for path, new in places(rule, tree):
            held += 1
            assert values.same(values.fingerprint(tree), values.fingerprint(trees.replace(tree, path, new)))
    assert held


@pytest.mark.parametrize("rule", SPELLING_RULES, ids=lambda rule: rule.name)
def test_a_spelling_rule_applies_somewhere(rule: TreeRule) -> None:
    spellings = [rule.apply(base.text, base.kind) for base in bases()]
    assert any(new not in (None, base.text) for new, base in zip(spellings, bases(), strict=True))


def test_an_edit_applies_somewhere() -> None:
    small = [base.tree for base in bases() if base.tree is not None and trees.size(base.tree) <= 14]
    idle = [edit.name for edit in TREE_EDITS if not any(edited(edit, tree) for tree in small)]
    assert not idle
