"""The rules. Each is a function of reference and candidate; SymPy is asked in a worker that is killed at its limit.

`math-verify` is the package itself. `minerva`, `prm800k`, `qwen` and `tora` are baselines written after the papers'
descriptions: their scores agree with the published ones where a test says so, row by row they may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.util import find_spec

import mathpipe
from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from verify.answers.check import check_answer
from verify.answers.extract import extract_answer
from verify.graders.grade import Grade, Grader
from verify.graders.plain_forms import as_float, items_of, plain_form
from verify.worker import RemoteError, WorkerDied, WorkerTimeout, call_bounded

_SECONDS = 10.0
_QWEN_TOLERANCE = 1e-4  # relative (Yang et al. 2024)
_TORA_TOLERANCE = 1e-3  # absolute (Gou et al. 2024)
_MAX_SYMBOLIC = 300  # characters; longer answers are never equal to SymPy in time


def _ours(reference: str, candidate: str) -> Grade:
    verdict = check_answer(reference, candidate)
    known = verdict.outcome in (Outcome.CORRECT, Outcome.WRONG) or verdict.reason == "no-answer-found"
    return Grade(verdict.outcome is Outcome.CORRECT if known else None, f"{verdict.reason}: {verdict.detail}")


def _exact(reference: str, candidate: str) -> Grade:
    expected, given = _answers(reference, candidate)
    same = given.strip() != "" and expected.strip() == given.strip()
    return Grade(same, "the same text" if same else "another text")


def _math_verify(reference: str, candidate: str) -> Grade:
    return _in_worker("math-verify", reference, candidate)


def _minerva(reference: str, candidate: str) -> Grade:
    """Normal forms, then SymPy's difference (Lewkowycz et al. 2022, appendix D.1)."""
    first, second = _plain_answers(reference, candidate)
    if not second or first == second:
        return _same_form(second)
    return _in_worker("sympy", first, second)


def _same_form(form: str) -> Grade:
    """Equal forms are equal answers, unless nothing is left of them."""
    return Grade(form != "", "the same normal form" if form else "no answer")


def _prm800k(reference: str, candidate: str) -> Grade:
    """Normal forms; tuples item by item; integers by value; else SymPy's difference
    (Lightman et al. 2023)."""
    first, second = _plain_answers(reference, candidate)
    if not second or first == second:
        return _same_form(second)
    items, others = items_of(first), items_of(second)
    if items is not None and others is not None:
        if first[0] != second[0] or first[-1] != second[-1] or len(items) != len(others):
            return Grade(False, "another bracket or another number of items")
        return _every(_prm800k_item, items, others)
    return _prm800k_item(first, second)


def _prm800k_item(first: str, second: str) -> Grade:
    if first == second:
        return Grade(True, "the same normal form")
    if _is_integer(first) and _is_integer(second):
        return Grade(int(first) == int(second), "integers")
    return _in_worker("sympy", first, second)


def _qwen(reference: str, candidate: str) -> Grade:
    """Text, then numbers within a relative 1e-4 where ×100 and ÷100 count too, then items, then SymPy
    (Qwen2.5-Math's evaluation)."""
    expected, given = _answers(reference, candidate)
    first, second = plain_form(expected), plain_form(given)
    if not second or first.lower() == second.lower():
        return _same_form(second)
    value, other = as_float(second), as_float(first)
    if value is not None and other is not None:
        close = any(_close(value, wanted) for wanted in (other, other / 100, other * 100))
        return Grade(close, "numbers within 1e-4, also as percent")
    items, others = items_of(first), items_of(second)
    if items is not None and others is not None and len(items) == len(others):
        return _every(_qwen, items, others)
    return _in_worker("sympy", first, second)


def _close(value: float, wanted: float) -> bool:
    return math.isfinite(value) and math.isclose(value, wanted, rel_tol=_QWEN_TOLERANCE)


