"""A critic for PPO (arXiv 1707.06347): what reward is to come, from the state that predicts each completion token.

shared: a linear head on the policy's own last states; its loss also teaches the trunk, unless `detach`. It costs a
vector of weights and no second forward. separate: a second trunk, which begins as the policy's without its head, with
an optimizer of its own: twice the weights, gradients and moments, and twice the time.

The loss of a token is 0.5 max((v - R)^2, (clip(v, v_old - clip, v_old + clip) - R)^2), weighted as the policy's loss
is: the weights hold the normaliser of the whole step, so the cut into micro-batches changes no gradient. The head is
fp32 and begins as 0; where several processes learn each holds all of it.

Legend: K completion tokens, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from rl.learner.config import LearnerConfig
from rl.learner.guards import LearnerDiverged
from rl.learner.model import PackedPolicy
from rl.learner.optimizer import Optimizer, Trained, clip, make_optimizer, norms, rate_share, total_norm
from rl.learner.ranks import Ranks, reshard, whole


class CriticConfig(Config):
    """Whether there is a critic, and how it learns. Rates follow the policy's warm-up and schedule.

    `learning_rate` is that of a separate trunk, `head_learning_rate` that of the head. `coefficient` weighs the
    value loss against the policy's in a shared trunk. `clip` (None: none) bounds how far a value may move from what
    it was when the batch was drawn. `gae_lambda` is the trace of the advantages, which `whiten` gives mean 0 and
    deviation 1 over the batch.
    """

    kind: Literal["none", "shared", "separate"] = "none"
    learning_rate: float = Field(default=1e-5, gt=0)
    head_learning_rate: float = Field(default=1e-4, gt=0)
    coefficient: float = Field(default=0.1, gt=0)
    clip: float | None = Field(default=0.2, gt=0)
    detach: bool = False
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    whiten: bool = True


@dataclass(frozen=True, slots=True)
class Goal:
    """What the values of a micro-batch's tokens are to be, what they were, and the weight of each."""

    return_K: Tensor
    old_value_K: Tensor | None
    weight_K: Tensor


@dataclass(frozen=True, slots=True)
class ValueTotals:
    """Of a whole step. `explained_variance`: 1 - Var(R - v) / Var(R) over learned tokens, before the step."""

    loss: float = 0.0
    explained_variance: float = 0.0


def value_loss(value_K: Tensor, goal: Goal, at_most: float | None) -> Tensor:
    """The weighted sum over tokens of the clipped squared error; `at_most` is the clip."""
    error_K = (value_K - goal.return_K).square()
    if at_most is not None and goal.old_value_K is not None:
        near_K = goal.old_value_K + (value_K - goal.old_value_K).clamp(-at_most, at_most)
        error_K = torch.maximum(error_K, (near_K - goal.return_K).square())
    return 0.5 * (goal.weight_K * error_K).sum()


