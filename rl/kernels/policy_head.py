"""A policy loss from hidden states and the head's weight: scores, loss, gradients and statistics in one pass.

Every loss of `rl.losses` is a coefficient c per token: dloss/dlogprob. While a piece of the logits is there its rows
are scored, the loss gives c, the logits become  c ([v = target] - p_v) - e (-p_v (log p_v + H))  with e the weight of
the entropy bonus (derivation: `row_softmax`), and dX and dW are formed: three matrix products (`one_pass`) where
recomputing takes four. Tokens whose weight is 0 are not scored at all, rows whose coefficient came out 0 (clipped, or
no advantage) are left out of dX and dW.

What cannot be done in one pass: GSPO's ratio and DPO's margin need whole sequences before any coefficient is known.
Where each sequence (pair) fits into a piece, pieces end where sequences do and one pass is kept; otherwise the head
scores everything first and recomputes (`recompute`: four products), and `PolicyHeadOutput.passes` says 2.

Legend: T tokens, D hidden width, V vocabulary, K tokens that are scored, R rows of a piece. Method: the coefficients
of `rl.losses`, and gradients formed in the forward as Liger's fused cross-entropy does (arXiv 2410.10989).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rl.kernels.chunk_sizes import most_rows, row_pieces
from rl.kernels.head_inputs import checked, checked_scores, needs_gradient
from rl.kernels.implementation import Impl, choose_implementation
from rl.kernels.linear_logprob import token_scores
from rl.kernels.one_pass import ChunkLoss, Plan, one_pass, power_of_two
from rl.kernels.row_softmax import RowGradient, RowStatistics, Scores
from rl.losses import Level, Loss, LossTerms, TokenBatch, make_loss


class PolicyStatistics(NamedTuple):
    """Sums over the scored tokens, on the device, so that micro-batches can be added before anything is read.

    tokens: how many; entropy, kl (k3 by the reference), ratio: sums; ratio_min, ratio_max: extremes (1 if no token);
    clipped_low, clipped_high: how many lost their gradient below and above 1; without_gradient: how many have none.
    """

    tokens: Tensor
    entropy: Tensor
    kl: Tensor
    ratio: Tensor
    ratio_min: Tensor
    ratio_max: Tensor
    clipped_low: Tensor
    clipped_high: Tensor
    without_gradient: Tensor

    def merge(self, other: "PolicyStatistics") -> "PolicyStatistics":
        """Of both batches together."""
        sums = [mine + theirs for mine, theirs in zip(self, other, strict=True)]
        low, high = torch.minimum(self.ratio_min, other.ratio_min), torch.maximum(self.ratio_max, other.ratio_max)
        return PolicyStatistics(*sums)._replace(ratio_min=low, ratio_max=high)

    def means(self) -> dict[str, float]:
        """Per token, as numbers (waits for the device): what a training log shows."""
        values = {name: float(value) for name, value in self._asdict().items()}
        count = max(values.pop("tokens"), 1.0)
        extremes = {name: values.pop(name) for name in ("ratio_min", "ratio_max")}
        return {name: value / count for name, value in values.items()} | extremes


class PolicyHeadOutput(NamedTuple):
    """What `policy_head` gives.

    loss: scalar in fp32 (fp64); send it backward once (it is one factor for all gradients, which exist already).
    statistics: of the scored tokens. logprob_T, entropy_T: detached, NaN where a token was not scored.
    passes: 1: gradients were formed with the scores; 2: the logits are computed again for them; 0: no gradient.
    """

    loss: Tensor
    statistics: PolicyStatistics
    logprob_T: Tensor
    entropy_T: Tensor
    passes: int


def policy_head(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    batch: TokenBatch,
    *,
    loss: Loss | str = "grpo",
    entropy_bonus: float = 0.0,
    temperature: float = 1.0,
    softcap: float = 0.0,
    score_all: bool = True,
    recompute: bool | None = None,
    impl: str = "auto",
    chunk_bytes: int | None = None,
) -> PolicyHeadOutput:
    """The weighted sum of a policy loss over tokens, with its gradients by hidden states and weight.

    Args:
        hidden_TD: hidden states that predict the targets, shape (T, D); packed, no padding.
        weight_VD: weight of the head, shape (V, D), the same dtype (any under autocast); may be frozen or tied.
        target_T: int64 token ids, shape (T,); anything where the weight is 0.
        batch: what is known of each token; `weight_T` holds the normaliser (`rl.losses.token_weights`).
        loss: made by `rl.losses.make_loss`, or a name, with its paper's defaults.
        entropy_bonus: subtracts this times the weighted sum of entropies from the loss.
        temperature, softcap: of the scores, as the sampler used them.
        score_all: also score tokens that cannot have a gradient (advantage 0 and nothing else), for the statistics;
            False saves their matrix product.
        recompute: None: one pass wherever it can be done; True: always two (dW then needs no fp32 copy and is not
            alive during the backbone's backward); False: refuse what cannot be done in one.
        impl, chunk_bytes: as for `linear_logprob`.

    Raises:
        ValueError: shapes, dtypes, options or the batch do not fit, or one pass was demanded and cannot be had.
        IndexError: a target is no token id (CPU).
    """
    loss = make_loss(loss) if isinstance(loss, str) else loss
    if batch.weight_T.shape != target_T.shape:
        raise ValueError(
            f"batch has {batch.weight_T.numel()} tokens and target {target_T.numel()}: one entry a token"
        )
    tokens = target_T.numel()
    kept_T = batch.weight_T != 0 if score_all else _may_have_gradient(loss, batch, entropy_bonus)
    hidden_TD, weight_VD = checked(hidden_TD, weight_VD, target_T, counted_T=kept_T)
    kept_K = kept_T.nonzero().squeeze(1)
    if kept_K.numel() < tokens:
        hidden_TD, target_T, batch = hidden_TD[kept_K], target_T[kept_K], batch.select(kept_K)
    scores = checked_scores(temperature, softcap)
    job = _Job(hidden_TD, weight_VD, target_T, batch, loss, entropy_bonus, scores)
    value, found, passes = _computed(job, choose_implementation(impl, hidden_TD), recompute, chunk_bytes)
    spread_2T = torch.full((2, tokens), torch.nan, dtype=found.logprob_K.dtype, device=hidden_TD.device)
    spread_2T[:, kept_K] = torch.stack([found.logprob_K, found.entropy_K])
    return PolicyHeadOutput(value, found.statistics(), spread_2T[0], spread_2T[1], passes)


class _Job(NamedTuple):
    """The scored tokens and what to do with them."""

    hidden_KD: Tensor
    weight_VD: Tensor
    target_K: Tensor
    batch: TokenBatch
    loss: Loss
    entropy_bonus: float
    scores: Scores


class _Found(NamedTuple):
    """What came out for each scored token; the last six are `LossTerms`' members and where the gradient is zero."""

    logprob_K: Tensor
    entropy_K: Tensor
    kl_K: Tensor
    ratio_K: Tensor
    clipped_low_K: Tensor
    clipped_high_K: Tensor
    idle_K: Tensor

    @classmethod
    def of(cls, logprob_K: Tensor, entropy_K: Tensor, terms: LossTerms) -> "_Found":
        clipped = (terms.clipped_low_T, terms.clipped_high_T, terms.coefficient_T == 0)
        return cls(logprob_K, entropy_K, terms.kl_T, terms.ratio_T, *clipped)

    def statistics(self) -> PolicyStatistics:
        one = torch.ones(1, dtype=self.ratio_K.dtype, device=self.ratio_K.device)
        extremes = torch.aminmax(self.ratio_K if self.ratio_K.numel() else one)
        counts = [item.sum() for item in (self.clipped_low_K, self.clipped_high_K, self.idle_K)]
        tokens = torch.tensor(self.ratio_K.numel(), device=self.ratio_K.device)
        return PolicyStatistics(tokens, self.entropy_K.sum(), self.kl_K.sum(), self.ratio_K.sum(), *extremes, *counts)


def _computed(job: _Job, impl: Impl, recompute: bool | None, chunk_bytes: int | None) -> tuple[Tensor, _Found, int]:
    """The loss, what was found, and in how many passes."""
    if not needs_gradient(job.hidden_KD, job.weight_VD):
        return *_in_two_passes(job, impl, chunk_bytes), 0
    pieces = None if recompute or impl is Impl.REFERENCE else _pieces(job, chunk_bytes)
    if pieces is not None:
        return *_in_one_pass(job, pieces, impl), 1
    if recompute is False:
        raise ValueError(
            f"recompute=False, but {job.loss.name} needs whole {job.loss.level}s and one does not fit into a piece "
            "of the logits: raise chunk_bytes, sort tokens by sequence, or let recompute be None"
        )
    return *_in_two_passes(job, impl, chunk_bytes), 2


def _in_one_pass(job: _Job, pieces: list[slice], impl: Impl) -> tuple[Tensor, _Found]:
    parts: list[_Found] = []

    def loss_of_chunk(whole: RowStatistics, piece: slice) -> ChunkLoss:
        value, terms, entropy_R = _loss(job, job.batch.select(piece), whole.logprob_R, whole.entropy_R)
        parts.append(_Found.of(whole.logprob_R, whole.entropy_R, terms))
        return ChunkLoss(value, RowGradient(terms.coefficient_T, entropy_R))

    unit = power_of_two(job.batch.weight_T)
    plan = Plan(pieces, job.scores, entropy=True, impl=impl)
    value = one_pass(job.hidden_KD, job.weight_VD, job.target_K, loss_of_chunk, unit, plan)
    if not parts:
        loss_of_chunk(RowStatistics(*(job.batch.weight_T.new_empty(0) for _ in range(4))), slice(0, 0))
    return value, _Found(*(torch.cat(items) for items in zip(*parts, strict=True)))


def _in_two_passes(job: _Job, impl: Impl, chunk_bytes: int | None) -> tuple[Tensor, _Found]:
    scored = token_scores(job.hidden_KD, job.weight_VD, job.target_K, job.scores, impl, chunk_bytes)
    logprob_K, entropy_K = scored.logprob_T.detach(), scored.entropy_T.detach()
    value, terms, slope_K = _loss(job, job.batch, logprob_K, entropy_K)
    slope_K = torch.zeros_like(entropy_K) if slope_K is None else slope_K
    loss: Tensor = _WithCoefficients.apply(scored.logprob_T, scored.entropy_T, value, terms.coefficient_T, slope_K)
    return loss, _Found.of(logprob_K, entropy_K, terms)


def _loss(
    job: _Job, batch: TokenBatch, logprob_R: Tensor, entropy_R: Tensor
) -> tuple[Tensor, LossTerms, Tensor | None]:
    """The loss with the entropy bonus, its terms, and its derivative by each entropy (None: 0)."""
    terms = job.loss(logprob_R, batch)
    if not job.entropy_bonus:
        return terms.loss, terms, None
    slope_R = -job.entropy_bonus * batch.weight_T.to(entropy_R.dtype)
    return terms.loss + (slope_R * entropy_R).sum(), terms, slope_R


class _WithCoefficients(torch.autograd.Function):
    """A loss whose derivatives by log-probabilities and entropies are given."""

    @staticmethod
    def forward(
        ctx: Any, _logprob_K: Tensor, _entropy_K: Tensor, loss: Tensor, coefficient_K: Tensor, slope_K: Tensor
    ) -> Tensor:
        ctx.save_for_backward(coefficient_K, slope_K)
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        coefficient_K, slope_K = ctx.saved_tensors
        return upstream * coefficient_K, upstream * slope_K, None, None, None


def _may_have_gradient(loss: Loss, batch: TokenBatch, entropy_bonus: float) -> Tensor:
    return batch.weight_T != 0 if entropy_bonus else loss.may_have_gradient_T(batch)


def _pieces(job: _Job, chunk_bytes: int | None) -> list[slice] | None:
    """Pieces for one pass: of any rows, or of whole sequences or pairs; None where one of those is too long."""
    tokens, vocabulary = job.target_K.numel(), job.weight_VD.shape[0]
    if job.loss.level is Level.TOKEN:
        return row_pieces(tokens, vocabulary, job.hidden_KD, chunk_bytes)
    at_most = most_rows(vocabulary, job.hidden_KD, chunk_bytes)
    sequence_K = job.batch.sequence_T
    if sequence_K is None:
        return [slice(0, tokens)] if tokens <= at_most else None
    group_K = sequence_K // 2 if job.loss.level is Level.PAIR else sequence_K
    groups, lengths = (item.tolist() for item in torch.unique_consecutive(group_K, return_counts=True))
    if len(set(groups)) < len(groups) or max(lengths, default=0) > at_most:
        return None
    return _packed(lengths, at_most)


def _packed(lengths: list[int], at_most: int) -> list[slice]:
    """Runs of whole groups, each run at most `at_most` rows."""
    pieces = []
    start = end = 0
    for length in lengths:
        if end + length - start > at_most:
            pieces.append(slice(start, end))
            start = end
        end += length
    return [*pieces, slice(start, end)] if end > start else pieces
