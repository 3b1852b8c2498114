"""A policy as the learner holds it: transformers' model with packed attention and our kernels in it."""

from __future__ import annotations

from typing import Any

import torch

from mathpipe.core.errors import InputError
from rl.kernels import patch
from rl.learner.config import LearnerConfig
from rl.packed_attention import use_packed_attention


def load_tokenizer(model: str) -> Any:
    """The model's tokenizer. Raises `InputError` where there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(f"model {model}", f"a tokenizer ({_first(error)})", "check the path") from None


def load_policy(model: str, config: LearnerConfig) -> Any:
    """The model, without dropout, on its device. Raises `InputError` where it does not load."""
    from transformers import AutoModelForCausalLM

    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        policy: Any = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, config.dtype))
    except (OSError, ValueError) as error:
        raise InputError(f"model {model}", f"a model that transformers loads ({_first(error)})", "check it") from None
    policy = policy.to(device).eval()  # no dropout: the sampler has none
    use_packed_attention(policy)
    if config.patch_kernels:
        patch(policy)
    return policy


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
