"""Log-probability and entropy of each token from hidden states and the head's weight; all logits are never held.

With z = softcap(x W^T) / temperature, L = log sum exp z, p = exp(z - L):  l = z_target - L,  H = L - sum p z.
The gradient is derived in `row_softmax`; the backward computes the logits again (`recompute`), so the whole is four
matrix products of 2 T D V FLOPs, and scoring without a gradient is one.

Legend: T tokens, D hidden width, V vocabulary. Method: recomputation as in cut cross-entropy (arXiv 2411.09009), with
tiles of the logits in memory between ordinary matrix products.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rl.kernels.chunk_sizes import tile
from rl.kernels.head_inputs import checked, checked_scores, needs_gradient
from rl.kernels.implementation import Impl, choose_implementation
from rl.kernels.products import accumulator_dtype
from rl.kernels.recompute import Recomputed, score, score_with_gradients
from rl.kernels.row_softmax import Scores, scores_of


class TokenScores(NamedTuple):
    """Log-probability and entropy (nats) of each token, fp32 (fp64 for fp64 inputs), shape (T,)."""

    logprob_T: Tensor
    entropy_T: Tensor


def linear_logprob(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    *,
    temperature: float = 1.0,
    softcap: float = 0.0,
    impl: str = "auto",
    chunk_bytes: int | None = None,
) -> TokenScores:
    """Log-probability of each target and the entropy of its distribution, with gradients for both.

    Args:
        hidden_TD: final hidden states, shape (T, D), fp64, fp32, bf16 or fp16.
        weight_VD: weight of the head, shape (V, D), the same dtype (any under autocast); may be frozen or tied.
        target_T: int64 token ids, shape (T,).
        temperature: the logits are divided by it, after the upcast to fp32.
        softcap: cap of the logits' tanh (Gemma 2's final_logit_softcapping); 0 for none.
        impl: "auto", "reference", "chunked" or "triton".
        chunk_bytes: memory for a tile of the logits; default 128 MiB on a CPU, 768 MiB on a GPU.

    Raises:
        ValueError: shapes, dtypes, devices or options do not fit; IndexError: a target is no token id (CPU).
    """
    hidden_TD, weight_VD = checked(hidden_TD, weight_VD, target_T)
    scores = checked_scores(temperature, softcap)
    chosen = choose_implementation(impl, hidden_TD)
    scored = token_scores(hidden_TD, weight_VD, target_T, scores, chosen, chunk_bytes)
    return TokenScores(scored.logprob_T, scored.entropy_T)


def token_scores(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, scores: Scores, impl: Impl, chunk_bytes: int | None
) -> Recomputed:
    """`linear_logprob` for checked inputs, and the log-sum-exp; one product where no gradient is wanted."""
    if impl is Impl.REFERENCE:
        return reference(hidden_TD, weight_VD, target_T, scores)
    size = tile(hidden_TD.shape[0], weight_VD.shape[0], hidden_TD, chunk_bytes)
    if needs_gradient(hidden_TD, weight_VD):
        return score_with_gradients(hidden_TD, weight_VD, target_T, scores, size, impl)
    with torch.autocast(hidden_TD.device.type, enabled=False):
        whole = score(hidden_TD, weight_VD, target_T, scores, size, impl, entropy=True)
    return Recomputed(whole.logprob_R, whole.entropy_R, whole.lse_R)


def reference(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, scores: Scores) -> Recomputed:
    """Plain PyTorch in fp32 (fp64) over all logits, differentiated by autograd: the specification."""
    high = accumulator_dtype(hidden_TD.dtype)
    with torch.autocast(hidden_TD.device.type, enabled=False):
        z_TV = scores_of(hidden_TD.to(high) @ weight_VD.to(high).t(), scores)
    lse_T = z_TV.logsumexp(-1)
    logp_TV = z_TV - lse_T[:, None]
    logprob_T = logp_TV.gather(1, target_T[:, None]).squeeze(1)
    return Recomputed(logprob_T, -(logp_TV.exp() * logp_TV).sum(-1), lse_T)
