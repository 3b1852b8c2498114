"""Corrections for tokens that another distribution drew: the sampler's numerics, or older weights.

"The sampler is the policy" is false: vLLM and the trainer round differently, and in an asynchronous run the sampler
is behind. In: log-probabilities of the same tokens by the trainer and by the sampler. Out: a factor for each token of
the policy's term (`TokenBatch.importance_T`), and what was cut.

token: min(cap, r_t), truncated importance sampling. sequence: min(cap, product of r_t) on every token: unbiased but
for the cut, of higher variance. vtrace: the weight that V-trace (IMPALA, arXiv 1802.01561, equation 1) gives a token
when the baseline is one number for the whole completion and the reward comes at its end: every temporal difference
but the last is 0, and what is left at token t is rho_t * c_(t+1) ... c_(T-1) * rho_T, with rho = min(cap, r), c =
min(1, r).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from mathpipe.core.config import Config


class Correction(StrEnum):
    """How a token's weight is made of the ratios trainer / sampler; `none` trusts the sampler."""

    NONE = "none"
    TOKEN = "token"
    SEQUENCE = "sequence"
    VTRACE = "vtrace"


class CorrectionConfig(Config):
    """`cap` bounds weights from above (2: verl's and TRL's choice)."""

    kind: Correction = Correction.TOKEN
    cap: float = Field(default=2.0, ge=1)


@dataclass(frozen=True, slots=True)
class Weights:
    """A factor for each token, and how many were cut."""

    weights: tuple[float, ...]
    capped: int


_MAX_LOG = 20.0


def importance_weights(trainer: Sequence[float], sampler: Sequence[float], config: CorrectionConfig) -> Weights:
    """Weights of one completion's tokens."""
    logs = [mine - theirs for mine, theirs in zip(trainer, sampler, strict=True)]
    limit = math.log(config.cap)
    match config.kind:
        case Correction.NONE:
            return Weights((1.0,) * len(logs), 0)
        case Correction.TOKEN:
            return Weights(tuple(_exp(min(limit, log)) for log in logs), sum(log > limit for log in logs))
        case Correction.SEQUENCE:
            total = math.fsum(logs)
            return Weights((_exp(min(limit, total)),) * len(logs), len(logs) * (total > limit))
        case Correction.VTRACE:
            return Weights(_vtrace(logs, limit), sum(log > limit for log in logs))


def _vtrace(logs: list[float], limit: float) -> tuple[float, ...]:
    """From the end: the trace of what follows a token, times its own rho."""
    weights: list[float] = []
    trace = 0.0  # log of c_(t+1) ... c_(T-1) * rho_T; nothing follows the last token
    for log in reversed(logs):
        rho = min(limit, log)
        weights.append(_exp(rho + trace))
        trace = rho if len(weights) == 1 else trace + min(0.0, log)
    return tuple(reversed(weights))


def _exp(log: float) -> float:
    return math.exp(max(-_MAX_LOG, min(_MAX_LOG, log)))
