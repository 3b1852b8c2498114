"""Proofs judged by a real Lean: true ones are accepted, cheats are not, and no cheat spoils its neighbour."""

import json
from pathlib import Path

import psutil
import pytest

from mathpipe.core.records import Outcome
from verify.claims import AnswerClaim, ProofClaim
from verify.pool import VerifierPool
from verify.proofs import ProofLimits, ProofReason, check_proof, check_proofs
from verify.proofs.toolchain import ToolchainKind

pytestmark = pytest.mark.lean

CASES = Path(__file__).parents[2] / "cases" / "proofs"


def cases(name):
    rows = [json.loads(line) for line in (CASES / name).read_text(encoding="utf-8").splitlines()]
    return [pytest.param(row["statement"], row["proof"], id=row["name"]) for row in rows]


@pytest.mark.parametrize(("statement", "proof"), cases("true_proofs.jsonl"))
def test_a_true_proof_is_accepted(lean, limits, statement, proof):
    verdict = check_proof(statement, proof, toolchain=lean, limits=limits)
    assert verdict.outcome is Outcome.CORRECT, verdict
    assert verdict.reason == ProofReason.PROVED


@pytest.mark.parametrize(("statement", "proof"), cases("cheats.jsonl"))
def test_a_cheat_is_refused_and_its_neighbour_is_not(lean, limits, statement, proof):
    verdict = check_proof(statement, proof, toolchain=lean, limits=limits)
    assert verdict.outcome is Outcome.WRONG, verdict
    assert verdict.detail
    neighbour = check_proof("theorem t : 1 + 1 = 2", "by decide", toolchain=lean, limits=limits)
    assert neighbour.outcome is Outcome.CORRECT, neighbour


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ("sorry", ProofReason.SORRY),
        ("by native_decide", ProofReason.DOES_NOT_ELABORATE),
        ("by rfl\naxiom h : 1 = 2", ProofReason.DOES_NOT_PARSE),
        ("by run_tac pure ()", ProofReason.RUNS_CODE),
        ("by omega", ProofReason.DOES_NOT_ELABORATE),
    ],
)
def test_the_reason_says_what_was_wrong(lean, limits, proof, reason):
    assert check_proof("theorem t : 1 = 2", proof, toolchain=lean, limits=limits).reason == reason


def test_native_code_is_accepted_only_where_it_is_allowed(lean, limits):
    arguments = ("theorem t : 2 ^ 10 = 1024", "by native_decide")
    assert check_proof(*arguments, toolchain=lean, limits=limits).reason == ProofReason.NATIVE
    allowed = check_proof(*arguments, toolchain=lean, limits=limits, allow_native=True)
    # The WebAssembly build cannot compile everything; it must not say that the proof is wrong for another reason.
    assert allowed.outcome is Outcome.CORRECT or allowed.reason == ProofReason.KERNEL, allowed


def test_the_first_error_is_placed_in_the_proof(lean, limits):
    proof = "by\n  have h : 1 + 1 = 2 := rfl\n  exact nonsense"
    verdict = check_proof("theorem t :\n    1 = 2", proof, toolchain=lean, limits=limits)
    assert verdict.detail.startswith("line 3: ")
    assert "nonsense" in verdict.detail


def test_a_statement_that_lean_refuses_is_not_the_proofs_fault(lean, limits):
    verdict = check_proof("theorem t : nonsense = 2", "by rfl", toolchain=lean, limits=limits)
    assert verdict.outcome in (Outcome.UNAVAILABLE, Outcome.NO_ANSWER)
    assert "nonsense" in verdict.detail


def test_what_needs_mathlib_is_unavailable_without_it(lean, limits):
    if lean.mathlib:
        pytest.skip("this Lean has Mathlib")
    verdict = check_proof("import Mathlib\ntheorem t (x : ℝ) : x = x", "rfl", toolchain=lean, limits=limits)
    assert verdict.outcome is Outcome.UNAVAILABLE
    assert verdict.reason == ProofReason.NEEDS_MATHLIB


def test_proofs_go_through_a_pool_and_lean_ends_with_it(lean, monkeypatch):
    """The workers find Lean through the environment, as a user's would."""
    if lean.kind is ToolchainKind.WASM:
        monkeypatch.setenv("MATHPIPE_LEAN_WASM", str(Path(__file__).parent / "wasm"))
    before = set(psutil.Process().children(recursive=True))
    claims = [
        ProofClaim("theorem t : 1 + 1 = 2", "rfl"),
        ProofClaim("theorem t : 1 = 2", "sorry"),
        AnswerClaim("1", "1"),
    ]
    with VerifierPool(1) as pool:
        verdicts = list(pool.map(claims))
        started = set(psutil.Process().children(recursive=True)) - before
    assert [verdict.outcome for verdict in verdicts] == [Outcome.CORRECT, Outcome.WRONG, Outcome.CORRECT], verdicts
    assert verdicts[1].reason == ProofReason.SORRY
    assert len(started) >= 4  # the pool's server and worker, the prover, the judge
    _, alive = psutil.wait_procs(started, timeout=3)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_a_proof_without_end_is_killed_and_the_next_one_judged(lean):
    limits = ProofLimits(seconds=5, start_seconds=300)
    endless = "theorem t : ∀ n, n < 100000000 → n * n + 1 ≠ 0", "by\n  set_option maxRecDepth 100000000 in\n  decide"
    assert check_proof(*endless, toolchain=lean, limits=limits).outcome in (
        Outcome.TIMEOUT,
        Outcome.CRASH,
        Outcome.WRONG,
    )
    after = check_proof("theorem t : 1 + 1 = 2", "rfl", toolchain=lean, limits=limits)
    assert after.outcome is Outcome.CORRECT


@pytest.mark.slow
def test_batches_run_beside_each_other_in_order(lean, monkeypatch):
    for name, value in lean.environment.items():
        monkeypatch.setenv(name, value)
    claims = [ProofClaim(f"theorem t : {n} + 1 = {n + 1 if n % 2 else n}", "by decide") for n in range(8)]
    if find_is_wasm(lean):
        monkeypatch.setenv("MATHPIPE_LEAN_WASM", str(Path(__file__).parent / "wasm"))
    outcomes = [verdict.outcome for verdict in check_proofs(claims, workers=2)]
    assert outcomes == [Outcome.CORRECT if n % 2 else Outcome.WRONG for n in range(8)]


def find_is_wasm(lean):
    return lean.kind == "wasm"
