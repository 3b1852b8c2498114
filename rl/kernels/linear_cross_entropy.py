"""Cross-entropy straight from hidden states and the head's weight; all logits are never held.

loss_t = L - z_target + z_loss L^2 over the tokens whose target is not `ignore_index`, with z = softcap(x W^T) and
L = log sum exp z. By the target's log-probability the derivative is -1, by L it is 2 z_loss L.

A mean or a sum is formed in one pass (`one_pass`: three matrix products, the gradient while the logits are there).
Per-token losses may get any upstream gradient, so they are recomputed (`recompute`: four products).

Legend: T tokens, D hidden width, V vocabulary. z-loss: PaLM (arXiv 2204.02311); soft-capping: Gemma 2 (2408.00118).
"""

import torch
from torch import Tensor

from rl.kernels.chunk_sizes import row_pieces
from rl.kernels.head_inputs import checked, checked_scores, needs_gradient
from rl.kernels.implementation import Impl, choose_implementation
from rl.kernels.linear_logprob import token_scores
from rl.kernels.one_pass import ChunkLoss, Plan, one_pass, power_of_two
from rl.kernels.row_softmax import RowGradient, RowStatistics, Scores

REDUCTIONS = ("mean", "sum", "none")


def linear_cross_entropy(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float = 0.0,
    impl: str = "auto",
    chunk_bytes: int | None = None,
) -> Tensor:
    """Cross-entropy of the targets under softmax(softcap(hidden @ weight^T)).

    Args:
        hidden_TD: final hidden states, shape (T, D), fp64, fp32, bf16 or fp16.
        weight_VD: weight of the head, shape (V, D), the same dtype (any under autocast); may be frozen or tied.
        target_T: int64 token ids, shape (T,), or `ignore_index`.
        reduction: "mean" over the tokens that count (NaN where none does, as in torch), "sum", or "none": shape (T,),
            0 at ignored tokens, with one more matrix product.
        z_loss: factor of the squared log-sum-exp.
        softcap: cap of the logits' tanh; 0 for none.
        impl: "auto", "reference", "chunked" or "triton".
        chunk_bytes: memory for a piece of the logits; default 128 MiB on a CPU, 768 MiB on a GPU.

    Returns:
        The loss in fp32 (fp64 for fp64 inputs). A mean or sum can be sent backward once.

    Raises:
        ValueError: shapes, dtypes, devices or options do not fit; IndexError: a target is no token id (CPU).
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction={reduction!r} must be one of {', '.join(REDUCTIONS)}")
    if z_loss < 0:
        raise ValueError(f"z_loss={z_loss} must not be negative")
    counted_T = target_T != ignore_index
    hidden_TD, weight_VD = checked(hidden_TD, weight_VD, target_T, counted_T=counted_T)
    scores = checked_scores(1.0, softcap)
    chosen = choose_implementation(impl, hidden_TD)
    kept_T = counted_T.nonzero().squeeze(1)
    tokens = target_T.numel()
    if kept_T.numel() < tokens:
        hidden_TD, target_T = hidden_TD[kept_T], target_T[kept_T]
    in_one_pass = reduction != "none" and chosen is not Impl.REFERENCE and needs_gradient(hidden_TD, weight_VD)
    if in_one_pass:
        share = 1 / max(kept_T.numel(), 1) if reduction == "mean" else 1.0
        loss = _in_one_pass(hidden_TD, weight_VD, target_T, share, z_loss, scores, chosen, chunk_bytes)
        return loss if kept_T.numel() or reduction == "sum" else loss * torch.nan
    scored = token_scores(hidden_TD, weight_VD, target_T, scores, chosen, chunk_bytes)
    loss_K = z_loss * scored.lse_T.square() - scored.logprob_T
    if reduction == "none":
        return loss_K if kept_T.numel() == tokens else loss_K.new_zeros(tokens).index_put((kept_T,), loss_K)
    return loss_K.mean() if reduction == "mean" else loss_K.sum()


def _in_one_pass(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    share: float,
    z_loss: float,
    scores: Scores,
    impl: Impl,
    chunk_bytes: int | None,
) -> Tensor:
    """Sum of the losses times `share`."""
    pieces = row_pieces(target_T.numel(), weight_VD.shape[0], hidden_TD, chunk_bytes)

    def loss_of_chunk(whole: RowStatistics, _: slice) -> ChunkLoss:
        loss = (z_loss * whole.lse_R.square() - whole.logprob_R).sum() * share
        slope_R = 2 * z_loss * share * whole.lse_R if z_loss else None
        return ChunkLoss(loss, RowGradient(torch.full_like(whole.lse_R, -share), None, slope_R))

    unit = power_of_two(torch.tensor(share, device=hidden_TD.device))
    return one_pass(hidden_TD, weight_VD, target_T, loss_of_chunk, unit, Plan(pieces, scores, False, impl))
