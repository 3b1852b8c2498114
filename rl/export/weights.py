"""A model's tensors one at a time, in fp32, from safetensors: a model larger than the memory can be exported.

In: a `Source`. Out: names, shapes and tensors as transformers names them. An adapter is merged as its tensors come
by: PEFT puts its layers on a model without memory, each weight is read, merged by PEFT's own arithmetic and given
back. Only LoRA on linear layers and embeddings, and whole modules saved beside it, can be merged so.

Legend: none, tensors of any shape.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mathpipe.core.errors import InputError
from rl.export.merged import touches_embedding
from rl.export.source import Source

_INDEX = "model.safetensors.index.json"
_ONE = "model.safetensors"
_HEAD, _EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


class StoredWeights:
    """The safetensors files of a folder."""

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        self.folder = folder
        self._files: dict[str, Any] = {}
        if (folder / _INDEX).is_file():
            names = sorted(set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
        else:
            names = [_ONE]
        for name in names:
            if not (folder / name).is_file():
                raise InputError(str(folder / name), "weights as safetensors", "save the model with save_pretrained")
            file = safe_open(str(folder / name), framework="pt")
            self._files.update(dict.fromkeys(file.keys(), file))

    def names(self) -> list[str]:
        """All tensors."""
        return list(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """Read from the file's header."""
        return tuple(self._files[name].get_slice(name).get_shape())

    def dtype(self) -> torch.dtype:
        """Of the embedding, as for the rest."""
        stored = self._files[_EMBEDDING if _EMBEDDING in self._files else self.names()[0]]
        value: Tensor = stored.get_slice(_EMBEDDING if _EMBEDDING in self._files else self.names()[0])[:1]
        return value.dtype

    def load(self, name: str) -> Tensor:
        """One tensor, in fp32."""
        value: Tensor = self._files[name].get_tensor(name)
        if not value.dtype.is_floating_point or value.element_size() < 2:
            raise InputError(f"{self.folder}: {name}", f"16 or 32-bit floats, not {value.dtype}", "dequantise it")
        return value.float()


class MergedWeights(StoredWeights):
    """A base's tensors with an adapter's changes in them."""

    def __init__(self, folder: Path, adapter: Path, config: Any) -> None:
        super().__init__(folder)
        self._adapter = adapter
        self._parted = bool(config.tie_word_embeddings) and touches_embedding(adapter)
        if self._parted:
            config.tie_word_embeddings = False
        self._model = _without_memory(adapter, config)

    def names(self) -> list[str]:
        """All tensors; the head is one of its own where the adapter parts it from the embedding."""
        names = super().names()
        return [*names, _HEAD] if self._parted and _HEAD not in names else names

    def shape(self, name: str) -> tuple[int, ...]:
        """As stored."""
        return super().shape(self._stored(name))

    def load(self, name: str) -> Tensor:
        """One tensor, merged, in fp32."""
        from peft.tuners.lora import LoraLayer
        from peft.utils import ModulesToSaveWrapper

        path, leaf = name.rsplit(".", 1)
        module = self._model.get_submodule(path)
        if isinstance(module, ModulesToSaveWrapper):
            saved: Tensor = getattr(module.modules_to_save["default"], leaf)
            return saved.detach().float()
        if not isinstance(module, LoraLayer):
            own = getattr(module, leaf)
            return super().load(self._stored(name)) if own.is_meta else own.detach().float()
        layer = module.get_base_layer()
        own = getattr(layer, leaf)
        stored = super().load(self._stored(name)) if own.is_meta else own.detach().float()
        return self._merge(module, layer, stored) if leaf == "weight" else stored

    def _stored(self, name: str) -> str:
        return _EMBEDDING if name == _HEAD and name not in self._files else name

    def _merge(self, module: Any, layer: Any, stored: Tensor) -> Tensor:
        before = layer.weight  # without memory, or the adapter's own copy of an embedding
        layer.weight = nn.Parameter(stored, requires_grad=False)
        try:
            module.merge(safe_merge=True)
        except ValueError as error:
            raise InputError(
                str(self._adapter), f"finite weights ({error})", "export an earlier checkpoint"
            ) from None
        merged: Tensor = layer.weight.detach()
        module.merged_adapters.clear()
        layer.weight = before
        return merged


def open_weights(source: Source, config: Any) -> StoredWeights:
    """The source's tensors; `config` says afterwards whether embedding and head are one."""
    if source.adapter is None:
        return StoredWeights(source.weights)
    return MergedWeights(source.weights, source.adapter, config)


def _without_memory(adapter: Path, config: Any) -> nn.Module:
    """The model with PEFT's layers: the adapter's tensors are there, the base's are shapes only."""
    from peft import PeftConfig, PeftModel, load_peft_weights
    from transformers import AutoModelForCausalLM

    asked = PeftConfig.from_pretrained(str(adapter))
    if asked.peft_type != "LORA" or getattr(asked, "bias", "none") != "none" or getattr(asked, "use_dora", False):
        raise _export_merged_first(adapter, "LoRA without biases and magnitudes")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on tied embeddings, which are parted above
        try:
            wrapped = PeftModel.from_pretrained(model, str(adapter), low_cpu_mem_usage=True)
        except (RuntimeError, ValueError, KeyError) as error:
            why = " ".join(str(error).split())[:200]
            raise InputError(str(adapter), f"an adapter of this base ({why})", "give its base by --base") from None
    # PEFT leaves its layers where the base is, without memory: the adapter's tensors are put in by name.
    saved = load_peft_weights(str(adapter), device="cpu")
    wrapped.load_state_dict({_named(key): value.float() for key, value in saved.items()}, strict=False, assign=True)
    left = [name for name, weight in wrapped.named_parameters() if "lora_" in name and weight.is_meta]
    if left:
        raise _export_merged_first(adapter, f"LoRA on linear layers and embeddings, not {left[0]}")
    base: nn.Module = wrapped.get_base_model()
    return base


def _named(key: str) -> str:
    """`...q_proj.lora_A.weight` as the wrapped model calls it: `...q_proj.lora_A.default.weight`."""
    parts = key.split(".")
    for index, part in enumerate(parts):
        if part.startswith("lora_"):
            return ".".join([*parts[: index + 1], "default", *parts[index + 1 :]])
    return key


def _export_merged_first(adapter: Path, expected: str) -> InputError:
    return InputError(f"{adapter} as GGUF", expected, "export it with --as merged, then that folder with --as gguf")
