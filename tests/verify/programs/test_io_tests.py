"""`run_tests`: what counts as the same output, and which verdict each end of a program gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.records import Outcome
from verify.claims import IoTest
from verify.programs import Limits, OutputRule, ProgramReason, run_tests
from verify.programs.io_tests import same_output

SUM = "print(sum(map(int, input().split())))"
SUM_TESTS = [IoTest("1 2", "3"), IoTest("4 5 6\n", "15\n"), IoTest("-1 1", "0")]


@pytest.mark.usefixtures("runner")
class TestVerdicts:
    def test_a_program_that_passes_all_is_correct(self) -> None:
        verdict = run_tests(SUM, SUM_TESTS)
        assert (verdict.outcome, verdict.reason, verdict.detail) == (
            Outcome.CORRECT,
            ProgramReason.PASSED,
            "all 3 tests passed",
        )

    def test_the_first_failing_test_decides_and_is_told(self) -> None:
        verdict = run_tests(SUM, [SUM_TESTS[0], IoTest("2 2", "5"), IoTest("x", "never run")])
        assert verdict.outcome is Outcome.WRONG
        assert verdict.detail == "test 2 of 3: expected '5', printed '4'"

    @pytest.mark.parametrize(
        ("code", "outcome", "reason"),
        [
            ("print(3)", Outcome.CORRECT, ProgramReason.PASSED),
            ("print(4)", Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
            ("print('correct')", Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
            ("pass", Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
            ("print(3)\n1 / 0", Outcome.WRONG, ProgramReason.FAILED),
            ("print(3)\nimport sys; sys.exit(1)", Outcome.WRONG, ProgramReason.FAILED),
            ("print(3)\nimport time; time.sleep(9)", Outcome.TIMEOUT, ProgramReason.TOOK_TOO_LONG),
            ("print(3)\nx = bytearray(10**10)", Outcome.CRASH, ProgramReason.DIED),
            ("print(3)\nimport ctypes; ctypes.string_at(0)", Outcome.CRASH, ProgramReason.DIED),
            ("while True: print(3)", Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
            ("print(3, end='')\nprint(' ' * 50_000)", Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
            ("  ", Outcome.NO_ANSWER, ProgramReason.NOTHING_TO_RUN),
        ],
    )
    def test_each_end_of_a_program_has_its_verdict(self, code: str, outcome: Outcome, reason: ProgramReason) -> None:
        verdict = run_tests(code, [IoTest("", "3")], Limits(wall_seconds=0.4, output_bytes=10_000))
        assert (verdict.outcome, verdict.reason) == (outcome, reason)

    def test_without_tests_nothing_is_correct(self) -> None:
        assert run_tests("print(3)", []).outcome is Outcome.NO_ANSWER

    def test_where_programs_are_refused_the_verdict_is_unavailable(self) -> None:
        verdict = run_tests(SUM, SUM_TESTS, Limits(code_bytes=5))
        assert (verdict.outcome, verdict.reason) == (Outcome.UNAVAILABLE, ProgramReason.NO_SANDBOX)

    def test_an_expected_output_larger_than_the_limit_can_be_met(self) -> None:
        test = IoTest("", "x" * 50_000)
        assert run_tests("print('x' * 50_000)", [test], Limits(output_bytes=100)).outcome is Outcome.CORRECT

    def test_the_expected_output_is_nowhere_a_program_can_look(self) -> None:
        search = (
            "import gc, os, sys\n"
            "seen = str([x for x in gc.get_objects() if isinstance(x, (str, bytes, dict, list))])\n"
            "print('needle-' + '8153' if 'needle-' + '8153' in seen + str(os.environ) + str(sys.orig_argv) else 0)"
        )
        verdict = run_tests(search, [IoTest("", "needle-" + str(8153))], Limits(memory_mb=2000))
        assert verdict.outcome is Outcome.WRONG

    def test_a_failing_programs_last_line_of_error_is_in_the_detail(self) -> None:
        verdict = run_tests("int(input())", [IoTest("x", "1")])
        assert "ValueError: invalid literal for int()" in verdict.detail


@pytest.mark.parametrize(
    ("expected", "printed", "lines", "tokens", "floats"),
    [
        ("3", "3", True, True, True),
        ("3\n", "3", True, True, True),
        ("3", "3  \n\n", True, True, True),
        ("1 2\n3", "1 2  \n3\n", True, True, True),
        ("1 2\n3", "1 2 3", False, True, True),
        ("1 2", "1  2", False, True, True),
        (" 1", "1", False, True, True),
        ("0.5", "0.50", False, False, True),
        ("0.3333333", "0.33333334", False, False, True),
        ("0.3333", "0.333", False, False, False),
        ("1000000", "1000000.5", False, False, True),
        ("inf", "inf", True, True, True),
        ("inf", "1e400", False, False, True),
        ("nan", "-nan", False, False, False),
        ("YES", "yes", False, False, False),
        ("a\n\nb", "a\nb", False, True, True),
        ("", "", True, True, True),
        ("", "0", False, False, False),
        ("12", "1 2", False, False, False),
        ("1_0", "10", False, False, True),
    ],
)
def test_the_rules_of_equal_output(expected: str, printed: str, lines: bool, tokens: bool, floats: bool) -> None:
    assert same_output(expected, printed, OutputRule.LINES) is lines
    assert same_output(expected, printed, OutputRule.TOKENS) is tokens
    assert same_output(expected, printed, OutputRule.FLOATS) is floats


TEXT = st.text(alphabet="ab 1.\n\t", max_size=30)


@given(TEXT)
def test_an_output_equals_itself_with_white_space_at_the_end(text: str) -> None:
    assert all(same_output(text, text + "  \n\n", rule) for rule in OutputRule)


@given(TEXT, TEXT)
def test_a_laxer_rule_accepts_what_a_stricter_one_does(left: str, right: str) -> None:
    if same_output(left, right, OutputRule.LINES):
        assert same_output(left, right, OutputRule.TOKENS)
    if same_output(left, right, OutputRule.TOKENS):
        assert same_output(left, right, OutputRule.FLOATS)
    assert same_output(left, right) == same_output(right, left)
