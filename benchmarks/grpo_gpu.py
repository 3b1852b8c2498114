"""GRPO on one GPU, in one run of some eight minutes: a 7B learner beside TRL's, and a small policy that learns.

    python -m benchmarks.grpo_gpu [--minutes 8] [--output FILE]
    python -m benchmarks.grpo_gpu --tiny        the same code with small numbers, on a CPU in under two minutes

The learner. A random model of Qwen2.5-7B's shape (made on the device, nothing is fetched) takes whole steps in
bfloat16 on 8 sequences of 2,048 tokens in one micro-batch: scores, then forward, backward and optimizer. Ours with
8-bit moments and checkpointed layers, with and without the lower halves of fp32 weights; TRL's with the same batch,
checkpoints, and torch's AdamW on bfloat16 (its moments are bfloat16: 8 bytes a parameter, no fp32 weights). Seconds
are medians; peak memory is what was allocated, beside what `mathpipe plan` predicts. Operations: 6 a parameter and
token for linear layers (the head for completion tokens only), 12 times width times the half of the squared length
for attention and layer; what is computed again is not counted. Utilisation is of the data sheet's dense bfloat16
rate, or of a product measured here where the device is not known.

The policy. The demo's policy of sums is made from nothing (`rl.cold_start`), then GRPO samples with transformers'
generate on the device: held-out pass@1 before and after, seconds by phase.

Every part is a process of its own with a limit of time: what does not fit or run is a row that says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
GIB = 1 << 30
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large everything is."""

    model: str  # a name in rl/planning/models, or "tiny"
    dtype: str
    sequences: int
    prompt: int
    length: int  # of a sequence, prompt and completion
    rounds: int
    texts: int  # that the policy begins with
    policy_steps: int
    grpo_steps: int
    problems: int
    held_out: int


FULL = Scale("Qwen2.5-7B", "bfloat16", 8, 256, 2048, 3, 12_000, 2000, 40, 32, 200)
TINY = Scale("tiny", "float32", 4, 16, 64, 2, 300, 60, 3, 4, 16)
# Name of the row, what its process is told, the most seconds it may take.
LEARNERS = (
    ("ours, 8-bit moments", {"ours": True, "master_weights": True}, 120),
    ("ours, 8-bit moments, no masters", {"ours": True, "master_weights": False}, 90),
    ("TRL, AdamW in bfloat16", {"ours": False}, 120),
)
_POLICY_SECONDS = 300


def main() -> int:
    asked = _arguments()
    if asked.job:
        print(json.dumps(JOBS[asked.job](**json.loads(asked.given))))
        return 0
    scale = TINY if asked.tiny else FULL
    if not asked.tiny and not _has_gpu():
        print("no CUDA device here: this benchmark needs one (--tiny runs it on a CPU)")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        file = None if asked.output is None else asked.output.open("w", encoding="utf-8")
        try:
            return _run(scale, Path(folder), asked.minutes * 60, _Paper(file))
        finally:
            if file is not None:
                file.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, on a CPU too")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which what is left is not begun")
    parser.add_argument("--output", type=Path, help="a file for the tables as well")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--given", default="{}", help=argparse.SUPPRESS)
    return parser.parse_args()


class _Paper:
    """Tables and lines, on the terminal and in a file, as they come."""

    def __init__(self, file: TextIO | None) -> None:
        self._consoles = [Console(width=150)] + ([] if file is None else [Console(file=file, width=150)])
        self._file = file

    def show(self, what: Table | str) -> None:
        for console in self._consoles:
            console.print(what, highlight=False, markup=False)
        if self._file is not None:
            self._file.flush()


def _run(scale: Scale, folder: Path, seconds: float, paper: _Paper) -> int:
    """Every part, its table after it; the exit status says whether ours ran and the policy improved."""
    started = time.monotonic()

    def job(name: str, most: float, given: Found) -> Found:
        left = seconds - (time.monotonic() - started)
        return run_job(name, given | {"scale": asdict(scale)}, min(most, left))

    policy = job("policy", _POLICY_SECONDS, {"folder": str(folder)})
    show_policy(policy, paper)
    learners = {title: job("learner", most, given) for title, given, most in LEARNERS}
    show_learners(learners, scale, paper)
    paper.show(f"({time.monotonic() - started:.0f} s)")
    ours = any("failure" not in found for title, found in learners.items() if title.startswith("ours"))
    return int(not ours or "failure" in policy or (scale is FULL and policy["after"] <= policy["before"]))


def run_job(name: str, given: Found, seconds: float) -> Found:
    """Do it in a process of its own; `failure` is why there is nothing else."""
    if seconds < 1:
        return {"failure": "not begun: the time was over"}
    command = [sys.executable, "-m", "benchmarks.grpo_gpu", "--job", name, "--given", json.dumps(given)]
    environment = os.environ | {"TRANSFORMERS_VERBOSITY": "error", "TRL_EXPERIMENTAL_SILENCE": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"not done within {seconds:.0f} s"}
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "Error" in line and not line.startswith(" ")]
        print("\n".join(lines[-12:]), file=sys.stderr)
        return {"failure": (errors or lines or [f"exit status {done.returncode}"])[-1][:100]}
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


# --- the learner ---------------------------------------------------------------------------------------------------


