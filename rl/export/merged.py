"""Merged weights, or the adapter alone: folders that transformers, PEFT and vLLM load.

In: a `Source`. Out: a new folder. The adapter is added to the base in fp32 by PEFT and the sum rounded once, to the
dtype asked for: added in bf16, most of a small update would be lost to rounding. The whole model is held in memory
in fp32. Where embedding and head are one tensor and the adapter changes either, they part: the base with its adapter
computes with two, and merged into one it would be another model.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mathpipe.core.errors import InputError
from rl.export.folder import Exported, new_folder, refuse_existing
from rl.export.source import ADAPTER_CONFIG, ADAPTER_WEIGHTS, Source

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def export_merged(source: Source, out: Path, dtype: str = "auto") -> Exported:
    """Full weights with tokenizer, template and generation configuration; `auto` keeps the base's dtype."""
    if dtype != "auto" and dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r}", f"auto, {', '.join(DTYPES)} for merged weights", "choose one")
    refuse_existing(out)
    model = _load(source)
    target = DTYPES.get(dtype) or _stored_dtype(source.weights)
    model.to(target)
    _refuse_overflow(model, source.model)
    with new_folder(out) as folder:
        model.save_pretrained(folder)
        source.copy_tokenizer(folder)
    return Exported(out, _names(out))


def export_adapter(source: Source, out: Path) -> Exported:
    """The adapter in PEFT's layout, with its base's name and the tokenizer it was trained with."""
    if source.adapter is None:
        raise InputError(
            str(source.model),
            f"an adapter ({ADAPTER_CONFIG}); these are full weights, which have none to export",
            "use --as merged, or give the adapter's folder",
        )
    with new_folder(out) as folder:
        shutil.copyfile(source.adapter / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
        config = json.loads((source.adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = source.base_name
        config["inference_mode"] = True
        (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        source.copy_tokenizer(folder)
    return Exported(out, _names(out))


def touches_embedding(adapter: Path) -> bool:
    """Whether the adapter changes embedding or head."""
    from safetensors import safe_open

    with safe_open(str(adapter / ADAPTER_WEIGHTS), framework="pt") as file:
        return any("embed_tokens" in name or "lm_head" in name for name in file.keys())  # noqa: SIM118


def _load(source: Source) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(source.weights, local_files_only=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(str(source.weights), f"a causal language model ({_line(error)})", "check it") from None
    if source.adapter is None:
        return model
    if model.config.tie_word_embeddings and touches_embedding(source.adapter):
        _part_head(model)
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(source.adapter)).merge_and_unload(safe_merge=True)
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            str(source.adapter), f"an adapter of {source.weights} ({_line(error)})", "give its base by --base"
        ) from None


def _part_head(model: Any) -> None:
    head = model.get_output_embeddings()
    head.weight = nn.Parameter(head.weight.detach().clone())
    model.config.tie_word_embeddings = False


def _stored_dtype(folder: Path) -> torch.dtype:
    from transformers import AutoConfig

    dtype = AutoConfig.from_pretrained(folder, local_files_only=True).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def _refuse_overflow(model: Any, source: Path) -> None:
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise InputError(
                f"{source}: {name}", f"finite numbers in {weight.dtype}", "choose fp32 or bf16, or mend the model"
            )


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir()))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
