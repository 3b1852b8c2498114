"""Known killers of graders: towers, giant factorials, deep nesting, a megabyte of prose. Each is judged in time.

Asked from the main thread, from another thread and inside asyncio, in both positions, as they come and twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.verify.answers.suite.hostile import MEGABYTE
from verify import Outcome, Verdict, check_answer

LIMIT_SECONDS = 0.5  # a quarter of the default, so that the suite is quick
DEFAULT_LIMIT_SECONDS = 2.0
LONG = 200_000  # characters
GRACE_SECONDS = 3.0  # of a machine that others load; what is not bounded takes minutes
MAX_GROWTH_BYTES = 300 * MEGABYTE

BIG_MATRIX = (
    r"\det\begin{pmatrix}" + r"\\".join("&".join(f"x_{i}" for i in range(60)) for _ in range(60)) + r"\end{pmatrix}"
)
TOWER = "10^{10^{10}}"
LITERAL: dict[str, tuple[str, str, bool | None]] = {
    "a tower equals itself": (TOWER, TOWER, True),
    "a tower is not five": ("5", TOWER, False),
    "9^9^9": ("5", "9^{9^9}", False),
    "one tower is not another": (TOWER, "10^{10^{11}}", None),
    "a tower less one": ("5", r"\dfrac{5^{\left(5^{\left(5^{5^5}\right)}\right)}-5}{16}", False),
    "an inequality with a tower": ("2^{2^{2^{16}}}", "x > 2^{4^{8^{16}}}", False),
    "100000! and 100001!": ("100000!", "100001!", False),
    "a factorial of a thousand million": ("5", "1000000000!", False),
    "factorial of a factorial": ("5", "((9!)!)!", False),
    "a giant binomial": ("5", r"\binom{10^9}{5\cdot 10^8}", False),
    "five thousand braces": ("5", "{" * 5000 + "4" + "}" * 5000, False),
    "two thousand parentheses": ("5", "(" * 2000 + "4" + ")" * 2000, False),
    "a continued fraction": ("5", r"\frac{1}{1+" * 300 + "1" + "}" * 300, False),
    "a sum of a thousand million terms": ("5", r"\sum_{k=1}^{1000000000}\frac{1}{k^3+k+1}", False),
    "a hard integral": ("5", r"\int_0^\infty\frac{e^{-x^2}\sin(x^3)}{x^5+x+1}\,dx", False),
    "a power of a trinomial": ("(x+y+z)^{200}", "(x+y+z)^{200}+1", False),
    "two thousand boxes": ("5", " ".join(rf"\boxed{{{k}}}" for k in range(2000)), False),
    "a hundred thousand digits": ("5", "9" * 100_000, False),
    "a hundred thousand digits twice": ("9" * 100_000, "9" * 99_999 + "8", False),
    "a megabyte of prose": ("5", "so the answer is $x$ = 3. " * 40_000, False),
    "a megabyte of braces": ("5", "{" * MEGABYTE, False),
    "a megabyte of backslashes": ("5", "\\" * MEGABYTE, False),
    "a megabyte of dollars": ("5", "$" * MEGABYTE, False),
    "a megabyte of boxes": ("5", r"\boxed{" * (MEGABYTE // 7), False),
    "a megabyte of blanks": ("5", " " * MEGABYTE, False),
    "a megabyte of commas": ("5", "1," * (MEGABYTE // 2), False),
    "a megabyte of the phrase": ("5", "the answer is " * (MEGABYTE // 14), False),
    "a megabyte of combining marks": ("5", "e" + "\u0301" * MEGABYTE, False),
    "a big matrix": ("5", BIG_MATRIX, False),
    "a tower modulo a hundred": ("5", r"7^{7^{7^7}} \bmod 100", False),
    "a thousand roots": ("5", r"\sqrt{" * 1000 + "4" + "}" * 1000, False),
    "a thousand minus signs": ("5", "-" * 1001 + "4", False),
    "a thousand exponents": ("5", "2^" * 1000 + "2", False),
    "a giant root index": ("5", r"\sqrt[10^{100}]{2}", False),
    "a giant modulus": ("5", r"2^{10^{100}} \bmod (10^{50}+1)", False),
    "a giant product": ("5", r"\prod_{k=1}^{10^{8}} k", False),
    "a giant union": ("5", r" \cup ".join(f"({k},{k + 1})" for k in range(5000)), False),
    "a giant sum of symbols": ("5", "+".join(f"x_{{{k}}}" for k in range(3000)), False),
    "nothing": ("5", "", False),
    "NUL": ("5", "\x00", False),
    "a lone surrogate": ("5", "\ud800", False),
    "right to left": ("5", "\u202e5", None),
    "giant repeating decimal": ("5", r"0.\overline{" + "3" * 5000 + "}", False),
    "division by zero": ("5", r"\frac{5}{0}", False),
    "zero to the zero": ("5", "0^0", False),
    "sine of a tower": ("5", rf"\sin({TOWER})", False),
    "a giant e number": ("5", "1e999999999", False),
    "a tiny e number": ("0", "1e-999999999", False),
    "giant units": ("5", "5 " + "km" * 5000, None),
    "a giant base numeral": ("5", "1" * 5000 + "_{7}", False),
    "forty percent signs": ("xy + xz", "50" + r"\%" * 40, False),
    "many signs": ("5", "".join(rf"\pm {k} " for k in range(1, 25)), False),
}  # fmt: skip


def directly(reference: str, candidate: str) -> Verdict:
    return check_answer(reference, candidate, timeout_seconds=LIMIT_SECONDS)


def from_another_thread(reference: str, candidate: str) -> Verdict:
    found: list[Verdict] = []
    thread = threading.Thread(target=lambda: found.append(directly(reference, candidate)))
    thread.start()
    thread.join(30)
    assert found, "the thread gave no verdict"
    return found[0]


def inside_asyncio(reference: str, candidate: str) -> Verdict:
    return asyncio.run(asyncio.to_thread(directly, reference, candidate))


CALLERS = [directly, from_another_thread, inside_asyncio]


def assert_bounded(
    reference: str,
    candidate: str,
    call: Callable[[str, str], Verdict] = directly,
    limit_seconds: float | None = None,
) -> Verdict:
    """The verdict, in time; to read a megabyte takes a part of the default limit."""
    if limit_seconds is None:
        limit_seconds = LIMIT_SECONDS if len(reference) + len(candidate) < LONG else DEFAULT_LIMIT_SECONDS
    started = time.monotonic()
    verdict = call(reference, candidate)
    seconds = time.monotonic() - started
    assert isinstance(verdict, Verdict)
    assert seconds <= limit_seconds + GRACE_SECONDS, f"{seconds:.2f} s for {reference[:60]!r} | {candidate[:60]!r}"
    return verdict


@pytest.fixture(autouse=True, scope="module")
def symbolic_worker() -> None:
    """Starting the child that knows SymPy is not counted to any claim's limit."""
    check_answer(r"\int_0^1 x\,dx", r"\frac{1}{2}", timeout_seconds=30)


