"""`check_program`: tests first, then the answer; what a program shows last is its answer."""

import importlib.util

import pytest

from mathpipe.core.records import Outcome
from verify.claims import IoTest, ProgramClaim
from verify.programs import Limits, ProgramResult, ProgramStatus, check_program
from verify.programs.checking import answer_of

needs_answers = pytest.mark.skipif(
    importlib.util.find_spec("verify.answers.check") is None, reason="answers are compared by verify.answers.check"
)


@pytest.mark.parametrize(
    ("stdout", "last", "answer"),
    [
        ("1\n2\n", None, "2"),
        ("1\n2\n\n  \n", None, "2"),
        ("1\n", "3", "3"),
        ("", "Fraction(1, 3)", "Fraction(1, 3)"),
        ("", "'18'", "18"),
        ("", '"it\'s"', "it's"),
        ("", "'unterminated", "'unterminated"),
        ("", None, None),
        (" \n", None, None),
        ("  x = 5  \n", None, "x = 5"),
    ],
)
def test_the_answer_is_what_is_shown_last(stdout: str, last: str | None, answer: str | None) -> None:
    assert answer_of(ProgramResult(ProgramStatus.OK, "", stdout=stdout, last_expression=last)) == answer


def test_a_cut_output_has_no_last_line() -> None:
    cut = ProgramResult(ProgramStatus.OK, "", stdout="1\n[... 9 bytes more]", stdout_truncated=True)
    assert answer_of(cut) is None


@needs_answers
@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(
    ("code", "reference", "outcome"),
    [
        ("print(6 * 7)", "42", Outcome.CORRECT),
        ("6 * 7", "42", Outcome.CORRECT),
        ("print(6 * 7)", "43", Outcome.WRONG),
        ("print('correct')", "42", Outcome.WRONG),
        ("from fractions import Fraction\nprint(Fraction(2, 6))", "1/3", Outcome.CORRECT),
        ("pass", "42", Outcome.NO_ANSWER),
        ("", "42", Outcome.NO_ANSWER),
        ("print(42)\n1 / 0", "42", Outcome.WRONG),
        ("print(42, flush=True)\nwhile True: pass", "42", Outcome.TIMEOUT),
    ],
)
def test_an_answer_is_compared_outside_of_the_sandbox(code: str, reference: str, outcome: Outcome) -> None:
    claim = ProgramClaim(code, answer=reference)
    assert check_program(claim, Limits(wall_seconds=0.5)).outcome is outcome


@pytest.mark.usefixtures("runner")
def test_tests_decide_before_the_answer() -> None:
    claim = ProgramClaim("print(input())", tests=(IoTest("1", "2"),), answer="1")
    assert check_program(claim).detail == "test 1 of 1: expected '2', printed '1'"
    assert check_program(ProgramClaim("print(input())", tests=(IoTest("1", "1"),))).outcome is Outcome.CORRECT


def test_a_claim_of_nothing_has_no_answer() -> None:
    assert check_program(ProgramClaim("print(1)")).outcome is Outcome.NO_ANSWER
