"""Rewards that come from verdicts: accuracy of answers, proofs in Lean, programs against tests.

In: completions and the columns that hold references. Out: 1.0 for CORRECT, 0.0 for what the completion got wrong or
left out, None where the fault is ours: a reference that cannot be read, a verifier that timed out, crashed or is not
installed. Without a pool each claim is verified in the calling thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, Verdict
from verify.answers.check import check_answer
from verify.answers.extract_blocks import fenced_blocks
from verify.answers.judgement import Reason
from verify.claims import AnswerClaim, Claim, IoTest, ProgramClaim, ProofClaim
from verify.programs import ProgramReason, check_program
from verify.rewards.gaming import Attempt, Guard, find_gaming
from verify.rewards.guards import GUARDS
from verify.rewards.reward import Batch, Reward, Score

C = TypeVar("C", AnswerClaim, ProofClaim, ProgramClaim)


class ClaimPool(Protocol):
    """What a `VerifierPool` offers: verdicts in the order of the claims."""

    def map(self, claims: Iterable[Claim]) -> Iterable[Verdict]:
        """A verdict for each claim."""


def accuracy_reward(
    reference_column: str = "answer", *, pool: ClaimPool | None = None, guards: Sequence[Guard] = GUARDS
) -> Reward:
    """1.0 for the reference's answer, 0.0 for another, for none, and for an attempt to game the verifier."""
    return Reward("accuracy", _Accuracy(reference_column, pool, tuple(guards)))


def proof_reward(statement_column: str = "statement", *, pool: ClaimPool | None = None) -> Reward:
    """1.0 for a proof of the Lean 4 statement: the last ```lean block, or all of a completion without blocks."""
    return Reward("proof", _Proof(statement_column, pool))


def program_reward(tests_column: str = "tests", *, pool: ClaimPool | None = None) -> Reward:
    """1.0 for a program that passes all tests: the last ```python block. Tests are `IoTest`s or such mappings."""
    return Reward("program", _Program(tests_column, pool))


# What a completion is answerable for. A timeout of the answers' verifier is not its fault; a program or a proof that
# does not end in time has failed.
_ANSWER_SCORES = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0, Outcome.NO_ANSWER: 0.0}
_WORK_SCORES = _ANSWER_SCORES | {Outcome.TIMEOUT: 0.0}


@dataclass(frozen=True, slots=True)
class _Accuracy:
    reference_column: str
    pool: ClaimPool | None
    guards: tuple[Guard, ...]

    def __call__(self, batch: Batch) -> list[Score]:
        verdicts = self.judge(batch)
        batch.log("verdict", [verdict.reason if verdict is not None else "no-reference" for verdict in verdicts])
        return [None if verdict is None else _answer_score(verdict) for verdict in verdicts]

    def judge(self, batch: Batch) -> list[Verdict | None]:
        """A verdict for each completion, None without a reference. Gaming is WRONG, its reason the guard's."""
        references, prompts = batch.column(self.reference_column), batch.prompts()
        verdicts: list[Verdict | None] = [None] * len(batch.texts)
        claims: dict[int, AnswerClaim] = {}
        for at, (text, reference) in enumerate(zip(batch.texts, references, strict=True)):
            if not isinstance(reference, str | int) or isinstance(reference, bool) or not str(reference).strip():
                continue
            attempt = Attempt(text, str(reference), prompts[at])
            gaming = find_gaming(attempt, self.guards)
            if gaming is not None:
                verdicts[at] = Verdict(Outcome.WRONG, f"refused: {gaming}", 0.0, gaming)
            elif text is not None:
                claims[at] = AnswerClaim(str(reference), text)
        return _filled(verdicts, claims, self.pool, _check_answer)


@dataclass(frozen=True, slots=True)
class _Proof:
    statement_column: str
    pool: ClaimPool | None

    def __call__(self, batch: Batch) -> list[Score]:
        claims: dict[int, ProofClaim] = {}
        for at, (text, statement) in enumerate(zip(batch.texts, batch.column(self.statement_column), strict=True)):
            if isinstance(statement, str) and statement.strip():
                claims[at] = ProofClaim(str(statement), _last_block(text or "", ("lean", "lean4"), whole=True))
        verdicts = _filled([None] * len(batch.texts), claims, self.pool, _check_proof)
        return [None if verdict is None else _WORK_SCORES.get(verdict.outcome) for verdict in verdicts]


@dataclass(frozen=True, slots=True)
class _Program:
    tests_column: str
    pool: ClaimPool | None

    def __call__(self, batch: Batch) -> list[Score]:
        claims: dict[int, ProgramClaim] = {}
        for at, (text, tests) in enumerate(zip(batch.texts, batch.column(self.tests_column), strict=True)):
            if tests:
                claims[at] = ProgramClaim(_last_block(text or "", ("python", "py", "python3")), _tests(tests))
        verdicts = _filled([None] * len(batch.texts), claims, self.pool, check_program)
        return [None if verdict is None else _program_score(verdict) for verdict in verdicts]


def _filled(
    verdicts: list[Verdict | None], claims: dict[int, C], pool: ClaimPool | None, check: Callable[[C], Verdict]
) -> list[Verdict | None]:
    found = pool.map(list(claims.values())) if pool is not None else map(check, claims.values())
    for at, verdict in zip(claims, found, strict=True):
        verdicts[at] = verdict
    return verdicts


def _check_answer(claim: AnswerClaim) -> Verdict:
    return check_answer(claim.reference, claim.candidate)


def _check_proof(claim: ProofClaim) -> Verdict:
    from verify import check_proof  # looks for a Lean toolchain: only where proofs are asked for

    return check_proof(claim.statement, claim.proof)


def _answer_score(verdict: Verdict) -> Score:
    return None if verdict.reason == Reason.UNREADABLE_REFERENCE else _ANSWER_SCORES.get(verdict.outcome)


def _program_score(verdict: Verdict) -> Score:
    died = verdict.outcome is Outcome.CRASH and verdict.reason == ProgramReason.DIED
    return 0.0 if died else _WORK_SCORES.get(verdict.outcome)


def _last_block(text: str, languages: tuple[str, ...], *, whole: bool = False) -> str:
    """The last fenced block in one of the languages; without any, the whole text or nothing."""
    blocks = [block for block in fenced_blocks(text) if block.language in languages]
    if blocks:
        return text[blocks[-1].start : blocks[-1].end]
    return text if whole and "```" not in text else ""


def _tests(tests: object) -> tuple[IoTest, ...]:
    if not isinstance(tests, Sequence):
        raise InputError(f"tests of type {type(tests).__name__}", "a list of tests", "give a list of IoTest")
    return tuple(map(_test, tests))


def _test(test: object) -> IoTest:
    if isinstance(test, IoTest):
        return test
    if isinstance(test, Mapping) and {"stdin", "expected"} <= test.keys():
        return IoTest(str(test["stdin"]), str(test["expected"]))
    raise InputError(f"test {test!r:.80}", "an IoTest, or a mapping with stdin and expected", "mend the test's keys")
