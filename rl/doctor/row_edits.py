"""Repairs of rows in embedding and head: set to the mean of the trained rows, or added as that mean.

The mean is taken in fp32 and rounded once to the weights' dtype. It is what a new token is best begun with: near the
middle of all tokens, its logit is an average one (Hewitt, "Initializing New Word Embeddings for Pretrained Language
Models", 2021).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rl.doctor.edits import set_value
from rl.doctor.findings import some
from rl.doctor.row_survey import survey
from rl.doctor.stored_weights import INDEX, Stored, StoredWeights, lengthen, open_weights, write_rows

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class FillRows:
    """Untrained rows of one tensor become the mean of its trained rows."""

    tensor: str
    rows: tuple[int, ...]
    known: int

    def apply(self, copy: Path) -> str:
        """Overwrite them in the copy's file."""
        stored = _stored(copy, self.tensor)
        write_rows(stored, self.rows, survey(stored, self.known).mean_H)
        return f"{self.tensor}: {len(self.rows)} rows set to the mean of the trained ones ({some(self.rows, 6)})"


@dataclass(frozen=True, slots=True)
class GrowRows:
    """Embedding, head and the head's bias get more rows, each the mean of the trained ones."""

    tensors: tuple[str, ...]
    rows: int
    config_key: tuple[str, ...]

    def apply(self, copy: Path) -> str:
        """Rewrite the files that hold them, and say the new size in config.json."""
        added: dict[Path, dict[str, tuple[int, Tensor]]] = defaultdict(dict)
        grown_bytes = 0
        for name in self.tensors:
            stored = _stored(copy, name)
            more = self.rows - stored.shape[0]
            added[stored.file][name] = (more, survey(stored, stored.shape[0]).mean_H)
            grown_bytes += more * (stored.end - stored.start) // stored.shape[0]
        for path, grown in added.items():
            lengthen(path, grown)
        if (copy / INDEX).is_file():
            _add_to_total(copy / INDEX, grown_bytes)
        set_value(copy / "config.json", self.config_key, self.rows)
        return f"{', '.join(self.tensors)}: {self.rows} rows, the new ones the mean of the trained"


def _add_to_total(index: Path, grown_bytes: int) -> None:
    from rl.doctor.patient import read_json

    total = read_json(index).get("metadata", {}).get("total_size")
    if isinstance(total, int):
        set_value(index, ("metadata", "total_size"), total + grown_bytes)


def _stored(copy: Path, tensor: str) -> Stored:
    weights: StoredWeights | None = open_weights(copy)
    if weights is None or tensor not in weights.tensors:
        raise ValueError(f"{copy} holds no tensor {tensor}")
    return weights.tensors[tensor]
