"""A model as numbers: parameters, and the bytes that its backward needs a token, counted and not guessed.

In: a model's configuration. Out: `Shape`. The model is built of torch's fake tensors (shapes without memory), run
once, and what autograd keeps is counted by its hooks; so any architecture that transformers has is counted as it is,
with our kernels and activation checkpoints. On a GPU the gated units' kernel keeps less than what is counted here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mathpipe.core.errors import InputError
from rl.kernels import patch
from rl.learner.config import LearnerConfig
from rl.packed_attention import Starts, use_packed_attention

_SHORT, _LONG = 256, 512  # tokens of the two counts whose difference is the cost of a token


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model. `saved_bytes` are what one token leaves for the backward, `layer_bytes` what one layer of
    it takes while it is computed again (0 without checkpoints).
    """

    parameters: int
    trained: int
    head: int  # parameters of the head (vocabulary times width)
    embedding: int  # parameters that are only looked up
    layers: int
    width: int
    vocabulary: int
    key_value_width: int  # of keys and values together, a layer
    attention_width: int  # heads times head dimension
    saved_bytes: int
    layer_bytes: int


def model_config(model: str) -> Any:
    """transformers' configuration: of a folder, of the hub, or of `rl/planning/models` where the hub is out of reach.

    Raises `InputError` where there is none.
    """
    from transformers import AutoConfig

    known = resources.files("rl.planning").joinpath("models", f"{model.rsplit('/', 1)[-1]}.json")
    if not Path(model).exists() and known.is_file():
        values = json.loads(known.read_text(encoding="utf-8"))
        return AutoConfig.for_model(**values)
    try:
        return AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"model {model}", f"a config.json ({reason})", "give a folder, or a name the hub has"
        ) from None


def shape_of(config: Any, learner: LearnerConfig) -> Shape:
    """The model's sizes under a learner's settings."""
    with FakeTensorMode():
        return _counted(config, learner)


def _counted(config: Any, learner: LearnerConfig) -> Shape:
    plain = _model(config, learner, checkpoints=False)
    layers = int(config.num_hidden_layers)
    whole = _saved_per_token(plain)
    saved, layer = whole, 0
    if learner.checkpoint_activations:
        saved = _saved_per_token(_model(config, learner, checkpoints=True))
        layer = whole // layers
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    parameters = sum(parameter.numel() for parameter in plain.parameters())
    head = config.vocab_size * config.hidden_size
    tied = bool(config.tie_word_embeddings)
    return Shape(
        parameters=parameters,
        trained=parameters if learner.lora is None else _adapter_parameters(plain, learner.lora.rank),
        head=head,
        embedding=0 if tied else head,
        layers=layers,
        width=int(config.hidden_size),
        vocabulary=int(config.vocab_size),
        key_value_width=2 * head_dim * int(config.num_key_value_heads),
        attention_width=head_dim * int(config.num_attention_heads),
        saved_bytes=saved,
        layer_bytes=layer,
    )


def _model(config: Any, learner: LearnerConfig, *, checkpoints: bool) -> Any:
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, learner.dtype))
    model.eval()
    use_packed_attention(model)
    if learner.patch_kernels:
        patch(model)
    if checkpoints:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()
    return model


def _saved_per_token(model: Any) -> int:
    return (_saved_bytes(model, _LONG) - _saved_bytes(model, _SHORT)) // (_LONG - _SHORT)


def _saved_bytes(model: Any, tokens: int) -> int:
    """Bytes of all storages that autograd keeps for the backward of so many tokens, parameters left out."""
    parameters = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, Any] = {}  # holds the storages, or a freed one's number would come again

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in parameters:
            kept[storage._cdata] = storage
        return tensor

    ids_1T = torch.empty(1, tokens, dtype=torch.int64)
    starts = Starts(torch.empty(2, dtype=torch.int32), (tokens,), tokens)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = model.base_model(
            input_ids=ids_1T,
            position_ids=ids_1T,
            use_cache=False,
            # Of four dimensions, so that transformers makes none: it would look into the positions, which have no
            # values.
            attention_mask=torch.empty(1, 1, 1, 1),
            packed_starts=starts,
        ).last_hidden_state
    total = sum(storage.nbytes() for storage in kept.values())
    return int(total + states.untyped_storage().nbytes())


def _adapter_parameters(model: Any, rank: int) -> int:
    """Of LoRA on every linear layer but the head."""
    head = model.get_output_embeddings()
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head]
    return sum(rank * (module.in_features + module.out_features) for module in linear)
