"""What the optimizer is given: parameters in groups, a learning rate for each step, the norm of all gradients.

Three groups: `vectors` (norms, biases: no weight decay), `embeddings` (embeddings and head, whose learning rate may
differ: few of their rows are read in a step), `matrices` (all others). fp32 weights with fp32 moments are stepped by
torch's AdamW, everything else by `PieceAdamW`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from rl.learner.adamw import PieceAdamW
from rl.learner.config import LearnerConfig
from rl.learner.ranks import Ranks, local


@dataclass(frozen=True, slots=True)
class Trained:
    """A parameter that learns. `held` is what this process holds of it: the parameter, or its shard."""

    name: str
    parameter: Tensor
    held: Tensor

    def take_gradient(self) -> Tensor | None:
        """The gradient of what is held, also put where an optimizer looks for it."""
        gradient = self.parameter.grad
        if gradient is None:
            self.held.grad = None
        elif self.held is not self.parameter:
            self.held.grad = local(gradient)
        return self.held.grad


class Optimizer(Protocol):
    """As torch's."""

    param_groups: list[dict[str, Any]]

    @property
    def state(self) -> Mapping[Any, Mapping[str, Any]]:
        """Moments and what else is kept of each parameter."""

    def step(self) -> object:
        """Move every parameter that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from it."""


def trained_parameters(model: Any, gradient_dtype: torch.dtype) -> list[Trained]:
    """Those that learn; bfloat16 ones add up their gradients in `gradient_dtype`."""
    found = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        held = local(parameter)
        if held is parameter:
            if parameter.dtype == torch.bfloat16:
                parameter.grad_dtype = gradient_dtype
        else:
            held = held.detach()
        found.append(Trained(name, parameter, held))
    return found


def make_optimizer(model: Any, trained: Sequence[Trained], config: LearnerConfig) -> Optimizer:
    """The optimizer of a configuration over the parameters that learn."""
    groups = _groups(model, trained, config)
    full = all(item.held.dtype == torch.float32 for item in trained)
    if full and config.optimizer == "adamw":
        return torch.optim.AdamW(groups, betas=config.betas, eps=config.epsilon, fused=True)
    return PieceAdamW(
        groups,
        betas=config.betas,
        epsilon=config.epsilon,
        eight_bit=config.optimizer == "adamw_8bit",
        master_weights=config.master_weights,
    )


def _groups(model: Any, trained: Sequence[Trained], config: LearnerConfig) -> list[dict[str, Any]]:
    tables = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    members: dict[str, list[Tensor]] = {"matrices": [], "embeddings": [], "vectors": []}
    for item in trained:
        kind = "embeddings" if id(item.parameter) in tables else "matrices" if item.parameter.ndim > 1 else "vectors"
        members[kind].append(item.held)
    return [
        {
            "name": name,
            "params": parameters,
            "lr": config.learning_rate,
            "weight_decay": 0.0 if name == "vectors" else config.weight_decay,
        }
        for name, parameters in members.items()
        if parameters
    ]


def set_learning_rate(optimizer: Optimizer, config: LearnerConfig, step: int) -> float:
    """Give each group its rate for a step (0 is the first); gives back that of the matrices."""
    share = rate_share(config, step)
    for group in optimizer.param_groups:
        own = config.embedding_learning_rate if group["name"] == "embeddings" else None
        group["lr"] = share * (config.learning_rate if own is None else own)
    return share * config.learning_rate


def rate_share(config: LearnerConfig, step: int) -> float:
    """The part of the learning rate that a step has: a linear warm-up, then the schedule down to `final_share`."""
    if step < config.warm_up_steps:
        return (step + 1) / config.warm_up_steps
    if config.schedule == "constant" or config.schedule_steps is None:
        return 1.0
    done = min(1.0, (step - config.warm_up_steps) / (config.schedule_steps - config.warm_up_steps))
    left = 1 - done if config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return config.final_share + (1 - config.final_share) * left


def norms(gradients: Iterable[Tensor]) -> Tensor:
    """The norm of each gradient as this process holds it, fp32, shape (P,)."""
    return torch.stack([torch.linalg.vector_norm(gradient, dtype=torch.float32) for gradient in gradients])


def total_norm(norms_P: Tensor, ranks: Ranks) -> Tensor:
    """The norm of all gradients of all ranks; infinite or NaN where one is."""
    return ranks.summed(norms_P.square().sum()).sqrt() if ranks.world > 1 else torch.linalg.vector_norm(norms_P)


def clip(gradients: Sequence[Tensor], norm: float, at_most: float) -> None:
    """Scale gradients so that their norm is `at_most` if it is more."""
    factor = at_most / (norm + 1e-6)
    if factor < 1:
        torch._foreach_mul_(list(gradients), factor)
