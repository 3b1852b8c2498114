"""Loss and gradients of a head in one pass: three matrix products instead of four, one piece of the logits at a time.

For each piece of R rows:  logits = X W^T;  statistics of its rows;  the caller's loss says dloss/dlogprob (and by the
entropy and the lse) from them;  the logits become dloss/dlogits in place;  dX = G W;  dW += G^T X.

What that costs and forbids: the loss must be a scalar whose derivatives are known in the forward, so a gradient that
comes back is one factor for all (a different one per token would be silently wrong: only a scalar is returned);
dW lives until the backbone's backward is done; there is no second derivative.

Small coefficients (1 / tokens) would underflow in fp16, and sums over all tokens overflow. So G is formed for the
loss divided by `unit`, a power of two about as large as the largest weight, and dW is kept divided by about the
number of tokens, a power of two as well: no dtype rounds these, and the backward multiplies by both.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rl.kernels.implementation import Impl
from rl.kernels.products import accumulator_dtype, add_product
from rl.kernels.row_softmax import RowGradient, RowStatistics, Scores, replace_by_gradient, row_statistics

# Rows whose gradient is zero leave the products dX and dW when they are at least this share of a piece; below it,
# moving the others together costs as much as it saves.
_SKIPPED_SHARE = 0.1
# Rows that are moved together at a time.
_MOVED_ROWS = 64


class ChunkLoss(NamedTuple):
    """The part of the loss that a piece contributes, and its derivatives by the piece's rows."""

    loss: Tensor
    gradient: RowGradient


class Plan(NamedTuple):
    """How one pass goes: pieces of rows in order, the scores, whether entropies are wanted, and who computes."""

    pieces: Sequence[slice]
    scores: Scores
    entropy: bool
    impl: Impl


LossOfChunk = Callable[[RowStatistics, slice], ChunkLoss]


def one_pass(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, loss_of_chunk: LossOfChunk, unit: Tensor, plan: Plan
) -> Tensor:
    """The scalar loss, fp32 (fp64), whose gradients by hidden states and weight are formed already.

    Args:
        loss_of_chunk: called once for each piece, in order, without autograd; it must not depend on other pieces.
        unit: scalar, a power of two about as large as the largest weight of a token.
    """
    with torch.autocast(hidden_TD.device.type, enabled=False):
        loss: Tensor = _OnePass.apply(hidden_TD, weight_VD, target_T, loss_of_chunk, unit, plan)
    return loss


def power_of_two(weight_T: Tensor) -> Tensor:
    """The largest power of two that is not above the largest weight; 1 where there is none."""
    if not weight_T.numel():
        return torch.ones((), device=weight_T.device)
    largest = weight_T.abs().amax().float()
    return torch.where(largest > 0, torch.exp2(torch.floor(torch.log2(largest))), 1.0)


class _OnePass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_TD: Tensor,
        weight_VD: Tensor,
        target_T: Tensor,
        loss_of_chunk: LossOfChunk,
        unit: Tensor,
        plan: Plan,
    ) -> Tensor:
        hidden_gradient_TD = torch.empty_like(hidden_TD) if ctx.needs_input_grad[0] else None
        totals = _WeightGradient(weight_VD) if ctx.needs_input_grad[1] else None
        rows = max((piece.stop - piece.start for piece in plan.pieces), default=0)
        logits_RV = hidden_TD.new_empty((rows, weight_VD.shape[0]))
        loss = torch.zeros((), dtype=accumulator_dtype(hidden_TD.dtype), device=hidden_TD.device)
        for piece in plan.pieces:
            x_RD, z_RV, y_R = hidden_TD[piece], logits_RV[: piece.stop - piece.start], target_T[piece]
            torch.mm(x_RD, weight_VD.t(), out=z_RV)
            statistics = row_statistics(z_RV, y_R, plan.scores, plan.impl, entropy=plan.entropy)
            part = loss_of_chunk(statistics, piece)
            loss += part.loss
            gradient = part.gradient.divided_by(unit)
            rows_R = _active_rows(gradient)
            if rows_R is not None:
                x_RD, y_R = x_RD[rows_R], y_R[rows_R]
                z_RV = _moved_together(z_RV, rows_R)
                statistics, gradient = statistics.select(rows_R), gradient.select(rows_R)
            replace_by_gradient(z_RV, y_R, statistics, gradient, plan.scores, plan.impl)
            if hidden_gradient_TD is not None:
                _store_product(hidden_gradient_TD[piece], rows_R, z_RV, weight_VD)
            if totals is not None:
                totals.add(z_RV, x_RD)
        ctx.factors = (unit, unit * _power_below(target_T.numel()))
        ctx.gradients = (hidden_gradient_TD, None if totals is None else totals.finished(target_T.numel()))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError(
                "the gradients of this head were formed in the forward and handed out by the first backward: "
                "run the head again for a second one, or pass recompute=True"
            )
        hidden_gradient, weight_gradient = (
            None if item is None else item.mul_(upstream * factor)
            for item, factor in zip(ctx.gradients, ctx.factors, strict=True)
        )
        ctx.gradients = None
        return hidden_gradient, weight_gradient, None, None, None, None


class _WeightGradient:
    """dW, summed in fp32 over the pieces; rows that no piece touched stay zero."""

    def __init__(self, weight_VD: Tensor) -> None:
        self._dtype = weight_VD.dtype
        self._total_VD = torch.empty_like(weight_VD, dtype=accumulator_dtype(weight_VD.dtype))
        self._empty = True

    def add(self, gradient_RV: Tensor, x_RD: Tensor) -> None:
        if gradient_RV.shape[0]:
            add_product(self._total_VD, gradient_RV.t(), x_RD, first=self._empty)
            self._empty = False

    def finished(self, tokens: int) -> Tensor:
        """The sum over the pieces, divided by `_power_below(tokens)`, in the weight's dtype."""
        total_VD = self._total_VD.zero_() if self._empty else self._total_VD.mul_(1 / _power_below(tokens))
        return total_VD.to(self._dtype)


def _power_below(tokens: int) -> int:
    return 1 << max(tokens.bit_length() - 1, 0)


def _active_rows(gradient: RowGradient) -> Tensor | None:
    """Rows with a gradient, ascending; None for all of them, where too few are without one."""
    active_R = gradient.logprob_R != 0
    for item in (gradient.entropy_R, gradient.lse_R):
        if item is not None:
            active_R = active_R | (item != 0)
    rows_R = active_R.nonzero().squeeze(1)
    return None if rows_R.numel() > (1 - _SKIPPED_SHARE) * active_R.numel() else rows_R


def _moved_together(logits_RV: Tensor, rows_R: Tensor) -> Tensor:
    """The rows of that index as the first rows of the same memory. A row only ever moves up: none is lost."""
    for start in range(0, rows_R.numel(), _MOVED_ROWS):
        from_R = rows_R[start : start + _MOVED_ROWS]
        logits_RV[start : start + from_R.numel()] = logits_RV[from_R]
    return logits_RV[: rows_R.numel()]


def _store_product(into_RD: Tensor, rows_R: Tensor | None, gradient_RV: Tensor, weight_VD: Tensor) -> None:
    if rows_R is None:
        torch.mm(gradient_RV, weight_VD, out=into_RD)
    else:
        into_RD.zero_()
        into_RD[rows_R] = torch.mm(gradient_RV, weight_VD)
