"""`check_proof`: whether a proof proves our statement, as Lean's kernel says.

In: a statement and a proof. Out: a `Verdict`; never an exception. The prover elaborates our parse of the statement
with the candidate's value and hands over, as data, every declaration the result rests on. The judge, a process that
never sees the candidate's text, states the theorem anew, has the kernel check each declaration, and collects the
axioms. So `sorry`, new axioms, redefined constants and notations, changed statements, `native_decide` and skipped
checks are seen by what they are and not by how they are spelled. Syntax that would run code of the candidate's own is
refused.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Outcome, Verdict
from verify.claims import ProofClaim
from verify.proofs.lean_server import LeanDied, LeanMemory, LeanServer, LeanTimeout, Side
from verify.proofs.source_text import Statement, read_statement, readings
from verify.proofs.toolchain import HOW_TO_GET_ONE, Toolchain, find_toolchain

_MAX_CHARACTERS = 200_000
_AXIOMS = frozenset({"propext", "Classical.choice", "Quot.sound"})  # what Lean's own library rests on
_NATIVE_AXIOMS = frozenset({"Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler"})
_SORRY = "sorryAx"


class ProofReason(StrEnum):
    """Why a proof was judged as it was."""

    PROVED = "proved"
    DOES_NOT_PARSE = "does-not-parse"  # also a proof that ends its theorem and goes on
    DOES_NOT_ELABORATE = "does-not-elaborate"
    RUNS_CODE = "runs-code"
    SORRY = "sorry"
    AXIOM = "axiom"
    NATIVE = "native-decide"
    STATEMENT = "another-statement"
    REDEFINED = "redefines"
    ADDED = "adds-what-is-no-definition"
    KERNEL = "refused-by-the-kernel"
    BAD_STATEMENT = "bad-statement"
    NEEDS_MATHLIB = "needs-mathlib"
    TOO_LONG = "too-long"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    NO_TOOLCHAIN = "no-toolchain"


_REFUSALS = {
    "kernel": ProofReason.KERNEL,
    "added": ProofReason.ADDED,
    "statement": ProofReason.STATEMENT,
    "redefined": ProofReason.REDEFINED,
    "native": ProofReason.NATIVE,
    "malformed": ProofReason.KERNEL,
}


class ProofLimits(Config):
    """What one proof may take; starting Lean is not counted."""

    seconds: float = Field(default=60.0, gt=0)
    memory_mb: int = Field(default=4096, ge=256)  # resident, of a Lean process
    start_seconds: float = Field(default=300.0, gt=0)


class ProofChecker:
    """A prover and a judge for one header. One proof at a time; any thread may call."""

    def __init__(self, toolchain: Toolchain, statement: Statement, limits: ProofLimits | None = None) -> None:
        self.toolchain = toolchain
        self.limits = limits or ProofLimits()
        self._lock = threading.Lock()
        memory, start = self.limits.memory_mb << 20, self.limits.start_seconds
        self._prover, self._judge = (
            LeanServer(toolchain, side, statement, memory_bytes=memory, start_seconds=start)
            for side in (Side.PROVER, Side.JUDGE)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End both processes."""
        self._prover.close()
        self._judge.close()

    def check(self, statement: str, proof: str, *, allow_native: bool = False) -> Verdict:
        """The verdict on a proof of `statement`, which has no header and no `:=`."""
        started = time.perf_counter()
        with self._lock:
            try:
                outcome, reason, detail = self._check(statement, proof, allow_native)
            except LeanTimeout as error:
                outcome, reason, detail = Outcome.TIMEOUT, ProofReason.TIMEOUT, str(error)
            except LeanMemory as error:
                outcome, reason, detail = Outcome.CRASH, ProofReason.MEMORY, str(error)
            except (LeanDied, OSError) as error:
                outcome, reason, detail = Outcome.CRASH, ProofReason.CRASH, f"Lean ended: {error}"
        return Verdict(outcome, detail, time.perf_counter() - started, reason)

    def _check(self, statement: str, proof: str, allow_native: bool) -> tuple[Outcome, ProofReason, str]:
        self._judge.launch()  # both load at once
        tries = readings(proof)
        request = {"statement": statement, "readings": tries}
        reply = self._prover.ask(request, seconds=self.limits.seconds)
        if reply["status"] == "bad statement":
            return self._bad_statement(reply)
        if reply["status"] != "tried":
            return Outcome.CRASH, ProofReason.CRASH, str(reply.get("message", reply))[:500]
        last = reply["outcomes"][0]
        if last["status"] != "proof":
            stated = self._judge.ask({"statement": statement}, seconds=self.limits.seconds)
            if stated["status"] == "bad statement":
                return self._bad_statement(stated)
            return _failed(reply["outcomes"], statement, tries)
        judged = self._judge.ask(
            {"statement": statement, "data": last["data"], "allow_native": allow_native}, seconds=self.limits.seconds
        )
        if judged["status"] == "bad statement":
            return self._bad_statement(judged)
        return _judged(judged, allow_native)

    def _bad_statement(self, reply: dict[str, Any]) -> tuple[Outcome, ProofReason, str]:
        message = _short(reply.get("message"))
        if self.toolchain.mathlib:
            return Outcome.NO_ANSWER, ProofReason.BAD_STATEMENT, f"Lean refuses the statement: {message}"
        detail = f"Lean refuses the statement, which may need Mathlib (MATHPIPE_LEAN_PROJECT): {message}"
        return Outcome.UNAVAILABLE, ProofReason.NEEDS_MATHLIB, detail


