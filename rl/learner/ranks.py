"""One process or several: who reads which sequences, and how weights are spread (FSDP2).

Every rank calls the learner with the whole batch and gets the whole answer; each reads its share. A collective needs
all ranks, so all have the same number of micro-batches: one that has fewer gets empty ones (`plan`). Gradients are
summed, not averaged: the weights of tokens hold the normaliser of the whole step already. What is called sharded here
is a DTensor; `local` is what this process holds of it, `whole` is all of it, gathered.

Method: `torch.distributed.fsdp.fully_shard` on each layer, and on the policy as the root (embeddings, norm, head).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mathpipe.core.errors import InputError
from rl.packing import micro_batches, shares

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that learn together."""

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls, *, sharded: bool) -> Ranks:
        """As torch.distributed was set up by whoever started the processes; one where it was not."""
        distributed = torch.distributed
        if not sharded or not distributed.is_available() or not distributed.is_initialized():
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    def plan(self, lengths: Sequence[int], budget_tokens: int) -> list[list[int]]:
        """This rank's micro-batches, as places; empty ones at the end where another rank has more."""
        cuts = []
        for places in shares(lengths, self.world):
            packed = micro_batches([lengths[place] for place in places], budget_tokens)
            cuts.append([[places[number] for number in numbers] for numbers in packed])
        mine = cuts[self.rank]
        return mine + [[] for _ in range(max(map(len, cuts)) - len(mine))]

    def gathered(self, values: T) -> list[T]:
        """What each rank has, in their order."""
        if self.world == 1:
            return [values]
        found: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(found, values)
        return found

    def summed(self, values: Tensor) -> Tensor:
        """Over all ranks, in place."""
        if self.world > 1:
            torch.distributed.all_reduce(values)
        return values

    def largest(self, values: Tensor) -> Tensor:
        """Over all ranks, in place."""
        if self.world > 1:
            torch.distributed.all_reduce(values, torch.distributed.ReduceOp.MAX)
        return values


def shard(policy: nn.Module, model: Any, dtype: torch.dtype, device: str, ranks: Ranks) -> None:
    """Spread a policy (a module that holds `model`) over all ranks; computes in `dtype`, adds gradients in fp32."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

    names = set(getattr(model, "_no_split_modules", None) or ())
    layers = [module for module in model.modules() if type(module).__name__ in names]
    if not layers:
        raise InputError(f"model type {model.config.model_type}", "to name its layers", "use sharded: false")
    mesh = init_device_mesh(device, (ranks.world,))
    precision = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for layer in layers:
        fully_shard(layer, mesh=mesh, mp_policy=precision)
    # The root stays whole from its forward to its backward: the head is used at the end of one and at the start of
    # the other.
    fully_shard(policy, mesh=mesh, mp_policy=precision, reshard_after_forward=False)
    for module in policy.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo has no reduction with a factor
            module.unshard()  # settles the memory that shards lie in before an optimizer looks at them
            module.reshard()


def reshard(policy: nn.Module) -> None:
    """Give back what a forward without a backward left whole: the next forward must not read old weights."""
    release = getattr(policy, "reshard", None)
    if release is not None:
        release()


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor: all of it, or its shard (the same memory)."""
    shard_of = getattr(tensor, "to_local", None)
    return tensor if shard_of is None else shard_of()


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor; where it is sharded every rank must ask."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor.detach() if gather is None else gather().detach()
