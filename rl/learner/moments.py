"""Adam's two moments of one parameter, as fp32 numbers or in 8 bits each, read and written a piece at a time.

In 8 bits (the idea is arXiv 2110.02861's, the code is simpler): blocks of 256 elements share an fp32 scale, their
largest magnitude; an element is a root of its share of the scale, in equal steps:

    first moment   m = scale * sign(c) (c / 127)^2     c int8
    second moment  v = scale * (c / 255)^4             c uint8, at least 1

The powers give small elements finer steps. Equal steps would make 0 of every second moment whose root is below 1/510
of its block's largest, and Adam divides by it. 2 + 8/256 bytes a parameter, where fp32 takes 8.

A second moment changes by a thousandth a step, less than a step of its code: rounding to the nearest would leave it
where it is for ever. It is therefore rounded up as often as it lies near the upper code; the draws come from a
generator that the caller seeds by the step, so that a resumed run draws the same. First moments change enough to be
rounded to the nearest.

Legend: N elements of a piece, B blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256


@dataclass(frozen=True, slots=True)
class Moments:
    """Both moments of a piece, fp32."""

    first_N: Tensor
    second_N: Tensor


class MomentStore(Protocol):
    """How the moments of all elements are kept: `tensors` by name, empty at first."""

    @staticmethod
    def new(parameter: Tensor) -> dict[str, Tensor]:
        """Moments of zero for a parameter."""

    @staticmethod
    def read(tensors: dict[str, Tensor], piece: slice) -> Moments:
        """Those of a piece; its start is a multiple of `BLOCK`."""

    @staticmethod
    def write(tensors: dict[str, Tensor], piece: slice, moments: Moments, generator: torch.Generator) -> None:
        """Keep those of a piece; what was read may be overwritten."""


class FullMoments:
    """As fp32 numbers."""

    @staticmethod
    def new(parameter: Tensor) -> dict[str, Tensor]:
        """Zeros."""
        size = parameter.numel()
        return {name: torch.zeros(size, device=parameter.device) for name in ("first", "second")}

    @staticmethod
    def read(tensors: dict[str, Tensor], piece: slice) -> Moments:
        """Views: what is done to them is done to the store."""
        return Moments(tensors["first"][piece], tensors["second"][piece])

    @staticmethod
    def write(tensors: dict[str, Tensor], piece: slice, moments: Moments, generator: torch.Generator) -> None:
        """Nothing is left to do."""


class EightBitMoments:
    """As codes of 8 bits and a scale for each block."""

    @staticmethod
    def new(parameter: Tensor) -> dict[str, Tensor]:
        """Zeros: every scale is 0."""
        blocks, device = -(-parameter.numel() // BLOCK), parameter.device
        return {
            "first": torch.zeros((blocks, BLOCK), dtype=torch.int8, device=device),
            "second": torch.zeros((blocks, BLOCK), dtype=torch.uint8, device=device),
            "first_scale": torch.zeros(blocks, device=device),
            "second_scale": torch.zeros(blocks, device=device),
        }

    @staticmethod
    def read(tensors: dict[str, Tensor], piece: slice) -> Moments:
        """Decode."""
        size, blocks = piece.stop - piece.start, _blocks(piece)
        first = tensors["first"][blocks].float().div_(127)
        first.mul_(first.abs()).mul_(tensors["first_scale"][blocks, None])
        second = tensors["second"][blocks].float().div_(255).square_().square_()
        second.mul_(tensors["second_scale"][blocks, None])
        return Moments(first.view(-1)[:size], second.view(-1)[:size])

    @staticmethod
    def write(tensors: dict[str, Tensor], piece: slice, moments: Moments, generator: torch.Generator) -> None:
        """Encode."""
        blocks = _blocks(piece)
        share, tensors["first_scale"][blocks] = _shares(moments.first_N)
        root = share.abs().sqrt_().mul_(127).copysign_(share)
        tensors["first"][blocks] = root.round_()
        share, tensors["second_scale"][blocks] = _shares(moments.second_N)
        root = share.sqrt_().sqrt_().mul_(255)
        drawn = torch.rand(root.shape, device=root.device, generator=generator)
        tensors["second"][blocks] = root.add_(drawn).floor_().clamp_(1, 255)


def _blocks(piece: slice) -> slice:
    return slice(piece.start // BLOCK, -(-piece.stop // BLOCK))


def _shares(value_N: Tensor) -> tuple[Tensor, Tensor]:
    """Elements as shares of their block's largest magnitude, and that; a block of zeros has shares of zero."""
    value = pad(value_N, (0, -value_N.numel() % BLOCK)).view(-1, BLOCK)
    scale_B = value.abs().amax(1)
    return value / scale_B[:, None].clamp(min=torch.finfo(torch.float32).tiny), scale_B
