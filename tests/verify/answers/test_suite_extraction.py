"""`extract_answer` on literal texts: the answer that a reader would take, None where there is none."""

from __future__ import annotations

import re

import pytest

from tests.verify.answers.suite.pairs import Solution, solutions
from verify import extract_answer


def bare(text: str) -> str:
    """The answer without what never matters: delimiters, parentheses round a choice, blanks, a last period."""
    return re.sub(r"^\(([A-E])\)$", r"\1", text.strip().strip("$").strip().rstrip("."))


@pytest.mark.parametrize("case", solutions(), ids=lambda case: case.why)
def test_the_answer_that_a_reader_takes_is_found(case: Solution) -> None:
    found = extract_answer(case.solution)
    assert (None if found is None else bare(found)) == case.answer


def test_a_found_answer_stands_in_the_text() -> None:
    for case in solutions():
        found = extract_answer(case.solution)
        assert found is None or found.strip() in case.solution
