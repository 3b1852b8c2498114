"""Low-rank adapters (peft) in a policy: putting them in, merging them for the sampler, saving them.

The transformers model stays the same object: its linear layers are replaced within it. Merging makes new tensors, one
after the other, W + scale * B A in fp32, and never touches the weights that are trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rl.learner.config import LoraConfig
from rl.learner.ranks import whole

_ADAPTER = "default"
_BASE = ".base_layer."


class Adapters:
    """The adapters of a model."""

    def __init__(self, model: Any, config: LoraConfig) -> None:
        import peft

        settings = peft.LoraConfig(
            r=config.rank, lora_alpha=config.alpha, target_modules="all-linear", bias="none", task_type="CAUSAL_LM"
        )
        self._model = model
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self._peft: Any = peft.get_peft_model(model, settings)

    def parameters(self) -> dict[str, Tensor]:
        """A and B of each layer by name."""
        return {name: item for name, item in self._model.named_parameters() if ".lora_" in name}

    def save(self, folder: Path, *, writes: bool) -> None:
        """In peft's format; all ranks must call it, the one that `writes` writes."""
        tensors = {f"base_model.model.{name}": whole(item).cpu() for name, item in self.parameters().items()}
        if writes:
            self._peft.save_pretrained(folder, state_dict=tensors)


def plain_weights(model: Any, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a model under transformers' name, whole and with adapters merged, one at a time."""
    for name, tensor in model.state_dict().items():
        if ".lora_" in name:
            continue
        full = whole(tensor)
        if _BASE in name:
            if name.endswith(".weight"):
                full = _merged(model.get_submodule(name.split(_BASE)[0]), full)
            name = name.replace(_BASE, ".")  # noqa: PLW2901
        yield name, full.to(dtype) if full.is_floating_point() else full


@torch.no_grad()
def _merged(layer: Any, weight: Tensor) -> Tensor:
    down, up = (whole(part[_ADAPTER].weight).float() for part in (layer.lora_A, layer.lora_B))
    return torch.addmm(weight.float(), up, down, alpha=layer.scaling[_ADAPTER]).to(weight.dtype)
