"""The model families that GGUF export knows: what llama.cpp computes for each, and what it cannot.

In: a transformers configuration. Out: a `Family`, or an error that says what stands in the way. llama.cpp has one
fixed graph per architecture, so that a setting which it does not read must have the value that the graph assumes:
each such value is checked here, against llama.cpp's `src/models/*.cpp`. Where a window for attention is not in its
graph, the context is cut to the window, within which both compute the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mathpipe.core.errors import InputError

_SILU, _GELU = ("silu", "swish"), ("gelu_pytorch_tanh",)
_LLAMA_BIASES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Family:
    """One of transformers' model types as llama.cpp knows it.

    `interleaved_rope`: llama.cpp turns neighbouring dimensions of a head where transformers turns its two halves.
    `norm_offset`: what transformers adds to a norm's weight when it runs, and llama.cpp expects in the file.
    `window_period`: every so many layers one sees everything, the others a window; 0 where the graph has no window.
    """

    architecture: str
    activations: tuple[str, ...]
    interleaved_rope: bool = False
    norm_offset: float = 0.0
    window_period: int = 0
    biases: tuple[str, ...] = ()
    head_apart: bool = True  # a head that is not the embedding
    head_dim_free: bool = True  # heads times their size need not be the width


FAMILIES = {
    "llama": Family("llama", _SILU, interleaved_rope=True, biases=_LLAMA_BIASES),
    "mistral": Family("llama", _SILU, interleaved_rope=True),
    "qwen2": Family("qwen2", _SILU, biases=("q_proj", "k_proj", "v_proj"), head_dim_free=False),
    "qwen3": Family("qwen3", _SILU),
    "gemma": Family("gemma", _GELU, norm_offset=1.0, head_apart=False),
    "gemma2": Family("gemma2", _GELU, norm_offset=1.0, window_period=2, head_apart=False),
    "gemma3_text": Family("gemma3", _GELU, norm_offset=1.0, window_period=6),
}
_27B = {"gemma2": 46, "gemma3": 62}  # layers: llama.cpp tells the 27B models by them, which scale attention otherwise


def family_of(config: Any) -> Family:
    """The family of a configuration whose every setting llama.cpp can follow."""
    family = FAMILIES.get(config.model_type)
    if family is None or getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"architecture {config.model_type!r} as GGUF",
            f"one of {', '.join(FAMILIES)}",
            "use --as merged and llama.cpp's own converter",
        )
    for who, expected, holds in _CHECKS:
        if not holds(config, family):
            raise InputError(f"{config.model_type}: {who}", expected, "llama.cpp's graph knows no other")
    return family


def head_size(config: Any) -> int:
    """Dimensions of one head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def context_length(config: Any, family: Family) -> tuple[int, str | None]:
    """Tokens that fit, and a note where a window that llama.cpp does not know has cut them."""
    longest = int(config.max_position_embeddings)
    layers = getattr(config, "layer_types", None) or []
    window = getattr(config, "sliding_window", None)
    windowed = "sliding_attention" in layers if layers else bool(window)
    if family.window_period or not windowed or not window or window >= longest:
        return longest, None
    return int(window), (
        f"llama.cpp has no attention window for {config.model_type}: the context is cut from {longest} to "
        f"{window} tokens, within which both compute the same"
    )


def _activation(config: Any, family: Family) -> bool:
    name = getattr(config, "hidden_activation", None) or config.hidden_act
    return name in family.activations


def _tied(config: Any, family: Family) -> bool:
    return family.head_apart or bool(config.tie_word_embeddings)


def _heads(config: Any, family: Family) -> bool:
    return family.head_dim_free or head_size(config) * config.num_attention_heads == config.hidden_size


def _window_pattern(config: Any, family: Family) -> bool:
    if not family.window_period:
        return True
    wanted = [
        "full_attention" if (layer + 1) % family.window_period == 0 else "sliding_attention"
        for layer in range(config.num_hidden_layers)
    ]
    return list(config.layer_types) == wanted


def _attention_scale(config: Any, family: Family) -> bool:
    scalar = getattr(config, "query_pre_attn_scalar", None)
    if scalar is None:
        return True
    large = _27B.get(family.architecture) == config.num_hidden_layers
    size = config.hidden_size // config.num_attention_heads if large else head_size(config)
    return bool(abs(scalar - size) < 1e-6 * size)


def _soft_caps(config: Any, family: Family) -> bool:
    caps = [getattr(config, name, None) for name in ("attn_logit_softcapping", "final_logit_softcapping")]
    if family.architecture == "gemma2":
        return all(caps)
    return caps[0] is None and (caps[1] is None or family.architecture == "gemma3")


def _one_way(config: Any, _: Family) -> bool:
    return not getattr(config, "use_bidirectional_attention", False)


def _biases(config: Any, family: Family) -> bool:
    wanted = (("attention_bias", "o_proj"), ("mlp_bias", "up_proj"))
    return all(not getattr(config, name, False) or layer in family.biases for name, layer in wanted)


_CHECKS: tuple[tuple[str, str, Callable[[Any, Family], bool]], ...] = (
    ("activation", "the family's own (SiLU; for Gemma tanh GELU)", _activation),
    ("head", "the embedding as head (tie_word_embeddings)", _tied),
    ("head_dim", "hidden_size divided by num_attention_heads", _heads),
    ("layer_types", "full attention in every second layer (Gemma 2) or sixth (Gemma 3)", _window_pattern),
    ("query_pre_attn_scalar", "the size of a head (of the 27B models: width by heads)", _attention_scale),
    ("soft caps", "both for Gemma 2, none on attention for the rest", _soft_caps),
    ("attention", "attention to what came before only", _one_way),
    ("biases", "no attention_bias and mlp_bias, which only Llama has", _biases),
)
