"""The row kernels: statistics by literal values, pieces that merge, gradients in the logits' place."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.kernels.implementation import Impl
from rl.kernels.row_softmax import RowGradient, RowStatistics, Scores, replace_by_gradient, row_statistics

IMPLS = [Impl.CHUNKED, Impl.TRITON]


@pytest.mark.parametrize("impl", IMPLS)
def test_statistics_of_a_row_that_can_be_done_by_hand(impl: Impl) -> None:
    found = row_statistics(torch.tensor([[math.log(2.0), 0.0, 0.0]]), torch.tensor([0]), Scores(), impl)
    assert found.lse_R.item() == pytest.approx(math.log(4.0))
    assert found.logprob_R.item() == pytest.approx(math.log(0.5))
    assert found.entropy_R.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))


@pytest.mark.parametrize("impl", IMPLS)
def test_lanes_beyond_the_vocabulary_are_not_there(impl: Impl) -> None:
    """With 0 in their place, logits of -200 would lose to phantom columns and log-probabilities come out at +123."""
    found = row_statistics(torch.full((2, 3), -200.0), torch.tensor([0, 2]), Scores(), impl)
    assert found.logprob_R.tolist() == pytest.approx([-math.log(3)] * 2)
    assert found.entropy_R.tolist() == pytest.approx([math.log(3)] * 2)


@pytest.mark.parametrize("impl", IMPLS)
def test_entropy_of_large_logits_keeps_its_digits(impl: Impl) -> None:
    """lse - mean score would be 1e4 - 1e4, whose last digit in fp32 is 1e-3."""
    logits_RC = torch.tensor([[1e4, 1e4 - 3.0, 0.0]])
    p = 1 / (1 + math.exp(-3))
    expected = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert row_statistics(logits_RC, torch.tensor([0]), Scores(), impl).entropy_R.item() == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("impl", IMPLS)
def test_temperature_divides_after_the_cap(impl: Impl) -> None:
    scores = Scores(temperature=0.5, softcap=2.0)
    found = row_statistics(torch.tensor([[3.0, 0.0]]), torch.tensor([0]), scores, impl)
    z = 2.0 * math.tanh(1.5) / 0.5
    assert found.logprob_R.item() == pytest.approx(-math.log1p(math.exp(-z)), rel=1e-5)


@pytest.mark.parametrize("impl", IMPLS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_pieces_side_by_side_merge_to_the_whole(impl: Impl, data: st.DataObject) -> None:
    columns = data.draw(st.integers(2, 40))
    cut = data.draw(st.integers(1, columns - 1))
    logits_RC = torch.tensor([data.draw(st.lists(st.floats(-80, 80, width=32), min_size=columns, max_size=columns))])
    target_R = torch.tensor([data.draw(st.integers(0, columns - 1))])
    whole = row_statistics(logits_RC.double(), target_R, Scores(), Impl.CHUNKED)
    parts = [
        row_statistics(logits_RC[:, :cut].contiguous(), target_R, Scores(), impl),
        row_statistics(logits_RC[:, cut:].contiguous(), target_R, Scores(), impl, first=cut),
    ]
    for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
        torch.testing.assert_close(merged.lse_R.double(), whole.lse_R, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(merged.logprob_R.double(), whole.logprob_R, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(merged.entropy_R.double(), whole.entropy_R, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("impl", IMPLS)
@pytest.mark.parametrize("scores", [Scores(), Scores(temperature=0.7), Scores(softcap=2.0), Scores(1.5, 3.0)])
@pytest.mark.parametrize("cut", [0, 5, 11])
def test_gradient_by_logprob_entropy_and_lse_equals_autograd(impl: Impl, scores: Scores, cut: int) -> None:
    draw = torch.Generator().manual_seed(1)
    logits_RC = torch.randn(4, 11, generator=draw) * 2
    target_R = torch.tensor([0, 10, 5, 4])
    weights_3R = torch.randn(3, 4, generator=draw)
    leaf = logits_RC.double().requires_grad_()
    z = scores.softcap * torch.tanh(leaf / scores.softcap) if scores.softcap else leaf
    z = z / scores.temperature
    logp = z.log_softmax(-1)
    parts = (logp.gather(1, target_R[:, None]).squeeze(1), -(logp.exp() * logp).sum(1), z.logsumexp(1))
    (torch.stack(parts) * weights_3R).sum().backward()
    whole = row_statistics(logits_RC, target_R, scores, impl)
    for first, last in ((0, cut), (cut, 11)):
        piece_RC = logits_RC[:, first:last].contiguous()
        if last > first:
            replace_by_gradient(piece_RC, target_R, whole, RowGradient(*weights_3R), scores, impl, first=first)
            assert leaf.grad is not None
            torch.testing.assert_close(piece_RC.double(), leaf.grad[:, first:last], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("impl", IMPLS)
def test_rows_may_lie_apart_in_memory(impl: Impl) -> None:
    memory = torch.zeros(2, 16)
    memory[:, :5] = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0]])
    found = row_statistics(memory[:, :5], torch.tensor([4, 0]), Scores(), impl)
    assert found.logprob_R.tolist() == pytest.approx([-0.451914, -4.451914], abs=1e-5)
    replace_by_gradient(memory[:, :5], torch.tensor([4, 0]), found, RowGradient(torch.ones(2)), Scores(), impl)
    assert memory[:, 5:].abs().sum().item() == 0.0
    assert memory[:, :5].sum(1).abs().max().item() < 1e-6


def test_select_takes_rows_of_every_member() -> None:
    found = RowStatistics(*(torch.arange(3.0) + 10 * item for item in range(4)))
    assert [item.tolist() for item in found.select(torch.tensor([2, 0]))] == [[2, 0], [12, 10], [22, 20], [32, 30]]
