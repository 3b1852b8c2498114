"""Runs of the whole loop on a small policy, in this process or in one that can be killed."""

import os
import subprocess
import sys
from pathlib import Path

from safetensors.torch import load_file

from mathpipe.core.store import read_records
from rl.grpo_config import GrpoConfig
from rl.journal import Journal
from rl.run_files import RolloutSample
from rl.trainer import Trainer
from tests.rl.wavering_policy import write_problems

ROOT = Path(__file__).resolve().parents[2]


def values(policy, folder, **options):
    return {
        "name": "run",
        "model": str(policy),
        "problems": {"path": str(write_problems(folder / "train.jsonl"))},
        "output": str(folder),
        "preset": "dr_grpo",
        "steps": 6,
        "engine": {"kind": "transformers", "dtype": "float32", "context_tokens": 256, "max_sequences": 32},
        "sampling": {"problems": 4, "samples": 8, "max_tokens": 24},
        "learner": {"learning_rate": 1e-4, "warm_up_steps": 3},
        "checkpoint": {"every": 2},
        "guards": {"reward_jump": None},
        "workers": 1,
    } | options


def config(policy, folder, **options):
    return GrpoConfig.model_validate(values(policy, folder, **options))


def run(settings):
    with Trainer(settings, say=lambda _: None) as trainer:
        trainer.run()
    return [line.record for line in Journal(settings.folder / "journal.jsonl").read()]


def learned(records):
    """How much the share of right samples rose, from the first three steps to the last three."""
    return (sum(one.pass_rate for one in records[-3:]) - sum(one.pass_rate for one in records[:3])) / 3


def start(path):
    command = [sys.executable, "-m", "mathpipe.cli", "grpo", str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(process):
    stderr = process.communicate(timeout=300)[1]
    assert process.returncode == 0, stderr.decode()[-3000:]


def outcome(folder):
    """Everything that must be the same: weights, numbers of the journal, samples."""
    records = [line.record for line in Journal(folder / "journal.jsonl").read()]
    samples = [list(read_records(path, RolloutSample)) for path in sorted((folder / "samples").glob("*.parquet"))]
    weights = {name: tensor.tolist() for name, tensor in load_file(folder / "policy" / "model.safetensors").items()}
    return records, samples, weights
