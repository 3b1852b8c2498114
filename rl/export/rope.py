"""Rotary position embedding: transformers' settings as GGUF's keys, and Llama 3's factors as a tensor.

In: a configuration. Out: what is to be written. llama.cpp knows linear scaling and YaRN by parameters; Llama 3's
scaling it takes as one divisor per pair of dimensions, which transformers' own function gives (base frequency by
scaled frequency). Scalings that change with the length of the text (dynamic, longrope) are refused.

Legend: F frequencies, half a head's dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mathpipe.core.errors import InputError
from rl.export.architectures import head_size

_KNOWN = ("default", "linear", "yarn", "llama3")
_YARN_DEFAULTS = {"beta_fast": 32.0, "beta_slow": 1.0}


@dataclass(frozen=True, slots=True)
class Rope:
    """What llama.cpp is told; `window_base` is for layers with a window, `factors_F` divides each frequency."""

    base: float
    kind: str = "default"
    factor: float = 1.0
    original_context: int | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    window_base: float | None = None
    factors_F: Tensor | None = None


def rope_of(config: Any) -> Rope:
    """The configuration's rotary embedding, refused where llama.cpp has no like of it."""
    given = config.rope_parameters
    everywhere = given.get("full_attention", given)
    windowed = given.get("sliding_attention")
    if windowed and windowed.get("rope_type", "default") != "default":
        raise _refused(config, "no scaling in layers with a window")
    kind = str(everywhere.get("rope_type", "default"))
    if kind not in _KNOWN:
        raise _refused(config, f"rope_type {', '.join(_KNOWN)}, not {kind}")
    if float(everywhere.get("partial_rotary_factor", 1.0)) != 1.0:
        raise _refused(config, "partial_rotary_factor 1: whole heads that turn")
    found = Rope(
        base=float(everywhere["rope_theta"]),
        kind=kind,
        factor=float(everywhere.get("factor") or 1.0),
        window_base=float(windowed["rope_theta"]) if windowed else None,
    )
    if kind == "yarn":
        return _yarn(config, everywhere, found)
    return found if kind != "llama3" else Rope(found.base, kind, factors_F=_llama3_factors(config, found.base))


def _yarn(config: Any, given: dict[str, Any], found: Rope) -> Rope:
    usual = 0.1 * math.log(found.factor) + 1.0 if found.factor > 1 else 1.0
    attention = given.get("attention_factor")
    if any(given.get(name) for name in ("mscale", "mscale_all_dim")) or given.get("truncate") is False:
        raise _refused(config, "YaRN without mscale and with truncate")
    if attention is not None and abs(attention - usual) > 1e-6:
        raise _refused(config, f"attention_factor {usual:.6f}, YaRN's own for this factor")
    original = given.get("original_max_position_embeddings") or config.max_position_embeddings
    betas = {name: float(given.get(name) or value) for name, value in _YARN_DEFAULTS.items()}
    return Rope(found.base, "yarn", found.factor, int(original), betas["beta_fast"], betas["beta_slow"])


def _llama3_factors(config: Any, base: float) -> Tensor:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled_F, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    size = head_size(config)
    plain_F = 1.0 / base ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    factors_F: Tensor = plain_F / scaled_F
    return factors_F


def _refused(config: Any, expected: str) -> InputError:
    return InputError(f"{config.model_type}: rope_parameters", expected, "llama.cpp has no like of it")
