"""Policy losses, each written as a gradient coefficient per token.

DeepSeekMath (arXiv 2402.03300, section 5.2) puts SFT, RFT, DPO, PPO and GRPO in one form: the gradient of any of them
is  sum_t c_t * grad log pi(token_t),  and only the coefficient c_t differs. That is what a loss gives back here, so
that `rl.kernels.policy_head` can form the gradients of the hidden states and of the head while a chunk's logits are
there, and so that autograd is not needed at all.

In: log-probabilities of the tokens under the policy that is trained, and a `TokenBatch` with what is known of each.
Out: `LossTerms`: the weighted sum of the loss, dLoss/dlogprob per token, and what statistics are made of. Pure
functions, fp32 or fp64, any device, no synchronisation. A coefficient is a value: nothing here is differentiable.

The mean is not taken here. `weight_T` carries the normaliser (see `token_weights`), computed once from the counts of
the whole optimizer step; one batch of N and N batches of one then give the same gradient.

Legend: T tokens of the completions, packed without padding; S sequences. `sequence_T` says which sequence a token
belongs to, 0 to S-1; a token whose weight is 0 takes no part in any sum, mean or length.

Sources: PPO arXiv 1707.06347; DPO 2305.18290; GRPO 2402.03300; DAPO 2503.14476; Dr. GRPO 2503.20783; CISPO
(MiniMax-M1) 2506.13585; GSPO 2507.18071; two-sided clipping (INTELLECT-2) 2505.07291; KL with importance correction,
DeepSeek-V3.2.
"""

import difflib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# Beyond e^20 a ratio says that the token was scored by something else; it would only overflow. Its gradient is zero.
_MAX_LOG_RATIO = 20.0


class Level(StrEnum):
    """What must be scored before a token's coefficient is known: itself, its sequence, or a pair of sequences."""

    TOKEN = "token"
    SEQUENCE = "sequence"
    PAIR = "pair"


class Aggregation(StrEnum):
    """How tokens are averaged: see `token_weights`."""

    TOKEN_MEAN = "token_mean"
    SEQUENCE_MEAN = "sequence_mean"
    CONSTANT = "constant"
    PAIR_MEAN = "pair_mean"


@dataclass(frozen=True)
class TokenBatch:
    """What is known of each token before it is scored.

    Attributes:
        weight_T: factor of each token's loss, the normaliser included; 0 leaves the token out.
        sequence_T: int64, which sequence each token belongs to. None: one sequence. For DPO sequence 2k is the chosen
            one of pair k and 2k+1 the rejected one.
        sequences: S, how many sequences there are (the highest index plus one, at least).
        advantage_T: advantage of each token. RFT keeps the tokens whose advantage is above 0.
        old_logprob_T: log-probabilities under the policy at the time of sampling. None: the policy itself, ratio 1.
        reference_logprob_T: log-probabilities under the reference policy, for the KL term and for DPO.
        importance_T: correction for a sampler that disagrees with the trainer, a factor of the policy's term alone.
        sampler_logprob_T: in its place, where the policy has not moved since: the sampler's log-probabilities, from
            which the loss makes the factor itself, min(importance_cap, pi / sampler). It saves a pass of its own.
        importance_cap: bounds that factor.
    """

    weight_T: Tensor
    sequence_T: Tensor | None = None
    sequences: int = 1
    advantage_T: Tensor | None = None
    old_logprob_T: Tensor | None = None
    reference_logprob_T: Tensor | None = None
    importance_T: Tensor | None = None
    sampler_logprob_T: Tensor | None = None
    importance_cap: float = 2.0

    def __post_init__(self) -> None:
        tokens = self.weight_T.shape
        if len(tokens) != 1:
            raise ValueError(f"weight_T must have one dimension, tokens; got shape {tuple(tokens)}")
        for name, tensor in self._tensors().items():
            if tensor.shape != tokens:
                raise ValueError(
                    f"{name} has shape {tuple(tensor.shape)}, weight_T {tuple(tokens)}: one value a token"
                )
        if self.importance_T is not None and self.sampler_logprob_T is not None:
            raise ValueError("importance_T and sampler_logprob_T: one or the other, both make the same factor")

    def _tensors(self) -> dict[str, Tensor]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def select(self, rows: slice | Tensor) -> "TokenBatch":
        """The same for some of the tokens; sequences keep their numbers."""
        chosen: dict[str, Any] = {name: tensor[rows] for name, tensor in self._tensors().items()}
        return replace(self, **chosen)

    def corrected(self, logprob_T: Tensor) -> "TokenBatch":
        """The same with its factor of importance, where that is to be made of these log-probabilities."""
        if self.sampler_logprob_T is None:
            return self
        log_T = (logprob_T - self.sampler_logprob_T.to(logprob_T.dtype)).clamp(min=-_MAX_LOG_RATIO)
        weight_T = log_T.clamp(max=math.log(self.importance_cap)).exp()
        importance_T = torch.where(self.weight_T != 0, weight_T, 1.0)
        return replace(self, importance_T=importance_T, sampler_logprob_T=None)


