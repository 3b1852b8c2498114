"""Several processes that learn together (started by torchrun): the first one judges and writes, all learn.

Every rank runs the same loop and calls the learner with the same sequences. What only the first does (`shared`) is
sent to the others, an error as well: all of them stop where one does. Within it the first rank may ask all of them
for something (`everywhere`): each samples a part of a job on its own device, say.

A rank that dies takes the others along: they find the connection closed, or torchrun ends them. Both are said in one
line (`together`).
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
from torch import distributed

from mathpipe.core.errors import StageError

T = TypeVar("T")
Outcome = tuple[Any, Exception | None]
# Ranks wait while the first one judges: for as long as the longest step takes. A rank that died is noticed at once.
_PATIENCE = timedelta(hours=12)
_OF_A_CONNECTION = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
_GO_ON = "see the first error above; start the same command again: it goes on from the newest checkpoint"


class Lead:
    """This process among the ranks; one alone leads itself."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world
        self._answers: dict[str, Callable[[Any], Any]] = {}
        self._sharing = self._lost = False

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
        _patient()
        rank = distributed.get_rank()
        _on_terminate(lambda *_: _ended(rank, world))
        return cls(rank, world)

    @property
    def leads(self) -> bool:
        """Whether this rank judges and writes."""
        return self.rank == 0

    def shared(self, make: Callable[[], T]) -> T:
        """What `make` gives on the first rank, on all of them. Its exception is raised on all of them, too."""
        if self.world == 1:
            return make()
        if self.leads:
            self._sharing = True
            value, error = _outcome(make)
            self._sharing = False
            _sent(("made", value, error))
        else:
            value, error = self._listen()
        if error is not None:
            raise error
        found: T = value
        return found

    def answer(self, name: str, function: Callable[[Any], Any]) -> None:
        """What this rank does when the first asks for `name`."""
        self._answers[name] = function

    def everywhere(self, name: str, argument: Any) -> list[Any]:
        """The answers of all ranks in their order; the first rank asks, within `shared`, where the others listen."""
        if self.world > 1:
            if not self._sharing:
                raise StageError(f"everywhere({name!r})", "a call within shared", "report this fault")
            _sent(("asked", name, argument))
        answers = self._answered(name, argument)
        for _, error in answers:
            if error is not None:
                raise error
        return [value for value, _ in answers]

    def gathered(self, value: T) -> list[T]:
        """What each rank has, in their order, on all of them."""
        if self.world == 1:
            return [value]
        found: list[Any] = [None] * self.world
        distributed.all_gather_object(found, value, group=_patient())
        return found

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world > 1:
            distributed.barrier(group=_patient())

    @contextmanager
    def together(self) -> Iterator[None]:
        """Says in one line that another rank is gone, whatever this one was waiting for."""
        try:
            yield
        except RuntimeError as error:
            if self.world == 1 or not any(word in str(error).lower() for word in _OF_A_CONNECTION):
                raise
            self._lost = True
            _on_terminate(signal.SIG_IGN)  # it is ending already
            reason = re.sub(r"^\[\S*\] ", "", str(error).strip().splitlines()[0]).split(". ")[0][:160]
            raise StageError(
                f"rank {self.rank} of {self.world}", f"every other rank alive ({reason})", _GO_ON
            ) from None

    def leave(self) -> None:
        """End the group of processes; one that lost a rank cannot be ended in order."""
        if self.world > 1 and distributed.is_initialized() and not self._lost:
            distributed.destroy_process_group()
            _patient.cache_clear()

    def _listen(self) -> Outcome:
        """Answer the first rank until it has made what is shared."""
        while True:
            kind, *rest = _sent(None)
            if kind == "made":
                value, error = rest
                return value, error
            self._answered(*rest)

    def _answered(self, name: str, argument: Any) -> list[Outcome]:
        """Every rank's answer, on the first."""
        mine = _outcome(lambda: self._answers[name](argument))
        if self.world == 1:
            return [mine]
        found: list[Any] = [None] * self.world
        distributed.gather_object(mine, found if self.leads else None, dst=0, group=_patient())
        return found


@cache
def _patient() -> Any:
    """All ranks, with time to wait."""
    return distributed.new_group(backend="gloo", timeout=_PATIENCE)


def _outcome(make: Callable[[], Any]) -> Outcome:
    try:
        return make(), None
    except Exception as error:  # noqa: BLE001 - sent to another rank, and raised there
        return None, error


def _sent(message: Any) -> Any:
    """The first rank's message, on all of them."""
    box = [message]
    distributed.broadcast_object_list(box, src=0, group=_patient())
    return box[0]


def _on_terminate(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _ended(rank: int, world: int) -> None:
    # No error of ours: whoever catches those would go on.
    raise SystemExit(
        f"mathpipe: rank {rank} of {world} was told to end, as happens where another rank died; {_GO_ON}"
    )
