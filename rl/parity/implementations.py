"""The two things that are compared, opened one at a time.

An implementation is a name and a way to open it: a model that is at hand, a factory that loads one when its turn
comes and lets go of it after, or a model that is patched for as long as it is open. `OneAtATime` closes one before
it opens the other, so that two models loaded by factories are never in memory together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import nn


class Patched(Protocol):
    """What a patch function returns: the patch can be taken back. Being a context manager is not needed."""

    def undo(self) -> Any:
        """Put the model's own code back."""


# A function that changes a model's code in place but not its weights, such as `rl.kernels.patch`.
Patch = Callable[..., Patched]


@dataclass(frozen=True)
class Implementation:
    """A named way to have a model; `open` is entered for each use."""

    name: str
    open: Callable[[], AbstractContextManager[nn.Module]]


Side = nn.Module | Callable[[], nn.Module] | Implementation


class Pair(NamedTuple):
    """Left is the plain model, the one that differences are measured against; right is the patched one."""

    left: Implementation
    right: Implementation


def implementation(side: Side, name: str) -> Implementation:
    """A model or a factory as an implementation."""
    if isinstance(side, Implementation):
        return side
    if isinstance(side, nn.Module):
        model = side
        return Implementation(name, lambda: nullcontext(model))
    load = side
    return Implementation(name, lambda: _loaded(load))


def patched_and_plain(model: nn.Module | Callable[[], nn.Module], patch_function: Patch, **switches: Any) -> Pair:
    """The same weights without and with a patch: `compare_layers(*patched_and_plain(model, patch), input_ids_BT)`.

    The patch is on only while the right side runs, and is undone even when that fails.
    """
    plain = implementation(model, "plain")

    @contextmanager
    def patched() -> Iterator[nn.Module]:
        with plain.open() as opened:
            patch = patch_function(opened, **switches)
            try:
                yield opened
            finally:
                patch.undo()

    return Pair(plain, Implementation("patched", patched))


class OneAtATime:
    """Holds at most one open implementation."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: tuple[Implementation, nn.Module] | None = None

    def model(self, wanted: Implementation) -> nn.Module:
        """The model of `wanted`, after the other one was closed."""
        if self._open is None or self._open[0] is not wanted:
            self._open = None
            self._stack.close()
            self._open = (wanted, self._stack.enter_context(wanted.open()))
        return self._open[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = None
        self._stack.close()


@contextmanager
def _loaded(load: Callable[[], nn.Module]) -> Iterator[nn.Module]:
    model = load()
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    yield model
    del model
    if device.type == "cuda":
        torch.cuda.empty_cache()
