"""A Llama with random weights, fixed by a seed: for speeds, which do not depend on what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def save_random_llama(
    folder: Path,
    tokenizer: Any,
    *,
    vocabulary: int,
    context: int,
    width: int = 256,
    layers: int = 2,
    tied: bool = True,
) -> Path:
    """Heads of 64, gated units three times as wide, and the tokenizer, in transformers' format."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        head_dim=64,
        max_position_embeddings=context,
        tie_word_embeddings=tied,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
