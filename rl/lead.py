"""Several processes that learn together (started by torchrun): the first one samples, judges and writes.

Every rank runs the same loop and calls the learner with the same sequences. What only the first does (`shared`) is
sent to the others, an error as well: all of them stop where one does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import distributed

T = TypeVar("T")


class Lead:
    """This process among the ranks; one alone leads itself."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world

    @classmethod
    def here(cls) -> Lead:
        """As torchrun says (RANK, WORLD_SIZE): joins the others, each on the GPU of its LOCAL_RANK."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not distributed.is_initialized():
            # gloo for what stays on the host: objects, and CPU tensors of a sharded load.
            distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
        return cls(distributed.get_rank(), world)

    @property
    def leads(self) -> bool:
        """Whether this rank samples, judges and writes."""
        return self.rank == 0

    def shared(self, make: Callable[[], T]) -> T:
        """What `make` gives on the first rank, on all of them. Its exception is raised on all of them, too."""
        if self.world == 1:
            return make()
        outcome: list[Any] = [None, None]
        if self.leads:
            try:
                outcome[0] = make()
            except Exception as error:  # noqa: BLE001 - sent to the others, then raised here as well
                outcome[1] = error
        distributed.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise outcome[1]
        value: T = outcome[0]
        return value

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world > 1:
            distributed.barrier()

    def leave(self) -> None:
        """End the group of processes."""
        if self.world > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
