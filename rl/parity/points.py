"""Where a model is read: embedding, RoPE tables, every part of every decoder layer, final norm, logits.

In: a module tree. Out: (point, module) pairs. A point's name does not depend on the class of a module, so that a
patched model, a port and transformers' own can be laid side by side: the decoder layers are the members of the
shallowest `ModuleList` (of the text decoder, where a model names one), and the children of a layer are called by what
they do. Attribute names are those of transformers' Llama, Qwen 2 and 3, Gemma 1 to 3 and Mistral, and of Meta's and
OpenAI's original trees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from rl.parity.errors import ParityError

ROPE = "rope"
OUTPUT = "output"

# The same part under its several names; a name that is not here stands for itself.
_PARTS = {
    "self_attn": "attention",
    "attn": "attention",
    "self_attention": "attention",
    "feed_forward": "mlp",
    "ffn": "mlp",
    "block_sparse_moe": "mlp",
    "input_layernorm": "input_norm",
    "attention_norm": "input_norm",
    "ln_1": "input_norm",
    "post_attention_layernorm": "post_attention_norm",
    "ffn_norm": "post_attention_norm",
    "ln_2": "post_attention_norm",
    "pre_feedforward_layernorm": "pre_feedforward_norm",
    "post_feedforward_layernorm": "post_feedforward_norm",
}


@dataclass(frozen=True)
class Point:
    """A place in a model whose output is compared: `layer` counts from 0 and is None outside the layers."""

    part: str
    layer: int | None = None

    def __str__(self) -> str:
        return self.part if self.layer is None else f"layer {self.layer} {self.part}"

    @property
    def is_trunk(self) -> bool:
        """Whether it is a stage that everything after depends on: all but what lies inside a layer."""
        return self.layer is None or self.part == OUTPUT


EMBEDDING = Point("embedding")
FINAL_NORM = Point("final norm")
LOGITS = Point("logits")
HIDDEN = Point("hidden states")  # of a model without a head


def points_of(model: nn.Module) -> list[tuple[Point, nn.Module]]:
    """Every module that is read, with its point; the logits are read from the model's own output.

    Raises:
        ParityError: the tree has no `ModuleList`.
    """
    parent, layers = _decoder_layers(model)
    found = [(EMBEDDING, module) for module in _embedding(model, layers)]
    for name, child in parent.named_children():
        if child is layers:
            for number, layer in enumerate(layers):
                found += _points_of_layer(number, layer)
        elif "rotary" in name or name == ROPE:
            found.append((Point(ROPE), child))
        elif "norm" in name or name == "ln_f":
            found.append((FINAL_NORM, child))
    return found


def _decoder_layers(model: nn.Module) -> tuple[nn.Module, nn.ModuleList]:
    get_decoder = getattr(model, "get_decoder", None)
    decoder = get_decoder() if callable(get_decoder) else None
    root = decoder if isinstance(decoder, nn.Module) else model
    lists = [(name, module) for name, module in root.named_modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ParityError(
            type(model).__name__,
            "a model whose decoder layers are members of a ModuleList",
            "compare the part of the tree that has one",
        )
    name, layers = min(lists, key=lambda pair: (pair[0].count("."), -len(pair[1])))
    return root.get_submodule(name.rpartition(".")[0]), layers


def _embedding(model: nn.Module, layers: nn.ModuleList) -> Iterator[nn.Module]:
    get_embedding = getattr(model, "get_input_embeddings", None)
    embedding = get_embedding() if callable(get_embedding) else None
    if embedding is None:
        inside = set(layers.modules())
        embeddings = (m for m in model.modules() if isinstance(m, nn.Embedding) and m not in inside)
        embedding = next(embeddings, None)
    if isinstance(embedding, nn.Module):
        yield embedding


def _points_of_layer(number: int, layer: nn.Module) -> Iterator[tuple[Point, nn.Module]]:
    for name, child in layer.named_children():
        if isinstance(child, (nn.Dropout, nn.Identity)):
            continue
        part = _PARTS.get(name, name)
        for inner, module in child.named_children():  # the norms of queries and keys (Qwen 3, Gemma 3)
            if "norm" in inner:
                yield Point(f"{part} {inner}", number), module
        yield Point(part, number), child
    yield Point(OUTPUT, number), layer