class LossTerms(NamedTuple):
    """A loss at given log-probabilities. Per-token members are zero where the weight is.

    loss: scalar, sum over tokens of weight times loss.
    coefficient_T: d loss / d logprob_T, weights included.
    ratio_T: importance ratio pi / pi_old (of the token, or of its sequence); 1 where the loss has none.
    clipped_low_T, clipped_high_T: bool, where the clip took the gradient away, below and above 1.
    kl_T: k3 estimate of KL(pi || reference), unweighted; zeros without a reference.
    """

    loss: Tensor
    coefficient_T: Tensor
    ratio_T: Tensor
    clipped_low_T: Tensor
    clipped_high_T: Tensor
    kl_T: Tensor


@dataclass(frozen=True)
class Loss:
    """A loss with its options set: call it with log-probabilities and a batch.

    Attributes:
        name: its name in `LOSSES`.
        level: what must be scored together.
        aggregation: how its paper averages tokens.
        options: the options of the function, defaults included.
    """

    name: str
    level: Level
    aggregation: Aggregation
    function: Callable[[Tensor, TokenBatch], LossTerms] = field(repr=False)
    options: dict[str, Any]

    def __call__(self, logprob_T: Tensor, batch: TokenBatch) -> LossTerms:
        """`LossTerms` at `logprob_T`, shape (T,), fp32 or fp64; raises ValueError where the batch lacks a member."""
        logprob_T = logprob_T.detach()
        return self.function(logprob_T, batch.corrected(logprob_T))

    def may_have_gradient_T(self, batch: TokenBatch) -> Tensor:
        """False where the coefficient is zero whatever the log-probability turns out to be."""
        counted_T = batch.weight_T != 0
        if batch.advantage_T is None or self.options.get("kl", 0.0) or self.level is Level.PAIR:
            return counted_T
        return counted_T & (batch.advantage_T != 0)


# --- supervised ----------------------------------------------------------------------------------------------------


def sft(logprob_T: Tensor, batch: TokenBatch) -> LossTerms:
    """Negative log-likelihood: c = -1 on every token."""
    return _plain(logprob_T, batch, -torch.ones_like(logprob_T))


def rft(logprob_T: Tensor, batch: TokenBatch) -> LossTerms:
    """Rejection-sampling fine-tuning: SFT on the samples that were right (advantage above 0), c = -1 or 0."""
    return _plain(logprob_T, batch, -(_need(batch, "advantage_T", "rft") > 0).to(logprob_T.dtype))