@pytest.fixture(autouse=True)
def memory_stays_bounded():
    """Resident memory of this process and its children grows by a bounded amount only."""
    before = resident_bytes()
    yield
    assert resident_bytes() - before <= MAX_GROWTH_BYTES


def resident_bytes() -> int:
    """Resident memory of this process and of those of its children that live long enough to be asked."""
    process = psutil.Process()
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += child.memory_info().rss
    return total


@pytest.mark.parametrize("call", CALLERS, ids=lambda call: call.__name__)
@pytest.mark.parametrize("name", LITERAL)
def test_a_hostile_claim_gets_its_verdict_in_time(name: str, call: Callable[[str, str], Verdict]) -> None:
    reference, candidate, expected = LITERAL[name]
    verdict = assert_bounded(reference, candidate, call)
    if expected is not None:
        assert (verdict.outcome is Outcome.CORRECT) is expected, verdict.detail


@pytest.mark.parametrize("name", ["a hard integral", "a sum of a thousand million terms"])
def test_the_default_limit_is_kept(name: str) -> None:
    reference, candidate, _ = LITERAL[name]
    verdict = assert_bounded(reference, candidate, check_answer, DEFAULT_LIMIT_SECONDS)
    assert verdict.outcome is not Outcome.CORRECT


@pytest.mark.parametrize("name", LITERAL)
def test_the_same_claim_turned_round_gets_its_verdict_in_time(name: str) -> None:
    reference, candidate, expected = LITERAL[name]
    verdict = assert_bounded(candidate, reference)
    if expected is False:
        assert verdict.outcome is not Outcome.CORRECT, verdict.detail


@pytest.mark.parametrize("name", LITERAL)
def test_a_hostile_answer_against_itself_gets_its_verdict_in_time(name: str) -> None:
    _, candidate, _ = LITERAL[name]
    assert_bounded(candidate, candidate)


def shared_cases() -> list[dict[str, object]]:
    """The list of hostile inputs that lies beside the project, where it does."""
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    path = Path(os.environ.get("MATHPIPE_SHARED_DATA", default)) / "graders" / "hostile_inputs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


@pytest.mark.skipif(not shared_cases(), reason="the shared data with the hostile inputs is not there")
@pytest.mark.parametrize("call", CALLERS, ids=lambda call: call.__name__)
@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: str(case["name"]))
def test_a_shared_hostile_input_gets_its_verdict_in_time(case, call: Callable[[str, str], Verdict]) -> None:
    verdict = assert_bounded(case["gold"], case["pred"], call)
    assert (verdict.outcome is Outcome.CORRECT) is bool(case["expected"]), verdict.detail
    assert_bounded(case["pred"], case["gold"], call)
