from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from rl.kernels.rope import apply_rope, rope_tables
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

Rope = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


class Shape(NamedTuple):
    batch: int = 2
    heads: int = 4
    key_heads: int = 2
    tokens: int = 5
    size: int = 64


def draw(shape: Shape, seed: int = 0, device: str = "cpu") -> list[Tensor]:
    """q, k and their upstream gradients, as transposed views of what the projections give."""
    generator = torch.Generator().manual_seed(seed)
    heads = [shape.heads, shape.key_heads] * 2
    sizes = [(shape.batch, shape.tokens, count, shape.size) for count in heads]
    return [torch.randn(size, generator=generator).to(device).transpose(1, 2) for size in sizes]


def tables(shape: Shape, device: str = "cpu", first: int = 7) -> tuple[Tensor, Tensor]:
    return rope_tables(torch.arange(first, first + shape.tokens, device=device)[None], shape.size)


def outcome(rope: Rope, inputs: list[Tensor], cos: Tensor, sin: Tensor) -> dict[str, Tensor]:
    q, k = (item.detach().clone().requires_grad_() for item in inputs[:2])
    turned = rope(q, k, cos, sin)
    torch.autograd.backward(turned, inputs[2:])
    assert q.grad is not None
    assert k.grad is not None
    return {"q": turned[0].detach(), "k": turned[1].detach(), "dq": q.grad, "dk": k.grad}


def check(shape: Shape, impl: str, dtype: torch.dtype, device: str = "cpu") -> None:
    inputs = [item.to(dtype) for item in draw(shape, device=device)]
    cos, sin = (table.to(dtype) for table in tables(shape, device))
    truth = outcome(apply_rotary_pos_emb, [item.double() for item in inputs], cos.double(), sin.double())
    theirs = outcome(apply_rotary_pos_emb, inputs, cos, sin)
    mine = outcome(partial(apply_rope, impl=impl), inputs, cos, sin)
    for what, value in truth.items():
        assert mine[what].dtype == dtype
        assert_no_worse_than_plain(mine[what], theirs[what], value, what=what, dtype=dtype)


def test_a_pair_is_turned_by_its_position() -> None:
    cos, sin = rope_tables(torch.tensor([[0, 1, 2]]), 2)
    point = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
    for impl in ("reference", "chunked", "triton"):
        turned, _ = apply_rope(point, point, cos, sin, impl=impl)
        # (cos t, sin t) for t = 0, 1, 2 radians
        assert turned.flatten().tolist() == pytest.approx([1, 0, 0.5403023, 0.8414710, -0.4161468, 0.9092974])


def test_tables_equal_transformers() -> None:
    config = LlamaConfig(hidden_size=128, num_attention_heads=2, num_key_value_heads=1)
    positions = torch.tensor([[0, 1, 2, 100, 8191], [5, 6, 7, 8, 4095]])
    theirs = LlamaRotaryEmbedding(config)(torch.zeros(1), positions)
    for mine, table in zip(rope_tables(positions, 64, base=10000.0), theirs, strict=True):
        assert torch.equal(mine, table)
    assert rope_tables(positions, 64, base=5e5)[0][0, 1, 0].item() == pytest.approx(0.5403023)
    assert rope_tables(positions, 64, scaling=2.0)[1][0, 1, 32].item() == pytest.approx(2 * 0.8414710)


def test_neighbouring_positions_stay_apart_though_bf16_makes_them_one() -> None:
    positions = torch.tensor([8189, 8190, 8191])
    assert positions.bfloat16().tolist() == [8192.0, 8192.0, 8192.0]
    cos, sin = rope_tables(positions, 64)
    # of the first pair, whose angle is the position itself
    assert cos[:, 0].tolist() == pytest.approx(positions.double().cos().tolist(), abs=1e-6)
    assert sin[:, 0].tolist() == pytest.approx(positions.double().sin().tolist(), abs=1e-6)
    for dtype in (torch.bfloat16, torch.float16):
        with pytest.raises(ValueError, match="cannot tell neighbours apart"):
            rope_tables(positions.to(dtype), 64)


