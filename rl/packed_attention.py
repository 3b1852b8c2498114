"""Attention over sequences packed into one row, each with itself alone: no padding, no T x T mask.

transformers' models look their attention up by name. `use_packed_attention(model)` sets ours: on a CUDA device
torch's variable-length flash attention, elsewhere `scaled_dot_product_attention` once for each sequence. Where the
sequences start comes as the keyword `packed_starts` through the model's call. Cost: the sum of the squares of the
lengths, not the square of the sum.

Legend: T tokens, H query heads, G key-value heads, D head dimension; transformers' layout is (1, H, T, D).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from rl.packing import Packed

NAME = "mathpipe_packed"


@dataclass(frozen=True, slots=True)
class Starts:
    """Cumulative lengths on the device (int32, for flash attention) and as numbers (for slicing)."""

    starts_S1: Tensor
    ends: tuple[int, ...]
    longest: int


def starts_of(packed: Packed) -> Starts:
    """Where the sequences of a micro-batch start; nothing is fetched from the device."""
    return Starts(packed.starts_S1, packed.ends, packed.longest)


def use_packed_attention(model: Any) -> None:
    """Make a model attend within packed sequences. Raises ValueError for one whose attention has a logit cap."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    if getattr(model.config, "attn_logit_softcapping", None):
        raise ValueError(f"{model.config.model_type} caps its attention logits: packed attention does not")
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, _no_mask)
    model.set_attn_implementation(NAME)


def packed_attention(
    _module: Any,
    query_1HTD: Tensor,
    key_1GTD: Tensor,
    value_1GTD: Tensor,
    _mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    packed_starts: Starts | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The attention function in transformers' signature; the result is (1, T, H, D)."""
    if packed_starts is None:
        raise ValueError("packed attention needs packed_starts=: call the model through rl.learner")
    if dropout:
        raise ValueError(f"dropout {dropout} in attention: set the model to eval, or its attention_dropout to 0")
    if query_1HTD.is_cuda and query_1HTD.dtype in (torch.bfloat16, torch.float16):
        return _flash(query_1HTD, key_1GTD, value_1GTD, packed_starts, scaling, sliding_window), None
    return _one_by_one(query_1HTD, key_1GTD, value_1GTD, packed_starts, scaling, sliding_window), None


def _flash(
    query_1HTD: Tensor,
    key_1GTD: Tensor,
    value_1GTD: Tensor,
    starts: Starts,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    query_THD, key_TGD, value_TGD = (item[0].transpose(0, 1) for item in (query_1HTD, key_1GTD, value_1GTD))
    left = -1 if window is None else window - 1
    out_THD: Any = varlen_attn(
        query_THD,
        key_TGD,
        value_TGD,
        starts.starts_S1,
        starts.starts_S1,
        starts.longest,
        starts.longest,
        scale=scaling,
        window_size=(left, 0),
        enable_gqa=query_THD.shape[1] != key_TGD.shape[1],
    )
    result_1THD: Tensor = out_THD[None]
    return result_1THD


def _one_by_one(
    query_1HTD: Tensor,
    key_1GTD: Tensor,
    value_1GTD: Tensor,
    starts: Starts,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    lengths = [end - begin for begin, end in itertools.pairwise((0, *starts.ends))]
    grouped = query_1HTD.shape[1] != key_1GTD.shape[1]
    parts = []
    # Split in one go: the gradient of a slice is as long as the whole row, once for each sequence.
    for query, key, value in zip(
        *(torch.split_with_sizes(item, lengths, 2) for item in (query_1HTD, key_1GTD, value_1GTD)), strict=True
    ):
        length = query.shape[2]
        mask = None if window is None or length <= window else _band(length, window, query.device)
        parts.append(
            scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped
            )
        )
    return torch.cat(parts, dim=2).transpose(1, 2)


def _band(length: int, window: int, device: torch.device) -> Tensor:
    place = torch.arange(length, device=device)
    distance = place[:, None] - place[None, :]
    return (distance >= 0) & (distance < window)


def _no_mask(*_: Any, **__: Any) -> None:
    """Which tokens see which is told by `packed_starts` alone."""
