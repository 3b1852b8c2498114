import sys
from collections.abc import Callable
from functools import partial
from math import log
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rl.kernels.cross_entropy import REDUCTIONS, cross_entropy
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

MODULE = sys.modules["rl.kernels.cross_entropy"]  # its name is the function's
Loss = Callable[[Tensor, Tensor], Tensor]
IMPLS = ["reference", "chunked", "triton"]
OURS = ["chunked", "triton"]
OPTIONS: list[dict[str, float]] = [{}, {"softcap": 5.0}, {"z_loss": 1e-2}, {"softcap": 5.0, "z_loss": 1e-2}]


def draw(
    tokens: int, vocabulary: int, *, peaked: float = 1.0, seed: int = 0, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Logits and targets; the last target is the vocabulary's last id, and in each row one logit stands out."""
    generator = torch.Generator().manual_seed(seed)
    logits_TV = torch.randn(tokens, vocabulary, generator=generator) * peaked
    target_T = torch.randint(0, vocabulary, (tokens,), generator=generator)
    target_T[-1:] = vocabulary - 1
    peak_T = torch.where(torch.arange(tokens) % 2 == 0, target_T, (target_T * 7 + 1) % vocabulary)
    logits_TV[torch.arange(tokens), peak_T] += 10 * peaked
    return logits_TV.to(device), target_T.to(device)


def plain(
    logits_TV: Tensor,
    target_T: Tensor,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    softcap: float = 0.0,
    z_loss: float = 0.0,
) -> Tensor:
    """As transformers and trainers write it."""
    z_TV = logits_TV if logits_TV.dtype == torch.float64 else logits_TV.float()
    if softcap:
        z_TV = torch.tanh(z_TV / softcap) * softcap
    loss_T = torch.nn.functional.cross_entropy(z_TV, target_T, ignore_index=ignore_index, reduction="none")
    counted_T = target_T != ignore_index
    loss_T = loss_T + z_loss * torch.logsumexp(z_TV, 1).square() * counted_T
    if reduction == "none":
        return loss_T
    return loss_T.sum() / counted_T.sum() if reduction == "mean" else loss_T.sum()


def outcome(loss: Loss, logits_TV: Tensor, target_T: Tensor, upstream: Tensor | None = None) -> dict[str, Tensor]:
    leaf_TV = logits_TV.detach().clone().requires_grad_()
    value = loss(leaf_TV, target_T)
    value.backward(None if upstream is None else upstream.to(value.dtype))
    assert leaf_TV.grad is not None
    return {"loss": value.detach(), "dlogits": leaf_TV.grad}


def check(logits_TV: Tensor, target_T: Tensor, impl: str, dtype: torch.dtype = torch.float32, **options: Any) -> None:
    logits_TV = logits_TV.to(dtype)
    truth = outcome(partial(plain, **options), logits_TV.double(), target_T)
    theirs = outcome(partial(plain, **options), logits_TV, target_T)
    mine = outcome(partial(cross_entropy, impl=impl, **options), logits_TV, target_T)
    assert mine["loss"].dtype == torch.float32
    assert mine["dlogits"].dtype == dtype
    # The loss is fp32 in every dtype of the logits.
    largest = logits_TV.abs().max().item()
    assert_no_worse_than_plain(
        mine["loss"], theirs["loss"], truth["loss"], what="loss", dtype=torch.float32, logit=largest
    )
    assert_no_worse_than_plain(
        mine["dlogits"], theirs["dlogits"], truth["dlogits"], what="dlogits", dtype=dtype, logit=largest
    )


@pytest.mark.parametrize("impl", IMPLS)
def test_known_losses_come_out(impl: str) -> None:
    logits_TV = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, log(3.0), 0.0, 0.0]])
    target_T = torch.tensor([2, 1])
    loss = partial(cross_entropy, logits_TV, target_T, impl=impl)
    assert loss(reduction="none").tolist() == pytest.approx([log(4), log(2)])
    assert loss(reduction="sum").item() == pytest.approx(log(8))
    assert loss().item() == pytest.approx(log(8) / 2)
    zs = [log(4) + 0.1 * log(4) ** 2, log(2) + 0.1 * log(6) ** 2]
    assert loss(reduction="none", z_loss=0.1).tolist() == pytest.approx(zs)
    found = outcome(partial(cross_entropy, reduction="sum", impl=impl), logits_TV, target_T)["dlogits"]
    assert found[0].tolist() == pytest.approx([0.25, 0.25, -0.75, 0.25])
    assert found[1].tolist() == pytest.approx([1 / 6, -0.5, 1 / 6, 1 / 6])


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradients_equal_finite_differences_in_fp64(reduction: str, options: dict[str, float]) -> None:
    logits_TV, target_T = draw(4, 9, peaked=0.3)
    target_T[1] = -100
    loss = partial(cross_entropy, target_T=target_T, reduction=reduction, impl="chunked", **options)
    assert torch.autograd.gradcheck(loss, (logits_TV.double().requires_grad_(),))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("impl", OURS)
