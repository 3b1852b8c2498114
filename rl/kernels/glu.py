"""Gated linear units, act(gate) * up, in one pass: SwiGLU, and GeGLU with exact or tanh GELU.

    silu(g) = g s,                 s = sigmoid(g)
    gelu(g) = g Phi(g)             exact: Phi is the normal distribution, (1 + erf(g / sqrt 2)) / 2
    gelu(g) = g sigmoid(2 z)       tanh:  z = sqrt(2 / pi) (g + 0.044715 g^3), since (1 + tanh z) / 2 = sigmoid(2 z)

The two GELUs differ by up to 4.7e-4: a model was trained with one of them, and the other is an error in every layer.
The activation is computed in fp32 (fp64), cast to the dtype of gate, then multiplied by up: the models' order.

Gradient. All three are g a(g) with a in [0, 1], so the derivative is a + g a':

    dup = dh * cast(act(gate))      dgate = dh * up * (a + g a')
    silu:  a' = s (1 - s)
    exact: a' = exp(-g^2 / 2) / sqrt(2 pi)
    tanh:  a' = 2 s (1 - s) dz/dg,  s = sigmoid(2 z),  dz/dg = sqrt(2 / pi) (1 + 3 * 0.044715 g^2)

The backward computes the activation again from gate, so that only gate and up are kept; plain PyTorch keeps the
activation as well. Inside fp32, dh * up is not rounded on the way, as plain PyTorch rounds it.

Legend: F width, R rows. SwiGLU and GeGLU: arXiv 2002.05202; GELU and its tanh form: arXiv 1606.08415.
"""

from enum import IntEnum
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rl.kernels.implementation import Impl, choose_implementation, triton_is_installed
from rl.kernels.products import accumulator_dtype

if triton_is_installed():
    import triton
    import triton.language as tl

# Elements that the PyTorch form holds at a time: a few fp32 temporaries of 1 MiB stay in a core's cache.
_ELEMENTS = 1 << 18
# Elements of a program: 8 for each of 128 threads are one 16-byte load of bf16.
_BLOCK = 1024


class _Gate(IntEnum):
    """Which activation; the numbers are the kernels' constants."""

    SILU = 0
    GELU = 1
    GELU_TANH = 2


def swiglu(gate: Tensor, up: Tensor, *, impl: str = "auto") -> Tensor:
    """silu(gate) * up.

    Args:
        gate: shape (..., F), fp64, fp32, bf16 or fp16.
        up: shape, dtype and device of gate.
        impl: "auto", "reference", "chunked" or "triton".

    Returns:
        Shape and dtype of gate.

    Raises:
        ValueError: the two do not fit.
    """
    return _glu(gate, up, _Gate.SILU, impl)


def geglu(gate: Tensor, up: Tensor, *, approximate: str = "none", impl: str = "auto") -> Tensor:
    """gelu(gate) * up; arguments and result as in `swiglu`.

    Args:
        gate: shape (..., F).
        up: shape, dtype and device of gate.
        approximate: "none" (erf) or "tanh" (transformers' gelu_pytorch_tanh, which Gemma uses).
        impl: "auto", "reference", "chunked" or "triton".

    Raises:
        ValueError: the two do not fit, or `approximate` is neither.
    """
    if approximate not in {"none", "tanh"}:
        raise ValueError(f"approximate={approximate!r} must be 'none' or 'tanh'")
    return _glu(gate, up, _Gate.GELU_TANH if approximate == "tanh" else _Gate.GELU, impl)


def reference(gate: Tensor, up: Tensor, act: _Gate) -> Tensor:
    """The specification: torch's own activations in fp32 (fp64 for fp64), cast, then multiplied."""
    return _activated(gate.to(accumulator_dtype(gate.dtype)), act).to(gate.dtype) * up


def _glu(gate: Tensor, up: Tensor, act: _Gate, impl: str) -> Tensor:
    if gate.shape != up.shape or gate.dtype != up.dtype or gate.device != up.device or not gate.is_floating_point():
        raise ValueError(
            f"gate {tuple(gate.shape)} ({gate.dtype}, {gate.device}) and up {tuple(up.shape)} ({up.dtype}, "
            f"{up.device}) must be floating and alike in shape, dtype and device"
        )
    chosen = choose_implementation(impl, gate)
    if chosen is Impl.REFERENCE:
        return reference(gate, up, act)
    if chosen is Impl.TRITON and gate.dtype == torch.float64:
        if Impl(impl) is not Impl.AUTO:
            raise ValueError("impl='triton' computes in fp32, and gate is fp64: use impl='auto' or 'chunked'")
        chosen = Impl.CHUNKED
    width = gate.shape[-1] if gate.dim() else 1
    rows = gate.numel() // max(width, 1)
    hidden: Tensor = _Glu.apply(gate.reshape(rows, width), up.reshape(rows, width), act, chosen)
    return hidden.view(gate.shape)


