"""What one process and each of two do alike, to be compared; run as a module of spawned processes too."""

from pathlib import Path
from typing import Any

import torch
from torch import distributed

from rl.learner import LearnerDiverged
from rl.learner.report import UpdateReport
from tests.rl.learner.policies import make_learner, off_policy, sequences

EXACT: dict[str, dict[str, Any]] = {
    "fp32": {"checkpoint_activations": True},
    "adapters": {"lora": {"rank": 4}, "weight_decay": 0.1},
}
COARSE: dict[str, dict[str, Any]] = {
    "8 bits": {"optimizer": "adamw_8bit"},
    "bfloat16": {"dtype": "bfloat16"},
    "bfloat16 adapters": {"dtype": "bfloat16", "lora": {"rank": 4}},
}


def learn(policy: str, folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Scores, gradients, reports and weights over a few steps; on the way all that could upset a sharded policy."""
    learner = make_learner(policy, "grpo", learning_rate=1e-4, micro_batch_tokens=60, **settings)
    rows = sequences(7, masks=True)
    scores = learner.score(rows)
    rows = off_policy(rows, scores)
    gradients = {name: tensor.clone() for name, tensor in learner.gradients(rows).items()}
    reports: list[UpdateReport] = [learner.update(rows)]
    learner.score(rows)  # leaves no weights of before behind
    reports.append(learner.update(rows))
    ends = learner.score(rows)
    learner.renew_reference()
    renewed = learner.score(rows, reference=True) == ends
    resumed = make_learner(policy, "grpo", learning_rate=1e-4, micro_batch_tokens=60, **settings)
    resumed.load_state(learner.state())
    reports.append(learner.update(rows))
    same = resumed.update(rows) == reports[-1]
    learner.save(folder)
    return {
        "scores": scores,
        "gradients": gradients,
        "reports": reports,
        "weights": {name: tensor.clone() for name, tensor in learner.weights()},
        "renewed": renewed,
        "resumed": same,
        "one sequence": learner.update(rows[:1]),  # the other rank has none
    }


def diverge(policy: str) -> str:
    """What each rank says of a sequence that only one of them reads."""
    learner = make_learner(policy, "dapo")
    rows = sequences(2)
    object.__setattr__(rows[0], "advantages", (float("inf"),) * len(rows[0].completion_ids))
    try:
        learner.update(rows)
    except LearnerDiverged as error:
        return str(error)
    return ""


def main(rank: int, policy: str, folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    """One of two processes: its answers lie in `folder/RANK.pt`."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    found: dict[str, Any] = {name: learn(policy, folder / name, settings) for name, settings in cases.items()}
    found["diverged"] = diverge(policy)
    torch.save(found, folder / f"{rank}.pt")
    distributed.destroy_process_group()
