"""Judge a `ProgramClaim`: by its tests, or by whether the answer it computes is the reference.

In: a claim. Out: a `Verdict`, always. The answer is what a notebook would show last: the last expression's value,
else the last line printed. It is compared outside the sandbox by `check_answer`, so printing "correct" proves
nothing.
"""

from __future__ import annotations

import ast
import time
from dataclasses import replace

from mathpipe.core.records import Outcome, Verdict
from verify.claims import ProgramClaim
from verify.programs.io_tests import ProgramReason, bad_ending, run_tests
from verify.programs.limits import Limits
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.runner import run_program


def check_program(claim: ProgramClaim, limits: Limits | None = None) -> Verdict:
    """CORRECT if the program passes its tests and, where the claim names one, comes to the answer."""
    verdict = Verdict(Outcome.NO_ANSWER, "the claim names no tests and no answer", 0.0, ProgramReason.NOTHING_TO_RUN)
    if claim.tests:
        verdict = run_tests(claim.code, claim.tests, limits)
        if verdict.outcome is not Outcome.CORRECT:
            return verdict
    if claim.answer is not None:
        verdict = _check_answer(claim.code, claim.answer, limits)
    return verdict


def _check_answer(code: str, reference: str, limits: Limits | None) -> Verdict:
    from verify.answers.check import check_answer  # the sandbox is of use without the answers' packages

    started = time.monotonic()
    if not code.strip():
        return Verdict(Outcome.NO_ANSWER, "there is no code", 0.0, ProgramReason.NOTHING_TO_RUN)
    result = run_program(code, limits=limits)
    if result.status is not ProgramStatus.OK:
        return bad_ending(result)
    answer = answer_of(result)
    if answer is None:
        return Verdict(Outcome.NO_ANSWER, "the program shows nothing", result.seconds, ProgramReason.WRONG_OUTPUT)
    verdict = check_answer(reference, answer)
    return replace(verdict, detail=f"it shows {answer[:60]!r}: {verdict.detail}", seconds=time.monotonic() - started)


def answer_of(result: ProgramResult) -> str | None:
    """What the program shows last, or None; a cut output has no last line."""
    if result.last_expression is not None:
        return _unquoted(result.last_expression)
    lines = [] if result.stdout_truncated else result.stdout.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), None)


def _unquoted(text: str) -> str:
    """The text itself where the value is a string."""
    if text[:1] not in {"'", '"'}:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, str) else text