def _tora(reference: str, candidate: str) -> Grade:
    """Numbers within an absolute 1e-3, else normal forms, else SymPy (Gou et al. 2024). Made for ToRA's `pred`."""
    expected, given = _answers(reference, candidate)
    first, second = plain_form(expected), plain_form(given)
    if not second or first == second:
        return _same_form(second)
    value, wanted = as_float(second), as_float(first)
    if value is not None and wanted is not None:
        return Grade(abs(value - wanted) <= _TORA_TOLERANCE, "numbers within 0.001")
    return _in_worker("sympy", first, second)


# --- shared ------------------------------------------------------------------------------------------------------


def _answers(reference: str, candidate: str) -> tuple[str, str]:
    return extract_answer(reference) or "", extract_answer(candidate) or ""


def _plain_answers(reference: str, candidate: str) -> tuple[str, str]:
    expected, given = _answers(reference, candidate)
    return plain_form(expected), plain_form(given)


def _every(grade: Callable[[str, str], Grade], items: Sequence[str], others: Sequence[str]) -> Grade:
    grades = [grade(item, other) for item, other in zip(items, others, strict=True)]
    if any(found.correct is None for found in grades):
        return Grade(None, "an item without a grade")
    return Grade(all(found.correct for found in grades), "item by item")


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) < 4000


def _in_worker(rule: str, reference: str, candidate: str) -> Grade:
    if not candidate:
        return Grade(False, "no answer")
    if rule == "sympy" and max(len(reference), len(candidate)) > _MAX_SYMBOLIC:
        return Grade(False, "too long for SymPy")
    try:
        answer = call_bounded(
            "verify.graders.symbolic_rules:decide", (rule, reference, candidate), timeout_seconds=_SECONDS
        )
    except WorkerTimeout:
        return Grade(None, f"no grade within {_SECONDS:g} s")
    except WorkerDied:
        return Grade(None, "its process died")
    except RemoteError as error:
        return Grade(None, str(error).strip().rpartition("\n")[2])
    return Grade(*answer)  # type: ignore[misc]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


RULES: dict[str, Grader] = {
    grader.name: grader
    for grader in (
        Grader("ours", mathpipe.version(), "docs/verification.md", "", _ours),
        Grader(
            "math-verify",
            _version("math-verify"),
            "the package math-verify",
            "floats decide big numbers; 30 is 30%; the delimiters change the verdict",
            _math_verify,
        ),
        Grader(
            "qwen",
            "baseline",
            "after the evaluation of Qwen2.5-Math (arXiv 2409.12122)",
            "numbers within 1e-4 are equal, and so are ×100 and ÷100",
            _qwen,
        ),
        Grader(
            "tora",
            "baseline",
            "after ToRA (arXiv 2309.17452)",
            "0.0005 is 0; a percent sign and units are dropped",
            _tora,
        ),
        Grader(
            "minerva",
            "baseline",
            "after Minerva (arXiv 2206.14858), appendix D.1",
            "units and percent signs are dropped",
            _minerva,
        ),
        Grader(
            "prm800k",
            "baseline",
            "after Let's verify step by step (arXiv 2305.20050)",
            "units are dropped; equal forms that SymPy cannot read are wrong",
            _prm800k,
        ),
        Grader("exact", "1", "equal text of the answers found", "every other spelling is wrong", _exact),
    )
}
_NEED_AUDIT = frozenset({"math-verify", "qwen", "tora", "minerva", "prm800k"})


def find_rules(names: Sequence[str]) -> list[Grader]:
    """The rules of these names. Raises `InputError` for an unknown one, or where the extra `audit` is missing."""
    for name in names:
        if name not in RULES:
            raise InputError(f"rule {name!r}", f"one of {', '.join(RULES)}", "name rules that exist")
        if name in _NEED_AUDIT and find_spec("latex2sympy2_extended") is None:
            raise InputError(f"rule {name!r}", "the packages it needs", 'install them: pip install "mathpipe[audit]"')
    return [RULES[name] for name in names]
