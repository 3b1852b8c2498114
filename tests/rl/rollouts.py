"""Made-up rollouts in both layouts: padded (sequences, time) for the papers' formulas, packed tokens for ours."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rl.losses import Aggregation, TokenBatch, token_weights


@dataclass(frozen=True)
class Rollouts:
    """S sequences of different lengths, padded to L."""

    mask_SL: Tensor
    logp_SL: Tensor
    old_SL: Tensor
    reference_SL: Tensor
    advantage_SL: Tensor
    importance_SL: Tensor

    def packed(self, padded_SL: Tensor) -> Tensor:
        return padded_SL[self.mask_SL]

    @property
    def sequence_T(self) -> Tensor:
        return self.mask_SL.nonzero()[:, 0]

    def batch(self, aggregation: Aggregation, *, importance: bool = False, **totals: int) -> TokenBatch:
        sequences = self.mask_SL.shape[0]
        weight_T = token_weights(aggregation, self.sequence_T, sequences=sequences, **totals)
        return TokenBatch(
            # Exact in fp64, for comparisons to its last digits.
            weight_T=_exact(weight_T, aggregation, self, totals) if self.logp_SL.dtype == torch.float64 else weight_T,
            sequence_T=self.sequence_T,
            sequences=sequences,
            advantage_T=self.packed(self.advantage_SL),
            old_logprob_T=self.packed(self.old_SL),
            reference_logprob_T=self.packed(self.reference_SL),
            importance_T=self.packed(self.importance_SL) if importance else None,
        )


def make_rollouts(
    lengths: tuple[int, ...] = (5, 1, 7, 3), *, dtype: torch.dtype = torch.float64, seed: int = 0, spread: float = 0.3
) -> Rollouts:
    """Advantages of both signs and one zero; old log-probabilities `spread` away, so that some ratios are clipped."""
    draw = torch.Generator().manual_seed(seed)
    size = (len(lengths), max(lengths))
    logp_SL = -torch.rand(size, generator=draw, dtype=torch.float64) * 3 - 0.01
    return Rollouts(
        mask_SL=torch.arange(size[1]) < torch.tensor(lengths)[:, None],
        logp_SL=logp_SL.to(dtype),
        old_SL=(logp_SL + spread * torch.randn(size, generator=draw, dtype=torch.float64)).to(dtype),
        reference_SL=(logp_SL + spread * torch.randn(size, generator=draw, dtype=torch.float64)).to(dtype),
        advantage_SL=torch.tensor([1.3, -0.7, -1.1, 0.0] * len(lengths))[: len(lengths), None].expand(size).to(dtype),
        importance_SL=(0.5 + torch.rand(size, generator=draw, dtype=torch.float64)).to(dtype),
    )


def _exact(weight_T: Tensor, aggregation: Aggregation, rollouts: Rollouts, totals: dict[str, int]) -> Tensor:
    """fp32 weights as fp64 ones without their rounding."""
    length_S = rollouts.mask_SL.sum(1).double()
    sequences = totals.get("total_sequences", length_S.numel())
    ones_T = torch.ones_like(weight_T, dtype=torch.float64)
    return {
        Aggregation.TOKEN_MEAN: lambda: ones_T / totals.get("total_tokens", weight_T.numel()),
        Aggregation.SEQUENCE_MEAN: lambda: 1 / (length_S[rollouts.sequence_T] * sequences),
        Aggregation.CONSTANT: lambda: ones_T / (sequences * totals["max_length"]),
        Aggregation.PAIR_MEAN: lambda: ones_T * 2 / sequences,
    }[aggregation]()
