"""`check_answer` on literal pairs, category by category: written from mathematics, not from the code.

More than half of the pairs are near misses that a lenient grader accepts. A false "correct" fails at once; what is
missed is counted, and each disagreement is printed with the verdict's own words.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.verify.answers.suite.pairs import CATEGORIES, Pair, pairs
from verify import Outcome, Verdict, check_answer

MIN_AGREEMENT = 0.99
# A single category may be harder than the whole; none may lag far behind.
MIN_AGREEMENT_IN_CATEGORY = 0.95


@lru_cache(maxsize=1)
def judged() -> dict[str, list[tuple[Pair, Verdict]]]:
    """Every pair with its verdict."""
    return {
        name: [(pair, check_answer(pair.reference, pair.candidate)) for pair in pairs(name)] for name in CATEGORIES
    }


def disagreements(category: str, *, expected: bool) -> list[str]:
    """What was judged otherwise than it should, a line each."""
    return [
        f"{pair.reference!r} | {pair.candidate!r} | {pair.why} | {verdict.outcome}: {verdict.detail}"
        for pair, verdict in judged()[category]
        if pair.expected is expected and (verdict.outcome is Outcome.CORRECT) is not expected
    ]


def test_the_tables_are_large_and_nearly_balanced() -> None:
    everything = [pair for name in CATEGORIES for pair in pairs(name)]
    assert len(everything) >= 3000
    assert 0.4 <= sum(pair.expected for pair in everything) / len(everything) <= 0.6
    assert len({(pair.reference, pair.candidate) for pair in everything}) == len(everything)


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_wrong_answer_is_called_correct(category: str) -> None:
    found = disagreements(category, expected=False)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_agrees(category: str) -> None:
    found = disagreements(category, expected=True)
    print("\n".join(found))
    agreement = 1 - len(found) / len(pairs(category))
    assert agreement >= MIN_AGREEMENT_IN_CATEGORY, f"{agreement:.3f}\n" + "\n".join(found)


def test_all_categories_together_agree() -> None:
    found = [
        line for name in CATEGORIES for expected in (True, False) for line in disagreements(name, expected=expected)
    ]
    agreement = 1 - len(found) / sum(len(pairs(name)) for name in CATEGORIES)
    assert agreement >= MIN_AGREEMENT, f"{agreement:.4f}\n" + "\n".join(found)


def test_every_verdict_says_why() -> None:
    silent = [
        pair for rows in judged().values() for pair, verdict in rows if not verdict.detail or not verdict.reason
    ]
    assert not silent


@pytest.mark.parametrize("delimiters", ["${}$", r"\boxed{{{}}}", r"\({}\)", r"\[{}\]", r"$\boxed{{{}}}$"])
def test_delimiters_never_change_a_verdict(delimiters: str) -> None:
    bare = {"algebra", "intervals", "collections", "matrices", "logs_trig", "combinatorics"}
    changed = []
    for name in sorted(bare):
        for pair, verdict in judged()[name]:
            if any(mark in pair.candidate + pair.reference for mark in ("$", "boxed", r"\(", r"\[")):
                continue
            for reference, candidate in (
                (pair.reference, delimiters.format(pair.candidate)),
                (delimiters.format(pair.reference), pair.candidate),
            ):
                again = check_answer(reference, candidate)
                if (again.outcome is Outcome.CORRECT) is not (verdict.outcome is Outcome.CORRECT):
                    changed.append(f"{reference!r} | {candidate!r} | {verdict.outcome}, now {again.outcome}")
    assert not changed, "\n".join(changed)
