"""Drawing tokens from logits, each row with its own temperature, top_p and uniform number.

Shapes: B rows, V vocabulary. A row's token is the first whose cumulated probability exceeds its uniform number, in
the order of the vocabulary: a rounding error of 1e-7 in the logits then moves a draw with a probability of about
1e-7 only, where a walk in the order of probability would swap near-equal neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Draw:
    """How one row is sampled; `uniform` lies in [0, 1)."""

    temperature: float
    top_p: float
    uniform: float


def choose_tokens(logits_BV: torch.Tensor, draws: Sequence[Draw]) -> tuple[list[int], list[float]]:
    """A token for each row, and its log-probability under the distribution it was drawn from.

    At temperature 0 the token is the likeliest, and the log-probability that of temperature 1.
    """
    device = logits_BV.device
    temperature_B = torch.tensor([draw.temperature or 1.0 for draw in draws], device=device)
    logprob_BV = torch.log_softmax(logits_BV.float() / temperature_B[:, None], dim=-1)
    if any(draw.top_p < 1 and draw.temperature for draw in draws):
        logprob_BV = _keep_top_p(logprob_BV, draws)
    cumulated_BV = logprob_BV.exp().double().cumsum(dim=-1)
    uniform_B = torch.tensor([draw.uniform for draw in draws], dtype=torch.float64, device=device)
    threshold_B1 = uniform_B[:, None] * cumulated_BV[:, -1:]
    drawn_B = torch.searchsorted(cumulated_BV, threshold_B1, right=True).squeeze(-1)
    greedy_B = torch.tensor([draw.temperature == 0 for draw in draws], device=device)
    token_B = torch.where(greedy_B, logits_BV.argmax(dim=-1), drawn_B.clamp(max=logits_BV.shape[-1] - 1))
    chosen_B = logprob_BV.gather(-1, token_B[:, None]).squeeze(-1)
    return token_B.tolist(), chosen_B.tolist()


def _keep_top_p(logprob_BV: torch.Tensor, draws: Sequence[Draw]) -> torch.Tensor:
    """The smallest set of likeliest tokens whose probabilities reach top_p, scaled to 1; the others at -inf."""
    kept = [draw.top_p if draw.temperature else 1.0 for draw in draws]
    top_p_B1 = torch.tensor(kept, device=logprob_BV.device)[:, None]
    sorted_BV = logprob_BV.exp().sort(dim=-1, descending=True).values
    before_BV = sorted_BV.cumsum(dim=-1) - sorted_BV
    inside_BV = (before_BV < top_p_B1) | (top_p_B1 >= 1)
    least_B1 = sorted_BV.masked_fill(~inside_BV, torch.inf).amin(dim=-1, keepdim=True)
    masked_BV = logprob_BV.masked_fill(logprob_BV.exp() < least_B1, -torch.inf)
    return masked_BV - masked_BV.logsumexp(dim=-1, keepdim=True)
