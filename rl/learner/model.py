"""A policy as the learner holds it: transformers' model with packed attention and our kernels in it.

`PackedPolicy` is how it is called: a micro-batch goes in, and what is to be done with states and head comes along, so
that both happen inside one forward (where a sharded head is whole).

Legend: T tokens read, K completion tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mathpipe.core.errors import InputError
from rl.kernels import patch
from rl.learner.config import LearnerConfig
from rl.packed_attention import starts_of, use_packed_attention
from rl.packing import Packed

T = TypeVar("T")


class PackedPolicy(nn.Module):
    """A causal model of transformers on packed sequences. `softcap` is that of its logits (Gemma 2), 0 for none."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.softcap = float(getattr(model.config, "final_logit_softcapping", None) or 0.0)

    def forward(self, packed: Packed, head: Callable[[Tensor, Tensor], T]) -> T:
        """`head(states_KD, weight_VD)`: states that predict the completions' tokens, and the head's weight."""
        hidden_1TD = self.model.base_model(
            input_ids=packed.ids_T[None],
            position_ids=packed.positions_T[None],
            use_cache=False,
            packed_starts=starts_of(packed),
        ).last_hidden_state
        states_KD = hidden_1TD[0].index_select(0, packed.state_K)
        return head(states_KD, self.model.get_output_embeddings().weight)


def load_tokenizer(model: str) -> Any:
    """The model's tokenizer. Raises `InputError` where there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(f"model {model}", f"a tokenizer ({_first(error)})", "check the path") from None


def device_of(config: LearnerConfig) -> str:
    """Where the policy computes."""
    if config.device != "auto":
        return config.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_policy(model: str, config: LearnerConfig, *, device: str = "") -> Any:
    """The model, without dropout, on its device or another. Raises `InputError` where it does not load."""
    from transformers import AutoModelForCausalLM

    try:
        policy: Any = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, config.dtype))
    except (OSError, ValueError) as error:
        raise InputError(f"model {model}", f"a model that transformers loads ({_first(error)})", "check it") from None
    _check_head(model, policy)
    _without_dropout(policy)
    policy = policy.to(device or device_of(config)).eval()
    use_packed_attention(policy)
    if config.patch_kernels:
        patch(policy)
    return policy


def checkpoint_activations(policy: Any, *, offload: bool) -> None:
    """Keep each layer's input alone, on the host if `offload`, and compute the rest again in the backward."""
    policy.gradient_checkpointing_enable({"use_reentrant": False}, offload=offload)
    policy.disable_input_require_grads()  # a need of reentrant checkpoints: it would cost a gradient of the input
    policy.train()  # transformers checkpoints in training only; there is no dropout that this could wake


def _check_head(name: str, model: Any) -> None:
    """Raises `InputError` for logits that are more than states times weight."""
    head = model.get_output_embeddings()
    scaled = [key for key in ("logit_scale", "logits_scaling") if getattr(model.config, key, None) not in {None, 1}]
    if head is None or getattr(head, "bias", None) is not None or scaled:
        raise InputError(
            f"model {name}", "a head that is a plain product with its weight, without bias or scale", "take another"
        )


def _without_dropout(model: Any) -> None:
    """The sampler has none. Attention's is a number of each layer."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