class _Glu(torch.autograd.Function):
    """Rows (R, F); keeps gate and up."""

    @staticmethod
    def forward(ctx: Any, gate_RF: Tensor, up_RF: Tensor, act: _Gate, impl: Impl) -> Tensor:
        gate_RF, up_RF = _dense_rows(gate_RF), _dense_rows(up_RF)
        hidden_RF = torch.empty_like(gate_RF, memory_format=torch.contiguous_format)
        run = _forward_triton if impl is Impl.TRITON else _forward_chunked
        with torch.cuda.device_of(gate_RF):  # Triton starts kernels on the current device; a model may lie on several
            run(gate_RF, up_RF, hidden_RF, act)
        ctx.save_for_backward(gate_RF, up_RF)
        ctx.act, ctx.impl = act, impl
        return hidden_RF

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden_RF: Tensor) -> tuple[Tensor | None, ...]:
        gate_RF, up_RF = ctx.saved_tensors
        dgate_RF = torch.empty_like(gate_RF, memory_format=torch.contiguous_format)
        dup_RF = torch.empty_like(up_RF, memory_format=torch.contiguous_format)
        run = _backward_triton if ctx.impl is Impl.TRITON else _backward_chunked
        run(_dense_rows(dhidden_RF), gate_RF, up_RF, (dgate_RF, dup_RF), ctx.act)
        return dgate_RF, dup_RF, None, None


def _dense_rows(x_RF: Tensor) -> Tensor:
    """Halves of one matrix product have a row stride and need no copy; an expanded gradient has stride 0 and does."""
    return x_RF if x_RF.stride(1) == 1 else x_RF.contiguous()


# --- PyTorch ---------------------------------------------------------------------------------------------------


