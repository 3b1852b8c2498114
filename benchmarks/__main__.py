"""Run every benchmark in turn, each in a process of its own, and say which failed.

python -m benchmarks            all
python -m benchmarks --quick    the short forms
"""

import subprocess
import sys
import time

NAMES = (
    "formula_recovery",
    "formula_roundtrip",
    "speed",
    "network_faults",
    "browser",
    "scaling",
    "prefilter",
    "language",
    "quality",
    "classifier",
    "recall_loop",
    "near_duplicates",
    "decontamination",
    "faults",
    "answers",
    "answers_speed",
    "verify_pool",
    "verify_programs",
    "verify_proofs",
    "published_scores",
    "kernels",
    "generation",
    "grpo_step",
    "policy_methods",
    "staleness",
)


def main() -> int:
    """Exit status: how many benchmarks failed."""
    failed = []
    for name in NAMES:
        print(f"\n=== {name} ===", flush=True)
        started = time.perf_counter()
        outcome = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False)
        print(f"({name}: {time.perf_counter() - started:.0f} s)", flush=True)
        if outcome.returncode:
            failed.append(name)
    print(f"\n{len(NAMES) - len(failed)} of {len(NAMES)} benchmarks ran" + (f"; failed: {failed}" if failed else ""))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
