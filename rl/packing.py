"""Sequences behind one another in one row, without padding: what the backbone reads, and which of its states score.

In: sequences (prompt, completion). Out: `Packed`: token ids and positions of shape (T,), where each sequence starts,
and for each completion token the position of the state that predicts it. Micro-batches are filled by a budget of
tokens, longest first (first-fit decreasing, 11/9 of the optimum at most), always in the same way.

Legend: T tokens read, K completion tokens, S sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
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

    `starts_S1` are the cumulative lengths, int32, from 0 to T, as variable-length attention takes them.
    `state_K` is the index into T of the state that predicts each completion token, `sequence_K` its sequence.
    """

    ids_T: Tensor
    positions_T: Tensor
    starts_S1: Tensor
    longest: int
    state_K: Tensor
    target_K: Tensor
    sequence_K: Tensor
    lengths: tuple[int, ...]  # completion tokens of each sequence

    def split(self, values_K: Tensor) -> list[Tensor]:
        """Values of the completion tokens, sequence by sequence."""
        return list(values_K.split(self.lengths))


def pack(sequences: Sequence[Tokens], device: torch.device) -> Packed:
    """Put sequences behind one another, in their order."""
    ids, positions, starts, states, targets, owners, lengths = [], [], [0], [], [], [], []
    for number, sequence in enumerate(sequences):
        whole = (*sequence.prompt_ids, *sequence.completion_ids)
        begin, prompt, completion = starts[-1], len(sequence.prompt_ids), len(sequence.completion_ids)
        if not prompt or not completion:
            raise ValueError(f"sequence {number} has {prompt} prompt and {completion} completion tokens: give both")
        ids += whole[:-1]
        positions += range(len(whole) - 1)
        states += range(begin + prompt - 1, begin + prompt + completion - 1)
        targets += sequence.completion_ids
        owners += [number] * completion
        lengths.append(completion)
        starts.append(begin + len(whole) - 1)
    longest = max(end - begin for begin, end in zip(starts, starts[1:], strict=False))

    def tensor(values: list[int], dtype: torch.dtype = torch.int64) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)

    return Packed(
        ids_T=tensor(ids),
        positions_T=tensor(positions),
        starts_S1=tensor(starts, torch.int32),
        longest=longest,
        state_K=tensor(states),
        target_K=tensor(targets),
        sequence_K=tensor(owners),
        lengths=tuple(lengths),
    )


def micro_batches(lengths: Sequence[int], budget_tokens: int) -> list[list[int]]:
    """Which sequences (by their place) share a micro-batch of at most `budget_tokens`; a longer one has its own."""
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    bins: list[tuple[int, list[int]]] = []
    for place in order:
        length = lengths[place]
        for number, (used, places) in enumerate(bins):
            if used + length <= budget_tokens:
                places.append(place)
                bins[number] = (used + length, places)
                break
        else:
            bins.append((length, [place]))
    return [sorted(places) for _, places in bins]
