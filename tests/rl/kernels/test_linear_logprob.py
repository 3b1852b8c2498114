"""Log-probabilities and entropies: as right as plain PyTorch, with gradients for both, in tiles of any shape."""

from functools import partial

import pytest
import torch
from torch import Tensor

from rl.kernels import linear_logprob
from tests.rl.kernels.heads import Gradients, Head, gradients, largest_logit, make_head, plain_logprob
from tests.rl.kernels.test_linear_cross_entropy import DTYPES, VOCABULARIES
from tests.rl.kernels.tolerance import assert_no_worse_than_plain


def weighted(scorer: object, *tensors: Tensor, **options: object) -> Tensor:
    """A scalar through which every token's log-probability and entropy get upstream gradients of their own."""
    logprob_T, entropy_T = scorer(*tensors, **options)  # type: ignore[operator]
    up_T = torch.linspace(-1, 1.5, logprob_T.numel(), dtype=logprob_T.dtype, device=logprob_T.device)
    return (up_T * logprob_T + 0.3 * up_T.flip(0) * entropy_T).sum()


def check(head: Head, dtype: torch.dtype, impl: str, *, chunk_bytes: int | None = None, **options: float) -> None:
    rounded = head.to(dtype)
    exact = rounded.to(torch.float64)
    logit = largest_logit(rounded)
    outputs = zip(
        linear_logprob(*rounded, impl=impl, chunk_bytes=chunk_bytes, **options),
        plain_logprob(*rounded, **options),
        plain_logprob(*exact, **options),
        ("logprob", "entropy"),
        strict=True,
    )
    for ours, plain, truth, what in outputs:
        assert_no_worse_than_plain(ours, plain, truth, what=what, dtype=dtype, logit=logit)
    run = partial(weighted, linear_logprob, impl=impl, chunk_bytes=chunk_bytes, **options)
    trio: list[Gradients] = [
        gradients(rounded, run),
        gradients(rounded, partial(weighted, plain_logprob, **options)),
        gradients(exact, partial(weighted, plain_logprob, **options)),
    ]
    for what in ("hidden_TD", "weight_VD"):
        assert_no_worse_than_plain(*(getattr(item, what) for item in trio), what=what, dtype=dtype, logit=logit)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_chunked_is_no_worse_than_plain_at_real_vocabularies(vocabulary: int, dtype: torch.dtype) -> None:
    check(make_head(3, 16, vocabulary, peaked=8.0), dtype, "chunked", chunk_bytes=100_000 * dtype.itemsize)


@pytest.mark.parametrize("vocabulary", [1, 5, 4095, 4097, 5003, 65_537])
def test_triton_is_no_worse_than_plain_in_the_interpreter(vocabulary: int) -> None:
    check(make_head(3, 16, vocabulary, peaked=4.0), torch.float32, "triton", chunk_bytes=40_000)


@pytest.mark.parametrize(("impl", "dtype"), [*(("chunked", dtype) for dtype in DTYPES), ("triton", torch.float32)])
@pytest.mark.parametrize("options", [{"temperature": 0.6}, {"softcap": 3.0}, {"temperature": 1.7, "softcap": 30.0}])
def test_temperature_and_softcap(options: dict[str, float], impl: str, dtype: torch.dtype) -> None:
    check(make_head(24, 16, 5003, peaked=6.0), dtype, impl, chunk_bytes=24 * 700 * dtype.itemsize, **options)


@pytest.mark.parametrize("impl", ["reference", "chunked"])
@pytest.mark.parametrize("chunk_bytes", [1, 8 * 4 * 3, 1 << 20])
def test_passes_gradcheck_in_fp64(impl: str, chunk_bytes: int) -> None:
    head = make_head(4, 3, 7, peaked=2.0).to(torch.float64)
    run = partial(linear_logprob, temperature=0.7, softcap=2.0, impl=impl, chunk_bytes=chunk_bytes)
    inputs = (head.hidden_TD.requires_grad_(), head.weight_VD.requires_grad_())
    assert torch.autograd.gradcheck(lambda hidden, weight: tuple(run(hidden, weight, head.target_T)), inputs)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_every_shape_of_tile_gives_the_same(impl: str) -> None:
    head = make_head(23, 8, 1009)
    whole = gradients(head, partial(weighted, linear_logprob, impl=impl, chunk_bytes=1 << 30))
    for chunk_bytes in (4 * 23 * 128, 4 * 23 * 300, 4 * 7 * 1009, 4 * 12 * 1009):
        part = gradients(head, partial(weighted, linear_logprob, impl=impl, chunk_bytes=chunk_bytes))
        for mine, theirs in zip(part, whole, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_scoring_without_a_gradient_gives_the_same_numbers(impl: str) -> None:
    head = make_head(9, 8, 5003)
    kept = linear_logprob(head.hidden_TD.clone().requires_grad_(), *head[1:], impl=impl)
    scored = linear_logprob(*head, impl=impl)
    assert not scored.logprob_T.requires_grad
    assert kept.logprob_T.requires_grad
    assert torch.equal(kept.logprob_T, scored.logprob_T)
    assert torch.equal(kept.entropy_T, scored.entropy_T)


@pytest.mark.parametrize("only", ["logprob_T", "entropy_T"])
def test_one_output_alone_may_be_used(only: str) -> None:
    head = make_head(5, 8, 301)
    ours = gradients(head, lambda *tensors: getattr(linear_logprob(*tensors), only).sum())
    plain = gradients(head, lambda *tensors: plain_logprob(*tensors)[only == "entropy_T"].sum())
    torch.testing.assert_close(ours.hidden_TD, plain.hidden_TD, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.weight_VD, plain.weight_VD, rtol=1e-4, atol=1e-6)


def test_it_may_be_sent_backward_twice() -> None:
    head = make_head(5, 8, 50)
    hidden_TD = head.hidden_TD.clone().requires_grad_()
    value = linear_logprob(hidden_TD, *head[1:]).logprob_T.sum()
    value.backward(retain_graph=True)
    once = hidden_TD.grad
    assert once is not None
    once = once.clone()
    value.backward()
    torch.testing.assert_close(hidden_TD.grad, 2 * once)


def test_changing_an_output_in_place_does_not_spoil_the_gradient() -> None:
    head = make_head(5, 8, 50)
    expected = gradients(head, partial(weighted, linear_logprob))
    hidden_TD = head.hidden_TD.clone().requires_grad_()
    scored = linear_logprob(hidden_TD, *head[1:])
    value = weighted(lambda: scored)
    scored.entropy_T.detach().zero_()
    value.backward()
    torch.testing.assert_close(hidden_TD.grad, expected.hidden_TD)


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_no_token_at_all(impl: str) -> None:
    head = make_head(1, 8, 50)
    empty = Head(head.hidden_TD[:0], head.weight_VD, head.target_T[:0])
    assert linear_logprob(*empty, impl=impl).logprob_T.shape == (0,)
    result = gradients(empty, lambda *tensors: linear_logprob(*tensors, impl=impl).logprob_T.sum())
    assert result.weight_VD.abs().sum().item() == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [({"temperature": 0.0}, "temperature=0.0 must be above 0"), ({"temperature": float("nan")}, "temperature=nan")],
)
def test_bad_options_are_named(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        linear_logprob(*make_head(2, 8, 50), **options)
