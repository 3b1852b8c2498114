"""Scoring in one matrix product, and gradients by computing the logits again: four products, tiles of any shape.

The forward keeps a few numbers a token (maximum, log-sum-exp, entropy). The backward forms each tile of the logits
again, turns it into its gradient, and adds two products. Columns go in the outer loop, rows in the inner one: a block
of dW is finished while it is at hand, so dW needs no fp32 copy of its whole size, only dX does (T x D, far smaller).
Unlike `one_pass`, every token may have its own upstream gradient, and the loss may look at all tokens first.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rl.kernels.chunk_sizes import Tile
from rl.kernels.implementation import Impl
from rl.kernels.products import accumulator_dtype, add_product
from rl.kernels.row_softmax import RowGradient, RowStatistics, Scores, replace_by_gradient, row_statistics


class Recomputed(NamedTuple):
    """Of each token: log-probability, entropy and log-sum-exp, fp32 (fp64), differentiable."""

    logprob_T: Tensor
    entropy_T: Tensor
    lse_T: Tensor


def score(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, scores: Scores, size: Tile, impl: Impl, *, entropy: bool
) -> RowStatistics:
    """Statistics of every token, without gradients."""
    hidden_TD, weight_VD = hidden_TD.detach(), weight_VD.detach()
    parts = []
    memory = hidden_TD.new_empty(size.rows * size.columns)
    for top in range(0, hidden_TD.shape[0], size.rows):
        rows = slice(top, min(top + size.rows, hidden_TD.shape[0]))
        whole: RowStatistics | None = None
        for left in range(0, weight_VD.shape[0], size.columns):
            tile_RC = _logits(hidden_TD[rows], weight_VD[left : left + size.columns], memory)
            part = row_statistics(tile_RC, target_T[rows], scores, impl, first=left, entropy=entropy)
            whole = part if whole is None else whole.merge(part)
        if whole is not None:
            parts.append(whole)
    if not parts:
        nothing = torch.empty(0, dtype=accumulator_dtype(hidden_TD.dtype), device=hidden_TD.device)
        return RowStatistics(nothing, nothing, nothing, nothing)
    return RowStatistics(*(torch.cat(items) for items in zip(*parts, strict=True)))


def score_with_gradients(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, scores: Scores, size: Tile, impl: Impl
) -> Recomputed:
    """The same, differentiable by hidden states and weight through all three."""
    with torch.autocast(hidden_TD.device.type, enabled=False):
        return Recomputed(*_Recompute.apply(hidden_TD, weight_VD, target_T, scores, size, impl))


class _Recompute(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, scores: Scores, size: Tile, impl: Impl
    ) -> tuple[Tensor, Tensor, Tensor]:
        whole = score(hidden_TD, weight_VD, target_T, scores, size, impl, entropy=True)
        ctx.save_for_backward(hidden_TD, weight_VD, target_T, *whole)
        ctx.settings = (scores, size, impl)
        ctx.set_materialize_grads(False)
        # A copy: what is saved must not change when a caller changes what it was given in place.
        return whole.logprob_R, whole.entropy_R.clone(), whole.lse_R

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, logprob_T: Tensor | None, entropy_T: Tensor | None, lse_T: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        hidden_TD, weight_VD, target_T, *statistics = ctx.saved_tensors
        whole = RowStatistics(*statistics)
        gradient = RowGradient(torch.zeros_like(whole.logsum_R) if logprob_T is None else logprob_T, entropy_T, lse_T)
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        with torch.autocast(hidden_TD.device.type, enabled=False):
            pair = _gradients(hidden_TD, weight_VD, target_T, whole, gradient, ctx.settings, wanted)
        return *pair, None, None, None, None


def _gradients(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    whole: RowStatistics,
    gradient: RowGradient,
    settings: tuple[Scores, Tile, Impl],
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    scores, size, impl = settings
    high = accumulator_dtype(hidden_TD.dtype)
    tokens, vocabulary = hidden_TD.shape[0], weight_VD.shape[0]
    whole_rows, whole_columns = size.rows >= tokens, size.columns >= vocabulary
    # One block of columns writes dX at once, one block of rows a block of dW: then no sum in fp32 is needed.
    dX_TD = torch.zeros_like(hidden_TD, dtype=hidden_TD.dtype if whole_columns else high) if wanted[0] else None
    dW_VD = torch.zeros_like(weight_VD) if wanted[1] else None
    block_CD = None
    if dW_VD is not None and not whole_rows:
        block_CD = torch.empty((size.columns, weight_VD.shape[1]), dtype=high, device=weight_VD.device)
    memory = hidden_TD.new_empty(size.rows * size.columns)
    for left in range(0, vocabulary, size.columns):
        columns = slice(left, min(left + size.columns, vocabulary))
        w_CD = weight_VD[columns]
        for top in range(0, tokens, size.rows):
            rows = slice(top, min(top + size.rows, tokens))
            tile_RC = _logits(hidden_TD[rows], w_CD, memory)
            part = whole.select(rows), gradient.select(rows)
            replace_by_gradient(tile_RC, target_T[rows], *part, scores, impl, first=left)
            if dX_TD is not None:
                add_product(dX_TD[rows], tile_RC, w_CD, first=left == 0)
            if dW_VD is not None:
                into_CD = dW_VD[columns] if block_CD is None else block_CD[: w_CD.shape[0]]
                add_product(into_CD, tile_RC.t(), hidden_TD[rows], first=top == 0)
        if dW_VD is not None and block_CD is not None:
            dW_VD[columns] = block_CD[: w_CD.shape[0]]
    return None if dX_TD is None else dX_TD.to(hidden_TD.dtype), dW_VD


def _logits(x_RD: Tensor, w_CD: Tensor, memory: Tensor) -> Tensor:
    tile_RC = memory[: x_RD.shape[0] * w_CD.shape[0]].view(x_RD.shape[0], w_CD.shape[0])
    return torch.mm(x_RD, w_CD.t(), out=tile_RC)
