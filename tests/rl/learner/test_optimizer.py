"""Which parameters go into which group, and what rate a step has."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rl.learner import LearnerConfig
from rl.learner.optimizer import clip, norms, rate_share, total_norm
from rl.learner.ranks import Ranks
from tests.rl.learner.policies import make_learner, save_policy, sequences, weights_of


def moved(policy: str, **settings: Any) -> dict[str, float]:
    """How far the largest element of each parameter moved in one step."""
    learner = make_learner(policy, **settings)
    before = weights_of(learner)
    learner.update(sequences())
    return {name: float((tensor - before[name]).abs().max()) for name, tensor in learner.weights()}


def test_embeddings_and_head_have_a_rate_of_their_own(policy: str) -> None:
    rates = moved(policy, learning_rate=1e-3, embedding_learning_rate=1e-5)
    assert rates["lm_head.weight"] == pytest.approx(1e-5, rel=0.01)  # Adam's first step is the rate
    assert rates["model.embed_tokens.weight"] == pytest.approx(1e-5, rel=0.01)
    assert rates["model.layers.0.mlp.up_proj.weight"] == pytest.approx(1e-3, rel=0.01)
    assert rates["model.norm.weight"] == pytest.approx(1e-3, rel=0.01)


def test_an_embedding_rate_of_zero_freezes_a_tied_head(tmp_path: Path) -> None:
    tied = save_policy(tmp_path, tie_word_embeddings=True, num_hidden_layers=1)
    rates = moved(tied, embedding_learning_rate=0.0, optimizer="adamw_8bit")
    assert rates["lm_head.weight"] == rates["model.embed_tokens.weight"] == 0
    assert rates["model.layers.0.mlp.up_proj.weight"] > 0


def test_norms_do_not_decay(policy: str) -> None:
    plain = make_learner(policy, learning_rate=0.1, max_grad_norm=1e-9)
    decayed = make_learner(policy, learning_rate=0.1, max_grad_norm=1e-9, weight_decay=0.5)
    before = weights_of(plain)
    for learner in (plain, decayed):
        learner.update(sequences())
    ours, theirs = weights_of(decayed), weights_of(plain)
    for name in before:
        share = 0.0 if "norm" in name else 0.05
        torch.testing.assert_close(ours[name], theirs[name] - share * before[name], rtol=1e-5, atol=1e-6)


def test_the_schedule_warms_up_and_comes_down() -> None:
    warm = LearnerConfig(warm_up_steps=4)
    assert [rate_share(warm, step) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    linear = LearnerConfig(warm_up_steps=1, schedule="linear", schedule_steps=5, final_share=0.2)
    assert [rate_share(linear, step) for step in range(7)] == pytest.approx([1, 1, 0.8, 0.6, 0.4, 0.2, 0.2])
    cosine = LearnerConfig(schedule="cosine", schedule_steps=4)
    assert [rate_share(cosine, step) for step in range(5)] == pytest.approx([1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)


def test_a_report_names_the_rate_of_its_step(policy: str) -> None:
    learner = make_learner(policy, learning_rate=1e-3, warm_up_steps=2, schedule="linear", schedule_steps=4)
    rates = [learner.update(sequences()).learning_rate for _ in range(4)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "cosine"}, "schedule cosine needs schedule_steps"),
        ({"schedule": "linear", "schedule_steps": 3, "warm_up_steps": 3}, "must be above warm_up_steps=3"),
        ({"offload_activations": True}, "offload_activations needs checkpoint_activations"),
        ({"lora": {}, "embedding_learning_rate": 1e-4}, "lora trains neither embeddings nor head"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LearnerConfig(**settings)


def test_gradients_are_clipped_by_their_common_norm() -> None:
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]], dtype=torch.bfloat16)]
    norms_P = norms(gradients)
    assert norms_P.tolist() == [3.0, 4.0]
    norm = total_norm(norms_P, Ranks()).item()
    assert norm == 5.0
    clip(gradients, norm, 10.0)
    assert gradients[0].tolist() == [3.0, 0.0]
    clip(gradients, norm, 1.0)
    assert gradients[0].tolist() == pytest.approx([0.6, 0.0])
    assert gradients[1].item() == pytest.approx(0.8, rel=1e-2)


def test_gradients_of_bfloat16_weights_add_up_in_fp32(policy: str) -> None:
    rows = sequences(12)
    exact = make_learner(policy, dtype="bfloat16", micro_batch_tokens=100_000).gradients(rows)
    gaps = {}
    for kind in ("float32", "bfloat16"):
        learner = make_learner(policy, dtype="bfloat16", micro_batch_tokens=1, gradient_dtype=kind)
        found = learner.gradients(rows)
        assert found["model.norm.weight"].dtype == getattr(torch, kind)
        gaps[kind] = sum(float((found[name].float() - exact[name].float()).square().sum()) for name in exact)
    assert gaps["float32"] < gaps["bfloat16"]
