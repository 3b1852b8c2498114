"""Generated hostile strings and odd objects: a verdict for every pair, no exception, in time, memory bounded."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.verify.answers.suite.hostile import grown, hostile, mutated
from tests.verify.answers.suite.rewriting import bases
from tests.verify.answers.test_hostile_inputs import assert_bounded, directly, memory_stays_bounded
from verify import Outcome, Verdict, check_answer, extract_answer

__all__ = ["memory_stays_bounded"]
RANDOM_TEXT = st.text(max_size=200)
SEEDS = st.integers(0, 2**32)
QUIET = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def assert_pairs_bounded(seed: int, count: int) -> None:
    """Each string against itself, a plain answer and the string before it, in both positions."""
    generator = random.Random(seed)
    before = "5"
    for _ in range(count):
        text = hostile(generator)
        plain = generator.choice(bases()).text
        for reference, candidate in ((text, plain), (plain, text), (text, before), (text, text)):
            assert_bounded(reference, candidate)
        assert extract_answer(text) is None or isinstance(extract_answer(text), str)
        before = text


@pytest.mark.parametrize("seed", range(3))
def test_generated_strings_get_verdicts_in_time(seed: int) -> None:
    assert_pairs_bounded(seed, 200)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_ten_thousand_generated_strings_get_verdicts_in_time(seed: int) -> None:
    assert_pairs_bounded(seed, 500)


@given(RANDOM_TEXT, RANDOM_TEXT)
@QUIET
def test_any_two_texts_get_a_verdict(reference: str, candidate: str) -> None:
    assert_bounded(reference, candidate)


@given(SEEDS)
@QUIET
def test_any_grown_expression_gets_a_verdict(seed: int) -> None:
    generator = random.Random(seed)
    assert_bounded(grown(generator), grown(generator))


@given(SEEDS, st.characters(exclude_categories=[]))
@QUIET
def test_any_character_inside_an_answer_gets_a_verdict(seed: int, character: str) -> None:
    text = mutated(random.Random(seed))[:300]
    place = seed % (len(text) + 1)
    assert_bounded("5", text[:place] + character + text[place:])


def test_many_threads_at_once_get_verdicts() -> None:
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            generator = random.Random(seed)
            for _ in range(40):
                assert isinstance(directly(hostile(generator), hostile(generator)), Verdict)
        except BaseException as fault:  # noqa: BLE001 - the thread's fault is the test's
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not faults


class Liar(str):
    """A text that says it equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __len__(self) -> int:
        return 1

    def strip(self, *_: object) -> str:
        return "5"

    def __str__(self) -> str:
        return "5"


class Thrower(str):
    """A text whose methods raise."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        raise RuntimeError("hashed")

    def strip(self, *_: object) -> str:
        raise RuntimeError("stripped")


@pytest.mark.parametrize("kind", [Liar, Thrower])
def test_a_text_that_lies_is_judged_by_its_characters(kind: type[str]) -> None:
    assert check_answer("5", kind("6")).outcome is not Outcome.CORRECT
    assert check_answer(kind("6"), "5").outcome is not Outcome.CORRECT
    assert check_answer("5", kind("5")).outcome is Outcome.CORRECT
    assert extract_answer(kind(r"\boxed{7}")) == "7"


class Equal:
    """An object that says it equals everything and reads as the answer."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __str__(self) -> str:
        return "5"

    __repr__ = __str__


NO_TEXTS = [None, b"5", 5, 5.0, True, ["5"], {"5": 5}, object(), Equal(), float("nan"), 5j, ...]


@pytest.mark.parametrize("thing", NO_TEXTS, ids=lambda thing: type(thing).__name__)
def test_what_is_no_text_gets_a_verdict_that_is_not_correct(thing: object) -> None:
    for reference, candidate in (("5", thing), (thing, "5"), (thing, thing)):
        verdict = check_answer(reference, candidate)  # type: ignore[arg-type]
        assert isinstance(verdict, Verdict)
        assert verdict.outcome is not Outcome.CORRECT
