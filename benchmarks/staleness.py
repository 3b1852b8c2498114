"""Sampling ahead beside sampling in turn: throughput, what is learned, and how stale samples were; the same budget.

    python -m benchmarks.staleness [--quick]

Every way begins with the demo's policy (`configs/tiny-sums.yaml`, made where it is not there) and takes as many
steps of as many samples (`configs/tiny-grpo.yaml`), on the two cores of one machine: in turn on one thread, in turn
on two, and with a sampler that works while the learner does, in a thread or as a Ray actor, at most so many updates
behind. Runs follow one another, each in a process of its own; start-up is not counted. Out: medians over steps,
held-out pass@1 before and after, and a histogram of staleness.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.contender_process import ContenderProcess, Took, only_answers_on_stdout
from benchmarks.policy_methods import ROOT, tiny_policy

STEPS, SEEDS, QUICK_STEPS = 40, 2, 12


@dataclass(frozen=True, eq=False)
class Way:
    """A row: what the run is told, and on how many threads it computes."""

    title: str
    settings: dict[str, Any]
    threads: int = 1


WAYS = (
    Way("in turn", {"sampler": "inline"}),
    Way("in turn, two threads", {"sampler": "inline"}, threads=2),
    Way("thread, 1 update behind", {"sampler": "thread", "staleness": 1}),
    Way("thread, 2 updates behind", {"sampler": "thread", "staleness": 2}),
    Way("Ray actor, 1 update behind", {"sampler": "ray", "staleness": 1}),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps, one seed")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        with only_answers_on_stdout() as answers:
            answers.write(json.dumps(run(json.loads(sys.stdin.readline()))) + "\n")
        return 0
    steps, seeds = (QUICK_STEPS, 1) if asked.quick else (asked.steps, asked.seeds)
    console = Console(width=150)
    policy = tiny_policy(console)
    with tempfile.TemporaryDirectory() as folder:
        told = {way: [one_run(way, policy, steps, seed, Path(folder)) for seed in range(seeds)] for way in WAYS}
    show(told, steps, console)
    return 0


def one_run(way: Way, policy: Path, steps: int, seed: int, folder: Path) -> Took:
    """In a process of its own."""
    demo = yaml.safe_load((ROOT / "configs" / "tiny-grpo.yaml").read_text(encoding="utf-8"))
    name = f"{WAYS.index(way)}-{seed}"
    settings = demo | way.settings | {"name": name, "model": str(policy), "output": str(folder), "workers": 1}
    settings |= {"seed": seed, "steps": steps, "evaluation": demo["evaluation"] | {"every": 0}}
    process = ContenderProcess("benchmarks.staleness", ["--job"], OMP_NUM_THREADS=str(way.threads))
    try:
        told = process.ask(settings)
        if told is None:
            raise SystemExit("\n".join([f"{way.title} died:", *process.log()[-20:]]))
        return told
    finally:
        process.close()


def run(settings: dict[str, Any]) -> dict[str, Any]:
    """One whole run, and what its journal says."""
    from rl.grpo_config import GrpoConfig
    from rl.journal import Journal
    from rl.trainer import Trainer

    config = GrpoConfig.model_validate(settings)
    with Trainer(config, say=lambda text: print(text, file=sys.stderr)) as trainer:
        trainer.run()
    journal = Journal(config.folder / "journal.jsonl")
    lines, before = journal.read(), journal.before()
    after = lines[-1].record.held_out
    return {
        "seconds": statistics.median(line.times.step for line in lines[2:]),
        "tokens_per_second": statistics.median(line.times.tokens_per_second for line in lines[2:]),
        "before": before.pass_at_1 if before else None,
        "after": after.pass_at_1 if after else None,
        "reward": statistics.fmean(line.record.reward_mean for line in lines[-5:]),
        "stale": Counter(str(line.record.staleness_max) for line in lines),
        "gap": statistics.fmean(line.record.sampler_gap for line in lines),
        "capped": statistics.fmean(line.record.importance_capped for line in lines),
    }


def show(told: dict[Way, list[Took]], steps: int, console: Console) -> None:
    """Print the table."""
    first = told[WAYS[0]]
    seeds = len(first)
    title = f"{steps} steps, {seeds} seed{'s' if seeds > 1 else ''}; means over seeds of medians over steps"
    table = Table(
        "",
        "s a step",
        "tokens/s",
        "of in turn",
        "before",
        "after",
        "reward, last 5",
        "gap",
        "capped",
        "steps by staleness",
        title=title,
        title_justify="left",
    )
    for way, runs in told.items():
        means = {key: statistics.fmean(run[key] for run in runs) for key in first[0] if key != "stale"}
        ratio = statistics.fmean(
            run["tokens_per_second"] / one["tokens_per_second"] for run, one in zip(runs, first, strict=True)
        )
        stale = sum((Counter(run["stale"]) for run in runs), Counter())
        table.add_row(
            way.title, f"{means['seconds']:.2f}", f"{means['tokens_per_second']:,.0f}", f"{ratio:.2f}",
            f"{means['before']:.3f}", f"{means['after']:.3f}", f"{means['reward']:.3f}", f"{means['gap']:.2g}",
            f"{means['capped']:.2%}", ", ".join(f"{age}: {count}" for age, count in sorted(stale.items())),
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
