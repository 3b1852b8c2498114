"""Run a model once and see the output of every point, through forward hooks that are gone afterwards.

In: a model and token ids (B sequences of T tokens, unpadded). Out: `Activations`, or, so that two sets are never
held at once, a call of `see` for each point as soon as it is there. A tensor is copied to the CPU in fp32 (fp64
where it is fp64): upcasts are exact, so nothing is lost of bf16 and fp16. A point that is reached again in one pass
(Gemma 3 asks for two RoPE tables) is numbered.

Legend: B sequences, T tokens.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rl.parity.errors import ParityError
from rl.parity.points import HIDDEN, LOGITS, ROPE, Point, points_of

See = Callable[[Point, Tensor], None]
Activations = dict[Point, Tensor]


def capture(model: nn.Module, input_ids_BT: Tensor) -> Activations:
    """Outputs of the embedding, each layer and its parts and the final norm, and the logits, in order of execution.

    Raises:
        ParityError: no decoder layers can be found, or `input_ids_BT` is not a matrix of token ids.
    """
    kept: Activations = {}
    visit(model, input_ids_BT, kept.__setitem__)
    return kept


def visit(model: nn.Module, input_ids_BT: Tensor, see: See) -> None:
    """One forward pass without gradients, in evaluation mode; `see` gets each point's output on the CPU."""
    if input_ids_BT.dim() != 2 or input_ids_BT.is_floating_point() or not input_ids_BT.numel():
        raise ParityError(
            f"input_ids of shape {tuple(input_ids_BT.shape)}, {input_ids_BT.dtype}",
            "integers of shape (sequences, tokens), at least one",
            "add the batch dimension: input_ids[None]",
        )
    calls: Counter[Point] = Counter()

    def watch(point: Point) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensors = _tensors(output)
            if not tensors:
                return
            calls[point] += 1
            place = point if calls[point] == 1 else Point(f"{point.part} #{calls[point]}", point.layer)
            see(place, _on_cpu(torch.cat(tensors, -1) if point.part == ROPE else tensors[0]))

        return hook

    points = points_of(model)
    _require_known_tokens(points, input_ids_BT)
    handles = [module.register_forward_hook(watch(point)) for point, module in points]
    try:
        with _evaluating(model), torch.no_grad():
            output = model(input_ids_BT.to(_device(model)), **_arguments(model))
    finally:
        for handle in handles:
            handle.remove()
    logits = getattr(output, "logits", None)
    if isinstance(logits, Tensor) or isinstance(output, Tensor):
        see(LOGITS, _on_cpu(logits if isinstance(logits, Tensor) else output))
    elif tensors := _tensors(output):
        see(HIDDEN, _on_cpu(tensors[0]))


def _require_known_tokens(points: list[tuple[Point, nn.Module]], input_ids_BT: Tensor) -> None:
    """Here, since an embedding on a GPU ends the process's use of it by a device-side assertion."""
    known = next((module.num_embeddings for _, module in points if isinstance(module, nn.Embedding)), None)
    lowest, highest = int(input_ids_BT.min()), int(input_ids_BT.max())
    if known is not None and (lowest < 0 or highest >= known):
        wrong = lowest if lowest < 0 else highest
        raise ParityError(
            f"token id {wrong}", f"ids from 0 to {known - 1}", "check that the tokenizer is the model's"
        )


def _on_cpu(tensor: Tensor) -> Tensor:
    """A copy: what follows may write into the tensor (a residual added in place)."""
    high = torch.float64 if tensor.dtype is torch.float64 else torch.float32
    return tensor.detach().to("cpu", high, copy=True)


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    values = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    return [value for value in values if isinstance(value, Tensor)]


def _device(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _arguments(model: nn.Module) -> dict[str, Any]:
    """No cache where the model can have one: it would outlive the pass."""
    return {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout; each module's mode is put back, since part of a model may be frozen in evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
