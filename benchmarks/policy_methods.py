"""GRPO, PPO and rejection-sampling fine-tuning on the same data: what each gains, what its learner needs and takes.

    python -m benchmarks.policy_methods [--quick]

Is GRPO cheaper than PPO only because PPO was given a second network? Every method begins with the same tiny policy
(made by `rl.cold_start` if it is not there), samples the same problems with the same seeds and budget, takes as many
optimizer steps at the demo's learning rate (`configs/tiny-grpo.yaml`, which is where problems and engine come from
too), and is scored on the same held-out problems before and after: pass@1 at temperature 1, the mean over seeds. Two
runs at a time, a core each. PPO stands there twice: with a value head on the policy's trunk, and with its own critic.

Memory and time of the learner are measured alone, in turn, each in a process of its own. A random Llama of
25 M parameters (the tiny policy would vanish beside the libraries) takes whole learner steps (values, scores, as many
updates as the method makes) on the same sequences, in micro-batches of the same size. Predicted: weights, gradients
and moments, reference or critic, activations of a micro-batch, logits, as `mathpipe plan` counts them. Measured: the
process's peak over what it had before; seconds are a core's, which other work on the machine lengthens little.

Out: both tables. Exit status 1 where a shared trunk takes more than 1.1 times the memory of GRPO without a reference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.contender_process import ONE_THREAD
from benchmarks.random_llama import save_random_llama
from mathpipe.core.config import load_config
from mathpipe.core.records import Outcome
from mathpipe.core.store import read_records

ROOT = Path(__file__).resolve().parent.parent
_CRITIC = {"head_learning_rate": 3e-3, "learning_rate": 2e-4}
METHODS: dict[str, dict[str, Any]] = {
    "dr_grpo": {"preset": "dr_grpo"},
    "deepseekmath": {"preset": "deepseekmath"},
    "ppo, shared trunk": {"preset": "ppo", "critic": {"kind": "shared", **_CRITIC}},
    "ppo, own critic": {"preset": "ppo", "critic": {"kind": "separate", **_CRITIC}},
    "rft": {"preset": "rft"},
}
STEPS, SEEDS, PROBLEMS, SAMPLES, UPDATES = 24, 3, 16, 8, 2
QUICK_STEPS, QUICK_SEEDS = 12, 1
MOST_MEMORY = 1.1  # of a shared trunk, as a share of GRPO's without a reference
PROMPT, COMPLETION, SEQUENCES, MICRO_BATCH = 32, 96, 16, 1024  # of the learner alone
Found = dict[str, Any]


def main() -> int:
    arguments = _arguments()
    if arguments.job:
        print(json.dumps(JOBS[arguments.job](**json.loads(arguments.given))))
        return 0
    steps, seeds = (QUICK_STEPS, QUICK_SEEDS) if arguments.quick else (arguments.steps, arguments.seeds)
    console = Console(width=170)
    policy = tiny_policy(console)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_larger(folder / "larger")
        rounds = 1 if arguments.quick else 3
        alone = {name: job("learner", method=name, model=str(model), rounds=rounds) for name in METHODS}
        show_learners(alone, console)
        asked = [(name, seed) for name in METHODS for seed in range(seeds)]
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda one: train(one, policy, folder, steps), asked))
    show_runs(runs, steps, console)
    console.print(f"({time.perf_counter() - started:.0f} s)")
    return int(alone["ppo, shared trunk"]["peak"] > MOST_MEMORY * alone["dr_grpo"]["peak"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps, {QUICK_SEEDS} seed")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--given", default="{}", help=argparse.SUPPRESS)
    return parser.parse_args()


def job(name: str, **given: Any) -> Found:
    """Do it in a process of its own, on one thread."""
    command = [sys.executable, "-m", "benchmarks.policy_methods", "--job", name, "--given", json.dumps(given)]
    environment = os.environ | ONE_THREAD
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} {given} failed:\n{done.stderr[-3000:]}")
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


# --- learning ------------------------------------------------------------------------------------------------------


def tiny_policy(console: Console) -> Path:
    """The demo's policy, made where it is not there."""
    from rl.cold_start import ColdStartConfig, cold_start

    config = load_config(ROOT / "configs" / "tiny-sums.yaml", ColdStartConfig, ())
    folder = ROOT / config.folder
    if (folder / "config.json").is_file():
        return folder
    return cold_start(config.model_copy(update={"folder": folder}), console)


