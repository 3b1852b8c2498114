"""RMSNorm in one read and one write, forward and backward, in Llama's and in Gemma's order of casts.

Arithmetic, a row x of width H at a time, in fp32 (fp64 for fp64):

    r = 1 / sqrt(mean(x^2) + eps)        xhat = r x
    llama:  y = weight * cast(xhat)                 cast: to the dtype of x, before the weight
    gemma:  y = cast(xhat * (1 + weight))           cast: at the end; a weight of 0 is the identity

Gradient. With w = weight or 1 + weight and g = dy * w (the cast counts as the identity):

    dr/dx = -r^3 x / H, so   dx = r g + x (g . x) dr/dx / x = r (g - xhat mean(g * xhat))
    dw = sum over rows of dy * xhat   (Llama: of dy * cast(xhat), what the weight has met)

The backward needs x, the weight and r (one number a row); plain PyTorch keeps three tensors of the size of x. The
weight's gradient is summed in fp32: by each program over its rows, then over the programs, in a fixed order.

Legend: H width, R rows (tokens, or tokens times heads). RMSNorm: arXiv 1910.07467.
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

STYLES = ("llama", "gemma")
# Elements that the PyTorch form holds at a time. On a CPU, a few fp32 temporaries of 1 MiB stay in a core's cache; on
# a GPU (wider rows than Triton's form takes) small pieces would cost a launch each.
_CPU_ELEMENTS, _GPU_ELEMENTS = 1 << 18, 1 << 25
# A row lies in one program's registers: up to 16 elements for each of 1,024 threads. 32,768 spill.
_MAX_WIDTH = 16384
# Elements of a tile; rows narrower than that (heads' norms) share one.
_TILE = 2048
# Backward programs for each multiprocessor: enough loads in flight, and few partial sums of the weight's gradient.
_PROGRAMS = 4


def rms_norm(x: Tensor, weight_H: Tensor, *, eps: float, style: str = "llama", impl: str = "auto") -> Tensor:
    """Normalise the last dimension by its root mean square and scale it.

    Args:
        x: shape (..., H), fp64, fp32, bf16 or fp16, any strides. Leading dimensions may be transposed without a copy.
        weight_H: shape (H,).
        eps: added to the mean square.
        style: "llama" (cast down, then multiply) or "gemma" (multiply by 1 + weight in fp32, then cast).
        impl: "auto", "reference", "chunked" or "triton".

    Returns:
        Shape of x; dtype of x, or for "llama" what x and weight promote to.

    Raises:
        ValueError: shapes, dtypes, devices or options do not fit.
    """
    if style not in STYLES:
        raise ValueError(f"style={style!r} must be one of {', '.join(STYLES)}")
    if not x.is_floating_point() or x.dim() == 0 or weight_H.shape != x.shape[-1:]:
        raise ValueError(
            f"x {tuple(x.shape)} ({x.dtype}) must be floating with a last dimension of the weight's size "
            f"{tuple(weight_H.shape)}"
        )
    if x.device != weight_H.device:
        raise ValueError(f"x is on {x.device} and the weight on {weight_H.device}: move one to the other's device")
    chosen = choose_implementation(impl, x)
    gemma = style == "gemma"
    if chosen is Impl.REFERENCE:
        return reference(x, weight_H, eps, gemma)
    if chosen is Impl.TRITON and (weight_H.numel() > _MAX_WIDTH or x.dtype == torch.float64):
        if Impl(impl) is not Impl.AUTO:
            raise ValueError(
                f"impl='triton' takes widths up to {_MAX_WIDTH} below fp64, not {weight_H.numel()} in {x.dtype}: "
                "use impl='auto' or 'chunked'"
            )
        chosen = Impl.CHUNKED
    # Rows in the order in which they lie in memory: heads' norms get transposed views, which then need no copy.
    strides = x.stride()
    order = sorted(range(x.dim() - 1), key=lambda axis: -strides[axis])
    ordered = x.permute(*order, -1)
    y_RH = _RmsNorm.apply(ordered.reshape(-1, x.shape[-1]), weight_H, eps, gemma, chosen)
    back = sorted(range(len(order)), key=order.__getitem__)
    normed: Tensor = y_RH.view(ordered.shape).permute(*back, -1)
    return normed


def reference(x: Tensor, weight_H: Tensor, eps: float, gemma: bool) -> Tensor:
    """The specification: what the models' own modules compute, in fp32 (fp64 for fp64)."""
    z = x.to(accumulator_dtype(x.dtype))
    xhat = z * torch.rsqrt(z.square().mean(-1, keepdim=True) + eps)
    if gemma:
        return (xhat * (1 + weight_H.to(z.dtype))).to(x.dtype)
    return weight_H * xhat.to(x.dtype)


