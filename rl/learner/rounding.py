"""From fp32 weights to bfloat16 ones and back without loss, and rounding that is right on average.

A bfloat16 number is the upper half of an fp32 one. `split` rounds to the nearest bfloat16 (ties away from zero) and
keeps what is left as 16 signed bits; `joined` puts both together: the very same fp32 number. So an optimizer works on
fp32 weights at 2 bytes a weight beside the model's own, where a full copy takes 4. Without it an update smaller than
1/256 of a weight would be rounded away each time, and a learning rate of 1e-6 would move nothing.

`stochastic` keeps nothing: it rounds up as often as the number lies near the upper neighbour (arXiv 2010.06192), so
that small updates are lost or enlarged singly but not on average.

Legend: N elements.
"""

from __future__ import annotations

import torch
from torch import Tensor

_HALF = 1 << 15


def split(value_N: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest bfloat16 of fp32 numbers, and the rest, int16."""
    bits_N = value_N.view(torch.int32)
    upper_N = (bits_N + _HALF) >> 16
    rest_N = bits_N - (upper_N << 16)
    return upper_N.to(torch.int16).view(torch.bfloat16), rest_N.to(torch.int16)


def joined(rounded_N: Tensor, rest_N: Tensor) -> Tensor:
    """The fp32 numbers that were split."""
    upper_N = rounded_N.view(torch.int16).to(torch.int32)
    return ((upper_N << 16) + rest_N.to(torch.int32)).view(torch.float32)


def stochastic(value_N: Tensor, generator: torch.Generator) -> Tensor:
    """One of the two bfloat16 neighbours, each as likely as it is near."""
    drawn_N = torch.randint(0, 1 << 16, value_N.shape, dtype=torch.int32, device=value_N.device, generator=generator)
    upper_N = (value_N.view(torch.int32) + drawn_N) >> 16
    return upper_N.to(torch.int16).view(torch.bfloat16)