def learner(*, scale: Found, ours: bool, master_weights: bool = True) -> Found:
    """Median seconds of scoring and of an update, and the peak of both."""
    from benchmarks.grpo_gpu_learners import Measured, our_learner, their_learner

    size = Scale(**scale)
    with tempfile.TemporaryDirectory() as folder:
        made = our_learner(size, Path(folder), master_weights=master_weights) if ours else None
        work = made.work if made is not None else their_learner(size, Path(folder))
        measured = Measured(work, size.rounds)
        return measured.found() | ({} if made is None else {"planned": made.planned_bytes})


def show_learners(found: dict[str, Found], scale: Scale, paper: _Paper) -> None:
    tokens = scale.sequences * scale.length
    batch = f"{scale.sequences} x {scale.length:,} tokens"
    table = _table(
        f"learner: {scale.model}, {scale.dtype}, {batch}, medians of {scale.rounds}",
        ("", "score, s", "update, s", "tokens/s", "TFLOP/s", "utilisation", "peak GiB", "planned GiB", "of the plan"),
    )
    note = ""
    for title, one in found.items():
        if "failure" in one:
            table.add_row(title, one["failure"])
            continue
        rate = one["operations"] / one["update"]
        planned = one.get("planned")
        memory = ["", ""] if planned is None else [f"{planned / GIB:.2f}", f"{one['peak'] / planned:.2f}"]
        if one["device"] == "CPU":
            memory[1] = ""  # there the peak is the whole process's
        table.add_row(
            title,
            f"{one['score']:.3f}",
            f"{one['update']:.3f}",
            f"{tokens / one['update']:,.0f}",
            f"{rate / 1e12:.3g}",
            f"{rate / one['device_rate']:.3f}",
            f"{one['peak'] / GIB:.2f}",
            *memory,
        )
        note = f"{one['device']}; utilisation of {one['device_rate'] / 1e12:.3g} TFLOP/s ({one['rate_source']})"
    paper.show(table)
    paper.show(note or "no learner ran")


# --- the policy ----------------------------------------------------------------------------------------------------


def policy(*, scale: Found, folder: str) -> Found:
    """A policy made and trained on this device; pass@1 before and after, seconds by phase."""
    from mathpipe.core.config import load_config
    from rl.cold_start import ColdStartConfig, cold_start
    from rl.grpo_config import GrpoConfig
    from rl.journal import Journal
    from rl.trainer import Trainer

    size, at = Scale(**scale), Path(folder)
    console = Console(file=sys.stderr)
    began = time.monotonic()
    taught = [f"folder={at / 'start'}", f"steps={size.policy_steps}", f"templates.count={size.texts}"]
    cold_start(load_config(ROOT / "configs" / "tiny-sums.yaml", ColdStartConfig, taught), console)
    cold = time.monotonic() - began
    changes = {
        "model": at / "start",
        "output": at,
        "steps": size.grpo_steps,
        "engine.kind": "transformers",
        "sampling.problems": size.problems,
        "problems.templates.count": size.texts,
        "held_out.limit": size.held_out,
        "evaluation.every": 0,
    }
    overrides = [f"{name}={value}" for name, value in changes.items()]
    config = load_config(ROOT / "configs" / "tiny-grpo.yaml", GrpoConfig, overrides)
    with Trainer(config, say=lambda text: print(text, file=sys.stderr)) as trainer:
        trainer.run()
    lines = Journal(config.folder / "journal.jsonl").read()
    phases = ("sample", "verify", "score", "update", "sync", "evaluate", "write", "checkpoint")
    after = lines[-1].record.held_out
    return {
        "cold_start": cold,
        "seconds": time.monotonic() - began,
        "steps": len(lines),
        "before": _pass_at_1(config.folder / "held-out" / "step-000000.parquet"),
        "after": 0.0 if after is None else after.pass_at_1,
        "rewards": [line.record.reward_mean for line in lines],
        "tokens": sum(line.record.tokens_sampled for line in lines),
        "phases": {name: sum(getattr(line.times, name, 0.0) for line in lines) for name in phases},
    }


def _pass_at_1(path: Path) -> float:
    from mathpipe.core.records import Outcome
    from mathpipe.core.store import read_records
    from rl.run_files import RolloutSample

    rows = [row.outcome is Outcome.CORRECT for row in read_records(path, RolloutSample)]
    return sum(rows) / len(rows)


def show_policy(found: Found, paper: _Paper) -> None:
    if "failure" in found:
        paper.show(f"policy: {found['failure']}")
        return
    steps, rewards = found["steps"], found["rewards"]
    few = max(1, steps // 8)
    table = _table(
        f"policy: cold start, then {steps} steps of GRPO, {found['seconds']:.0f} s", ("", "before", "after")
    )
    first, last = sum(rewards[:few]) / few, sum(rewards[-few:]) / few
    table.add_row("held-out pass@1", f"{found['before']:.3f}", f"{found['after']:.3f}")
    table.add_row(f"reward, mean of {few} steps", f"{first:.3f}", f"{last:.3f}")
    paper.show(table)
    times = _table(f"seconds by phase; {found['tokens']:,} tokens sampled", ("", "s", "a step"))
    times.add_row("cold start", f"{found['cold_start']:.1f}", "")
    for name, seconds in found["phases"].items():
        times.add_row(name, f"{seconds:.2f}", f"{seconds / steps:.3f}")
    paper.show(times)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right" if name else "left")
    return table


JOBS: dict[str, Callable[..., Found]] = {"learner": learner, "policy": policy}

if __name__ == "__main__":
    sys.exit(main())
