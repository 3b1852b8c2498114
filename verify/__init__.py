"""Verifiers: answers by exact arithmetic, proofs by Lean, programs by a sandbox, and a pool that nothing can hang."""

from mathpipe.core.records import Outcome, Verdict
from verify.answers.check import check_answer
from verify.answers.extract import extract_answer
from verify.claims import AnswerClaim, Claim, IoTest, ProgramClaim, ProofClaim, StepClaim
from verify.pool import PoolLimits, VerifierPool
from verify.programs import Limits, ProgramResult, run_program
from verify.proofs import check_proof

__all__ = [
    "AnswerClaim",
    "Claim",
    "IoTest",
    "Limits",
    "Outcome",
    "PoolLimits",
    "ProgramClaim",
    "ProgramResult",
    "ProofClaim",
    "StepClaim",
    "Verdict",
    "VerifierPool",
    "check_answer",
    "check_proof",
    "extract_answer",
    "run_program",
]