class _RmsNorm(torch.autograd.Function):
    """Rows (R, H); keeps x, the weight and one number a row."""

    @staticmethod
    def forward(ctx: Any, x_RH: Tensor, weight_H: Tensor, eps: float, gemma: bool, impl: Impl) -> Tensor:
        if x_RH.stride(1) != 1:
            x_RH = x_RH.contiguous()
        weight_H = weight_H.contiguous()
        dtype = x_RH.dtype if gemma else torch.promote_types(x_RH.dtype, weight_H.dtype)
        y_RH = torch.empty(x_RH.shape, dtype=dtype, device=x_RH.device)
        r_R = torch.empty(x_RH.shape[0], dtype=accumulator_dtype(x_RH.dtype), device=x_RH.device)
        run = _forward_triton if impl is Impl.TRITON else _forward_chunked
        with torch.cuda.device_of(x_RH):  # Triton starts kernels on the current device; a model may lie on several
            run(x_RH, weight_H, y_RH, r_R, eps, gemma)
        ctx.save_for_backward(x_RH, weight_H, r_R)
        ctx.gemma, ctx.impl = gemma, impl
        return y_RH

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy_RH: Tensor) -> tuple[Tensor | None, ...]:
        x_RH, weight_H, r_R = ctx.saved_tensors
        if dy_RH.stride(1) != 1:
            dy_RH = dy_RH.contiguous()
        dx_RH = torch.empty_like(x_RH, memory_format=torch.contiguous_format)
        run = _backward_triton if ctx.impl is Impl.TRITON else _backward_chunked
        dweight_H = run(dy_RH, x_RH, weight_H, r_R, dx_RH, ctx.gemma, ctx.needs_input_grad[1])
        return dx_RH, None if dweight_H is None else dweight_H.to(weight_H.dtype), None, None, None


# --- PyTorch ---------------------------------------------------------------------------------------------------


