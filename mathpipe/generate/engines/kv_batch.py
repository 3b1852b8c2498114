"""Keys and values of sequences that run together, joined and left at any step.

Shapes: B rows, H key-value heads, T cached tokens, D head dimension; a row shorter than T is padded on the left and
masked. A prompt's keys and values are computed alone (B = 1) and repeated for each of its samples, so they do not
depend on the other prompts; padding is never part of a prompt's own computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from mathpipe.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prompt that was read: keys and values of each layer (1, H, T, D), and the logits after its last token."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    logits_1V: torch.Tensor
    length: int


@torch.inference_mode()
def read_prompt(model: Any, token_ids: Sequence[int]) -> Prefix:
    """Run the model over one prompt."""
    input_ids = torch.tensor([list(token_ids)], device=model.device)
    cache: Any = DynamicCache(config=model.config)
    if any(type(layer) is not DynamicLayer for layer in cache.layers):
        kinds = sorted({type(layer).__name__ for layer in cache.layers})
        raise InputError(
            f"model {model.config.model_type}",
            f"full attention in every layer, not {', '.join(kinds)}",
            "use the vllm engine for this architecture",
        )
    out = model(input_ids=input_ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    layers = tuple((layer.keys, layer.values) for layer in cache.layers)
    return Prefix(layers, out.logits[:, -1], len(token_ids))


class KvBatch:
    """The rows that run; `lengths` counts the tokens of each."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Any = None  # a DynamicCache once a row has joined
        self.lengths: list[int] = []

    def join(self, prefixes: Sequence[Prefix]) -> None:
        """Append one row for each prefix."""
        if not prefixes:
            return
        width = max([prefix.length for prefix in prefixes] + self.lengths)
        cache: Any = DynamicCache(config=self._model.config)
        for number, layer in enumerate(cache.layers):
            parts = [self._rows_of(prefix.layers[number], width - prefix.length) for prefix in prefixes]
            if self._cache is not None:
                old = self._cache.layers[number]
                parts.insert(0, self._rows_of((old.keys, old.values), width - old.keys.shape[-2]))
            layer.update(torch.cat([keys for keys, _ in parts]), torch.cat([values for _, values in parts]))
        self._cache = cache
        self.lengths += [prefix.length for prefix in prefixes]

    @staticmethod
    def _rows_of(layer: tuple[torch.Tensor, torch.Tensor], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
        keys_BHTD, values_BHTD = layer
        return pad(keys_BHTD, (0, 0, padding, 0)), pad(values_BHTD, (0, 0, padding, 0))

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but these, and the padding that none of them needs."""
        if len(rows) == len(self.lengths):
            return
        self.lengths = [self.lengths[row] for row in rows]
        if not rows or self._cache is None:
            self._cache = None
            return
        index = torch.tensor(rows, device=self._model.device)
        width = max(self.lengths)
        for layer in self._cache.layers:
            layer.keys = layer.keys[index][:, :, -width:]
            layer.values = layer.values[index][:, :, -width:]

    @torch.inference_mode()
    def advance(self, token_ids: Sequence[int]) -> torch.Tensor:
        """Feed one token to each row; the logits (B, V) of what comes next."""
        if self._cache is None:
            raise InputError("batch", "rows to advance", "join prefixes first")
        device = self._model.device
        length_B1 = torch.tensor(self.lengths, device=device)[:, None]
        width = self._cache.get_seq_length() + 1
        # Position t of width T belongs to a row of length L (its new token included) when t >= T - L.
        mask_BT = torch.arange(width, device=device)[None, :] >= width - 1 - length_B1
        out = self._model(
            input_ids=torch.tensor(token_ids, device=device)[:, None],
            attention_mask=mask_BT.long(),
            position_ids=length_B1,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.lengths = [length + 1 for length in self.lengths]
        logits_BV: torch.Tensor = out.logits[:, -1]
        return logits_BV