def test_every_option_agrees_with_plain_pytorch(
    impl: str, reduction: str, inplace: bool, options: dict[str, float]
) -> None:
    logits_TV, target_T = draw(6, 300)
    target_T[2] = -100
    upstream = torch.tensor(-0.37)
    truth = outcome(partial(plain, reduction=reduction, **options), logits_TV.double(), target_T, upstream.double())
    ours = partial(cross_entropy, reduction=reduction, inplace=inplace, impl=impl, **options)
    found = outcome(ours, logits_TV, target_T, upstream)
    for what, value in truth.items():
        torch.testing.assert_close(found[what].double(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("impl", OURS)
def test_each_token_has_its_own_upstream_gradient(impl: str) -> None:
    logits_TV, target_T = draw(5, 70)
    upstream_T = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0])
    truth = outcome(partial(plain, reduction="none"), logits_TV.double(), target_T, upstream_T)
    found = outcome(partial(cross_entropy, reduction="none", impl=impl), logits_TV, target_T, upstream_T)
    for what, value in truth.items():
        torch.testing.assert_close(found[what].double(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [65_536, 65_537, 129_920])
@pytest.mark.parametrize("impl", OURS)
def test_large_vocabularies_with_peaked_logits(impl: str, vocabulary: int) -> None:
    check(*draw(4, vocabulary, peaked=5.0), impl)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("vocabulary", [1000, 65_537])
def test_chunked_is_no_worse_than_plain_pytorch(
    vocabulary: int, options: dict[str, float], dtype: torch.dtype
) -> None:
    check(*draw(9, vocabulary, peaked=3.0), "chunked", dtype, **options)


@settings(max_examples=30, deadline=None)
@given(
    tokens=st.integers(1, 6),
    vocabulary=st.integers(1, 200),
    impl=st.sampled_from(OURS),
    options=st.sampled_from(OPTIONS),
)
def test_any_size_agrees_with_fp64(tokens: int, vocabulary: int, impl: str, options: dict[str, float]) -> None:
    logits_TV, target_T = draw(tokens, vocabulary, seed=tokens * 1000 + vocabulary)
    truth = outcome(partial(plain, **options), logits_TV.double(), target_T)
    found = outcome(partial(cross_entropy, impl=impl, **options), logits_TV, target_T)
    for what, value in truth.items():
        torch.testing.assert_close(found[what].double(), value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("impl", IMPLS)
def test_where_no_token_counts_a_sum_is_0_and_a_mean_nan_as_in_torch(impl: str) -> None:
    logits_TV, _ = draw(3, 50)
    target_T = torch.full((3,), -100)
    for reduction, expected in (("sum", 0.0), ("mean", float("nan"))):
        theirs = torch.nn.functional.cross_entropy(logits_TV, target_T, reduction=reduction)
        mine = cross_entropy(logits_TV, target_T, reduction=reduction, impl=impl)
        assert [theirs.item(), mine.item()] == pytest.approx([expected] * 2, nan_ok=True)
        if impl != "reference":
            found = outcome(partial(cross_entropy, reduction=reduction, impl=impl), logits_TV, target_T)
            assert found["dlogits"].abs().max() == 0


@pytest.mark.parametrize("impl", OURS)
def test_ignored_rows_do_not_count_whatever_they_hold(impl: str) -> None:
    logits_TV, target_T = draw(4, 50)
    logits_TV[1] = float("nan")
    target_T[1] = 7
    target_T[target_T == 7] = 49
    target_T[1] = 7
    for inplace in (False, True):
        loss = partial(cross_entropy, ignore_index=7, impl=impl, inplace=inplace)
        found = outcome(loss, logits_TV, target_T)
        rest = [0, 2, 3]
        truth = outcome(plain, logits_TV[rest].double(), target_T[rest])
        torch.testing.assert_close(found["loss"].double(), truth["loss"], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found["dlogits"][rest].double(), truth["dlogits"], rtol=1e-5, atol=1e-6)
        assert found["dlogits"][1].tolist() == [0.0] * 50


@pytest.mark.parametrize("impl", OURS)
def test_masked_tokens_may_fill_whole_blocks(impl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_BLOCK", 16)
    logits_TV, target_T = draw(3, 70)
    logits_TV[:, :40] = -torch.inf
    logits_TV[:, 60:] = -torch.inf
    target_T[:] = torch.tensor([45, 50, 59])
    truth = outcome(plain, logits_TV.double(), target_T)
    found = outcome(partial(cross_entropy, impl=impl), logits_TV, target_T)
    for what, value in truth.items():
        torch.testing.assert_close(found[what].double(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("impl", OURS)
def test_lanes_beyond_the_vocabulary_add_nothing(impl: str) -> None:
    """With 0 in place of -inf, 60 columns of -40 would lose to four phantom ones by 40 nats."""
    logits_TV = torch.full((2, 60), -40.0)
    loss = cross_entropy(logits_TV, torch.tensor([0, 59]), impl=impl)
    assert loss.item() == pytest.approx(log(60), abs=1e-5)


def test_the_size_of_a_piece_does_not_change_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = draw(7, 90)
    whole = {impl: outcome(partial(cross_entropy, impl=impl), *inputs) for impl in OURS}
    monkeypatch.setattr(MODULE, "_ELEMENTS", 200)
    monkeypatch.setattr(MODULE, "_BLOCK", 32)
    for impl, found in whole.items():
        for what, value in outcome(partial(cross_entropy, impl=impl), *inputs).items():
            torch.testing.assert_close(value, found[what], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("impl", OURS)
def test_in_place_the_gradient_lies_where_the_logits_were(impl: str) -> None:
    logits_TV, target_T = draw(5, 64)
    apart = outcome(partial(cross_entropy, impl=impl), logits_TV, target_T)
    hidden_TV = logits_TV.clone().requires_grad_()
    made_TV = hidden_TV * 1.0
    loss = cross_entropy(made_TV, target_T, inplace=True, impl=impl)
    torch.testing.assert_close(made_TV.detach(), apart["dlogits"])
    loss.backward()
    torch.testing.assert_close(hidden_TV.grad, apart["dlogits"])
    untouched_TV = logits_TV.clone()
    with torch.no_grad():
        value = cross_entropy(untouched_TV, target_T, inplace=True, impl=impl)
    assert torch.equal(untouched_TV, logits_TV)  # nobody wants a gradient
    torch.testing.assert_close(value, loss.detach())


@pytest.mark.parametrize("impl", OURS)
def test_autograd_notices_that_an_earlier_operation_needs_the_overwritten_logits(impl: str) -> None:
    logits_TV, target_T = draw(3, 20)
    capped_TV = torch.tanh(logits_TV.requires_grad_())  # its backward needs its result
    loss = cross_entropy(capped_TV, target_T, inplace=True, impl=impl)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_in_place_a_second_backward_is_refused() -> None:
    logits_TV, target_T = draw(3, 20)
    loss = cross_entropy(logits_TV.requires_grad_(), target_T, inplace=True)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="sent backward twice"):
        loss.backward()


@pytest.mark.parametrize("impl", OURS)
def test_rows_of_wider_logits_are_read_where_they_lie(impl: str) -> None:
    wide_TV, target_T = draw(5, 64)
    target_T = target_T % 50
    padded_TV = wide_TV.clone().requires_grad_()
    cross_entropy(padded_TV[:, :50], target_T, impl=impl).backward()
    truth = outcome(plain, wide_TV[:, :50].contiguous(), target_T)["dlogits"]
    torch.testing.assert_close(padded_TV.grad[:, :50], truth)
    assert padded_TV.grad[:, 50:].abs().max() == 0
    crossed_TV = wide_TV.t().contiguous().t()
    torch.testing.assert_close(cross_entropy(crossed_TV, target_T, impl=impl), plain(wide_TV, target_T))


def test_no_fp32_copy_of_the_logits_is_kept() -> None:
    logits_TV, target_T = draw(16, 128)
    logits_TV = logits_TV.bfloat16().requires_grad_()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda item: kept.append(item) or item, lambda item: item):
        cross_entropy(logits_TV, target_T, impl="chunked")
    big = [item for item in kept if item.numel() >= logits_TV.numel()]
    assert [item.data_ptr() for item in big] == [logits_TV.data_ptr()]


@pytest.mark.parametrize("wrong", [-1, 50, 10**9])
def test_a_target_that_is_no_token_id_raises(wrong: int) -> None:
    logits_TV, target_T = draw(3, 50)
    target_T[1] = wrong
    with pytest.raises(IndexError, match=f"target {wrong} is no token id: expected 0 to 49"):
        cross_entropy(logits_TV, target_T)


ONES, IDS = torch.ones(2, 5), torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"logits_TV": torch.ones(5)}, r"logits \(5,\)"),
        ({"target_T": IDS[:1]}, r"target \(1,\)"),
        ({"target_T": IDS.int()}, "must be int64"),
        ({"reduction": "batchmean"}, "reduction='batchmean' must be one of mean, sum, none"),
        ({"softcap": -1.0}, "softcap=-1.0 and z_loss=0.0 must not be negative"),
        ({"inplace": True, "reduction": "none"}, "use reduction='mean' or 'sum', or inplace=False"),
        ({"inplace": True, "logits_TV": torch.ones(5, 2).t()}, "rows are dense"),
        ({"logits_TV": ONES.double(), "impl": "triton"}, "logits are fp64"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cross_entropy(**{"logits_TV": ONES, "target_T": IDS, **arguments})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("vocabulary", [65_537, 102_400, 128_256, 129_920, 152_064, 256_000])
def test_on_a_gpu(vocabulary: int, options: dict[str, float], dtype: torch.dtype) -> None:
    check(*draw(500, vocabulary, peaked=4.0, device="cuda"), "auto", dtype, **options)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_target_that_is_no_token_id_gives_nan() -> None:
    logits_TV, target_T = draw(3, 5000, device="cuda")
    target_T[1] = 5000
    found = outcome(partial(cross_entropy, reduction="none"), logits_TV, target_T, torch.ones(3, device="cuda"))
    assert found["loss"].isnan().tolist() == [False, True, False]
    assert found["dlogits"].isnan().all(1).tolist() == [False, True, False]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("upstream", [1.0, 3.0])
def test_on_a_gpu_more_logits_than_two_to_the_31_are_reached_in_place(upstream: float) -> None:
    logits_TV = torch.zeros(16_900, 128_256, dtype=torch.bfloat16, device="cuda", requires_grad=True)
    target_T = torch.full((16_900,), 128_255, device="cuda")
    loss = cross_entropy(logits_TV, target_T, reduction="sum", inplace=True)
    loss.backward(torch.tensor(upstream, device="cuda"))
    assert loss.item() == pytest.approx(16_900 * log(128_256), rel=1e-6)
    assert logits_TV.grad is not None
    assert logits_TV.grad[-1, -1].item() == -upstream
    assert logits_TV.grad[-1, 0].item() == pytest.approx(upstream / 128_256, rel=1e-2)
