"""From a checkpoint the next update is the same, bit for bit; a checkpoint that does not fit is refused."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch

from mathpipe.core.errors import InputError
from rl.learner import Learner
from tests.rl.learner.policies import make_learner, off_policy, save_policy, sequences, weights_of

FORMS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "8 bits": {"optimizer": "adamw_8bit"},
    "bfloat16": {"dtype": "bfloat16"},
    "bfloat16, 8 bits, no master weights": {"dtype": "bfloat16", "optimizer": "adamw_8bit", "master_weights": False},
    "adapters": {"lora": {"rank": 4}},
}


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=False)
    return found


def steps(learner: Learner, count: int) -> list[Any]:
    rows = sequences(seed=learner.version)
    return [learner.update(off_policy(rows, learner.score(rows))) for _ in range(count)]


@pytest.mark.parametrize("form", FORMS)
def test_the_next_updates_are_the_same_bit_for_bit(policy: str, form: str) -> None:
    settings = {"warm_up_steps": 4, "micro_batch_tokens": 60, **FORMS[form]}
    learner = make_learner(policy, "grpo", **settings)
    steps(learner, 2)
    learner.renew_reference()
    steps(learner, 1)
    state = through_a_file(learner.state())
    expected = steps(learner, 2)
    resumed = make_learner(policy, "grpo", **settings)
    resumed.load_state(state)
    assert resumed.version == 3
    assert steps(resumed, 2) == expected
    ours = weights_of(learner)
    assert all(torch.equal(tensor, ours[name]) for name, tensor in resumed.weights())
    assert resumed.score(sequences(), reference=True) == learner.score(sequences(), reference=True)


def test_a_checkpoint_of_other_parameters_is_refused(policy: str, tmp_path: Path) -> None:
    adapted = make_learner(policy, lora={"rank": 4})
    with pytest.raises(InputError, match="checkpoint without model.embed_tokens.weight"):
        make_learner(policy).load_state(adapted.state())
    with pytest.raises(InputError, match=r"lora_A.default.weight of shape \(8, 32\)"):
        make_learner(policy, lora={"rank": 8}).load_state(adapted.state())


def test_a_checkpoint_of_another_number_of_processes_is_refused(policy: str) -> None:
    learner = make_learner(policy)
    with pytest.raises(InputError, match="checkpoint of rank 1 of 2: one of rank 0 of 1"):
        learner.load_state({**learner.state(), "ranks": (1, 2)})


@pytest.mark.parametrize("tied", [False, True])
def test_a_saved_policy_is_the_policy(tmp_path: Path, tied: bool) -> None:
    start = save_policy(tmp_path / "start", tie_word_embeddings=tied, num_hidden_layers=1)
    learner = make_learner(start)
    steps(learner, 1)
    learner.save(tmp_path / "saved")
    again = make_learner(str(tmp_path / "saved"))
    ours = weights_of(learner)
    assert all(torch.equal(tensor, ours[name]) for name, tensor in again.weights())
    assert again.tokenizer.get_vocab() == learner.tokenizer.get_vocab()


@pytest.mark.parametrize("master", [True, False])
def test_bfloat16_weights_move_at_a_rate_that_pure_bfloat16_would_lose(policy: str, master: bool) -> None:
    rows, name = sequences(), "model.norm.weight"
    learner = make_learner(policy, dtype="bfloat16", learning_rate=5e-5, master_weights=master)
    before = weights_of(learner)[name]
    assert (before - 5e-5 == before).float().mean() > 0.9  # a step alone is rounded away: they lie near 1
    for _ in range(60):
        learner.update(rows)
    assert float((weights_of(learner)[name] - before).abs().float().mean()) > 1e-3


def test_a_model_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model .*nowhere"):
        make_learner(str(tmp_path / "nowhere"))
