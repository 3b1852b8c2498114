"""A Llama with random weights, fixed by a seed: for speeds, which do not depend on what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def save_random_llama(folder: Path, tokenizer: Any, *, vocabulary: int, context: int) -> Path:
    """Two layers of 256 with heads of 64, head and embeddings tied, and the tokenizer, in transformers' format."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=64,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
