"""Proofs, judged by Lean 4. In: our statement and a candidate's proof. Out: a `Verdict`.

Two Lean processes share the work (`lean/`): the prover runs the candidate's text and hands over declarations as data,
the judge, which never sees the text, has the kernel check them against our own statement and collects the axioms.
"""

from verify.proofs.checking import ProofChecker, ProofLimits, ProofReason, check_proof, check_proofs
from verify.proofs.toolchain import Toolchain, find_toolchain

__all__ = [
    "ProofChecker",
    "ProofLimits",
    "ProofReason",
    "Toolchain",
    "check_proof",
    "check_proofs",
    "find_toolchain",
]