def train(asked: tuple[str, int], policy: Path, folder: Path, steps: int) -> Found:
    name, seed = asked
    return {"method": name} | job("run", method=name, seed=seed, policy=str(policy), folder=str(folder), steps=steps)


def run(*, method: str, seed: int, policy: str, folder: str, steps: int) -> Found:
    """One whole run; gives back held-out pass@1 before and after, and seconds of its learner a step."""
    from rl.grpo_config import GrpoConfig
    from rl.journal import Journal
    from rl.trainer import Trainer

    config = GrpoConfig.model_validate(settings(method, policy, steps=steps, seed=seed, output=folder))
    with Trainer(config, say=lambda _: None) as trainer:
        trainer.run()
    lines = Journal(config.folder / "journal.jsonl").read()
    return {
        "before": pass_at_1(config.folder, 0),
        "after": pass_at_1(config.folder, steps),
        "updates": lines[-1].record.version,
        "learned": sum(line.record.tokens_learned for line in lines),
        "sampled": sum(line.record.tokens_sampled for line in lines),
        "explained": lines[-1].record.explained_variance,
        "learner_seconds": statistics.median(line.times.score + line.times.update for line in lines),
        "step_seconds": statistics.median(line.times.step for line in lines),
    }


def settings(method: str, policy: str, *, steps: int, seed: int = 0, output: str = "") -> dict[str, Any]:
    """The demo with the method's preset, and what all methods share."""
    demo = yaml.safe_load((ROOT / "configs" / "tiny-grpo.yaml").read_text(encoding="utf-8"))
    learner_settings = demo["learner"] | {"updates": UPDATES}
    return (
        demo
        | METHODS[method]
        | {
            "name": f"{method.replace(', ', '-').replace(' ', '-')}-{seed}",
            "model": policy,
            "seed": seed,
            "steps": steps,
            "output": output,
            "sampling": demo["sampling"] | {"problems": PROBLEMS, "samples": SAMPLES},
            "learner": learner_settings,
            "evaluation": {"every": 0, "samples": 2, "temperature": 1.0},
            "guards": {"reward_jump": None},
            "workers": 1,
        }
    )


def pass_at_1(folder: Path, step: int) -> float:
    from rl.run_files import RolloutSample

    rows = list(read_records(folder / "held-out" / f"step-{step:06d}.parquet", RolloutSample))
    return statistics.fmean(row.outcome is Outcome.CORRECT for row in rows)


def show_runs(runs: Sequence[Found], steps: int, console: Console) -> None:
    seeds = len(runs) // len(METHODS)
    title = (
        f"{steps} steps of {PROBLEMS} problems x {SAMPLES} samples, {seeds} seeds: held-out pass@1 at temperature 1"
    )
    columns = (
        "before",
        "after",
        "gain",
        "each seed's gain",
        "updates",
        "tokens learned",
        "explained",
        "s learner",
        "s step",
    )
    table = _table(title, columns)
    for name in METHODS:
        mine = [one for one in runs if one["method"] == name]
        before, after = (statistics.fmean(one[key] for one in mine) for key in ("before", "after"))
        share = sum(one["learned"] for one in mine) / sum(one["sampled"] for one in mine)
        table.add_row(
            name,
            f"{before:.3f}",
            f"{after:.3f}",
            f"{after - before:+.3f}",
            " ".join(f"{one['after'] - one['before']:+.3f}" for one in mine),
            f"{mine[0]['updates']}",
            f"{share:.0%}",
            f"{statistics.fmean(one['explained'] for one in mine):.2f}" if "ppo" in name else "",
            f"{statistics.median(one['learner_seconds'] for one in mine):.2f}",
            f"{statistics.median(one['step_seconds'] for one in mine):.2f}",
        )
    console.print(table)


# --- the learner alone ---------------------------------------------------------------------------------------------


