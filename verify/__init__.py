"""Verifiers: answers by exact arithmetic, proofs by Lean, programs by a sandbox, and a pool that nothing can hang."""

from mathpipe.core.records import Outcome, Verdict
from verify.answers.check import check_answer
from verify.answers.extract import extract_answer

__all__ = ["Outcome", "Verdict", "check_answer", "extract_answer"]
