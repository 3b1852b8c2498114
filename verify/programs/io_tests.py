"""Judge a program by tests of input and output, as programming contests do.

In: code, tests, a rule that says when two outputs are the same. Out: a `Verdict`; the first failing test decides. The
expected outputs stay in this process: the program can neither read them nor say itself that it passed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from mathpipe.core.records import Outcome, Verdict
from verify.claims import IoTest
from verify.programs.limits import Limits
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.runner import run_program

_SHOWN_CHARACTERS = 60
# The usual tolerance of contests, relative or absolute.
_FLOAT_TOLERANCE = 1e-6


class OutputRule(StrEnum):
    """When a program's output is the expected one."""

    LINES = "lines"  # the same lines; spaces at their ends and empty lines at the end do not count
    TOKENS = "tokens"  # the same words; any white space separates them
    FLOATS = "floats"  # the same words, where two numbers may differ by 1e-6, relatively or absolutely


class ProgramReason(StrEnum):
    """Why a program got its verdict."""

    PASSED = "passed"
    WRONG_OUTPUT = "wrong-output"
    FAILED = "failed"  # an exception or an exit code
    TOOK_TOO_LONG = "took-too-long"
    DIED = "died"
    NOTHING_TO_RUN = "nothing-to-run"
    NO_SANDBOX = "no-sandbox"


# A run that did not end well, as an outcome. Too much output cannot be what was expected: limits are raised to that.
ENDINGS: dict[ProgramStatus, tuple[Outcome, ProgramReason]] = {
    ProgramStatus.ERROR: (Outcome.WRONG, ProgramReason.FAILED),
    ProgramStatus.OUTPUT_LIMIT: (Outcome.WRONG, ProgramReason.WRONG_OUTPUT),
    ProgramStatus.TIMEOUT: (Outcome.TIMEOUT, ProgramReason.TOOK_TOO_LONG),
    ProgramStatus.MEMORY: (Outcome.CRASH, ProgramReason.DIED),
    ProgramStatus.KILLED: (Outcome.CRASH, ProgramReason.DIED),
    ProgramStatus.REFUSED: (Outcome.UNAVAILABLE, ProgramReason.NO_SANDBOX),
}


def run_tests(
    code: str, tests: Sequence[IoTest], limits: Limits | None = None, *, rule: OutputRule = OutputRule.LINES
) -> Verdict:
    """CORRECT if every test's output is as expected; `limits` hold for each test."""
    started = time.monotonic()
    if not code.strip() or not tests:
        missing = "no code" if not code.strip() else "no tests"
        return Verdict(Outcome.NO_ANSWER, f"there is {missing}", 0.0, ProgramReason.NOTHING_TO_RUN)
    for number, test in enumerate(tests, 1):
        verdict = _judge(code, test, limits or Limits(), rule)
        if verdict is not None:
            detail = f"test {number} of {len(tests)}: {verdict.detail}"
            return replace(verdict, detail=detail, seconds=time.monotonic() - started)
    detail = f"all {len(tests)} tests passed"
    return Verdict(Outcome.CORRECT, detail, time.monotonic() - started, ProgramReason.PASSED)


def _judge(code: str, test: IoTest, limits: Limits, rule: OutputRule) -> Verdict | None:
    """None if the test passes."""
    room = 2 * len(test.expected.encode("utf-8", errors="surrogatepass"))
    result = run_program(code, stdin=test.stdin, limits=replace(limits, output_bytes=max(limits.output_bytes, room)))
    if result.status is not ProgramStatus.OK:
        return bad_ending(result)
    if not result.stdout_truncated and same_output(test.expected, result.stdout, rule):
        return None
    detail = f"expected {_short(test.expected)}, printed {_short(result.stdout)}"
    return Verdict(Outcome.WRONG, detail, result.seconds, ProgramReason.WRONG_OUTPUT)


def bad_ending(result: ProgramResult) -> Verdict:
    """The verdict on a run whose status is not OK."""
    outcome, reason = ENDINGS[result.status]
    last_line = result.stderr.strip().rpartition("\n")[2]
    detail = f"{result.status}: {result.detail}" + (f" ({_short(last_line)})" if last_line else "")
    return Verdict(outcome, detail, result.seconds, reason)


def same_output(expected: str, printed: str, rule: OutputRule = OutputRule.LINES) -> bool:
    """Compare two outputs by the rule."""
    if rule is OutputRule.LINES:
        return _lines(expected) == _lines(printed)
    left, right = expected.split(), printed.split()
    if rule is OutputRule.TOKENS or len(left) != len(right):
        return left == right
    return all(map(_same_token, left, right))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _same_token(left: str, right: str) -> bool:
    if left == right:
        return True
    try:
        expected, printed = float(left), float(right)
    except ValueError:
        return False
    # inf equals only itself, nan nothing: isclose says so.
    return math.isclose(expected, printed, rel_tol=_FLOAT_TOLERANCE, abs_tol=_FLOAT_TOLERANCE)


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