def save_larger(folder: Path) -> Path:
    """A random model of 25 M parameters with the tiny policy's tokenizer (any will do)."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_policy(Console(quiet=True)))
    return save_random_llama(folder, tokenizer, vocabulary=4096, context=2048, width=512, layers=6, tied=False)


def learner(*, method: str, model: str, rounds: int) -> Found:
    """Peak bytes of a process over what it had with its libraries, predicted parts, median seconds of a step."""
    from rl.grpo_config import GrpoConfig
    from rl.learner import Learner
    from rl.planning.memory import learner_memory
    from rl.planning.shape import model_config, shape_of

    values = settings(method, model, steps=1)
    values["learner"] = values["learner"] | {"micro_batch_tokens": MICRO_BATCH}
    config = GrpoConfig.model_validate(values)
    shape = shape_of(model_config(model), config.learner)
    tokens = SEQUENCES * (PROMPT + COMPLETION)
    parts = {part.name: part.bytes for part in learner_memory(config, shape, step_tokens=tokens, on_gpu=False)}
    before = _peak_bytes()
    policy = Learner(model, config.learner, config.loss, max_length=COMPLETION, temperature=1.0, critic=config.critic)
    seconds = list(_steps(policy, config, rounds + 1))
    return {
        "predicted": parts,
        "peak": _peak_bytes() - before,
        "seconds": statistics.median(seconds[1:]),
        "updates": config.learner.updates,
        "parameters": shape.parameters,
    }


def _steps(policy: Any, config: Any, rounds: int) -> Iterator[float]:
    """Seconds of a core for each of a learner's steps: values, scores by policy and reference, updates."""
    from rl.advantages import group_advantages
    from rl.batch import Advantaged, Groups, corrected, estimated, mini_batches

    samples = _samples()
    rewards = [float(place % 2) for place in range(len(samples))]
    for _ in range(rounds):
        started = time.process_time()
        if config.critic.kind == "none":
            (found,) = group_advantages([rewards], config.advantage)
            rows = [(value or 0.0,) * COMPLETION for value in found.advantages]
        else:
            rows = [(*(0.0,) * (COMPLETION - 1), reward) for reward in rewards]
        groups = Groups(tuple(map(Advantaged, samples, rows)), 1, 0)
        if config.critic.kind != "none":
            groups = estimated(groups, policy.values(samples), config.critic, mask_cut=False)
        several = config.learner.updates > 1
        trainer = policy.score(samples) if several or config.correction.kind != "none" else None
        reference = policy.score(samples, reference=True) if policy.has_reference else None
        batch = corrected(groups.samples, trainer, reference, config.correction, keep_old=several, mask_cut=False)
        for part in mini_batches(batch.sequences, config.learner.updates):
            policy.update(part)
        yield time.process_time() - started


def _samples() -> list[Any]:
    from mathpipe.core.records import Finish
    from rl.trajectories import Trajectory

    draw = random.Random(0)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(4, 4096) for _ in range(count))

    return [
        Trajectory(
            problem_id="p",
            group=0,
            index=index,
            prompt_ids=ids(PROMPT),
            completion_ids=ids(COMPLETION),
            sampler_logprobs=(-8.0,) * COMPLETION,
            version=0,
            text="",
            finish=Finish.STOP,
        )
        for index in range(SEQUENCES)
    ]


def _peak_bytes() -> int:
    """Of this process's memory. (getrusage's begins with the peak of the process that started this one.)"""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def show_learners(alone: dict[str, Found], console: Console) -> None:
    parameters = next(iter(alone.values()))["parameters"]
    tokens = SEQUENCES * (PROMPT + COMPLETION)
    title = f"The learner alone: {parameters / 1e6:.1f} M parameters, fp32, {tokens:,} tokens a step. Memory in MiB"
    names = ("weights", "gradients", "optimizer", "reference", "critic", "activations", "logits")
    table = _table(
        title, (*names, "predicted", "measured", "measured, of dr_grpo", "updates", "s step", "s, of dr_grpo")
    )
    base = alone["dr_grpo"]
    for name, found in alone.items():
        parts = found["predicted"]
        table.add_row(
            name,
            *(f"{parts[part] / 2**20:,.1f}" if part in parts else "" for part in names),
            f"{sum(parts.values()) / 2**20:,.0f}",
            f"{found['peak'] / 2**20:,.0f}",
            f"{found['peak'] / base['peak']:.2f}",
            f"{found['updates']}",
            f"{found['seconds']:.2f}",
            f"{found['seconds'] / base['seconds']:.2f}",
        )
    console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for name in columns:
        table.add_column(name, justify="right")
    return table


JOBS = {"run": run, "learner": learner}

if __name__ == "__main__":
    sys.exit(main())