def dpo(logprob_T: Tensor, batch: TokenBatch, *, beta: float = 0.1, label_smoothing: float = 0.0) -> LossTerms:
    """Direct preference optimisation: -log sigmoid(m), m = beta (log-ratio of the chosen - that of the rejected).

    c = -beta sigmoid(-m) on the chosen sequence's tokens and the opposite on the rejected one's. With label smoothing
    e (conservative DPO) the loss is (1-e)(-log sigmoid(m)) + e(-log sigmoid(-m)). The weight of a pair is the mean of
    its tokens' weights.
    """
    reference_T = _need(batch, "reference_logprob_T", "dpo")
    pairs = (batch.sequences + 1) // 2
    sequence_T = _sequence(batch)
    pair_T = sequence_T // 2
    sign_T = torch.where(sequence_T % 2 == 0, 1.0, -1.0).to(logprob_T.dtype)
    counted_T = (batch.weight_T != 0).to(logprob_T.dtype)
    gain_T = torch.where(batch.weight_T != 0, logprob_T - reference_T.to(logprob_T.dtype), 0.0)
    margin_P = beta * _sums(sign_T * gain_T, pair_T, pairs)
    weight_P = _sums(batch.weight_T.to(logprob_T.dtype), pair_T, pairs) / _sums(counted_T, pair_T, pairs).clamp(min=1)
    loss_P = -(1 - label_smoothing) * logsigmoid(margin_P) - label_smoothing * logsigmoid(-margin_P)
    slope_P = (
        -beta * weight_P * ((1 - label_smoothing) * (-margin_P).sigmoid() - label_smoothing * margin_P.sigmoid())
    )
    terms = _plain(logprob_T, batch, torch.zeros_like(logprob_T))
    return terms._replace(loss=(weight_P * loss_P).sum(), coefficient_T=slope_P[pair_T] * sign_T * counted_T)


# --- policy gradients ----------------------------------------------------------------------------------------------


def ppo(
    logprob_T: Tensor,
    batch: TokenBatch,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    delta: float | None = None,
    kl: float = 0.0,
    kl_bias_correction: bool = False,
) -> LossTerms:
    """The clipped surrogate -min(r A, clip(r, 1-clip_low, 1+clip_high) A) + kl * k3, per token: c = -r A or 0.

    PPO, GRPO, BNPO, DAPO and Dr. GRPO share it; they differ in where A comes from, in the clip and in the weights.

    Args:
        delta: upper bound of r where A < 0 (two-sided clipping), above 1 + clip_high. None: none.
        kl: factor of the k3 estimate exp(d) - d - 1, d = log reference - log pi, whose c is kl (1 - exp(d)).
        kl_bias_correction: multiply k3 by the ratio r, which makes its gradient unbiased off-policy (the gradient
            differs on-policy too).
    """
    ratio_T, moves_T = _ratio(logprob_T, batch)
    terms = _clipped(batch, ratio_T, moves_T, clip_low, clip_high, delta)
    return _with_kl(terms, logprob_T, batch, moves_T, kl, kl_bias_correction)


def cispo(
    logprob_T: Tensor,
    batch: TokenBatch,
    *,
    ratio_max: float = 5.0,
    kl: float = 0.0,
    kl_bias_correction: bool = False,
) -> LossTerms:
    """CISPO: -sg(min(r, ratio_max)) A log pi. The weight is clipped, never the gradient: c = -min(r, ratio_max) A."""
    advantage_T = _need(batch, "advantage_T", "cispo").to(logprob_T.dtype)
    ratio_T, moves_T = _ratio(logprob_T, batch)
    coefficient_T = -ratio_T.clamp(max=ratio_max) * advantage_T * _policy_weight(batch, logprob_T)
    terms = LossTerms(
        loss=_linear(coefficient_T, logprob_T),
        coefficient_T=coefficient_T,
        ratio_T=ratio_T,
        clipped_low_T=torch.zeros_like(moves_T),
        clipped_high_T=(ratio_T > ratio_max) & (batch.weight_T != 0),
        kl_T=torch.zeros_like(logprob_T),
    )
    return _with_kl(terms, logprob_T, batch, moves_T, kl, kl_bias_correction)


