"""The losses as their papers write them, in padded (sequences, time) form and left to autograd: what ours must equal.

Legend: S sequences, L time. Written from the papers, apart from `rl.losses`, so that a mistake is not made twice.
"""

import torch
from torch import Tensor


def surrogate(logp_SL: Tensor, old_SL: Tensor, advantage_SL: Tensor, low: float, high: float) -> Tensor:
    ratio_SL = (logp_SL - old_SL).exp()
    return -torch.minimum(ratio_SL * advantage_SL, ratio_SL.clamp(1 - low, 1 + high) * advantage_SL)


def k3(logp_SL: Tensor, reference_SL: Tensor) -> Tensor:
    return (reference_SL - logp_SL).exp() - (reference_SL - logp_SL) - 1


def cispo(logp_SL: Tensor, old_SL: Tensor, advantage_SL: Tensor, ratio_max: float) -> Tensor:
    return -(logp_SL - old_SL).exp().clamp(max=ratio_max).detach() * advantage_SL * logp_SL


def gspo(logp_SL: Tensor, old_SL: Tensor, advantage_SL: Tensor, mask_SL: Tensor, low: float, high: float) -> Tensor:
    log_S1 = ((logp_SL - old_SL) * mask_SL).sum(1, keepdim=True) / mask_SL.sum(1, keepdim=True)
    ratio_SL = log_S1.exp().expand_as(logp_SL)
    return -torch.minimum(ratio_SL * advantage_SL, ratio_SL.clamp(1 - low, 1 + high) * advantage_SL)


def dpo(logp_SL: Tensor, reference_SL: Tensor, mask_SL: Tensor, beta: float) -> Tensor:
    """Of pairs: rows 2k chosen, 2k + 1 rejected; the mean over pairs."""
    gain_S = ((logp_SL - reference_SL) * mask_SL).sum(1)
    return -torch.nn.functional.logsigmoid(beta * (gain_S[0::2] - gain_S[1::2])).mean()


def sequence_mean(loss_SL: Tensor, mask_SL: Tensor) -> Tensor:
    return ((loss_SL * mask_SL).sum(1) / mask_SL.sum(1)).mean()


def token_mean(loss_SL: Tensor, mask_SL: Tensor) -> Tensor:
    return (loss_SL * mask_SL).sum() / mask_SL.sum()
