"""From sequences to what a loss knows of each token, with the normaliser of the whole optimizer step in its weight.

The weights divide by counts of all sequences that `update` was given, over all micro-batches and all ranks: one batch
of N and N batches of one have the same gradient. That holds for BNPO too: its batch is the optimizer step here. (TRL
divides by each micro-batch's own count, so that its result depends on how a step is cut; both agree where a step is
one micro-batch.) BNPO and DAPO then differ in their clips alone. A sequence none of whose tokens is learned counts as
a sequence, as in TRL.

Legend: K completion tokens of a micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from rl.losses import Aggregation, Loss, TokenBatch, token_weights
from rl.packing import Packed
from rl.trajectories import TrainSequence


@dataclass(frozen=True, slots=True)
class StepCounts:
    """Of a whole optimizer step."""

    sequences: int
    tokens: int  # that are learned
    expected: int  # tokens whose gradient should not be zero
    max_length: int


_VALUES = (
    "advantages",
    "learned",
    "old_logprobs",
    "reference_logprobs",
    "importance",
    "sampler_logprobs",
    "returns",
    "old_values",
)


def count(sequences: Sequence[TrainSequence], loss: Loss, max_length: int) -> StepCounts:
    """Count a step. Raises ValueError for sequences whose values do not go together, before any is read."""
    if not sequences:
        raise ValueError("a step needs a sequence at least")
    for name in _VALUES:
        _check(sequences, name)
    return StepCounts(
        len(sequences),
        sum(sequence.learned_tokens for sequence in sequences),
        sum(_expected(sequence, loss.name) for sequence in sequences),
        max_length,
    )


def _expected(sequence: TrainSequence, loss: str) -> int:
    """Learned tokens whose advantage (and importance) alone would give them a gradient."""
    size = len(sequence.completion_ids)
    if loss in {"sft", "dpo"}:
        return sequence.learned_tokens
    learned, importance = sequence.learned or (True,) * size, sequence.importance or (1.0,) * size
    return sum(
        flag and weight != 0 and (advantage > 0 if loss == "rft" else advantage != 0)
        for flag, weight, advantage in zip(learned, importance, sequence.advantages, strict=True)
    )


def units(sequences: Sequence[TrainSequence], loss: Loss) -> list[tuple[int, ...]]:
    """What must share a micro-batch, as places: each sequence alone, or a pair. Without those that nothing is learned
    from, which need no backbone.
    """
    size = 2 if loss.aggregation is Aggregation.PAIR_MEAN else 1
    if len(sequences) % size:
        raise ValueError(f"{loss.name} learns from pairs, chosen and rejected by turns: {len(sequences)} is odd")
    groups = [tuple(range(start, start + size)) for start in range(0, len(sequences), size)]
    return [group for group in groups if any(sequences[place].learned_tokens for place in group)]


def unlearned(sequences: Sequence[TrainSequence]) -> TrainSequence:
    """The shortest sequence with nothing to learn from it: for a rank that has no more, while others still do."""
    shortest = min(sequences, key=lambda item: item.tokens)
    return replace(shortest, learned=(False,) * len(shortest.completion_ids))


def token_batch(
    sequences: Sequence[TrainSequence], packed: Packed, loss: Loss, counts: StepCounts, importance_cap: float
) -> TokenBatch:
    """What is known of each completion token; a token that is not learned has weight 0."""
    values = partial(token_values, sequences, packed=packed)
    return TokenBatch(
        weight_T=_weights(sequences, packed, loss, counts),
        sequence_T=packed.sequence_K,
        sequences=len(sequences),
        advantage_T=values("advantages"),
        old_logprob_T=values("old_logprobs"),
        reference_logprob_T=values("reference_logprobs"),
        importance_T=values("importance"),
        sampler_logprob_T=values("sampler_logprobs"),
        importance_cap=importance_cap,
    )


def token_values(sequences: Sequence[TrainSequence], name: str, packed: Packed) -> Tensor | None:
    """What the sequences say of each token under a name, fp32; None where they say nothing."""
    joined = _joined(sequences, name)
    if joined is None:
        return None
    return torch.tensor(joined, dtype=torch.float32).to(packed.target_K.device, non_blocking=True)


def _weights(sequences: Sequence[TrainSequence], packed: Packed, loss: Loss, counts: StepCounts) -> Tensor:
    sequence_K = packed.sequence_K
    masked = any(item.learned is not None for item in sequences)
    learned = [flag for item in sequences for flag in item.learned or (True,) * len(item.completion_ids)]
    # As places, not as a mask: a GPU would have to be waited for to know how many there are.
    places = torch.tensor([place for place, flag in enumerate(learned) if flag] if masked else [], dtype=torch.int64)
    places = places.to(sequence_K.device, non_blocking=True)
    found = token_weights(
        loss.aggregation,
        sequence_K[places] if masked else sequence_K,
        sequences=len(sequences),
        total_sequences=counts.sequences,
        total_tokens=counts.tokens,
        max_length=counts.max_length,
    )
    if not masked:
        return found
    return torch.zeros(len(learned), device=sequence_K.device).index_copy_(0, places, found)


def _joined(sequences: Sequence[TrainSequence], name: str) -> list[float] | None:
    rows = [getattr(sequence, name) for sequence in sequences]
    return None if rows[0] is None else [value for row in rows for value in row]


def _check(sequences: Sequence[TrainSequence], name: str) -> None:
    rows = [getattr(sequence, name) for sequence in sequences]
    absent = sum(row is None for row in rows)
    if absent not in {0, len(rows)} and name != "learned":
        raise ValueError(f"{absent} of {len(rows)} sequences have no {name}: give them to all or to none")
    for row, sequence in zip(rows, sequences, strict=True):
        if row is not None and len(row) != len(sequence.completion_ids):
            raise ValueError(
                f"{name} has {len(row)} values for {len(sequence.completion_ids)} tokens of a completion"
            )
