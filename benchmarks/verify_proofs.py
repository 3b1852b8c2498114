"""Proofs judged by Lean: time to start, milliseconds a proof, true ones accepted, cheats refused.

python -m benchmarks.verify_proofs

The Lean that the environment leads to (`verify.proofs.toolchain`), or the WebAssembly build that `make test-lean`
fetches.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from mathpipe.core.records import Outcome
from verify.proofs import ProofLimits, Toolchain, check_proof, find_toolchain
from verify.proofs.toolchain import ToolchainKind
from verify.proofs.wasm import command, is_installed

TESTS = Path(__file__).resolve().parent.parent / "tests"
WASM = TESTS / "verify" / "proofs" / "wasm"


def toolchain() -> Toolchain | None:
    found = find_toolchain()
    if found is None and is_installed(WASM):
        start, environment = command(WASM)
        return Toolchain(ToolchainKind.WASM, start, environment=environment)
    return found


def main() -> int:
    lean = toolchain()
    if lean is None:
        print("skipped: no Lean here; `make test-lean` fetches one")
        return 0
    limits = ProofLimits(seconds=60, start_seconds=300)
    started = time.perf_counter()
    check_proof("theorem t : 1 + 1 = 2", "rfl", toolchain=lean, limits=limits)
    print(f"{lean.kind}: prover and judge ready after {time.perf_counter() - started:.1f} s")
    print(f"{'proofs':14} {'number':>6} {'accepted':>9} {'median ms':>10} {'max ms':>8}")
    faults = 0
    for title, name, wanted in (
        ("true", "true_proofs.jsonl", Outcome.CORRECT),
        ("cheats", "cheats.jsonl", Outcome.WRONG),
    ):
        rows = [json.loads(line) for line in (TESTS / "cases" / "proofs" / name).read_text().splitlines()]
        verdicts = [check_proof(row["statement"], row["proof"], toolchain=lean, limits=limits) for row in rows]
        times = [1e3 * verdict.seconds for verdict in verdicts]
        accepted = sum(verdict.outcome is Outcome.CORRECT for verdict in verdicts)
        print(f"{title:14} {len(rows):6} {accepted:9} {statistics.median(times):10.0f} {max(times):8.0f}")
        for row, verdict in zip(rows, verdicts, strict=True):
            if verdict.outcome is not wanted:
                faults += 1
                print(f"    {row['name']}: {verdict.outcome} ({verdict.detail})")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
