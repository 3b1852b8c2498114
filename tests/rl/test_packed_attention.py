"""Packed sequences give the states that each gives alone through transformers' own eager attention."""

import copy
import random

import pytest
import torch

from rl.kernels import patch
from rl.learner.model import PackedPolicy
from rl.packed_attention import Starts, packed_attention, use_packed_attention
from rl.packing import pack
from rl.trajectories import TrainSequence
from tests.rl.parity.models import tiny

LENGTHS = [(4, 9), (1, 1), (12, 20), (2, 1), (1, 17)]  # prompt, completion; some longer than the windows below
FAMILIES = {
    "llama": {},
    "qwen3": {},
    "gemma": {},
    "mistral": {"sliding_window": 5},
    "qwen2": {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 2},
    "gemma2": {"sliding_window": 7, "attn_logit_softcapping": None},
    "gemma3": {"sliding_window": 4},
}


def sequences() -> list[TrainSequence]:
    draw = random.Random(3)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(3, 97) for _ in range(count))

    return [
        TrainSequence(prompt_ids=ids(prompt), completion_ids=ids(size), advantages=(0.0,) * size)
        for prompt, size in LENGTHS
    ]


@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_states_and_gradients_equal_each_sequence_alone(family: str, patched: bool) -> None:
    plain = tiny(family, **FAMILIES[family])
    ours = copy.deepcopy(plain)
    use_packed_attention(ours)
    if patched:
        patch(ours)
    rows = sequences()
    packed = pack(rows, torch.device("cpu"))
    states_KD = PackedPolicy(ours)(packed, lambda hidden_KD, _: hidden_KD)
    alone = []
    for row in rows:
        ids_1T = torch.tensor([[*row.prompt_ids, *row.completion_ids[:-1]]])
        hidden_TD = plain.model(input_ids=ids_1T, use_cache=False).last_hidden_state[0]
        alone.append(hidden_TD[len(row.prompt_ids) - 1 :])
    expected_KD = torch.cat(alone)
    assert (states_KD - expected_KD).abs().max() < 2e-5 * expected_KD.abs().max()
    weights_KD = torch.randn(states_KD.shape, generator=torch.Generator().manual_seed(0))
    (states_KD * weights_KD).sum().backward()
    (expected_KD * weights_KD).sum().backward()
    for (name, mine), theirs in zip(ours.named_parameters(), plain.parameters(), strict=True):
        if theirs.grad is not None:
            assert (mine.grad - theirs.grad).abs().max() < 1e-4 * theirs.grad.abs().max() + 1e-6, name


def test_a_window_as_long_as_the_sequence_changes_nothing() -> None:
    draw = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(1, 2, 9, 8, generator=draw) for _ in range(3))
    starts = Starts(torch.tensor([0, 4, 9], dtype=torch.int32), (4, 9), 5)
    whole, _ = packed_attention(None, query, key, value, None, packed_starts=starts)
    windowed, _ = packed_attention(None, query, key, value, None, packed_starts=starts, sliding_window=5)
    narrow, _ = packed_attention(None, query, key, value, None, packed_starts=starts, sliding_window=1)
    assert torch.equal(whole, windowed)
    torch.testing.assert_close(narrow, value.transpose(1, 2))  # a window of one sees itself alone


def test_a_token_sees_nothing_of_another_sequence() -> None:
    draw = torch.Generator().manual_seed(2)
    query, key, value = (torch.randn(1, 2, 9, 8, generator=draw) for _ in range(3))
    starts = Starts(torch.tensor([0, 4, 9], dtype=torch.int32), (4, 9), 5)
    before, _ = packed_attention(None, query, key, value, None, packed_starts=starts)
    key[:, :, :4], value[:, :, :4] = 9.0, 9.0
    after, _ = packed_attention(None, query, key, value, None, packed_starts=starts)
    assert torch.equal(before[:, 4:], after[:, 4:])
    assert not torch.equal(before[:, :4], after[:, :4])


def test_capped_attention_logits_are_refused() -> None:
    with pytest.raises(ValueError, match="gemma2 caps its attention logits"):
        use_packed_attention(tiny("gemma2"))


def test_dropout_and_a_call_without_starts_are_refused() -> None:
    item = torch.zeros(1, 1, 2, 8)
    with pytest.raises(ValueError, match="packed_starts"):
        packed_attention(None, item, item, item, None)
    starts = Starts(torch.tensor([0, 2], dtype=torch.int32), (2,), 2)
    with pytest.raises(ValueError, match="dropout 0.1"):
        packed_attention(None, item, item, item, None, dropout=0.1, packed_starts=starts)
