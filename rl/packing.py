"""Sequences behind one another in one row, without padding: what the backbone reads, and which of its states score.

In: sequences (prompt, completion). Out: `Packed`: token ids and positions of shape (T,), where each sequence starts,
and for each completion token the position of the state that predicts it. Micro-batches are filled by a budget of
tokens, longest first, each into the fullest that still has room (best-fit decreasing: 11/9 of the fewest at most),
always in the same way. `shares` deals sequences to devices so that each reads nearly as many tokens.

All that is counted here is counted on the host: on a GPU a number that has to be fetched would wait for the device.

Legend: T tokens read, K completion tokens, S sequences.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Tokens(Protocol):
    """A prompt and its completion."""

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """Token ids of the prompt, at least one."""

    @property
    def completion_ids(self) -> tuple[int, ...]:
        """Token ids of the completion, at least one."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One micro-batch.

    `starts_S1` are the cumulative lengths, int32, from 0 to T, as variable-length attention takes them; `ends` are
    the same as numbers, without the 0. `state_K` is the index into T of the state that predicts each completion
    token, `sequence_K` its sequence.
    """

    ids_T: Tensor
    positions_T: Tensor
    starts_S1: Tensor
    ends: tuple[int, ...]
    longest: int
    state_K: Tensor
    target_K: Tensor
    sequence_K: Tensor
    lengths: tuple[int, ...]  # completion tokens of each sequence

    def split(self, values_K: Tensor) -> list[Tensor]:
        """Values of the completion tokens, sequence by sequence."""
        return list(values_K.split(self.lengths))


def read_tokens(sequence: Tokens) -> int:
    """How many tokens of a sequence the backbone reads: all but the last, which predicts nothing."""
    return len(sequence.prompt_ids) + len(sequence.completion_ids) - 1


def pack(sequences: Sequence[Tokens], device: torch.device) -> Packed:
    """Put sequences behind one another, in their order."""
    for number, sequence in enumerate(sequences):
        if not sequence.prompt_ids or not sequence.completion_ids:
            raise ValueError(
                f"sequence {number} has {len(sequence.prompt_ids)} prompt and {len(sequence.completion_ids)} "
                "completion tokens: give both"
            )
    reads = [read_tokens(sequence) for sequence in sequences]
    lengths = [len(sequence.completion_ids) for sequence in sequences]
    ends = list(itertools.accumulate(reads))
    ids: list[int] = []
    targets: list[int] = []
    for sequence in sequences:
        ids += sequence.prompt_ids
        ids += sequence.completion_ids[:-1]
        targets += sequence.completion_ids
    starts = np.array([0, *ends])
    prompts = np.array(reads) - np.array(lengths)  # states before the first that predicts

    def tensor(values: Sequence[int] | NDArray[np.int64], dtype: torch.dtype = torch.int64) -> Tensor:
        return torch.as_tensor(values, dtype=dtype).to(device, non_blocking=True)

    return Packed(
        ids_T=tensor(ids),
        positions_T=tensor(_counted(reads)),
        starts_S1=tensor(starts, torch.int32),
        ends=tuple(ends),
        longest=max(reads),
        state_K=tensor(_counted(lengths) + np.repeat(starts[:-1] + prompts, lengths)),
        target_K=tensor(targets),
        sequence_K=tensor(np.repeat(np.arange(len(lengths)), lengths)),
        lengths=tuple(lengths),
    )


def micro_batches(lengths: Sequence[int], budget_tokens: int) -> list[list[int]]:
    """Which sequences (by their place) share a micro-batch of at most `budget_tokens`; a longer one has its own."""
    bins: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (tokens that still fit, number of the bin), ascending
    for place in _longest_first(lengths):
        length = lengths[place]
        found = bisect.bisect_left(rooms, (length, -1))
        if found < len(rooms):
            room, number = rooms.pop(found)
            bins[number].append(place)
        else:
            room, number = budget_tokens, len(bins)
            bins.append([place])
        bisect.insort(rooms, (max(room - length, 0), number))
    return [sorted(places) for places in bins]


def shares(lengths: Sequence[int], parts: int) -> list[list[int]]:
    """Deal sequences (by their place) to `parts` devices: the longest first, each to who has the least so far."""
    dealt: list[list[int]] = [[] for _ in range(parts)]
    loads = [(0, part) for part in range(parts)]
    for place in _longest_first(lengths):
        load, part = heapq.heappop(loads)
        dealt[part].append(place)
        heapq.heappush(loads, (load + lengths[place], part))
    return [sorted(places) for places in dealt]


def _longest_first(lengths: Sequence[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))


def _counted(lengths: Sequence[int]) -> NDArray[np.int64]:
    """0, 1, 2 ... of each length, behind one another."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths)
