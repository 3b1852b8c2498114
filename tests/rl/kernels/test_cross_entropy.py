"""Cross-entropy on logits that exist: as right as plain PyTorch, and in place where asked."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rl.kernels.cross_entropy import cross_entropy
from tests.rl.kernels.test_linear_cross_entropy import DTYPES, VOCABULARIES
from tests.rl.kernels.tolerance import assert_no_worse_than_plain


def plain(
    logits_TV: Tensor, target_T: Tensor, *, reduction: str = "mean", softcap: float = 0.0, z_loss: float = 0.0
) -> Tensor:
    z_TV = logits_TV if logits_TV.dtype == torch.float64 else logits_TV.float()
    z_TV = softcap * torch.tanh(z_TV / softcap) if softcap else z_TV
    loss_T = torch.nn.functional.cross_entropy(z_TV, target_T, reduction="none")
    counted_T = target_T != -100
    loss_T = loss_T + torch.where(counted_T, z_loss * z_TV.logsumexp(-1).square(), 0.0)
    return {"none": lambda: loss_T, "sum": loss_T.sum, "mean": lambda: loss_T.sum() / counted_T.sum()}[reduction]()


def make_logits(tokens: int, vocabulary: int, *, peaked: float = 4.0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    target_T = torch.randint(0, vocabulary, (tokens,), generator=draw)
    target_T[-1] = vocabulary - 1
    return torch.randn(tokens, vocabulary, generator=draw) * peaked, target_T


def gradient(loss: Any, logits_TV: Tensor, target_T: Tensor) -> tuple[Tensor, Tensor]:
    """Value and gradient; the logits stay, though the loss may overwrite its own copy."""
    leaf = logits_TV.clone().requires_grad_()
    value = loss(leaf * 1.0, target_T)
    up_T = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype) if value.dim() else torch.tensor(2.0)
    (value * up_T).sum().backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


def check(logits_TV: Tensor, target_T: Tensor, impl: str, **options: Any) -> None:
    plainly = {key: value for key, value in options.items() if key != "inplace"}
    truth = gradient(partial(plain, **plainly), logits_TV.double(), target_T)
    reference = gradient(partial(plain, **plainly), logits_TV, target_T)
    ours = gradient(partial(cross_entropy, impl=impl, **options), logits_TV, target_T)
    for mine, theirs, exact, what in zip(ours, reference, truth, ("loss", "gradient"), strict=True):
        assert_no_worse_than_plain(
            mine, theirs, exact, what=what, dtype=logits_TV.dtype, logit=logits_TV.abs().max().item()
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_chunked_is_no_worse_than_plain_at_real_vocabularies(vocabulary: int, dtype: torch.dtype) -> None:
    logits_TV, target_T = make_logits(3, vocabulary)
    check(logits_TV.to(dtype), target_T, "chunked")


@pytest.mark.parametrize("vocabulary", [1, 2, 4095, 4097, 65_537])
def test_triton_is_no_worse_than_plain_in_the_interpreter(vocabulary: int) -> None:
    check(*make_logits(3, vocabulary), "triton")


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", [{}, {"softcap": 3.0}, {"z_loss": 1e-2}, {"softcap": 30.0, "z_loss": 1e-3}])
def test_every_option_and_reduction_with_ignored_tokens(impl: str, reduction: str, options: dict[str, float]) -> None:
    logits_TV, target_T = make_logits(7, 301)
    target_T[[1, 4]] = -100
    check(logits_TV, target_T, impl, reduction=reduction, **options)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_inplace_gives_the_same_and_allocates_no_gradient(impl: str, reduction: str) -> None:
    logits_TV, target_T = make_logits(7, 301)
    target_T[2] = -100
    check(logits_TV, target_T, impl, reduction=reduction, inplace=True, z_loss=1e-2)
    made = logits_TV.clone().requires_grad_() * 1.0
    seen: list[int] = []
    made.register_hook(lambda gradient_TV: seen.append(gradient_TV.data_ptr()))
    cross_entropy(made, target_T, inplace=True, impl=impl).backward()
    assert seen == [made.data_ptr()]


def test_passes_gradcheck_in_fp64() -> None:
    logits_TV, target_T = make_logits(4, 7, peaked=1.0)
    target_T[1] = -100
    run = partial(cross_entropy, target_T=target_T, reduction="none", softcap=2.0, z_loss=0.1)
    assert torch.autograd.gradcheck(run, (logits_TV.double().requires_grad_(),))


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_all_tokens_ignored(impl: str) -> None:
    logits_TV, _ = make_logits(3, 11)
    ignored_T = torch.full((3,), -100)
    assert cross_entropy(logits_TV, ignored_T, reduction="sum", impl=impl).item() == 0.0
    assert cross_entropy(logits_TV, ignored_T, impl=impl).isnan()
    assert gradient(partial(cross_entropy, reduction="sum", impl=impl), logits_TV, ignored_T)[1].abs().sum() == 0


def test_rows_that_lie_apart_and_a_second_backward() -> None:
    logits_TV, target_T = make_logits(4, 301)
    wide = torch.zeros(4, 400)
    wide[:, :301] = logits_TV
    torch.testing.assert_close(cross_entropy(wide[:, :301], target_T), plain(logits_TV, target_T))
    made = logits_TV.clone().requires_grad_() * 1.0
    value = cross_entropy(made, target_T, inplace=True)
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="no second one"):
        value.backward()


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        ([0, 1], {"reduction": "average"}, ValueError, "must be one of"),
        ([0, 1], {"inplace": True, "reduction": "none"}, ValueError, "reduction='none' does not know"),
        ([0, 1], {"z_loss": -1.0}, ValueError, "must not be negative"),
        ([0], {}, ValueError, "flatten batch and time"),
        ([0, 11], {}, IndexError, "target 11 at token 1 is no token id.*from 0 to 10"),
    ],
)
def test_bad_input_is_named(target: list[int], options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cross_entropy(torch.zeros(2, 11), torch.tensor(target), **options)
