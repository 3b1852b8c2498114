"""The protocol against a recorded session: what the checker makes of a real Lean's replies, where there is no Lean.

`tests/cases/proofs/session.jsonl` holds requests and replies of the WebAssembly build; a program that replays them
stands where Lean would. What Lean itself decides is tested in `test_with_lean.py`.
"""

import sys
from pathlib import Path

import pytest

from mathpipe.core.records import Outcome
from verify.proofs import ProofLimits, ProofReason, check_proof
from verify.proofs.toolchain import Toolchain, ToolchainKind

SESSION = Path(__file__).parents[2] / "cases" / "proofs" / "session.jsonl"
REPLAY = """
import json, sys, time
from pathlib import Path

side = "prover" if "MathpipeProver.attempt" in Path("Claim.lean").read_text() else "judge"
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
replies = {json.dumps(row["request"]): row["reply"] for row in rows if row["side"] == side}
Path("ready").write_text("4.28")
for number in range(1000):
    request = Path(f"request-{number}.json")
    while not request.exists():
        time.sleep(0.005)
    reply = replies[json.dumps(json.loads(request.read_text()))]
    Path("part-of-reply").write_text(json.dumps(reply))
    Path("part-of-reply").rename(f"reply-{number}.json")
"""


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    script = tmp_path_factory.mktemp("replay") / "replay.py"
    script.write_text(REPLAY)
    return Toolchain(ToolchainKind.WASM, (sys.executable, str(script), str(SESSION)))


@pytest.mark.parametrize(
    ("statement", "proof", "outcome", "reason"),
    [
        ("theorem t : 1 + 1 = 2", "rfl", Outcome.CORRECT, ProofReason.PROVED),
        ("theorem t (p : Prop) : p ∨ ¬p", "Classical.em p", Outcome.CORRECT, ProofReason.PROVED),
        ("theorem t : 1 = 2", "sorry", Outcome.WRONG, ProofReason.SORRY),
        ("theorem t : 1 = 2", "by omega", Outcome.WRONG, ProofReason.DOES_NOT_ELABORATE),
        ("theorem t : 1 = 2", "by rfl\naxiom h : 1 = 2", Outcome.WRONG, ProofReason.DOES_NOT_PARSE),
        ("theorem t : 1 = 2", "by run_tac pure ()", Outcome.WRONG, ProofReason.RUNS_CODE),
        ("theorem t : 2 ^ 10 = 1024", "by native_decide", Outcome.WRONG, ProofReason.NATIVE),
        ("theorem t : nonsense = 2", "by rfl", Outcome.UNAVAILABLE, ProofReason.NEEDS_MATHLIB),
    ],
)
def test_replies_become_verdicts(replayed, statement, proof, outcome, reason):
    verdict = check_proof(statement, proof, toolchain=replayed, limits=ProofLimits(seconds=20, start_seconds=20))
    assert (verdict.outcome, verdict.reason) == (outcome, reason), verdict
    assert verdict.detail


def test_a_lean_that_ends_in_mid_claim_is_a_crash(replayed):
    verdict = check_proof("theorem t : 3 = 3", "rfl", toolchain=replayed, limits=ProofLimits(start_seconds=20))
    assert verdict.outcome is Outcome.CRASH
    assert "KeyError" in verdict.detail
