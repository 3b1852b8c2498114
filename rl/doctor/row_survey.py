"""Which rows of an embedding or a head were never trained.

In: a stored tensor and how many rows the tokenizer knows. Out: a `RowSurvey`. Evidence, from weights alone (after
Land and Bartolo, "Fishing for Magikarp", arXiv 2405.05417, who find under-trained tokens by their distance from rows
known to be unused; and the habit of public trainers, to look for rows of zeros and rows repeated):

- blank: next to zero, beside the median norm;
- repeated: the same bytes as another row, which training leaves to no two;
- faint: a norm far below the median;
- unused-like: as near to the mean of the rows beyond the tokenizer (known to be unused), where there are any.

Rows at the mean of the trained ones are no ailment: that is what they are mended to. Two passes over the tensor in
chunks; held in memory are a few numbers a row.

Legend: R rows of a chunk, V all rows, H the width of a row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rl.doctor.stored_weights import Stored, chunks, read_rows

if TYPE_CHECKING:
    from torch import Tensor

BLANK_SHARE = 1e-3  # of the median norm
FAINT_SHARE = 0.1  # the paper's example helium-1: all tokens 0.94 ± 0.11, its dead ones 0.03 to 0.10
_MEAN_SHARE = 0.02  # bf16 rounds each number by up to 0.4%


@dataclass(frozen=True, slots=True)
class RowSurvey:
    """Row numbers by evidence, disjoint; `at_mean` are set to the mean already; `mean_H` is in fp32."""

    rows: int
    median_norm: float
    blank: tuple[int, ...]
    repeated: tuple[int, ...]
    faint: tuple[int, ...]
    unused_like: tuple[int, ...]
    at_mean: tuple[int, ...]
    mean_H: Tensor

    @property
    def certain(self) -> frozenset[int]:
        """Rows that no training leaves behind."""
        return frozenset((*self.blank, *self.repeated))

    @property
    def untrained(self) -> frozenset[int]:
        """All of them."""
        return self.certain | frozenset((*self.faint, *self.unused_like))


def survey(stored: Stored, known: int) -> RowSurvey:
    """Look at every row; those from `known` on belong to no token."""
    import torch

    norm_V, repeated_V, beyond_H = _first_pass(stored, known)
    median = float(norm_V.nanmedian())
    blank_V = norm_V <= BLANK_SHARE * median
    faint_V = norm_V <= FAINT_SHARE * median
    near_V = torch.zeros_like(blank_V)
    total_H, distance_V = _second_pass(stored, ~(repeated_V | faint_V) & norm_V.isfinite(), beyond_H)
    if beyond_H is not None:
        near_V = distance_V <= FAINT_SHARE * float(distance_V[:known].nanmedian())
    suspect_V = repeated_V | faint_V | near_V
    summed_V = ~(repeated_V | faint_V) & norm_V.isfinite()
    for row_H in read_rows(stored, _numbers(near_V & summed_V)):
        total_H -= row_H.double()
    mean_H = (total_H / max(1, int((summed_V & ~near_V).sum()))).float()
    at_mean_V = torch.zeros_like(blank_V)
    suspects = _numbers(suspect_V)
    for row, row_H in zip(suspects, read_rows(stored, suspects), strict=True):
        at_mean_V[row] = (row_H.float() - mean_H).norm() <= _MEAN_SHARE * mean_H.norm()
    blank, repeated, faint, near = _parted((blank_V, repeated_V, faint_V, near_V), at_mean_V)
    return RowSurvey(len(norm_V), median, blank, repeated, faint, near, _numbers(at_mean_V), mean_H)


def _parted(evidence: Iterable[Tensor], taken_V: Tensor) -> tuple[tuple[int, ...], ...]:
    """Rows by the first evidence that holds for them."""
    taken_V = taken_V.clone()
    parts = []
    for evidence_V in evidence:
        parts.append(_numbers(evidence_V & ~taken_V))
        taken_V |= evidence_V
    return tuple(parts)


def _first_pass(stored: Stored, known: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Norms, which rows occur more than once, and the mean of the rows beyond the tokenizer."""
    import torch

    # One tensor written piece by piece: many small ones would scatter over the memory that chunks leave free.
    norm_V, digests = torch.zeros(stored.shape[0]), []
    total_H, count = torch.zeros(stored.shape[1:], dtype=torch.float64), 0
    for first, rows_RH in chunks(stored):
        wide_RH = rows_RH.float()
        norm_V[first : first + len(wide_RH)] = wide_RH.reshape(len(wide_RH), -1).norm(dim=1)
        raw = rows_RH.reshape(len(rows_RH), -1).view(torch.uint8).numpy()
        digests += [hashlib.blake2b(row, digest_size=16).digest() for row in raw]
        unused_RH = wide_RH[max(0, known - first) :]
        if len(unused_RH):
            total_H += unused_RH.double().sum(0)
            count += len(unused_RH)
    times = Counter(digests)
    repeated_V = torch.tensor([times[digest] > 1 for digest in digests])
    return norm_V, repeated_V, (total_H / count).float() if count else None


def _second_pass(stored: Stored, chosen_V: Tensor, point_H: Tensor | None) -> tuple[Tensor, Tensor]:
    """The chosen rows' sum (a chunk in fp32, chunks in fp64), and every row's distance from the point."""
    import torch

    total_H, distance_V = torch.zeros(stored.shape[1:], dtype=torch.float64), torch.zeros(stored.shape[0])
    for first, rows_RH in chunks(stored):
        wide_RH = rows_RH.float()
        chosen_R = chosen_V[first : first + len(wide_RH)]
        total_H += (wide_RH if bool(chosen_R.all()) else wide_RH[chosen_R]).sum(0).double()
        if point_H is not None:
            distance_V[first : first + len(wide_RH)] = (wide_RH - point_H).reshape(len(wide_RH), -1).norm(dim=1)
    return total_H, distance_V


def _numbers(chosen_V: Tensor) -> tuple[int, ...]:
    return tuple(int(row) for row in chosen_V.nonzero().flatten())
