"""The policy that a KL term or DPO compares with: a second model, frozen, or the one model with older adapters.

With adapters a renewed reference is the base with the adapters of that moment, kept beside: nothing is merged, so
nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import Tensor

from rl.learner.lora import Adapters
from rl.learner.model import PackedPolicy
from rl.learner.ranks import local


class Reference(Protocol):
    """A policy that does not learn."""

    def active(self) -> AbstractContextManager[PackedPolicy]:
        """The policy to score with, within the block."""

    def renew(self) -> None:
        """It becomes the policy that is trained, as that is now."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint needs of it."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from it."""


class FrozenModel:
    """A second model."""

    def __init__(self, frozen: PackedPolicy, trained: PackedPolicy) -> None:
        self._frozen, self._trained = frozen, trained

    @contextmanager
    def active(self) -> Iterator[PackedPolicy]:
        """The second model."""
        yield self._frozen

    def renew(self) -> None:
        """Copy the weights."""
        self.load_state(dict(self._trained.named_parameters()))

    def state(self) -> dict[str, Tensor]:
        """Its weights, as this process holds them."""
        return {name: local(item).detach() for name, item in self._frozen.named_parameters()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take weights."""
        for name, parameter in self._frozen.named_parameters():
            local(parameter).copy_(local(state[name]))


class OlderAdapters:
    """The trained model with older adapters in place of its own; the first, whose B is 0, are the base exactly.

    (peft's way to set adapters aside also says that they need no gradient, which FSDP2 would remember.)
    """

    def __init__(self, policy: PackedPolicy, adapters: Adapters) -> None:
        self._policy, self._adapters = policy, adapters
        self._older: dict[str, Tensor] = {}
        self.renew()

    @contextmanager
    def active(self) -> Iterator[PackedPolicy]:
        """The trained model, changed within the block."""
        self._exchange()
        try:
            yield self._policy
        finally:
            self._exchange()

    def renew(self) -> None:
        """Keep the adapters of now."""
        self._older = {name: local(item).detach().clone() for name, item in self._adapters.parameters().items()}

    def state(self) -> dict[str, Tensor]:
        """The older adapters."""
        return dict(self._older)

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take others."""
        held = {name: local(item) for name, item in self._adapters.parameters().items()}
        self._older = {name: item.to(held[name].device, copy=True) for name, item in state.items()}

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, parameter in self._adapters.parameters().items():
            mine, older = local(parameter), self._older[name]
            kept = mine.clone()
            mine.copy_(older)
            older.copy_(kept)
