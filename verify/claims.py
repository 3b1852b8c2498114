"""What a verifier is asked. In: a claim (values only, picklable). Out: a `Verdict`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """`candidate` (an answer or a whole solution) says the same as `reference`."""

    reference: str
    candidate: str


@dataclass(frozen=True, slots=True)
class ProofClaim:
    """`proof` (a term, or a script after `by`) proves the Lean 4 `statement` (up to and with `:=`, or without)."""

    statement: str
    proof: str


@dataclass(frozen=True, slots=True)
class IoTest:
    """A program given `stdin` prints `expected`."""

    stdin: str
    expected: str


@dataclass(frozen=True, slots=True)
class ProgramClaim:
    """The program passes every test; or, with `answer`, what it prints last is that answer."""

    code: str
    tests: tuple[IoTest, ...] = field(default=())
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class StepClaim:
    """Every equation of values that this step of a solution states holds."""

    step: str


Claim = AnswerClaim | ProofClaim | ProgramClaim | StepClaim
