"""Inputs for the heads, and the heads as plain PyTorch writes them: all logits, autograd, the dtype of the inputs."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Head(NamedTuple):
    """Hidden states, weight and targets."""

    hidden_TD: Tensor
    weight_VD: Tensor
    target_T: Tensor

    def to(self, dtype: torch.dtype) -> "Head":
        """Rounded to `dtype`; the targets stay."""
        return Head(self.hidden_TD.to(dtype), self.weight_VD.to(dtype), self.target_T)


class Gradients(NamedTuple):
    """A value and its gradients."""

    value: Tensor
    hidden_TD: Tensor
    weight_VD: Tensor


def make_head(
    tokens: int, width: int, vocabulary: int, *, peaked: float = 1.0, seed: int = 0, device: str = "cpu"
) -> Head:
    """Random; `peaked` multiplies the logits' spread. The last token's target is the vocabulary's last id."""
    draw = torch.Generator().manual_seed(seed)
    hidden_TD = torch.randn(tokens, width, generator=draw) * peaked
    weight_VD = torch.randn(vocabulary, width, generator=draw) / width**0.5
    target_T = torch.randint(0, vocabulary, (tokens,), generator=draw)
    target_T[-1] = vocabulary - 1
    return Head(hidden_TD.to(device), weight_VD.to(device), target_T.to(device))


def largest_logit(head: Head) -> float:
    """Of all logits, in absolute value."""
    return (head.hidden_TD.float() @ head.weight_VD.float().t()).abs().max().item()


def gradients(head: Head, loss: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Gradients:
    """The loss of fresh leaves, sent backward."""
    hidden_TD = head.hidden_TD.detach().clone().requires_grad_()
    weight_VD = head.weight_VD.detach().clone().requires_grad_()
    value = loss(hidden_TD, weight_VD, head.target_T)
    value.backward()
    assert hidden_TD.grad is not None
    assert weight_VD.grad is not None
    return Gradients(value.detach(), hidden_TD.grad, weight_VD.grad)


def plain_scores(hidden_TD: Tensor, weight_VD: Tensor, *, temperature: float = 1.0, softcap: float = 0.0) -> Tensor:
    """Scores in fp32 (fp64) from logits in the inputs' dtype, as a model's forward and a trainer's loss make them."""
    logits_TV = hidden_TD @ weight_VD.t()
    high = logits_TV.double() if logits_TV.dtype == torch.float64 else logits_TV.float()
    if softcap:
        high = softcap * torch.tanh(high / softcap)
    return high / temperature


def plain_logprob(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, *, temperature: float = 1.0, softcap: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of each token."""
    logp_TV = plain_scores(hidden_TD, weight_VD, temperature=temperature, softcap=softcap).log_softmax(-1)
    return logp_TV.gather(1, target_T[:, None]).squeeze(1), -(logp_TV.exp() * logp_TV).sum(1)
