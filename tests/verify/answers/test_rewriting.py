"""A rewritten answer is the same answer: random rules keep the verdict, in both directions.

Where rule 2 of equality lets the reference decide (a decimal reference takes an exact value that rounds to it), the
rules here only make exact respellings, so both directions must hold.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.verify.answers.suite.latex import latex
from tests.verify.answers.suite.rewriting import Base, bases, identities, instance, rewrite
from tests.verify.answers.suite.spelling_rules import SPELLING_RULES
from verify import Outcome, check_answer

# A hard rewriting may be left undecided, never many of them.
MAX_MISSED_SHARE = 0.01


def missed(claims: Iterator[tuple[str, str, str]]) -> tuple[int, list[str]]:
    """How many were asked, and which equal answers were not called correct."""
    asked, lines = 0, []
    for name, reference, candidate in claims:
        asked += 1
        verdict = check_answer(reference, candidate)
        if verdict.outcome is not Outcome.CORRECT:
            lines.append(f"{name}: {reference!r} | {candidate!r} | {verdict.outcome}: {verdict.detail}")
    return asked, lines


def assert_few_missed(claims: Iterator[tuple[str, str, str]], at_least: int) -> None:
    asked, lines = missed(claims)
    print("\n".join(lines))
    assert asked >= at_least
    assert len(lines) <= MAX_MISSED_SHARE * asked, f"{len(lines)} of {asked}\n" + "\n".join(lines)


def test_an_answer_equals_itself() -> None:
    assert_few_missed(((base.kind, base.text, base.text) for base in bases()), 200)


def test_both_sides_of_an_identity_are_the_same_answer() -> None:
    def claims() -> Iterator[tuple[str, str, str]]:
        generator = random.Random(1)
        for rule in identities():
            for sides in filter(None, (instance(rule, generator) for _ in range(2))):
                left, right = map(latex, sides)
                yield rule.name, left, right
                yield f"{rule.name}, turned", right, left

    assert_few_missed(claims(), 4 * len(identities()) - 10)


def test_one_respelling_keeps_the_verdict() -> None:
    def claims() -> Iterator[tuple[str, str, str]]:
        for rule in SPELLING_RULES:
            applied = [(base, rule.apply(base.text, base.kind)) for base in bases()]
            new = [(base, text) for base, text in applied if text is not None and text != base.text]
            for base, text in random.Random(rule.name).sample(new, min(6, len(new))):
                yield rule.name, base.text, text
                yield f"{rule.name}, turned", text, base.text

    assert_few_missed(claims(), 1500)


def rewritten(base: Base, generator: random.Random, times: int) -> Iterator[tuple[str, str, str]]:
    for _ in range(times):
        new = rewrite(base, generator, generator.randint(1, 4))
        yield ", ".join(new.rules), base.text, new.text
        yield ", ".join(("turned", *new.rules)), new.text, base.text


@pytest.mark.parametrize("seed", range(3))
def test_random_rewritings_keep_the_verdict(seed: int) -> None:
    generator = random.Random(seed)
    assert_few_missed((claim for base in bases() for claim in rewritten(base, generator, 2)), 800)


@pytest.mark.slow
def test_many_random_rewritings_keep_the_verdict() -> None:
    generator = random.Random(99)
    assert_few_missed((claim for base in bases() for claim in rewritten(base, generator, 60)), 20_000)
