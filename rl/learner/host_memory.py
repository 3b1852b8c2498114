"""Optimizer state in the host's memory while a sampler has the device.

In: optimizers. Their tensors stay the same objects; what they hold lies elsewhere between `rest` and `wake`, and
comes back bit for bit. On a CPU both are copies within its memory: the same path, and nothing is won.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from rl.learner.optimizer import Optimizer


class HostMemory:
    """Holds what was moved, and where it belongs."""

    def __init__(self) -> None:
        self._moved: list[tuple[Tensor, torch.device]] = []

    def rest(self, optimizers: Iterable[Optimizer]) -> None:
        """Move the state of all of them; what rests already stays where it is."""
        if self._moved:
            return
        for tensor in (tensor for optimizer in optimizers for tensor in state_tensors(optimizer)):
            self._moved.append((tensor, tensor.device))
            tensor.data = tensor.data.to("cpu", copy=True)

    def wake(self) -> None:
        """Bring it back to where it was."""
        for tensor, device in self._moved:
            tensor.data = tensor.data.to(device, copy=True)
        self._moved.clear()


def state_tensors(optimizer: Optimizer) -> list[Tensor]:
    """Every tensor of an optimizer's state; none before its first step."""
    return [value for row in optimizer.state.values() for value in row.values() if isinstance(value, Tensor)]
