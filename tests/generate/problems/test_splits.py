from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.generate.problems import generate_problems, normal_question, split_of, split_problems

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


def test_no_question_is_in_two_splits_whatever_its_spelling() -> None:
    problems = list(generate_problems("shopping", 300, difficulty=3))
    again = [replace(one, problem_id="x" + one.problem_id, question=one.question.upper() + " ") for one in problems]
    found = split_problems([*problems, *again], SHARES)
    keys = {name: {normal_question(one.question) for one in ones} for name, ones in found.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["valid"]
    assert not keys["valid"] & keys["test"]
    assert sum(map(len, found.values())) == 600
    assert all(one.split == name for name, ones in found.items() for one in ones)


def test_shares_are_kept_nearly() -> None:
    found = split_problems(generate_problems("arithmetic", 2000, difficulty=3), SHARES)
    assert 0.77 < len(found["train"]) / 2000 < 0.83


@given(st.text(), st.text(max_size=5))
def test_a_question_has_one_split_whatever_else_there_is(question: str, salt: str) -> None:
    assert split_of(question, SHARES, salt=salt) == split_of(f"  {question}\n", SHARES, salt=salt)


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_shares_that_do_not_sum_to_one_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sum to 1"):
        split_of("q", shares)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is $1{,}000 + 2$?", "what is 1,000+2"),
        (r"Find \(x\)  in $\left(x\right)$.", "Find x in x"),
        ("How many?", "HOW MANY ?"),
    ],
)
def test_spellings_of_one_question_have_one_key(one: str, other: str) -> None:
    assert normal_question(one) == normal_question(other)


def test_other_numbers_and_signs_are_another_question() -> None:
    assert normal_question("What is 1 + 2?") != normal_question("What is 1 - 2?") != normal_question("What is 1 - 3?")
