"""What one optimizer step was like, as numbers; of a step over several ranks, the same on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rl.kernels.policy_head import PolicyHeadOutput, PolicyStatistics
from rl.learner.ranks import Ranks
from rl.packing import Packed

_EXTREMES = ("ratio_min", "ratio_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """One optimizer step. Means are over the tokens that were scored; micro-batches are those of this process."""

    loss: float
    grad_norm: float
    learning_rate: float
    sequences: int
    tokens: int  # completion tokens that count in the loss
    micro_batches: int
    passes: int
    statistics: dict[str, float]
    logprobs: Mapping[int, tuple[float, ...]]  # by place, where the update scored for a correction; NaN: not learned
    warnings: tuple[str, ...] = ()
    value_loss: float = 0.0  # of a critic, as is what follows
    explained_variance: float = 0.0  # 1 - Var(return - value) / Var(return), before the step


@dataclass(frozen=True, slots=True)
class Totals:
    """A step's micro-batches together: read from the device once, at its end."""

    loss: float
    losses: list[float]  # of this rank's micro-batches
    statistics: PolicyStatistics  # of all ranks, on the host
    passes: int

    def means(self) -> dict[str, float]:
        """A token's means, and the extremes."""
        return self.statistics.means()

    @property
    def coefficients(self) -> int:
        """Tokens whose gradient is not zero."""
        return int(self.statistics.tokens - self.statistics.without_gradient)

    @property
    def clipped(self) -> int:
        """Tokens that a clip took out."""
        return int(self.statistics.clipped_low + self.statistics.clipped_high)


class Tally:
    """Collects the outputs of micro-batches without waiting for the device."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._statistics: PolicyStatistics | None = None
        self._passes = 0
        self._rows: list[tuple[Sequence[int], Packed, Tensor]] = []

    def add(self, output: PolicyHeadOutput) -> None:
        """One micro-batch."""
        self._losses.append(output.loss.detach())
        found = self._statistics
        self._statistics = output.statistics if found is None else found.merge(output.statistics)
        self._passes = max(self._passes, output.passes)

    def keep(self, places: Sequence[int], packed: Packed, logprob_K: Tensor) -> None:
        """Scores of the sequences at these places."""
        self._rows.append((places, packed, logprob_K))

    def logprobs(self, ranks: Ranks) -> dict[int, tuple[float, ...]]:
        """Everything that was kept, of all ranks, by place."""
        found = {
            place: tuple(row.tolist())
            for places, packed, logprob_K in self._rows
            for place, row in zip(places, packed.split(logprob_K.cpu()), strict=False)
        }
        return {place: row for part in ranks.gathered(found) for place, row in part.items()}

    def read(self, ranks: Ranks) -> Totals:
        """Everything, over all ranks."""
        if self._statistics is None:
            raise ValueError("an update needs a micro-batch at least")
        losses = torch.stack(self._losses).double()
        values = {name: value.double() for name, value in self._statistics._asdict().items()}
        low, high = (values.pop(name) for name in _EXTREMES)
        sums = ranks.summed(torch.stack([losses.sum(), *values.values()])).tolist()
        extremes = ranks.largest(torch.stack([-low, high])).tolist()
        totals = dict(zip(values, _tensors(sums[1:]), strict=True))
        ends = dict(zip(_EXTREMES, _tensors([-extremes[0], extremes[1]]), strict=True))
        return Totals(sums[0], losses.tolist(), PolicyStatistics(**totals, **ends), self._passes)


def _tensors(values: Sequence[float]) -> list[Tensor]:
    return [torch.tensor(value, dtype=torch.float64) for value in values]
