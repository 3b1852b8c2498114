"""Adapters learn, the base does not, and what others are given is the merged policy."""

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from rl.learner import Learner
from tests.rl.learner import padded_grpo
from tests.rl.learner.policies import largest_gap, make_learner, off_policy, save_policy, sequences, weights_of

LORA = {"rank": 4, "alpha": 8}


def trained(policy: str, **settings: object) -> Learner:
    """With adapters that have moved."""
    learner = make_learner(policy, "grpo", lora=LORA, learning_rate=0.02, **settings)
    rows = sequences()
    rows = off_policy(rows, learner.score(rows))
    for _ in range(3):
        learner.update(rows)
    return learner


def test_an_untrained_adapter_changes_nothing(policy: str) -> None:
    plain, adapted = make_learner(policy), make_learner(policy, lora=LORA)
    assert adapted.score(sequences()) == plain.score(sequences())
    ours, theirs = weights_of(adapted), weights_of(plain)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_every_linear_layer_but_the_head_learns(policy: str) -> None:
    learner = trained(policy)
    before = weights_of(make_learner(policy))
    moved = {name for name, tensor in learner.weights() if not torch.equal(tensor, before[name])}
    layers = range(learner.model.config.num_hidden_layers)
    parts = ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down")
    assert moved == {f"model.layers.{layer}.{part}_proj.weight" for layer in layers for part in parts}


def test_gradients_equal_pefts_own_padded_step(policy: str) -> None:
    learner = trained(policy)
    rows = sequences(seed=5)
    rows = off_policy(rows, learner.score(rows))
    plain = padded_grpo.load(policy)
    for name, tensor in learner.weights():
        plain.get_parameter(name).data.copy_(tensor)
    padded_grpo.backward(plain, rows, "grpo")
    gradients = learner.gradients(rows)
    layer = "model.layers.1.mlp.up_proj"
    whole = plain.get_parameter(f"{layer}.weight").grad
    adapter = learner.model.get_submodule(layer)
    down, up = adapter.lora_A["default"].weight, adapter.lora_B["default"].weight
    scale = LORA["alpha"] / LORA["rank"]
    expected = {
        f"{layer}.lora_A.default.weight": scale * up.T @ whole,
        f"{layer}.lora_B.default.weight": scale * whole @ down.T,
    }
    assert largest_gap({name: gradients[name] for name in expected}, expected) < 1e-4
    assert all(".lora_" in name for name in gradients)


def test_merged_weights_score_as_the_adapted_policy_does(policy: str, tmp_path: Path) -> None:
    learner, rows = trained(policy), sequences()
    learner.save(tmp_path)
    merged = make_learner(str(tmp_path))
    for ours, theirs in zip(learner.score(rows), merged.score(rows), strict=True):
        assert ours == pytest.approx(theirs, abs=2e-5)
    assert {name for name, _ in merged.model.named_parameters()} == {name for name, _ in learner.weights()}


def test_weights_are_merged_without_touching_what_is_trained(policy: str) -> None:
    learner = trained(policy)
    before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    weights_of(learner)
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.model.state_dict().items())


def test_the_saved_adapter_makes_the_base_the_policy_in_peft(policy: str, tmp_path: Path) -> None:
    learner, rows = trained(policy), sequences(2)
    learner.save(tmp_path)
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], settings["lora_dropout"]) == (4, 8, 0.0)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(policy), tmp_path / "adapter")
    with torch.no_grad():
        logp_SL = padded_grpo.Padded(rows).logprobs(model, 1.0)
    begin = len(rows[0].prompt_ids) - 1
    scores = learner.score(rows)[0]
    torch.testing.assert_close(torch.tensor(scores), logp_SL[0, begin : begin + len(scores)], atol=2e-5, rtol=0)


def test_the_reference_is_the_base_until_it_is_renewed(policy: str) -> None:
    learner, rows = trained(policy), sequences()
    assert learner.score(rows, reference=True) == make_learner(policy).score(rows)
    current = learner.score(rows)
    assert learner.score(rows) == current  # the adapters are back in their place
    learner.renew_reference()
    assert learner.score(rows, reference=True) == current
    again = make_learner(policy, "grpo", lora=LORA)
    again.load_state(learner.state())
    assert again.score(rows, reference=True) == current
    learner.update(off_policy(rows, current))
    assert learner.score(rows, reference=True) == current != learner.score(rows)


def test_a_tied_head_stays_tied(tmp_path: Path) -> None:
    tied = save_policy(tmp_path / "tied", tie_word_embeddings=True, num_hidden_layers=1)
    learner = trained(tied, dtype="bfloat16", checkpoint_activations=True)
    learner.save(tmp_path / "saved")
    merged = make_learner(str(tmp_path / "saved"), dtype="bfloat16")
    assert merged.model.lm_head.weight is merged.model.model.embed_tokens.weight
    for name, tensor in merged.weights():
        assert torch.equal(tensor, dict(learner.weights())[name])


def test_adapters_of_a_bfloat16_policy_learn_in_fp32(policy: str) -> None:
    learner = make_learner(policy, lora=LORA, dtype="bfloat16")
    assert {item.dtype for item in learner.gradients(sequences()).values()} == {torch.float32}
    assert {tensor.dtype for _, tensor in learner.weights()} == {torch.bfloat16}
