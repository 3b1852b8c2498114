"""One claim, one verdict: which verifier judges what. Runs inside the workers of a pool, or anywhere.

In: a claim. Out: a `Verdict`. Verifiers are loaded when the first claim of their kind comes.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from mathpipe.core.memory import rss_bytes
from mathpipe.core.records import Verdict
from verify.claims import AnswerClaim, Claim, ProgramClaim, ProofClaim, StepClaim


def judge(claim: Claim) -> Verdict:
    """The verdict on a claim. Raises `TypeError` for anything else."""
    match claim:
        case AnswerClaim(reference, candidate):
            from verify.answers.check import check_answer

            return check_answer(reference, candidate)
        case ProofClaim(statement, proof):
            from verify.proofs import check_proof

            with _unbounded():
                return check_proof(statement, proof)
        case ProgramClaim():
            from verify.programs import check_program

            return check_program(claim)
        case StepClaim(step):
            from verify.step_equations import check_step

            return check_step(step)
        case _:
            raise TypeError(
                f"a claim is an AnswerClaim, ProofClaim, ProgramClaim or StepClaim, not {type(claim).__name__}"
            )


@contextmanager
def _unbounded() -> Iterator[None]:
    """Lift a worker's bound on data for what it starts: Lean reserves more, and its memory is watched on its own."""
    bound, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))


def judge_and_weigh(claim: Claim) -> tuple[Verdict, int]:
    """The verdict, and the resident bytes of this process after it, by which a pool recycles its workers."""
    return judge(claim), rss_bytes()