def _failed(
    outcomes: Sequence[dict[str, Any]], statement: str, tries: Sequence[str]
) -> tuple[Outcome, ProofReason, str]:
    """No reading is a proof: say what the likeliest, the first, came to."""
    first, reading = outcomes[-1], tries[0]
    if any(outcome["status"] == "code" for outcome in outcomes):
        kind = next(outcome["message"] for outcome in outcomes if outcome["status"] == "code")
        return Outcome.WRONG, ProofReason.RUNS_CODE, f"it would run code of its own ({kind})"
    readable = [(outcome, text) for outcome, text in zip(reversed(outcomes), tries, strict=False)
                if outcome["status"] == "fault"]  # fmt: skip
    if not readable:
        return Outcome.WRONG, ProofReason.DOES_NOT_PARSE, _short(first.get("message"))
    outcome, reading = readable[0]
    fault = outcome.get("fault") or {}
    script = len(tries) > 1 and reading == tries[0]  # our own "by" stands on a line before it
    before = statement.count("\n") + script
    line = max(1, int(fault.get("line", 1)) - before)
    return Outcome.WRONG, ProofReason.DOES_NOT_ELABORATE, f"line {line}: {_short(fault.get('message'))}"


def _judged(reply: dict[str, Any], allow_native: bool) -> tuple[Outcome, ProofReason, str]:
    if reply["status"] == "refused":
        reason = _REFUSALS.get(str(reply.get("reason")), ProofReason.KERNEL)
        return Outcome.WRONG, reason, _short(reply.get("about"))
    if reply["status"] != "checked":
        return Outcome.CRASH, ProofReason.CRASH, str(reply)[:500]
    axioms = set(map(str, reply.get("axioms", ())))
    if _SORRY in axioms:
        return Outcome.WRONG, ProofReason.SORRY, "it rests on sorry"
    if not allow_native and axioms & _NATIVE_AXIOMS:
        return Outcome.WRONG, ProofReason.NATIVE, "it rests on compiled code"
    others = axioms - _AXIOMS - _NATIVE_AXIOMS
    if others:
        return Outcome.WRONG, ProofReason.AXIOM, f"it rests on {', '.join(sorted(others))}"
    rests = f", on {', '.join(sorted(axioms))}" if axioms else ""
    return Outcome.CORRECT, ProofReason.PROVED, f"checked by Lean's kernel{rests}"


def _short(message: object) -> str:
    return " ".join(str(message or "it is no proof").split())[:500]


# --- for anybody -------------------------------------------------------------------------------------------------

_checkers: dict[tuple[object, ...], ProofChecker] = {}
_lock = threading.Lock()


def check_proof(
    statement: str,
    proof: str,
    *,
    header: str = "",
    limits: ProofLimits | None = None,
    allow_native: bool = False,
    toolchain: Toolchain | None = None,
    lane: int = 0,
) -> Verdict:
    """Whether `proof` proves the Lean 4 `statement`. Never raises.

    `statement` may hold imports and `open` lines and end in `:= by sorry`; `proof` is a term or a tactic script,
    with or without `by`. Lean is found by `find_toolchain` and kept for the next proof with the same header.
    `allow_native` accepts what rests on compiled code. `lane` tells Lean processes for the same header apart.
    """
    lean = toolchain or find_toolchain()
    if lean is None:
        return Verdict(Outcome.UNAVAILABLE, HOW_TO_GET_ONE, reason=ProofReason.NO_TOOLCHAIN)
    if not _are_text(statement, proof):
        return Verdict(Outcome.NO_ANSWER, "statement and proof must be text", reason=ProofReason.BAD_STATEMENT)
    if len(statement) + len(proof) > _MAX_CHARACTERS:
        return Verdict(Outcome.NO_ANSWER, f"more than {_MAX_CHARACTERS} characters", reason=ProofReason.TOO_LONG)
    read = read_statement(statement, header)
    if read.wants_mathlib and not lean.mathlib:
        detail = "it needs Mathlib: set MATHPIPE_LEAN_PROJECT to a Lake project that has it"
        return Verdict(Outcome.UNAVAILABLE, detail, reason=ProofReason.NEEDS_MATHLIB)
    if not proof.strip():
        return Verdict(Outcome.NO_ANSWER, "there is no proof", reason=ProofReason.DOES_NOT_PARSE)
    checker = _checker(lean, read, limits or ProofLimits(), lane)
    return checker.check(read.text, proof, allow_native=allow_native)


def _are_text(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _checker(lean: Toolchain, read: Statement, limits: ProofLimits, lane: int) -> ProofChecker:
    key = (os.getpid(), lean, read.imports, read.header, limits, lane)
    with _lock:
        if not _checkers:
            atexit.register(_close_all)
        if key not in _checkers:
            _checkers[key] = ProofChecker(lean, Statement(read.imports, read.header, ""), limits)
        return _checkers[key]


def _close_all() -> None:
    for (pid, *_), checker in list(_checkers.items()):
        if pid == os.getpid():
            checker.close()
    _checkers.clear()


def check_proofs(
    claims: Sequence[ProofClaim], *, workers: int = 1, limits: ProofLimits | None = None, allow_native: bool = False
) -> list[Verdict]:
    """Verdicts in the order of the claims, by so many pairs of Lean processes (1.5 GB each) at once."""

    def run(item: tuple[int, ProofClaim]) -> Verdict:
        number, claim = item
        return check_proof(
            claim.statement, claim.proof, limits=limits, allow_native=allow_native, lane=number % workers
        )

    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(run, enumerate(claims)))