def test_autocast_does_not_reach_the_tables() -> None:
    positions = torch.tensor([[8189, 8190]])
    plain = rope_tables(positions, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = rope_tables(positions, 32)
    assert under[0].dtype == torch.float32
    assert torch.equal(under[0], plain[0])
    assert torch.equal(under[1], plain[1])


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_the_backward_is_the_forward_with_minus_sin(impl: str) -> None:
    inputs = draw(Shape())
    cos, sin = tables(Shape())
    found = outcome(partial(apply_rope, impl=impl), inputs, cos, sin)
    dq, dk = apply_rope(inputs[2], inputs[3], cos, -sin, impl=impl)
    assert torch.equal(found["dq"], dq)
    assert torch.equal(found["dk"], dk)


def test_turning_keeps_lengths_and_depends_on_distance_only() -> None:
    q, k, *_ = draw(Shape(tokens=1))
    scores = []
    for first in (0, 100):
        turned_q, _ = apply_rope(q, k, *tables(Shape(tokens=1), first=first + 9))
        _, turned_k = apply_rope(q, k, *tables(Shape(tokens=1), first=first))
        torch.testing.assert_close(turned_q.norm(dim=-1), q.norm(dim=-1))
        scores.append((turned_q[:, :2] * turned_k).sum(-1))
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("repeated", [True, False])
def test_gradients_equal_finite_differences_in_fp64(repeated: bool) -> None:
    """Also for tables whose halves differ, as no model of today makes them."""
    q, k, *_ = (item.double().requires_grad_() for item in draw(Shape(1, 2, 1, 2, 4)))
    cos, sin = (table.double() for table in tables(Shape(1, 2, 1, 2, 4)))
    if not repeated:
        cos, sin = cos * torch.tensor([1.0, 2.0, 3.0, 4.0]), sin * torch.tensor([5.0, 6.0, 7.0, 8.0])
    assert torch.autograd.gradcheck(lambda q, k: apply_rope(q, k, cos, sin, impl="chunked"), (q, k))


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_tables_with_unequal_halves_are_used_whole(impl: str) -> None:
    inputs = draw(Shape(size=6))
    cos, sin = torch.rand(2, 5, 6), torch.rand(2, 5, 6)
    truth = outcome(apply_rotary_pos_emb, inputs, cos, sin)
    found = outcome(partial(apply_rope, impl=impl), inputs, cos, sin)
    for what, value in truth.items():
        torch.testing.assert_close(found[what], value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [64, 96, 128])
@pytest.mark.parametrize("tokens", [1, 40])
def test_chunked_is_no_worse_than_transformers(tokens: int, size: int, dtype: torch.dtype) -> None:
    check(Shape(tokens=tokens, size=size), "chunked", dtype)


@pytest.mark.parametrize("size", [64, 96, 128])
@pytest.mark.parametrize("tokens", [1, 7])
def test_triton_is_no_worse_than_transformers(tokens: int, size: int) -> None:
    check(Shape(heads=3, key_heads=1, tokens=tokens, size=size), "triton", torch.float32)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.builds(
        Shape,
        batch=st.integers(1, 3),
        heads=st.integers(1, 5),
        key_heads=st.integers(1, 3),
        tokens=st.integers(1, 6),
        size=st.integers(1, 24).map(lambda half: 2 * half),
    ),
    impl=st.sampled_from(["chunked", "triton"]),
    own_rows=st.booleans(),
)
def test_any_shape_agrees_with_fp64(shape: Shape, impl: str, own_rows: bool) -> None:
    inputs = draw(shape)
    rows = torch.arange(shape.batch if own_rows else 1)[:, None] * 10 + torch.arange(shape.tokens)
    cos, sin = rope_tables(rows, shape.size)
    truth = outcome(apply_rotary_pos_emb, [item.double() for item in inputs], cos.double(), sin.double())
    found = outcome(partial(apply_rope, impl=impl), inputs, cos, sin)
    for what, value in truth.items():
        torch.testing.assert_close(found[what].double(), value, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_the_order_in_memory_is_kept_and_any_order_taken(impl: str) -> None:
    q, k, *_ = draw(Shape())
    cos, sin = tables(Shape())
    expected = apply_rotary_pos_emb(q, k, cos, sin)
    turned = apply_rope(q, k, cos, sin, impl=impl)
    assert turned[0].stride() == q.stride()
    torch.testing.assert_close(turned, expected)
    torch.testing.assert_close(apply_rope(q.contiguous(), k.contiguous(), cos, sin, impl=impl), expected)
    backwards = q.transpose(-1, -2).contiguous().transpose(-1, -2)  # the head's dimension is not dense
    wide = torch.cat((k, k), -1)[..., : k.shape[-1]]
    torch.testing.assert_close(apply_rope(backwards, wide, cos, sin, impl=impl), expected)


def test_bf16_heads_turned_by_fp32_tables_stay_bf16_and_are_rounded_once() -> None:
    q, k, *_ = (item.bfloat16() for item in draw(Shape()))
    cos, sin = tables(Shape())
    turned, _ = apply_rope(q, k, cos, sin, impl="chunked")
    exact = apply_rotary_pos_emb(q.double(), k.double(), cos.double(), sin.double())[0]
    assert turned.dtype == torch.bfloat16
    assert (turned != exact.bfloat16()).float().mean() < 1e-3
    plain = apply_rotary_pos_emb(q, k, cos.bfloat16(), sin.bfloat16())[0]
    assert (turned - exact).abs().mean() < 0.8 * (plain - exact).abs().mean()


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_no_tokens_give_no_tokens(impl: str) -> None:
    shape = Shape(tokens=0)
    found = outcome(partial(apply_rope, impl=impl), draw(shape), *tables(shape))
    assert found["dq"].shape == (2, 4, 0, 64)


def ones(*shape: int) -> Tensor:
    return torch.ones(shape)


@pytest.mark.parametrize(
    ("q", "k", "cos", "text"),
    [
        (ones(2, 5, 8), ones(1, 2, 5, 8), ones(1, 5, 8), r"q \(2, 5, 8\).* must be floating with shape"),
        (ones(1, 2, 5, 8), ones(1, 2, 6, 8), ones(1, 5, 8), "must agree in batch, tokens"),
        (ones(1, 2, 5, 7), ones(1, 2, 5, 7), ones(1, 5, 7), "even head size"),
        (ones(1, 2, 5, 8), ones(1, 2, 5, 8), ones(1, 5, 4), r"cos \(1, 5, 4\) must be"),
        (ones(3, 2, 5, 8), ones(3, 2, 5, 8), ones(2, 5, 8), r"cos \(2, 5, 8\) must be"),
        (ones(1, 2, 5, 8), ones(1, 2, 5, 8), ones(1, 5, 8).requires_grad_(), "cos wants a gradient"),
    ],
)
def test_what_does_not_fit_is_named(q: Tensor, k: Tensor, cos: Tensor, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        apply_rope(q, k, cos, cos.detach())


def test_an_odd_head_has_no_tables() -> None:
    with pytest.raises(ValueError, match="dim=7 must be even"):
        rope_tables(torch.arange(3), 7)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "shape",
    [Shape(2, 32, 8, 4096, 128), Shape(1, 28, 4, 8191, 128), Shape(4, 16, 8, 300, 256), Shape(3, 5, 1, 1, 96)],
)
def test_on_a_gpu(shape: Shape, dtype: torch.dtype) -> None:
    check(shape, "auto", dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_heads_beyond_two_to_the_31_elements_are_reached() -> None:
    shape = Shape(1, 8, 1, 2**21 + 5, 128)
    q = torch.ones(shape.batch, shape.heads, shape.tokens, shape.size, dtype=torch.bfloat16, device="cuda")
    k = q[:, :1]
    cos = torch.full((1, shape.tokens, shape.size), 2.0, dtype=torch.bfloat16, device="cuda")
    turned, _ = apply_rope(q, k, cos, torch.zeros_like(cos))
    assert turned[0, -1, -1].unique().tolist() == [2.0]
