"""Which tensors a GGUF file has, under which names, and how each is changed on its way.

In: a model's tensors by transformers' names. Out: `Entry`s in the order of the file, and arrays in GGUF's types.
Names come from the `gguf` package's map. Llama's query and key rows are put in llama.cpp's order: it turns dimensions
2i and 2i+1 of a head together, transformers i and i + half. Norms and biases stay in fp32, as llama.cpp expects.

Legend: R rows of a query or key projection, _ what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np
from torch import Tensor

from mathpipe.core.errors import InputError
from rl.export.architectures import Family
from rl.export.rope import Rope
from rl.export.weights import StoredWeights

QUANTISED = {
    "fp32": gguf.GGMLQuantizationType.F32,
    "fp16": gguf.GGMLQuantizationType.F16,
    "bf16": gguf.GGMLQuantizationType.BF16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {
    "fp32": gguf.LlamaFileType.ALL_F32,
    "fp16": gguf.LlamaFileType.MOSTLY_F16,
    "bf16": gguf.LlamaFileType.MOSTLY_BF16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
_HEAD = "lm_head.weight"
_BLOCK = re.compile(r"model\.layers\.(\d+)\.")
_ROPE_FACTORS = "rope_freqs.weight"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of the file; `heads` > 0 where its rows are put in llama.cpp's order, head by head."""

    name: str
    source: str
    shape: tuple[int, ...]
    kind: gguf.GGMLQuantizationType
    heads: int = 0
    added: float = 0.0

    @property
    def nbytes(self) -> int:
        """Size in the file, without padding."""
        block, size = gguf.GGML_QUANT_SIZES[self.kind]
        return int(np.prod(self.shape)) // block * size


def entries(weights: StoredWeights, config: Any, family: Family, dtype: str) -> list[Entry]:
    """Every tensor of the model, checked against what the configuration says there must be."""
    names = gguf.get_tensor_name_map(_architecture(family), config.num_hidden_layers)
    sources = _wanted(weights.names(), config)
    found = []
    for source in sources:
        name = names.get_name(source, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise InputError(
                f"tensor {source}", f"one that llama.cpp's {family.architecture} has", "cannot export it"
            )
        shape = weights.shape(source)
        added = family.norm_offset if source.endswith("norm.weight") else 0.0
        heads = _heads_to_permute(source, config, family)
        found.append(Entry(name, source, shape, _kind(name, shape, dtype), heads, added))
    return found


def rope_entry(rope: Rope) -> Entry | None:
    """Llama 3's factors, where there are any."""
    if rope.factors_F is None:
        return None
    return Entry(_ROPE_FACTORS, "", tuple(rope.factors_F.shape), gguf.GGMLQuantizationType.F32)


def fallbacks(found: Iterable[Entry], dtype: str) -> list[str]:
    """Matrices that are not in the type asked for, because their rows do not divide into its blocks."""
    asked = QUANTISED[dtype]
    return [item.name for item in found if item.kind not in {asked, gguf.GGMLQuantizationType.F32}]


def array(entry: Entry, weight: Tensor) -> np.ndarray[Any, Any]:
    """The tensor's bytes in the file."""
    if entry.heads:
        weight = interleave(weight, entry.heads)
    values = np.ascontiguousarray((weight + entry.added if entry.added else weight).numpy())
    if not np.isfinite(values).all():
        raise InputError(f"tensor {entry.source}", "finite numbers", "export an earlier checkpoint")
    with np.errstate(over="ignore"):
        stored = gguf.quants.quantize(values, entry.kind)
    if entry.kind == gguf.GGMLQuantizationType.F16 and not np.isfinite(stored).all():
        raise InputError(f"tensor {entry.source}", "numbers that fp16 can hold (65,504)", "use --dtype bf16 or q8_0")
    return np.asarray(stored)


def interleave(weight_R_: Tensor, heads: int) -> Tensor:
    """Rows i and i + half of each head become rows 2i and 2i + 1."""
    rows = weight_R_.shape[0]
    split = weight_R_.reshape(heads, 2, rows // heads // 2, *weight_R_.shape[1:])
    return split.swapaxes(1, 2).reshape(weight_R_.shape)


def _architecture(family: Family) -> gguf.MODEL_ARCH:
    return next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == family.architecture)


def _wanted(stored: list[str], config: Any) -> list[str]:
    """The names in the file's order: embedding, blocks, final norm, head; nothing missing, nothing unknown."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names = [name for name in model.state_dict() if not (name == _HEAD and config.tie_word_embeddings)]
    missing = sorted(set(names) - set(stored))
    if missing:
        raise InputError(
            f"weights: {missing[0]}", f"all {len(names)} tensors ({len(missing)} are not there)", "save anew"
        )
    # A head that is the embedding may be stored twice, and old files hold RoPE's frequencies.
    strange = [name for name in sorted(set(stored) - set(names)) if name != _HEAD and not name.endswith("inv_freq")]
    if strange:
        raise InputError(f"tensor {strange[0]}", f"only what a {config.model_type} has", "it would be lost")
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, int, str]:
    block = _BLOCK.match(name)
    if block:
        return (1, int(block[1]), name)
    return (0, 0, name) if "embed_tokens" in name else (2, int(name == _HEAD), name)


def _kind(name: str, shape: tuple[int, ...], dtype: str) -> gguf.GGMLQuantizationType:
    if len(shape) < 2 or name.endswith("_norm.weight"):
        return gguf.GGMLQuantizationType.F32
    kind = QUANTISED[dtype]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    return kind if shape[-1] % block == 0 else gguf.GGMLQuantizationType.F16


def _heads_to_permute(source: str, config: Any, family: Family) -> int:
    if not family.interleaved_rope:
        return 0
    if ".q_proj." in source:
        return int(config.num_attention_heads)
    return int(config.num_key_value_heads) if ".k_proj." in source else 0