def gspo(
    logprob_T: Tensor,
    batch: TokenBatch,
    *,
    clip_low: float = 3e-4,
    clip_high: float = 4e-4,
    delta: float | None = None,
    kl: float = 0.0,
) -> LossTerms:
    """GSPO: the clipped surrogate of the sequence's ratio s = exp(mean of the tokens' log-ratios).

    s depends on every token of the sequence, 1/length of its logarithm on each:
    c_t = 1/length * sum over the sequence's tokens u of weight_u * dloss_u/ds * s. The KL term stays per token.
    """
    counted_T = (batch.weight_T != 0).to(logprob_T.dtype)
    sequence_T = _sequence(batch)
    length_S = _sums(counted_T, sequence_T, batch.sequences).clamp(min=1)
    old_T = logprob_T if batch.old_logprob_T is None else batch.old_logprob_T.to(logprob_T.dtype)
    log_ratio_S = _sums(torch.where(counted_T != 0, logprob_T - old_T, 0.0), sequence_T, batch.sequences) / length_S
    ratio_S = log_ratio_S.clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp()
    moves_T = (log_ratio_S.abs() <= _MAX_LOG_RATIO)[sequence_T]
    terms = _clipped(batch, ratio_S[sequence_T], moves_T, clip_low, clip_high, delta)
    shared_S = _sums(terms.coefficient_T, sequence_T, batch.sequences) / length_S
    terms = terms._replace(coefficient_T=shared_S[sequence_T] * counted_T)
    return _with_kl(terms, logprob_T, batch, moves_T, kl, bias_correction=False)


# --- by name -------------------------------------------------------------------------------------------------------

_TOKEN, _SEQUENCE, _PAIR = Level.TOKEN, Level.SEQUENCE, Level.PAIR

# name: (function, level, how its paper averages, defaults that differ from the function's)
LOSSES: dict[str, tuple[Callable[..., LossTerms], Level, Aggregation, dict[str, Any]]] = {
    "sft": (sft, _TOKEN, Aggregation.TOKEN_MEAN, {}),
    "rft": (rft, _TOKEN, Aggregation.TOKEN_MEAN, {}),
    "dpo": (dpo, _PAIR, Aggregation.PAIR_MEAN, {}),
    "ppo": (ppo, _TOKEN, Aggregation.TOKEN_MEAN, {}),
    "grpo": (ppo, _TOKEN, Aggregation.SEQUENCE_MEAN, {"kl": 0.04}),
    "bnpo": (ppo, _TOKEN, Aggregation.TOKEN_MEAN, {}),
    "dapo": (ppo, _TOKEN, Aggregation.TOKEN_MEAN, {"clip_high": 0.28}),
    "dr_grpo": (ppo, _TOKEN, Aggregation.CONSTANT, {}),
    "cispo": (cispo, _TOKEN, Aggregation.TOKEN_MEAN, {}),
    "gspo": (gspo, _SEQUENCE, Aggregation.SEQUENCE_MEAN, {}),
}


def make_loss(name: str, **options: Any) -> Loss:
    """The loss of that name with its paper's defaults, but for `options`.

    Raises:
        ValueError: no such loss, no such option, or a value out of its range.
    """
    if name not in LOSSES:
        raise ValueError(f"no loss is called {name!r}{_nearest(name, list(LOSSES))}; there are {', '.join(LOSSES)}")
    function, level, aggregation, defaults = LOSSES[name]
    parameters = list(inspect.signature(function).parameters.values())[2:]
    known = {parameter.name: parameter.default for parameter in parameters} | defaults
    for option in options:
        if option not in known:
            there = ", ".join(known) or "none"
            raise ValueError(f"{name} has no option {option!r}{_nearest(option, list(known))}; it has: {there}")
    settings = known | options
    _check_ranges(name, settings)
    return Loss(name, level, aggregation, partial(function, **settings), settings)


