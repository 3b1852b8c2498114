import sys
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from rl.kernels.rms_norm import STYLES, rms_norm
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

MODULE = sys.modules["rl.kernels.rms_norm"]  # its name is the function's
EPS = 1e-5
Norm = Callable[[Tensor, Tensor], Tensor]


def draw(shape: tuple[int, ...], seed: int = 0, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and an upstream gradient."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator) * 3 + 0.5
    weight_H = torch.randn(shape[-1], generator=generator)
    return x.to(device), weight_H.to(device), torch.randn(shape, generator=generator).to(device)


def outcome(norm: Norm, x: Tensor, weight_H: Tensor, dy: Tensor) -> dict[str, Tensor]:
    x, weight_H = x.detach().clone().requires_grad_(), weight_H.detach().clone().requires_grad_()
    y = norm(x, weight_H)
    y.backward(dy.to(y.dtype))
    assert x.grad is not None
    assert weight_H.grad is not None
    return {"y": y.detach(), "dx": x.grad, "dweight": weight_H.grad}


def fp64(style: str, x: Tensor, weight_H: Tensor, dy: Tensor) -> dict[str, Tensor]:
    norm = partial(rms_norm, eps=EPS, style=style, impl="reference")
    return outcome(norm, x.double(), weight_H.double(), dy.double())


def plain(style: str) -> Norm:
    """transformers' own module."""

    def norm(x: Tensor, weight_H: Tensor) -> Tensor:
        made = (GemmaRMSNorm if style == "gemma" else LlamaRMSNorm)(x.shape[-1], eps=EPS).to(x.device)
        del made.weight
        made.weight = weight_H
        return made(x)

    return norm


def check(style: str, impl: str, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu") -> None:
    x, weight_H, dy = (item.to(dtype) for item in draw(shape, device=device))
    truth = fp64(style, x, weight_H, dy)
    theirs = outcome(plain(style), x, weight_H, dy)
    mine = outcome(partial(rms_norm, eps=EPS, style=style, impl=impl), x, weight_H, dy)
    for what, value in truth.items():
        assert mine[what].dtype == theirs[what].dtype
        assert_no_worse_than_plain(mine[what], theirs[what], value, what=what, dtype=dtype)


def test_a_row_is_divided_by_its_root_mean_square_and_scaled() -> None:
    x = torch.tensor([[3.0, 4.0, 0.0, 0.0]])  # root mean square 2.5
    weight_H = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert rms_norm(x, weight_H, eps=0.0)[0].tolist() == pytest.approx([1.2, 3.2, 0.0, 0.0])
    assert rms_norm(x, weight_H, eps=0.0, style="gemma")[0].tolist() == pytest.approx([2.4, 4.8, 0.0, 0.0])


def test_a_row_of_zeros_gives_zeros_and_a_finite_gradient() -> None:
    x = torch.zeros(2, 5, requires_grad=True)
    rms_norm(x, torch.ones(5), eps=1e-6).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == pytest.approx([1000.0] * 10)


@pytest.mark.parametrize("style", STYLES)
def test_gradients_equal_finite_differences_in_fp64(style: str) -> None:
    x, weight_H, _ = (item.double().requires_grad_() for item in draw((3, 7)))
    assert torch.autograd.gradcheck(partial(rms_norm, eps=EPS, style=style, impl="chunked"), (x, weight_H))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 64), (5, 96), (2, 3, 300), (2000, 257)])
@pytest.mark.parametrize("style", STYLES)
def test_chunked_is_no_worse_than_the_models_own(style: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(style, "chunked", shape, dtype)


@pytest.mark.parametrize("shape", [(1, 64), (5, 96), (2, 3, 300), (40, 128)])
@pytest.mark.parametrize("style", STYLES)
def test_triton_is_no_worse_than_the_models_own(style: str, shape: tuple[int, ...]) -> None:
    check(style, "triton", shape, torch.float32)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 9),
    width=st.integers(1, 130),
    style=st.sampled_from(STYLES),
    impl=st.sampled_from(["chunked", "triton"]),
)
def test_any_size_agrees_with_fp64(rows: int, width: int, style: str, impl: str) -> None:
    inputs = draw((rows, width), seed=rows * 1000 + width)
    truth = fp64(style, *inputs)
    mine = outcome(partial(rms_norm, eps=EPS, style=style, impl=impl), *inputs)
    for what, value in truth.items():
        torch.testing.assert_close(mine[what].double(), value, rtol=2e-5, atol=2e-5, msg=what)


def test_llama_casts_before_the_weight_and_gemma_after_it() -> None:
    x, weight_H, _ = (item.bfloat16() for item in draw((64, 128)))
    gemma_H = weight_H.float() - 1  # so that 1 + weight is Llama's
    llama, gemma = rms_norm(x, weight_H, eps=EPS), rms_norm(x, gemma_H, eps=EPS, style="gemma")
    assert torch.equal(llama, plain("llama")(x, weight_H))
    assert torch.equal(gemma, plain("gemma")(x, gemma_H))
    assert (llama != gemma).float().mean() > 0.1  # of the values, in the last bit