class Critic:
    """The value head with its optimizer, and the second trunk where there is one."""

    def __init__(
        self, config: CriticConfig, learner: LearnerConfig, width: int, device: torch.device, ranks: Ranks
    ) -> None:
        self.config, self._learner, self._ranks = config, learner, ranks
        self.trunk: PackedPolicy | None = None
        self._trained: list[Trained] = []
        self._head = nn.Linear(width, 1, dtype=torch.float32, device=device)
        nn.init.zeros_(self._head.weight)
        nn.init.zeros_(self._head.bias)
        groups = [{"params": list(self._head.parameters()), "lr": config.head_learning_rate, "weight_decay": 0.0}]
        self._optimizers: list[tuple[Optimizer, float]] = [
            (torch.optim.AdamW(groups, betas=learner.betas, eps=learner.epsilon), config.head_learning_rate)
        ]
        self._tally = _Tally()

    @property
    def optimizers(self) -> list[Optimizer]:
        """Of the head, and of a separate trunk."""
        return [optimizer for optimizer, _ in self._optimizers]

    def take_trunk(self, model: Any, trunk: PackedPolicy, trained: list[Trained]) -> None:
        """Give it a trunk of its own: transformers' model, how it is called, and what of it learns."""
        own = {"learning_rate": self.config.learning_rate, "embedding_learning_rate": None}
        self.trunk, self._trained = trunk, trained
        optimizer = make_optimizer(model, trained, self._learner.model_copy(update=own))
        self._optimizers.append((optimizer, self.config.learning_rate))

    def values(self, states_KD: Tensor, _weight_VD: Tensor | None = None) -> Tensor:
        """The value of each state, fp32."""
        if self.config.detach and self.trunk is None:
            states_KD = states_KD.detach()
        with torch.autocast(states_KD.device.type, enabled=False):
            value_K: Tensor = self._head(states_KD.float())[:, 0]
        return value_K

    def loss(self, value_K: Tensor, goal: Goal) -> Tensor:
        """The value loss of a micro-batch, as it is learned from; it is counted in the step's totals."""
        loss = value_loss(value_K, goal, self.config.clip)
        self._tally.add(loss.detach(), value_K.detach(), goal)
        return self.config.coefficient * loss if self.trunk is None else loss

    def read(self) -> ValueTotals:
        """The step's totals over all ranks; the next step begins anew."""
        tally, self._tally = self._tally, _Tally()
        return tally.read(self._ranks)

    def check_gradients(self, step: int) -> None:
        """Sum the head's gradients over ranks and clip, head and trunk apart. Raises `LearnerDiverged`."""
        heads = [self._ranks.summed(item.grad) for item in self._head.parameters() if item.grad is not None]
        trunk = [gradient for item in self._trained if (gradient := item.take_gradient()) is not None]
        found = [(heads, Ranks()), (trunk, self._ranks)]
        measured = [(part, total_norm(norms(part), ranks).item()) for part, ranks in found if part]
        for part, norm in measured:
            if not math.isfinite(norm):
                raise LearnerDiverged(
                    f"update {step}, gradient of the critic: norm {norm}",
                    "finite values and returns",
                    "go on from the checkpoint before with a lower critic.learning_rate, or look at its rewards",
                )
            clip(part, norm, self._learner.max_grad_norm)

    def step(self, done: int) -> None:
        """An optimizer step; `done` are those before it."""
        share = rate_share(self._learner, done)
        for optimizer, rate in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = share * rate
            optimizer.step()

    def drop_gradients(self) -> None:
        """Forget them, and what was counted."""
        self._tally = _Tally()
        for parameter in self._head.parameters():
            parameter.grad = None
        for item in self._trained:
            item.parameter.grad = item.held.grad = None

    def gradients(self) -> dict[str, Tensor]:
        """Those that are there, whole, of head and trunk, under names that begin with `critic.`."""
        heads = {
            f"critic.head.{name}": self._ranks.summed(item.grad.clone())
            for name, item in self._head.named_parameters()
            if item.grad is not None
        }
        trunk = {f"critic.{item.name}": item.parameter.grad for item in self._trained}
        return heads | {name: whole(gradient) for name, gradient in trunk.items() if gradient is not None}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: head, trunk, optimizers; this rank's part."""
        self._rest()
        return {
            "head": self._head.state_dict(),
            "model": {item.name: item.held.detach() for item in self._trained},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Any] | None) -> None:
        """Go on from it, bit for bit. Raises `InputError` for the state of no critic, or of one of another kind."""
        names = [item.name for item in self._trained]
        if state is None or list(state["model"]) != names:
            raise InputError(
                f"a checkpoint without a critic of kind {self.config.kind}",
                "the critic that this configuration trains",
                "resume with the critic settings it was written with",
            )
        self._rest()
        self._head.load_state_dict(state["head"])
        for item in self._trained:
            item.held.copy_(state["model"][item.name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def _rest(self) -> None:
        if self.trunk is not None:
            reshard(self.trunk)


class _Tally:
    """Sums over a step's learned tokens, on the device: loss, count, R, R^2, error, error^2."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None

    def add(self, loss: Tensor, value_K: Tensor, goal: Goal) -> None:
        counted_K = (goal.weight_K != 0).double()
        return_K = goal.return_K.double()
        error_K = return_K - value_K.double()
        columns = (torch.ones_like(return_K), return_K, return_K.square(), error_K, error_K.square())
        sums = torch.stack([loss.double(), *((column_K * counted_K).sum() for column_K in columns)])
        self._sums = sums if self._sums is None else self._sums + sums

    def read(self, ranks: Ranks) -> ValueTotals:
        if self._sums is None:
            return ValueTotals()
        loss, count, *sums = ranks.summed(self._sums).tolist()
        if not count:
            return ValueTotals(loss)
        mean, square, error, error_square = (value / count for value in sums)
        spread, left = square - mean * mean, error_square - error * error
        # Returns that all agree leave nothing to explain.
        return ValueTotals(loss, 1 - left / spread if spread > 1e-12 else 0.0)