def _pieces(x_RF: Tensor) -> list[tuple[slice, slice]]:
    """Rows, and columns too where one row is longer than a piece."""
    rows, width = x_RF.shape
    columns = min(max(width, 1), _ELEMENTS)
    step = max(1, _ELEMENTS // columns)
    return [
        (slice(row, row + step), slice(column, column + columns))
        for row in range(0, rows, step)
        for column in range(0, width, columns)
    ]


def _forward_chunked(gate_RF: Tensor, up_RF: Tensor, hidden_RF: Tensor, act: _Gate) -> None:
    for piece in _pieces(gate_RF):
        torch.mul(_activated(gate_RF[piece], act), up_RF[piece], out=hidden_RF[piece])


def _backward_chunked(
    dhidden_RF: Tensor, gate_RF: Tensor, up_RF: Tensor, out: tuple[Tensor, Tensor], act: _Gate
) -> None:
    dgate_RF, dup_RF = out
    dtype = accumulator_dtype(gate_RF.dtype)
    for piece in _pieces(gate_RF):
        gate_piece_RF, dhidden_piece_RF = gate_RF[piece], dhidden_RF[piece]
        torch.mul(_activated(gate_piece_RF, act), dhidden_piece_RF, out=dup_RF[piece])
        upstream_RF = dhidden_piece_RF.to(dtype) * up_RF[piece].to(dtype)
        dgate_RF[piece] = _times_slope(upstream_RF, gate_piece_RF.to(dtype), act)


def _activated(g: Tensor, act: _Gate) -> Tensor:
    """In fp32 inside, rounded to the dtype of g."""
    if act is _Gate.SILU:
        return torch.nn.functional.silu(g)
    return torch.nn.functional.gelu(g, approximate="tanh" if act is _Gate.GELU_TANH else "none")


def _times_slope(upstream: Tensor, g: Tensor, act: _Gate) -> Tensor:
    """upstream (a + g a'), by torch's own kernels: one pass where the formula takes a dozen."""
    if act is _Gate.SILU:
        product: Tensor = torch.ops.aten.silu_backward(upstream, g)
    else:
        kind = "tanh" if act is _Gate.GELU_TANH else "none"
        product = torch.ops.aten.gelu_backward(upstream, g, approximate=kind)
    return product


# --- Triton ----------------------------------------------------------------------------------------------------


def _grid(x_RF: Tensor) -> tuple[int, int]:
    rows, width = x_RF.shape
    return rows, triton.cdiv(width, _BLOCK)


def _forward_triton(gate_RF: Tensor, up_RF: Tensor, hidden_RF: Tensor, act: _Gate) -> None:
    if gate_RF.numel():
        _forward_kernel[_grid(gate_RF)](
            gate_RF,
            up_RF,
            hidden_RF,
            gate_RF.stride(0),
            up_RF.stride(0),
            gate_RF.shape[1],
            ACT=int(act),
            BLOCK=_BLOCK,
        )


def _backward_triton(
    dhidden_RF: Tensor, gate_RF: Tensor, up_RF: Tensor, out: tuple[Tensor, Tensor], act: _Gate
) -> None:
    if gate_RF.numel():
        _backward_kernel[_grid(gate_RF)](
            dhidden_RF,
            gate_RF,
            up_RF,
            *out,
            dhidden_RF.stride(0),
            gate_RF.stride(0),
            up_RF.stride(0),
            gate_RF.shape[1],
            ACT=int(act),
            BLOCK=_BLOCK,
        )


if triton_is_installed():

    @triton.jit
    def _share(g: "Any", ACT: tl.constexpr) -> "Any":
        """a(g): the activation is g a(g)."""
        if ACT == 0:
            a = tl.sigmoid(g)
        elif ACT == 1:
            a = 0.5 * (1.0 + tl.erf(g * 0.7071067811865476))
        else:
            a = tl.sigmoid(1.5957691216057308 * g * (1.0 + 0.044715 * g * g))
        return a

    @triton.jit
    def _slope(g: "Any", a: "Any", ACT: tl.constexpr) -> "Any":
        """a'(g)."""
        if ACT == 0:
            d = a * (1.0 - a)
        elif ACT == 1:
            d = 0.3989422804014327 * tl.exp(-0.5 * g * g)
        else:
            # sigmoid(-x), not 1 - a, which has no digits left where a is near 1.
            rest = tl.sigmoid(-1.5957691216057308 * g * (1.0 + 0.044715 * g * g))
            d = 1.5957691216057308 * (1.0 + 0.134145 * g * g) * a * rest
        return d

    @triton.jit
    def _forward_kernel(
        gate: "Any",
        up: "Any",
        hidden: "Any",
        gate_stride: "Any",
        up_stride: "Any",
        width: "Any",
        ACT: tl.constexpr,
        BLOCK: tl.constexpr,
    ) -> "None":
        """BLOCK columns of one row."""
        row = tl.program_id(0).to(tl.int64)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = column < width
        g = tl.load(gate + row * gate_stride + column, mask=inside, other=0.0).to(tl.float32)
        u = tl.load(up + row * up_stride + column, mask=inside, other=0.0).to(tl.float32)
        act = (g * _share(g, ACT)).to(gate.dtype.element_ty).to(tl.float32)
        tl.store(hidden + row * width + column, (act * u).to(hidden.dtype.element_ty), mask=inside)

    @triton.jit
    def _backward_kernel(
        dhidden: "Any",
        gate: "Any",
        up: "Any",
        dgate: "Any",
        dup: "Any",
        dhidden_stride: "Any",
        gate_stride: "Any",
        up_stride: "Any",
        width: "Any",
        ACT: tl.constexpr,
        BLOCK: tl.constexpr,
    ) -> "None":
        """BLOCK columns of one row."""
        row = tl.program_id(0).to(tl.int64)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = column < width
        dh = tl.load(dhidden + row * dhidden_stride + column, mask=inside, other=0.0).to(tl.float32)
        g = tl.load(gate + row * gate_stride + column, mask=inside, other=0.0).to(tl.float32)
        u = tl.load(up + row * up_stride + column, mask=inside, other=0.0).to(tl.float32)
        a = _share(g, ACT)
        act = (g * a).to(gate.dtype.element_ty).to(tl.float32)
        dg = dh * u * (a + g * _slope(g, a, ACT))
        tl.store(dup + row * width + column, (dh * act).to(dup.dtype.element_ty), mask=inside)
        tl.store(dgate + row * width + column, dg.to(dgate.dtype.element_ty), mask=inside)
