"""Computing activations again, or keeping them elsewhere, changes no number."""

from pathlib import Path

import pytest
import torch

from rl.learner import Learner
from tests.rl.learner.policies import make_learner, off_policy, save_policy, sequences


def kept_bytes(learner: Learner) -> int:
    """Of all that a forward keeps for its backward."""
    total = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal total
        total += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        learner.gradients(sequences())
    return total


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3"])
def test_checkpointed_layers_give_the_same_gradients_bit_for_bit(tmp_path: Path, family: str) -> None:
    policy = save_policy(tmp_path, family)
    plain, checkpointed = (make_learner(policy, checkpoint_activations=on) for on in (False, True))
    rows = sequences()
    scores = plain.score(rows)
    assert checkpointed.score(rows) == scores
    rows = off_policy(rows, scores)
    ours, theirs = checkpointed.gradients(rows), plain.gradients(rows)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_checkpointed_layers_keep_less(policy: str) -> None:
    plain, checkpointed = (make_learner(policy, checkpoint_activations=on) for on in (False, True))
    assert kept_bytes(checkpointed) < 0.5 * kept_bytes(plain)


def test_offloading_on_a_cpu_says_that_it_does_nothing(policy: str) -> None:
    learner = make_learner(policy, checkpoint_activations=True, offload_activations=True)
    assert learner.update(sequences()).warnings == (
        "offload_activations does nothing on a CPU: activations are in the host's memory already",
    )
    assert learner.update(sequences()).warnings == ()


def test_dropout_of_a_model_is_not_used(tmp_path: Path) -> None:
    policy = save_policy(tmp_path, attention_dropout=0.5)
    learner = make_learner(policy, checkpoint_activations=True)
    assert learner.score(sequences()) == learner.score(sequences())


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_offloaded_activations_give_the_same_gradients_on_a_gpu(policy: str, dtype: str) -> None:
    learners = [
        make_learner(policy, device="cuda", dtype=dtype, checkpoint_activations=True, offload_activations=offload)
        for offload in (False, True)
    ]
    ours, theirs = (learner.gradients(sequences()) for learner in learners)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.gpu
def test_a_gpu_learns_as_a_cpu_does(policy: str) -> None:
    reports = {}
    for device in ("cpu", "cuda"):
        learner = make_learner(policy, "grpo", device=device)
        rows = sequences()
        rows = off_policy(rows, learner.score(rows))
        reports[device] = [learner.update(rows) for _ in range(2)]
    for ours, theirs in zip(reports["cuda"], reports["cpu"], strict=True):
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-3)
        assert ours.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-3)
