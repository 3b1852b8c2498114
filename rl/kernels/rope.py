"""Rotary position embedding of queries and keys in one launch, and its tables.

Dimensions i and i + D/2 of a head are a point of a plane, turned by the angle position * base^(-2 i / D):

    y1 = x1 c1 - x2 s1        y2 = x2 c2 + x1 s2        1, 2: first and second half of the D dimensions

which is x * cos + rotate_half(x) * sin as transformers writes it. Computed in fp32 (fp64 for fp64) from tables in any
dtype, with one rounding at the end; plain PyTorch in bf16 rounds three times.

Gradient. Of the same points, the transposed matrix:

    dx1 = dy1 c1 + dy2 s2        dx2 = dy2 c2 - dy1 s1

the forward with (-s2, -s1) for (s1, s2). A model's two halves are equal: its backward is the forward with -sin. The
tables are all that is kept.

Positions and tables belong in fp32, outside autocast: bf16 has 8 bits of mantissa, so 8189, 8190 and 8191 are all
8192 in it. `rope_tables` makes them so. A model that rounds its finished tables to bf16 (transformers does) has been
trained that way; `apply_rope` takes the tables as they come.

Legend: B batch, N query heads, M key heads, T tokens, D head size. RoPE: arXiv 2104.09864.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rl.kernels.implementation import Impl, choose_implementation, triton_is_installed
from rl.kernels.products import accumulator_dtype

if triton_is_installed():
    import triton
    import triton.language as tl

# Elements of half a tile (heads by D/2): two halves of 2,048 fp32 values are 32 registers of 128 threads.
_TILE = 2048


def rope_tables(
    positions_BT: Tensor, dim: int, *, base: float = 10000.0, scaling: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles, in fp32 whatever autocast says.

    Args:
        positions_BT: positions of the tokens, integers, fp32 or fp64, any shape; usually (B, T) or (1, T).
        dim: head size D, even.
        base: of the wavelengths (transformers' rope_theta).
        scaling: factor of both tables (transformers' attention_scaling; 1 but for YaRN and its like).

    Returns:
        Two tables of shape (*positions.shape, D); the second half of D repeats the first.

    Raises:
        ValueError: `dim` is odd, or the positions are bf16 or fp16, which cannot tell neighbours apart.
    """
    if dim <= 0 or dim % 2:
        raise ValueError(f"dim={dim} must be even and positive: dimensions are turned in pairs")
    if positions_BT.dtype in {torch.bfloat16, torch.float16}:
        raise ValueError(
            f"positions in {positions_BT.dtype} cannot tell neighbours apart (8189 to 8191 are 8192 in bf16): "
            "pass int64 positions"
        )
    with torch.no_grad(), torch.autocast(positions_BT.device.type, enabled=False):
        exponent = torch.arange(0, dim, 2, dtype=torch.float32, device=positions_BT.device) / dim
        angle = positions_BT[..., None].float() * (1.0 / base**exponent)
        angle = torch.cat((angle, angle), -1)
        return angle.cos() * scaling, angle.sin() * scaling


