"""A policy-gradient step as a textbook writes it: padded, all logits, log_softmax, autograd; apart from our code.

Legend: S sequences, L time, V vocabulary.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from rl.trajectories import TrainSequence
from tests.rl import plain_losses as plain
from tests.rl.learner.policies import MAX_LENGTH


class Padded:
    """Sequences as padded tensors over the tokens that are predicted."""

    def __init__(self, rows: list[TrainSequence]) -> None:
        self.rows = rows
        longest = max(len(row.prompt_ids) + len(row.completion_ids) for row in rows)
        self.ids_SL = torch.zeros(len(rows), longest, dtype=torch.long)
        self.there_SL = torch.zeros(len(rows), longest, dtype=torch.long)
        for place, row in enumerate(rows):
            whole = (*row.prompt_ids, *row.completion_ids)
            self.ids_SL[place, : len(whole)] = torch.tensor(whole)
            self.there_SL[place, : len(whole)] = 1
        self.mask_SL = self._spread([row.learned or (True,) * len(row.completion_ids) for row in rows]).bool()
        self.advantage_SL = self._spread([row.advantages for row in rows])
        self.old_SL = self._spread([row.old_logprobs or (0.0,) for row in rows])
        self.reference_SL = self._spread([row.reference_logprobs or (0.0,) for row in rows])
        self.importance_SL = self._spread([row.importance or (1.0,) * len(row.completion_ids) for row in rows])

    def logprobs(self, model: nn.Module, temperature: float) -> Tensor:
        logits_SLV = model(input_ids=self.ids_SL, attention_mask=self.there_SL).logits[:, :-1] / temperature
        return logits_SLV.log_softmax(-1).gather(2, self.ids_SL[:, 1:, None])[..., 0]

    def _spread(self, values: list[tuple[float, ...]]) -> Tensor:
        spread_SL = torch.zeros(len(self.rows), self.ids_SL.shape[1] - 1)
        for place, (row, value) in enumerate(zip(self.rows, values, strict=True)):
            begin = len(row.prompt_ids) - 1
            spread_SL[place, begin : begin + len(value)] = torch.tensor(value, dtype=torch.float32)
        return spread_SL


Formula = Callable[[Padded, Tensor], Tensor]


def _surrogate(data: Padded, logp_SL: Tensor, high: float = 0.2) -> Tensor:
    loss_SL = plain.surrogate(logp_SL, data.old_SL, data.advantage_SL, 0.2, high)
    return loss_SL * data.importance_SL


def _per_sequence(loss_SL: Tensor, mask_SL: Tensor) -> Tensor:
    return ((loss_SL * mask_SL).sum(1) / mask_SL.sum(1).clamp(min=1)).mean()


def _gspo(data: Padded, logp_SL: Tensor) -> Tensor:
    mask_SL = data.mask_SL
    log_S1 = ((logp_SL - data.old_SL) * mask_SL).sum(1, keepdim=True) / mask_SL.sum(1, keepdim=True).clamp(min=1)
    ratio_SL = log_S1.exp().expand_as(logp_SL)
    free_SL, cut_SL = ratio_SL * data.advantage_SL, ratio_SL.clamp(1 - 3e-4, 1 + 4e-4) * data.advantage_SL
    return _per_sequence(-torch.minimum(free_SL, cut_SL) * data.importance_SL, mask_SL)


FORMULAS: dict[str, Formula] = {
    "grpo": lambda data, p: _per_sequence(_surrogate(data, p) + 0.04 * plain.k3(p, data.reference_SL), data.mask_SL),
    "bnpo": lambda data, p: plain.token_mean(_surrogate(data, p), data.mask_SL),
    "dapo": lambda data, p: plain.token_mean(_surrogate(data, p, 0.28), data.mask_SL),
    "dr_grpo": lambda data, p: (_surrogate(data, p) * data.mask_SL).sum() / (len(data.rows) * MAX_LENGTH),
    "cispo": lambda data, p: plain.token_mean(
        plain.cispo(p, data.old_SL, data.advantage_SL, 5.0) * data.importance_SL, data.mask_SL
    ),
    "gspo": _gspo,
}


def load(policy: str) -> nn.Module:
    return AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32, attn_implementation="eager").eval()


def backward(model: nn.Module, rows: list[TrainSequence], name: str, temperature: float = 1.0) -> float:
    """The loss; gradients are left in the model."""
    data = Padded(rows)
    logp_SL = data.logprobs(model, temperature)
    inside_SL = torch.where(data.mask_SL, logp_SL, logp_SL.detach())
    loss = FORMULAS[name](data, inside_SL)
    loss.backward()
    return loss.item()
