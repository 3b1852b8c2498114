"""An edited answer is another answer: what changes the value is never called correct, alone or respelled after."""

from __future__ import annotations

import random
import re

import pytest

from tests.verify.answers.suite.edits import TEXT_EDITS, TREE_EDITS, changed, edited
from tests.verify.answers.suite.latex import latex
from tests.verify.answers.suite.rewriting import Base, bases, rewrite
from verify import Outcome, check_answer


def accepted(name: str, reference: str, candidate: str) -> list[str]:
    """The claim as a line if it is called correct, though it is wrong."""
    verdict = check_answer(reference, candidate)
    if verdict.outcome is not Outcome.CORRECT:
        return []
    return [f"{name}: {reference!r} | {candidate!r} | {verdict.detail}"]


def one_way(name: str) -> bool:
    """A decimal as the reference takes what rounds to it: only the exact reference refuses the cut value."""
    return name.startswith("cut after") or name in ("pi cut", "e cut")


@pytest.mark.parametrize("edit", TREE_EDITS, ids=lambda edit: edit.name)
def test_an_edit_makes_another_answer(edit) -> None:
    generator = random.Random(edit.name)
    found = []
    trees = [base.tree for base in bases() if base.tree is not None]
    for tree in generator.sample(trees, len(trees)):
        if len(found) >= 6:
            break
        found += [(tree, new) for new in edited(edit, tree)[:2]]
    lines = []
    for tree, new in found:
        lines += accepted(edit.name, latex(tree), latex(new))
        if not one_way(edit.name):
            lines += accepted(f"{edit.name}, turned", latex(new), latex(tree))
    assert found
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("name", TEXT_EDITS)
def test_an_edit_of_a_text_makes_another_answer(name: str) -> None:
    kind, pattern, replacement = TEXT_EDITS[name]
    texts = [base.text for base in bases() if base.kind == kind]
    new = [(text, re.sub(pattern, replacement, text, count=1)) for text in texts if re.search(pattern, text)]
    lines = [line for old, edited_text in new for line in accepted(name, old, edited_text)]
    assert new
    assert not lines, "\n".join(lines)


def assert_random_edits_refused(seed: int, times: int) -> None:
    generator = random.Random(seed)
    lines, asked = [], 0
    for base in bases():
        for _ in range(times if base.tree is not None else 0):
            made = changed(base.tree, generator)
            if made is None:
                continue
            name, tree = made
            respelled = rewrite(Base(base.kind, latex(tree), tree), generator, generator.randint(1, 3))
            asked += 1
            lines += accepted(", ".join((name, *respelled.rules)), base.text, respelled.text)
    assert asked >= 150 * times
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("seed", range(2))
def test_random_edits_respelled_are_refused(seed: int) -> None:
    assert_random_edits_refused(seed, 2)


@pytest.mark.slow
def test_many_random_edits_respelled_are_refused() -> None:
    assert_random_edits_refused(77, 40)
