"""A model's weights in another dtype for the length of a block, and the short names of dtypes.

Parameters and the buffers that a checkpoint holds are cast, as `from_pretrained(dtype=...)` does. Buffers that are
made at construction are not: `model.to(torch.bfloat16)` would round RoPE's inverse frequencies, and the harness would
find its own fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rl.parity.errors import ParityError

DTYPES = {"fp64": torch.float64, "fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def dtype_name(dtype: torch.dtype) -> str:
    """`bf16` for `torch.bfloat16`, and so on."""
    return next((name for name, value in DTYPES.items() if value is dtype), str(dtype))


def dtype_named(name: str) -> torch.dtype:
    """`torch.bfloat16` for `bf16`; raises `ParityError` for a name that is none of fp64, fp32, bf16, fp16."""
    if name not in DTYPES:
        raise ParityError(f"dtype {name!r}", f"one of {', '.join(DTYPES)}", "for example --dtype fp32,bf16")
    return DTYPES[name]


def rounding(dtype: torch.dtype) -> float:
    """Largest relative error of one rounding to nearest: half the spacing of numbers above 1."""
    return float(torch.finfo(dtype).eps) / 2


@contextmanager
def weights_in(model: nn.Module, dtype: torch.dtype) -> Iterator[nn.Module]:
    """The same model with weights in `dtype`; afterwards its own tensors are back, bit for bit."""
    saved: list[tuple[Tensor, Tensor]] = []
    try:
        for tensor in _stored(model):
            if tensor.is_floating_point() and tensor.dtype is not dtype:
                saved.append((tensor, tensor.data))
                tensor.data = tensor.data.to(dtype)
        yield model
    finally:
        for tensor, data in saved:
            tensor.data = data


def _stored(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                yield buffer