def apply_rope(
    q_BNTD: Tensor, k_BMTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor, *, impl: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Turn queries and keys by their positions.

    Args:
        q_BNTD: queries, any strides: the transposed view of a (B, T, N, D) product needs no copy.
        k_BMTD: keys; M may differ from N.
        cos_BTD: cosines, shape (B, T, D) or (1, T, D), any floating dtype.
        sin_BTD: sines, as the cosines.
        impl: "auto", "reference", "chunked" or "triton".

    Returns:
        The turned queries and keys, in the dtypes, shapes and memory order of q and k.

    Raises:
        ValueError: shapes or devices do not fit, D is odd, or a table wants a gradient (they are constants here).
    """
    _check(q_BNTD, k_BMTD, cos_BTD, sin_BTD)
    chosen = choose_implementation(impl, q_BNTD)
    if chosen is Impl.REFERENCE:
        return reference(q_BNTD, cos_BTD, sin_BTD), reference(k_BMTD, cos_BTD, sin_BTD)
    if chosen is Impl.TRITON and torch.float64 in {q_BNTD.dtype, k_BMTD.dtype}:
        if Impl(impl) is not Impl.AUTO:
            raise ValueError("impl='triton' computes in fp32, and q or k is fp64: use impl='auto' or 'chunked'")
        chosen = Impl.CHUNKED
    turned: tuple[Tensor, Tensor] = _Rope.apply(q_BNTD, k_BMTD, cos_BTD, sin_BTD, chosen)
    return turned


def reference(x_BNTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor) -> Tensor:
    """The specification: x cos + rotate_half(x) sin in fp32 (fp64 for fp64), cast back."""
    dtype = accumulator_dtype(x_BNTD.dtype)
    x1, x2 = x_BNTD.to(dtype).chunk(2, -1)
    rotated = torch.cat((-x2, x1), -1)
    cos, sin = cos_BTD.to(dtype)[:, None], sin_BTD.to(dtype)[:, None]
    return (torch.cat((x1, x2), -1) * cos + rotated * sin).to(x_BNTD.dtype)


def _check(q_BNTD: Tensor, k_BMTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor) -> None:
    for name, x in (("q", q_BNTD), ("k", k_BMTD)):
        if x.dim() != 4 or not x.is_floating_point():
            raise ValueError(f"{name} {tuple(x.shape)} ({x.dtype}) must be floating with shape (B, heads, T, D)")
    batch, _, tokens, size = q_BNTD.shape
    if k_BMTD.shape[::2] != (batch, tokens) or k_BMTD.shape[3] != size or size % 2:
        raise ValueError(
            f"q {tuple(q_BNTD.shape)} and k {tuple(k_BMTD.shape)} must agree in batch, tokens and an even head size"
        )
    for name, table in (("cos", cos_BTD), ("sin", sin_BTD)):
        if table.shape not in {(batch, tokens, size), (1, tokens, size)}:
            raise ValueError(
                f"{name} {tuple(table.shape)} must be {(batch, tokens, size)} or {(1, tokens, size)} for q "
                f"{tuple(q_BNTD.shape)}: one row a token, both halves of the head"
            )
        if table.requires_grad:
            raise ValueError(f"{name} wants a gradient, but tables are constants here: detach it")
    if len({x.device for x in (q_BNTD, k_BMTD, cos_BTD, sin_BTD)}) > 1:
        raise ValueError("q, k, cos and sin must be on one device")


class _Rope(torch.autograd.Function):
    """Keeps the tables only."""

    @staticmethod
    def forward(
        ctx: Any, q_BNTD: Tensor, k_BMTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor, impl: Impl
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(cos_BTD, sin_BTD)
        ctx.impl = impl
        with torch.cuda.device_of(q_BNTD):  # Triton starts kernels on the current device; a model may lie on several
            return _turn(q_BNTD, k_BMTD, cos_BTD, sin_BTD, impl, back=False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dq_BNTD: Tensor, dk_BMTD: Tensor) -> tuple[Tensor | None, ...]:
        cos_BTD, sin_BTD = ctx.saved_tensors
        return (*_turn(dq_BNTD, dk_BMTD, cos_BTD, sin_BTD, ctx.impl, back=True), None, None, None)


def _turn(
    q_BNTD: Tensor, k_BMTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor, impl: Impl, *, back: bool
) -> tuple[Tensor, Tensor]:
    """Forward, or with the transposed matrix."""
    if impl is Impl.TRITON:
        return _turn_triton(q_BNTD, k_BMTD, cos_BTD, sin_BTD, back)
    return _turn_chunked(q_BNTD, cos_BTD, sin_BTD, back), _turn_chunked(k_BMTD, cos_BTD, sin_BTD, back)


# --- PyTorch ---------------------------------------------------------------------------------------------------


def _turn_chunked(x_BNTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor, back: bool) -> Tensor:
    """A head at a time where it must be upcast; without temporaries where not."""
    y_BNTD = torch.empty_like(x_BNTD)
    dtype = accumulator_dtype(x_BNTD.dtype)
    cos_BTD, sin_BTD = cos_BTD.to(dtype), sin_BTD.to(dtype)
    if x_BNTD.dtype == dtype:
        _turn_into(y_BNTD, x_BNTD, cos_BTD[:, None], sin_BTD[:, None], back)
        return y_BNTD
    for head in range(x_BNTD.shape[1]):
        x_BTD = x_BNTD[:, head].to(dtype)
        turned_BTD = torch.empty_like(x_BTD)
        _turn_into(turned_BTD, x_BTD, cos_BTD, sin_BTD, back)
        y_BNTD[:, head] = turned_BTD
    return y_BNTD


def _turn_into(y: Tensor, x: Tensor, cos: Tensor, sin: Tensor, back: bool) -> None:
    x1, x2 = x.chunk(2, -1)
    y1, y2 = y.chunk(2, -1)
    c1, c2 = cos.chunk(2, -1)
    s1, s2 = sin.chunk(2, -1)
    sign = 1
    if back:
        s1, s2, sign = s2, s1, -1
    torch.mul(x1, c1, out=y1).addcmul_(x2, s1, value=-sign)
    torch.mul(x2, c2, out=y2).addcmul_(x1, s2, value=sign)


# --- Triton ----------------------------------------------------------------------------------------------------


def _turn_triton(
    q_BNTD: Tensor, k_BMTD: Tensor, cos_BTD: Tensor, sin_BTD: Tensor, back: bool
) -> tuple[Tensor, Tensor]:
    q_BNTD, k_BMTD, cos_BTD, sin_BTD = (
        x if x.stride(-1) == 1 else x.contiguous() for x in (q_BNTD, k_BMTD, cos_BTD, sin_BTD)
    )
    batch, heads, tokens, size = q_BNTD.shape
    turned = torch.empty_like(q_BNTD), torch.empty_like(k_BMTD)
    lanes = triton.next_power_of_2(size // 2)
    tables = [0 if table.shape[0] == 1 else table.stride(0) for table in (cos_BTD, sin_BTD)]
    if batch * tokens:
        _turn_kernel[(batch * tokens,)](
            q_BNTD,
            k_BMTD,
            *turned,
            cos_BTD,
            sin_BTD,
            *q_BNTD.stride()[:3],
            *k_BMTD.stride()[:3],
            *turned[0].stride()[:3],
            *turned[1].stride()[:3],
            tables[0],
            cos_BTD.stride(1),
            tables[1],
            sin_BTD.stride(1),
            tokens,
            heads,
            k_BMTD.shape[1],
            size // 2,
            BACK=back,
            HEADS=max(1, min(triton.next_power_of_2(heads), _TILE // lanes)),
            LANES=lanes,
            num_warps=4,
        )
    return turned


if triton_is_installed():

    @triton.jit
    def _turn_heads(
        x: "Any",
        y: "Any",
        x_stride: "Any",
        y_stride: "Any",
        c1: "Any",
        c2: "Any",
        s1: "Any",
        s2: "Any",
        heads: "Any",
        half: "Any",
        HEADS: tl.constexpr,
        LANES: tl.constexpr,
    ) -> "None":
        """All heads of one token, HEADS at a time."""
        lane = tl.arange(0, LANES)[None, :]
        for first in range(0, heads, HEADS):
            head = (first + tl.arange(0, HEADS)).to(tl.int64)[:, None]
            inside = (head < heads) & (lane < half)
            source = x + head * x_stride + lane
            x1 = tl.load(source, mask=inside, other=0.0).to(tl.float32)
            x2 = tl.load(source + half, mask=inside, other=0.0).to(tl.float32)
            place = y + head * y_stride + lane
            tl.store(place, (x1 * c1 - x2 * s1).to(y.dtype.element_ty), mask=inside)
            tl.store(place + half, (x2 * c2 + x1 * s2).to(y.dtype.element_ty), mask=inside)

    @triton.jit
    def _turn_kernel(
        q: "Any",
        k: "Any",
        q_out: "Any",
        k_out: "Any",
        cos: "Any",
        sin: "Any",
        q_batch: "Any",
        q_head: "Any",
        q_token: "Any",
        k_batch: "Any",
        k_head: "Any",
        k_token: "Any",
        q_out_batch: "Any",
        q_out_head: "Any",
        q_out_token: "Any",
        k_out_batch: "Any",
        k_out_head: "Any",
        k_out_token: "Any",
        cos_batch: "Any",
        cos_token: "Any",
        sin_batch: "Any",
        sin_token: "Any",
        tokens: "Any",
        q_heads: "Any",
        k_heads: "Any",
        half: "Any",
        BACK: tl.constexpr,
        HEADS: tl.constexpr,
        LANES: tl.constexpr,
    ) -> "None":
        """One token: its row of the tables is read once for all heads of q and k."""
        program = tl.program_id(0).to(tl.int64)
        batch = program // tokens
        token = program % tokens
        lane = tl.arange(0, LANES)
        inside = lane < half
        cos_row = cos + batch * cos_batch + token * cos_token + lane
        sin_row = sin + batch * sin_batch + token * sin_token + lane
        c1 = tl.load(cos_row, mask=inside, other=0.0).to(tl.float32)[None, :]
        c2 = tl.load(cos_row + half, mask=inside, other=0.0).to(tl.float32)[None, :]
        s1 = tl.load(sin_row, mask=inside, other=0.0).to(tl.float32)[None, :]
        s2 = tl.load(sin_row + half, mask=inside, other=0.0).to(tl.float32)[None, :]
        if BACK:
            kept = s1
            s1 = -s2
            s2 = -kept
        q_in = q + batch * q_batch + token * q_token
        k_in = k + batch * k_batch + token * k_token
        q_place = q_out + batch * q_out_batch + token * q_out_token
        k_place = k_out + batch * k_out_batch + token * k_out_token
        _turn_heads(q_in, q_place, q_head, q_out_head, c1, c2, s1, s2, q_heads, half, HEADS, LANES)
        _turn_heads(k_in, k_place, k_head, k_out_head, c1, c2, s1, s2, k_heads, half, HEADS, LANES)