def _pieces(x_RH: Tensor) -> list[slice]:
    rows = max(1, (_GPU_ELEMENTS if x_RH.is_cuda else _CPU_ELEMENTS) // max(x_RH.shape[1], 1))
    return [slice(start, start + rows) for start in range(0, x_RH.shape[0], rows)]


def _forward_chunked(x_RH: Tensor, weight_H: Tensor, y_RH: Tensor, r_R: Tensor, eps: float, gemma: bool) -> None:
    factor_H = 1 + weight_H.to(r_R.dtype) if gemma else weight_H
    for rows in _pieces(x_RH):
        z_RH = x_RH[rows].to(r_R.dtype)
        square_RH = z_RH.square()
        r_R1 = square_RH.mean(1, keepdim=True).add_(eps).rsqrt_()
        r_R[rows] = r_R1.squeeze(1)
        xhat_RH = torch.mul(z_RH, r_R1, out=square_RH)
        if not gemma:
            xhat_RH = xhat_RH.to(x_RH.dtype)
        if xhat_RH.dtype == y_RH.dtype:
            torch.mul(xhat_RH, factor_H, out=y_RH[rows])
        else:
            y_RH[rows] = xhat_RH * factor_H


def _backward_chunked(
    dy_RH: Tensor, x_RH: Tensor, weight_H: Tensor, r_R: Tensor, dx_RH: Tensor, gemma: bool, weight_too: bool
) -> Tensor | None:
    dtype = r_R.dtype
    factor_H = 1 + weight_H.to(dtype) if gemma else weight_H.to(dtype)
    dweight_H = torch.zeros_like(factor_H) if weight_too else None
    for rows in _pieces(x_RH):
        r_R1 = r_R[rows, None]
        dy_piece_RH = dy_RH[rows].to(dtype)
        xhat_RH = x_RH[rows].to(dtype) * r_R1
        product_RH = torch.empty_like(xhat_RH)
        if dweight_H is not None:
            met_RH = xhat_RH if gemma else xhat_RH.to(x_RH.dtype).to(dtype)
            dweight_H += torch.mul(dy_piece_RH, met_RH, out=product_RH).sum(0)
        g_RH = dy_piece_RH * factor_H
        mean_R1 = torch.mul(g_RH, xhat_RH, out=product_RH).mean(1, keepdim=True)
        dx_RH[rows] = g_RH.sub_(xhat_RH.mul_(mean_R1)).mul_(r_R1)
    return dweight_H


# --- Triton ----------------------------------------------------------------------------------------------------


def _launch(width: int) -> dict[str, int]:
    block = triton.next_power_of_2(width)
    rows = max(1, _TILE // block)
    return {"BLOCK": block, "ROWS": rows, "num_warps": min(32, max(4, block * rows // 512))}


def _forward_triton(x_RH: Tensor, weight_H: Tensor, y_RH: Tensor, r_R: Tensor, eps: float, gemma: bool) -> None:
    rows, width = x_RH.shape
    launch = _launch(width)
    grid = (triton.cdiv(rows, launch["ROWS"]),)
    if rows:
        _forward_kernel[grid](x_RH, weight_H, y_RH, r_R, x_RH.stride(0), rows, width, eps, GEMMA=gemma, **launch)


def _backward_triton(
    dy_RH: Tensor, x_RH: Tensor, weight_H: Tensor, r_R: Tensor, dx_RH: Tensor, gemma: bool, weight_too: bool
) -> Tensor | None:
    rows, width = x_RH.shape
    launch = _launch(width)
    tiles = triton.cdiv(rows, launch["ROWS"])
    on_gpu = x_RH.is_cuda
    at_most = _PROGRAMS * torch.cuda.get_device_properties(x_RH.device).multi_processor_count if on_gpu else 3
    programs = max(1, min(tiles, at_most))
    partial_PH = torch.zeros((programs, width) if weight_too else (1, 1), dtype=torch.float32, device=x_RH.device)
    if rows:
        _backward_kernel[(programs,)](
            dy_RH,
            x_RH,
            weight_H,
            r_R,
            dx_RH,
            partial_PH,
            dy_RH.stride(0),
            x_RH.stride(0),
            rows,
            width,
            triton.cdiv(tiles, programs),
            GEMMA=gemma,
            WEIGHT_TOO=weight_too,
            **launch,
        )
    return partial_PH.sum(0) if weight_too else None


if triton_is_installed():

    @triton.jit
    def _forward_kernel(
        x: "Any",
        weight: "Any",
        y: "Any",
        r: "Any",
        x_stride: "Any",
        rows: "Any",
        width: "Any",
        eps: "Any",
        GEMMA: tl.constexpr,
        ROWS: tl.constexpr,
        BLOCK: tl.constexpr,
    ) -> "None":
        """ROWS whole rows."""
        row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
        column = tl.arange(0, BLOCK)
        real = row < rows
        inside = real[:, None] & (column < width)[None, :]
        z = tl.load(x + row[:, None] * x_stride + column[None, :], mask=inside, other=0.0).to(tl.float32)
        w = tl.load(weight + column, mask=column < width, other=0.0).to(tl.float32)[None, :]
        scale = tl.rsqrt(tl.sum(z * z, 1) / width + eps)
        tl.store(r + row, scale, mask=real)
        xhat = z * scale[:, None]
        if not GEMMA:
            xhat = xhat.to(x.dtype.element_ty).to(tl.float32)
        out = xhat * (w + 1.0 if GEMMA else w)
        tl.store(y + row[:, None] * width + column[None, :], out.to(y.dtype.element_ty), mask=inside)

    @triton.jit
    def _backward_kernel(
        dy: "Any",
        x: "Any",
        weight: "Any",
        r: "Any",
        dx: "Any",
        partial: "Any",
        dy_stride: "Any",
        x_stride: "Any",
        rows: "Any",
        width: "Any",
        steps: "Any",
        GEMMA: tl.constexpr,
        WEIGHT_TOO: tl.constexpr,
        ROWS: tl.constexpr,
        BLOCK: tl.constexpr,
    ) -> "None":
        """Every P-th tile of rows, for P programs; the weight's gradient stays in registers until the end."""
        program = tl.program_id(0).to(tl.int64)
        programs = tl.num_programs(0)
        column = tl.arange(0, BLOCK)
        real_column = column < width
        w = tl.load(weight + column, mask=real_column, other=0.0).to(tl.float32)[None, :]
        if GEMMA:
            w = w + 1.0
        total = tl.zeros((BLOCK,), tl.float32)
        for step in range(steps):
            row = (program + step * programs) * ROWS + tl.arange(0, ROWS)
            real = row < rows
            inside = real[:, None] & real_column[None, :]
            z = tl.load(x + row[:, None] * x_stride + column[None, :], mask=inside, other=0.0).to(tl.float32)
            g = tl.load(dy + row[:, None] * dy_stride + column[None, :], mask=inside, other=0.0).to(tl.float32)
            scale = tl.load(r + row, mask=real, other=0.0)[:, None]
            xhat = z * scale
            if WEIGHT_TOO:
                met = xhat
                if not GEMMA:
                    met = xhat.to(x.dtype.element_ty).to(tl.float32)
                total += tl.sum(g * met, 0)
            g = g * w
            mean = tl.sum(g * xhat, 1) / width
            out = scale * (g - xhat * mean[:, None])
            tl.store(dx + row[:, None] * width + column[None, :], out.to(dx.dtype.element_ty), mask=inside)
        if WEIGHT_TOO:
            tl.store(partial + program * width + column, total, mask=real_column)
