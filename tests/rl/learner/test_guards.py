"""A step that would ruin the policy is not taken; what only looks odd is said."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rl.learner import LearnerDiverged
from rl.learner.guards import Found, Guard
from rl.trajectories import TrainSequence
from tests.rl.learner.policies import make_learner, off_policy, sequences, weights_of


def found(**changes: object) -> Found:
    numbers: dict[str, object] = {
        "step": 3,
        "losses": [0.5],
        "names": ["a", "b"],
        "norms": [3.0, 4.0],
        "norm": 5.0,
        "loss": 0.5,
        "coefficients": 10,
        "expected": 10,
        "clipped": 0,
    }
    return Found(**{**numbers, **changes})


def with_advantage(rows: list[TrainSequence], value: float) -> list[TrainSequence]:
    return [replace(row, advantages=(value,) * len(row.completion_ids)) for row in rows]


def test_a_good_step_has_no_warning() -> None:
    assert Guard().check(found()) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": [1.0, float("nan")], "loss": float("nan")}, "update 3, micro-batch 1: loss nan"),
        ({"norms": [1.0, float("inf")], "norm": float("inf")}, "update 3, gradient of b: norm inf"),
        ({"norm": float("inf")}, "update 3, gradient norm inf, on another rank or by its sum"),
        ({"norm": 0.0}, "update 3, gradient norm exactly 0: a gradient: 10 tokens"),
        ({"norm": 0.0, "coefficients": 0, "clipped": 4}, "6 tokens have an advantage"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(LearnerDiverged, match=message):
        Guard().check(found(**changes))


def test_a_step_whose_tokens_are_all_clipped_is_said_and_taken() -> None:
    warnings = Guard().check(found(norm=0.0, coefficients=0, clipped=10))
    assert warnings == ("no token has a gradient (10 were clipped)",)


def test_ten_updates_of_nothing_in_a_row_are_said() -> None:
    guard = Guard()
    nothing = found(loss=1e-9, norm=1e-9)
    assert [guard.check(nothing) for _ in range(9)] == [()] * 9
    assert guard.check(nothing) == ("loss and gradient have been next to 0 for 10 updates: nothing is learned",)
    guard.check(found(loss=0.0))  # on-policy losses are 0: the gradient says that something is learned
    assert guard.check(nothing) == ()


def test_a_step_that_is_not_finite_leaves_weights_and_optimizer_alone(policy: str) -> None:
    learner = make_learner(policy, micro_batch_tokens=1)
    learner.update(sequences())
    before, rows = weights_of(learner), sequences()
    bad = replace(rows[1], advantages=(float("inf"),) * len(rows[1].completion_ids))
    with pytest.raises(LearnerDiverged, match=r"update 2, micro-batch \d: loss"):
        learner.update([rows[0], bad, *rows[2:]])
    assert learner.version == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.weights())
    again = make_learner(policy, micro_batch_tokens=1)
    again.update(sequences())
    assert learner.update(rows) == again.update(rows)


def test_importance_weights_of_zero_are_no_reason_to_stop(policy: str) -> None:
    learner = make_learner(policy)
    rows = [replace(row, importance=(0.0,) * len(row.completion_ids)) for row in sequences()]
    assert learner.update(rows).warnings == ("no token has a gradient (0 were clipped)",)


def test_a_frozen_policy_is_found_out(policy: str) -> None:
    learner = make_learner(policy)
    learner.model.model.layers[0].register_forward_hook(lambda _module, _inputs, output: output * 0)
    learner.model.model.norm.weight.data.zero_()  # every state is 0, and so is what the head learns from them
    with pytest.raises(LearnerDiverged, match="gradient norm exactly 0"):
        learner.update(sequences())


def test_a_step_in_which_nothing_is_learned_is_taken(policy: str, tmp_path: Path) -> None:
    learner = make_learner(policy, "rft")
    assert "no token has a gradient" in learner.update(with_advantage(sequences(), -1.0)).warnings[0]
    masked = [replace(row, learned=(False,) * len(row.completion_ids)) for row in sequences()]
    report = learner.update(masked)
    assert (report.tokens, report.micro_batches, report.grad_norm) == (0, 1, 0.0)


def test_a_policy_far_from_its_samples_is_clipped_and_goes_on(policy: str) -> None:
    learner = make_learner(policy)
    rows = with_advantage(sequences(), 1.0)
    rows = [
        replace(row, old_logprobs=tuple(value - 2 for value in scores), importance=None, reference_logprobs=None)
        for row, scores in zip(off_policy(rows, learner.score(rows)), learner.score(rows), strict=True)
    ]
    report = learner.update(rows)
    assert report.statistics["clipped_high"] == 1.0
    assert report.warnings[0].startswith("no token has a gradient")
