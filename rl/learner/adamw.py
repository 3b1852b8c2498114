"""AdamW (arXiv 1711.05101) whose state need not be fp32: bfloat16 weights, moments in 8 bits, a piece at a time.

For fp32 weights with fp32 moments torch's own is faster and is what `optimizer` takes. Here each parameter is walked
in pieces: a piece's weight and moments become fp32, take the step, and go back to what they are kept as, so that no
fp32 copy of anything is ever whole. The model's bfloat16 weights are the upper halves of the fp32 weights the step is
done on (`rounding`): the result is that of an fp32 copy beside them, bit for bit, ties of rounding apart.

Legend: N elements of a piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rl.learner.moments import BLOCK, EightBitMoments, FullMoments, MomentStore
from rl.learner.rounding import joined, split, stochastic

# Elements of a piece: some ten fp32 copies of it are alive at a time, 160 MB.
_PIECE = 4 * 1024 * 1024
# Parameters smaller than this (norms, biases) keep fp32 moments: nothing is saved, and they decide much.
_SMALL = 4096


class PieceAdamW:
    """`param_groups` as torch's optimizers have them; every parameter's `grad` is read, whatever its dtype."""

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        betas: tuple[float, float],
        epsilon: float,
        eight_bit: bool,
        master_weights: bool,
        piece: int = _PIECE,
    ) -> None:
        self.param_groups = groups
        self._betas, self._epsilon = betas, epsilon
        self._eight_bit, self._master = eight_bit, master_weights
        self._piece = -(-piece // BLOCK) * BLOCK
        self._steps = 0
        self.state: dict[int, dict[str, Tensor]] = {}  # by the place among all parameters

    @torch.no_grad()
    def step(self) -> None:
        """One step on every parameter that has a gradient."""
        self._steps += 1
        generators: dict[torch.device, torch.Generator] = {}
        for number, (parameter, group) in enumerate(self._all()):
            if parameter.grad is None:
                continue
            if parameter.device not in generators:  # seeded by the step, so that a resumed run draws the same
                generators[parameter.device] = torch.Generator(parameter.device).manual_seed(self._steps)
            if number not in self.state:
                self.state[number] = self._new(parameter)
            self._step_parameter(parameter, self.state[number], group, generators[parameter.device])

    def state_bytes(self) -> int:
        """Bytes of moments and of the lower halves of weights."""
        return sum(tensor.nbytes for tensors in self.state.values() for tensor in tensors.values())

    def state_dict(self) -> dict[str, Any]:
        """Everything a checkpoint needs; tensors are not copied."""
        return {"steps": self._steps, "state": {number: dict(tensors) for number, tensors in self.state.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()`, bit for bit. Raises ValueError for the state of other parameters."""
        parameters = [parameter for parameter, _ in self._all()]
        found: dict[int, dict[str, Tensor]] = {}
        for number, tensors in state["state"].items():
            expected = {name: tensor.shape for name, tensor in self._new(parameters[number]).items()}
            if expected != {name: tensor.shape for name, tensor in tensors.items()}:
                raise ValueError(f"optimizer state of parameter {number} has other tensors than this optimizer keeps")
            device = parameters[number].device
            found[number] = {name: tensor.detach().to(device, copy=True) for name, tensor in tensors.items()}
        self._steps, self.state = state["steps"], found

    def _all(self) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        for group in self.param_groups:
            for parameter in group["params"]:
                yield parameter, group

    def _store(self, parameter: Tensor) -> type[MomentStore]:
        return EightBitMoments if self._eight_bit and parameter.numel() >= _SMALL else FullMoments

    def _new(self, parameter: Tensor) -> dict[str, Tensor]:
        tensors = self._store(parameter).new(parameter)
        if parameter.dtype == torch.bfloat16 and self._master:
            tensors["rest"] = torch.zeros(parameter.numel(), dtype=torch.int16, device=parameter.device)
        return tensors

    def _step_parameter(
        self, parameter: Tensor, tensors: dict[str, Tensor], group: dict[str, Any], generator: torch.Generator
    ) -> None:
        weight, gradient = parameter.view(-1), parameter.grad
        if gradient is None:
            return
        gradient, store = gradient.reshape(-1), self._store(parameter)
        (beta_1, beta_2), rate = self._betas, group["lr"]
        for start in range(0, weight.numel(), self._piece):
            piece = slice(start, min(start + self._piece, weight.numel()))
            weight_N, gradient_N = _fp32(weight[piece], tensors.get("rest"), piece), gradient[piece].float()
            moments = store.read(tensors, piece)
            moments.first_N.lerp_(gradient_N, 1 - beta_1)
            moments.second_N.mul_(beta_2).addcmul_(gradient_N, gradient_N, value=1 - beta_2)
            weight_N.mul_(1 - rate * group["weight_decay"])
            root_N = moments.second_N.sqrt().div_(math.sqrt(1 - beta_2**self._steps)).add_(self._epsilon)
            weight_N.addcdiv_(moments.first_N, root_N, value=-rate / (1 - beta_1**self._steps))
            store.write(tensors, piece, moments, generator)
            _keep(weight_N, weight[piece], tensors.get("rest"), piece, generator)


def _fp32(weight_N: Tensor, rest: Tensor | None, piece: slice) -> Tensor:
    """The weights as fp32: themselves, or a copy."""
    return weight_N.float() if rest is None else joined(weight_N, rest[piece])


def _keep(new_N: Tensor, weight_N: Tensor, rest: Tensor | None, piece: slice, generator: torch.Generator) -> None:
    """Put fp32 weights back where they came from."""
    if weight_N.dtype == torch.float32:
        return  # the step was done on the weights themselves
    if rest is None:
        weight_N.copy_(stochastic(new_N, generator))
        return
    rounded_N, rest[piece] = split(new_N)
    weight_N.copy_(rounded_N)