def token_weights(
    aggregation: Aggregation,
    sequence_T: Tensor,
    *,
    sequences: int,
    total_sequences: int | None = None,
    total_tokens: int | None = None,
    max_length: int | None = None,
) -> Tensor:
    """Weight of each token, fp32, shape (T,): the loss is the weighted sum.

    TOKEN_MEAN: 1 / total_tokens. SEQUENCE_MEAN: 1 / (total_sequences * length of its sequence). CONSTANT (Dr. GRPO):
    1 / (total_sequences * max_length). PAIR_MEAN (DPO): 2 / total_sequences.

    Args:
        sequence_T: int64, the sequence of each token that counts; leave out masked tokens.
        sequences: how many sequences this batch has.
        total_sequences: of the whole optimizer step over all devices; default: this batch's.
        total_tokens: the same for tokens. BNPO is TOKEN_MEAN with the batch's own count, DAPO with the step's.
        max_length: the completion's limit in tokens, for CONSTANT.
    """
    total_sequences = sequences if total_sequences is None else total_sequences
    ones_T = torch.ones_like(sequence_T, dtype=torch.float32)
    match aggregation:
        case Aggregation.TOKEN_MEAN:
            return ones_T / max(sequence_T.numel() if total_tokens is None else total_tokens, 1)
        case Aggregation.SEQUENCE_MEAN:
            length_S = _sums(ones_T, sequence_T, sequences)
            return 1 / (length_S[sequence_T] * total_sequences)
        case Aggregation.CONSTANT:
            if max_length is None:
                raise ValueError("aggregation 'constant' divides by max_length, the completion's limit: give it")
            return ones_T / (total_sequences * max_length)
        case Aggregation.PAIR_MEAN:
            return ones_T * (2 / total_sequences)


# --- parts ---------------------------------------------------------------------------------------------------------


def _plain(logprob_T: Tensor, batch: TokenBatch, slope_T: Tensor) -> LossTerms:
    """A loss that is linear in the log-probabilities."""
    coefficient_T = slope_T * batch.weight_T.to(logprob_T.dtype)
    nowhere_T = torch.zeros_like(logprob_T, dtype=torch.bool)
    return LossTerms(
        loss=_linear(coefficient_T, logprob_T),
        coefficient_T=coefficient_T,
        ratio_T=torch.ones_like(logprob_T),
        clipped_low_T=nowhere_T,
        clipped_high_T=nowhere_T,
        kl_T=torch.zeros_like(logprob_T),
    )


def _linear(coefficient_T: Tensor, logprob_T: Tensor) -> Tensor:
    """Their product, summed; 0 * -inf would be NaN, and a token that takes no part may have no probability at all."""
    return torch.where(coefficient_T != 0, coefficient_T * logprob_T, 0.0).sum()


def _ratio(logprob_T: Tensor, batch: TokenBatch) -> tuple[Tensor, Tensor]:
    """Importance ratio per token, 1 where the weight is 0, and where it still moves with the log-probability."""
    if batch.old_logprob_T is None:
        return torch.ones_like(logprob_T), torch.ones_like(logprob_T, dtype=torch.bool)
    log_ratio_T = logprob_T - batch.old_logprob_T.to(logprob_T.dtype)
    log_ratio_T = torch.where(batch.weight_T != 0, log_ratio_T, 0.0)
    return log_ratio_T.clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp(), log_ratio_T.abs() <= _MAX_LOG_RATIO