def test_a_fp32_weight_makes_llamas_result_fp32_and_leaves_gemmas() -> None:
    x, weight_H, _ = draw((4, 32))
    assert rms_norm(x.bfloat16(), weight_H, eps=EPS).dtype == torch.float32
    assert rms_norm(x.bfloat16(), weight_H, eps=EPS, style="gemma").dtype == torch.bfloat16


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_transposed_heads_are_normed_where_they_lie(impl: str) -> None:
    x, weight_H, dy = draw((2, 5, 3, 32))
    norm = partial(rms_norm, eps=EPS, impl=impl)
    straight = outcome(norm, x, weight_H, dy)
    crossed = norm(x.transpose(1, 2), weight_H)
    assert torch.equal(crossed, straight["y"].transpose(1, 2))
    assert crossed.stride() == x.transpose(1, 2).stride()  # no copy, and none later
    leaf = x.clone().requires_grad_()
    norm(leaf.transpose(1, 2), weight_H).backward(dy.transpose(1, 2))
    assert torch.equal(leaf.grad, straight["dx"])


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_slices_of_wider_rows_are_normed(impl: str) -> None:
    x, weight_H, _ = draw((6, 40))
    sliced = rms_norm(x[:, 8:24], weight_H[8:24], eps=EPS, impl=impl)
    torch.testing.assert_close(sliced, plain("llama")(x[:, 8:24].contiguous(), weight_H[8:24]))
    every_second = rms_norm(x[:, ::2], weight_H[::2], eps=EPS, impl=impl)
    torch.testing.assert_close(every_second, plain("llama")(x[:, ::2].contiguous(), weight_H[::2]))


def test_a_frozen_weight_gets_no_gradient_and_the_input_the_same() -> None:
    x, weight_H, dy = draw((6, 40))
    for impl in ("chunked", "triton"):
        leaf = x.clone().requires_grad_()
        rms_norm(leaf, weight_H, eps=EPS, impl=impl).backward(dy)
        assert weight_H.grad is None
        assert torch.equal(leaf.grad, outcome(partial(rms_norm, eps=EPS, impl=impl), x, weight_H, dy)["dx"])


def test_the_size_of_a_piece_does_not_change_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = draw((33, 24))
    norm = partial(rms_norm, eps=EPS, impl="chunked")
    whole = outcome(norm, *inputs)
    monkeypatch.setattr(MODULE, "_CPU_ELEMENTS", 48)
    pieces = outcome(norm, *inputs)
    assert torch.equal(pieces["y"], whole["y"])
    assert torch.equal(pieces["dx"], whole["dx"])
    torch.testing.assert_close(pieces["dweight"], whole["dweight"], rtol=1e-6, atol=1e-5)


def test_no_rows_give_no_rows_and_a_zero_gradient() -> None:
    for impl in ("chunked", "triton"):
        found = outcome(partial(rms_norm, eps=EPS, impl=impl), *draw((0, 16)))
        assert found["y"].shape == (0, 16)
        assert found["dweight"].tolist() == [0.0] * 16


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"style": "t5"}, "style='t5' must be one of llama, gemma"),
        ({"weight_H": torch.ones(3)}, r"weight's size \(3,\)"),
        ({"x": torch.ones(2, 4, dtype=torch.int64)}, "must be floating"),
        ({"impl": "cuda"}, "impl='cuda' is not an implementation"),
        ({"x": torch.ones(2, 4, dtype=torch.float64), "impl": "triton"}, "below fp64"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, object], text: str) -> None:
    given_ones = {"x": torch.ones(2, 4), "weight_H": torch.ones(4), "eps": EPS, **arguments}
    with pytest.raises(ValueError, match=text):
        rms_norm(**given_ones)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "shape", [(8192, 4096), (4097, 3584), (257, 16384), (2, 512, 32, 128), (33, 20000), (1, 5120)]
)
@pytest.mark.parametrize("style", STYLES)
def test_on_a_gpu(style: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(style, "auto", shape, dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_weights_gradient_is_the_same_bit_for_bit_each_time() -> None:
    inputs = draw((8192, 4096), device="cuda")
    norm = partial(rms_norm, eps=EPS)
    assert torch.equal(outcome(norm, *inputs)["dweight"], outcome(norm, *inputs)["dweight"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_rows_beyond_two_to_the_31_elements_are_normed() -> None:
    x = torch.ones(2**19 + 3, 4096, dtype=torch.bfloat16, device="cuda")
    x[-1] = -5.0
    y = rms_norm(x, torch.full((4096,), 2.0, dtype=torch.bfloat16, device="cuda"), eps=0.0)
    assert y[-1].unique().tolist() == [-2.0]
    assert y[-2].unique().tolist() == [2.0]
