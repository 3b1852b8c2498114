"""How many rows and columns of the logits are held at a time, from a budget in bytes.

The three heads hold one piece of the logits. One pass needs whole rows (a row's gradient needs its log-sum-exp
first), so its piece is R rows by all V columns; recomputation may cut columns as well. Larger pieces keep the matrix
products efficient (below about 2,048 rows on an H100, and 128 on a CPU, they lose), smaller ones hold less.
"""

from typing import NamedTuple

import torch

MIB = 1 << 20
# On a GPU: 2,048 rows of 152,064 bf16 logits are 594 MiB. On a CPU: 256 rows of 128,256 fp32 logits are 125 MiB.
GPU_BYTES, CPU_BYTES = 768 * MIB, 128 * MIB
# A multiple of the tile of a matrix product, where there are that many rows.
_GPU_ROWS, _CPU_ROWS = 128, 16
_COLUMNS = 1024


class Tile(NamedTuple):
    """Rows and columns of a piece of the logits."""

    rows: int
    columns: int


def logit_budget(device: torch.device, chunk_bytes: int | None) -> int:
    """Bytes that a piece of the logits may take. Raises ValueError if `chunk_bytes` is not positive."""
    if chunk_bytes is None:
        return GPU_BYTES if device.type == "cuda" else CPU_BYTES
    if chunk_bytes < 1:
        raise ValueError(f"chunk_bytes={chunk_bytes} must be positive: it is what a piece of the logits may take")
    return chunk_bytes


def most_rows(vocabulary: int, hidden: torch.Tensor, chunk_bytes: int | None) -> int:
    """Rows that a piece with all columns may have: at least 1."""
    return max(1, logit_budget(hidden.device, chunk_bytes) // (vocabulary * hidden.element_size()))


def row_pieces(tokens: int, vocabulary: int, hidden: torch.Tensor, chunk_bytes: int | None) -> list[slice]:
    """All rows, in as few pieces as the budget allows, of even size."""
    most = most_rows(vocabulary, hidden, chunk_bytes)
    rows = _even(tokens, most, _GPU_ROWS if hidden.is_cuda else _CPU_ROWS)
    return [slice(start, min(start + rows, tokens)) for start in range(0, tokens, rows)]


def tile(tokens: int, vocabulary: int, hidden: torch.Tensor, chunk_bytes: int | None) -> Tile:
    """A piece that may cut columns too: as many rows as leave room for `_COLUMNS` columns, then as many columns."""
    budget = logit_budget(hidden.device, chunk_bytes) // hidden.element_size()
    rows = min(tokens, max(1, budget // min(vocabulary, _COLUMNS)))
    rows = _even(tokens, rows, _GPU_ROWS if hidden.is_cuda else _CPU_ROWS)
    columns = min(vocabulary, max(1, budget // rows))
    return Tile(rows, _even(vocabulary, columns, 128))


def _even(total: int, at_most: int, multiple: int) -> int:
    """The smallest size that needs no more pieces than `at_most` does, rounded up to `multiple` where that fits."""
    if at_most >= total:
        return max(total, 1)
    pieces = -(-total // at_most)
    size = -(-total // pieces)
    rounded = -(-size // multiple) * multiple
    return rounded if rounded <= at_most else size