def _clipped(
    batch: TokenBatch, ratio_T: Tensor, moves_T: Tensor, clip_low: float, clip_high: float, delta: float | None
) -> LossTerms:
    """The clipped surrogate at given ratios; the coefficient is with respect to the logarithm of the ratio.

    min(rA, clip(r)A) leaves r free but where A > 0 and r is above the clip, or A < 0 and r is below it.
    """
    advantage_T = _need(batch, "advantage_T", "a policy-gradient loss").to(ratio_T.dtype)
    above_T = (ratio_T > 1 + clip_high) & (advantage_T > 0)
    below_T = (ratio_T < 1 - clip_low) & (advantage_T < 0)
    used_T = torch.where(above_T, 1 + clip_high, torch.where(below_T, 1 - clip_low, ratio_T))
    capped_T = torch.zeros_like(above_T)
    if delta is not None:
        capped_T = (ratio_T > delta) & (advantage_T < 0)
        used_T = torch.where(capped_T, delta, used_T)
    weight_T = _policy_weight(batch, ratio_T)
    free_T = moves_T & ~above_T & ~below_T & ~capped_T
    counted_T = batch.weight_T != 0
    return LossTerms(
        loss=-(used_T * advantage_T * weight_T).sum(),
        coefficient_T=torch.where(free_T, -ratio_T * advantage_T * weight_T, 0.0),
        ratio_T=ratio_T,
        clipped_low_T=below_T & counted_T,
        clipped_high_T=(above_T | capped_T) & counted_T,
        kl_T=torch.zeros_like(ratio_T),
    )


def _with_kl(
    terms: LossTerms, logprob_T: Tensor, batch: TokenBatch, moves_T: Tensor, kl: float, bias_correction: bool
) -> LossTerms:
    """`terms` with kl * k3 added (r * k3 with bias correction, whose derivative is r k3 + r k3')."""
    if batch.reference_logprob_T is None:
        if kl:
            raise ValueError(
                f"kl={kl} needs reference_logprob_T in the batch: score the tokens with the reference first"
            )
        return terms
    weight_T = batch.weight_T.to(logprob_T.dtype)
    gap_T = torch.where(weight_T != 0, batch.reference_logprob_T.to(logprob_T.dtype) - logprob_T, 0.0)
    k3_T = gap_T.expm1() - gap_T
    slope_T = -gap_T.expm1()
    terms = terms._replace(kl_T=k3_T)
    if not kl:
        return terms
    value_T = k3_T
    if bias_correction:
        value_T = terms.ratio_T * k3_T
        follows_T = moves_T.to(logprob_T.dtype) if batch.old_logprob_T is not None else torch.ones_like(logprob_T)
        slope_T = terms.ratio_T * (slope_T + k3_T * follows_T)
    return terms._replace(
        loss=terms.loss + kl * (weight_T * value_T).sum(),
        coefficient_T=terms.coefficient_T + kl * weight_T * slope_T,
    )


def _policy_weight(batch: TokenBatch, like_T: Tensor) -> Tensor:
    weight_T = batch.weight_T.to(like_T.dtype)
    return weight_T if batch.importance_T is None else weight_T * batch.importance_T.to(like_T.dtype)


def _sequence(batch: TokenBatch) -> Tensor:
    return torch.zeros_like(batch.weight_T, dtype=torch.int64) if batch.sequence_T is None else batch.sequence_T


def _sums(value_T: Tensor, index_T: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=value_T.dtype, device=value_T.device).index_add_(0, index_T, value_T)


def _need(batch: TokenBatch, name: str, who: str) -> Tensor:
    value: Tensor | None = getattr(batch, name)
    if value is None:
        raise ValueError(f"{who} needs {name} in the batch, one value a token")
    return value


def _check_ranges(name: str, settings: dict[str, Any]) -> None:
    low, high, delta = settings.get("clip_low", 0.0), settings.get("clip_high", 0.0), settings.get("delta")
    if not 0 <= low <= 1 or high < 0:
        raise ValueError(f"{name}: clip_low={low} must lie in [0, 1] and clip_high={high} be at least 0")
    if delta is not None and delta <= 1 + high:
        raise ValueError(f"{name}: delta={delta} must be above 1 + clip_high = {1 + high}, or it undoes the clip")
    if settings.get("kl", 0.0) < 0:
        raise ValueError(f"{name}: kl={settings['kl']} must not be negative")
    if not 0 <= settings.get("label_smoothing", 0.0) < 0.5:
        raise ValueError(f"{name}: label_smoothing={settings['label_smoothing']} must lie in [0, 0.5)")


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
