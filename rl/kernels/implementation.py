"""Which of a kernel's implementations runs: `reference`, `chunked` or `triton`.

Every kernel of this folder has up to three, with one signature: `reference` is plain PyTorch in fp32 (fp64 for fp64
inputs) and the specification; `chunked` is PyTorch that never holds a whole temporary, the default on a CPU; `triton`
is the default on a GPU, and runs on a CPU in Triton's interpreter when `TRITON_INTERPRET=1` stands in the environment
before `triton` is imported (slow: for tests).

`auto` follows the device of the tensors. `MATHPIPE_KERNELS=chunked` (or another name) in the environment overrides
`auto` everywhere, to find out whether a kernel is at fault without touching a program.
"""

import os
from enum import StrEnum
from functools import cache
from importlib.util import find_spec

import torch

ENVIRONMENT = "MATHPIPE_KERNELS"


class Impl(StrEnum):
    """An implementation of a kernel; `auto` is one of the others, by device."""

    AUTO = "auto"
    REFERENCE = "reference"
    CHUNKED = "chunked"
    TRITON = "triton"


def choose_implementation(impl: str, tensor: torch.Tensor) -> Impl:
    """The implementation that runs for `tensor`, never `AUTO`.

    Raises:
        ValueError: `impl` is not one of the names above, or Triton is asked for where it cannot run.
    """
    try:
        wanted = Impl(impl)
    except ValueError:
        names = ", ".join(repr(str(name)) for name in Impl)
        raise ValueError(f"impl={impl!r} is not an implementation: take one of {names}") from None
    if wanted is Impl.AUTO:
        wanted = _override()
    if wanted is Impl.AUTO:
        return Impl.TRITON if tensor.is_cuda and triton_is_installed() else Impl.CHUNKED
    if wanted is Impl.TRITON and not triton_runs_on(tensor.device):
        raise ValueError(
            f"impl='triton' needs a GPU, and the tensors are on {tensor.device}: use impl='auto' or 'chunked', "
            "or set TRITON_INTERPRET=1 before Python starts to run the kernels in Triton's interpreter"
        )
    return wanted


@cache
def triton_is_installed() -> bool:
    """Whether the package can be found (it has no builds for macOS and Windows)."""
    return find_spec("triton") is not None


def triton_runs_on(device: torch.device) -> bool:
    """Whether Triton's kernels can be started for tensors of `device`: a GPU, or any device in the interpreter."""
    return triton_is_installed() and (device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1")


def _override() -> Impl:
    name = os.environ.get(ENVIRONMENT, str(Impl.AUTO))
    try:
        return Impl(name)
    except ValueError:
        names = ", ".join(str(name) for name in Impl)
        raise ValueError(f"{ENVIRONMENT}={name!r} in the environment: take one of {names}") from None
