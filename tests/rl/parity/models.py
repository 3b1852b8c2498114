"""Tiny models of each family, from configurations, and faults to put into them."""

import copy

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "attn_implementation": "eager",
}
CONFIGS = {
    "llama": LlamaConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
    "gemma": GemmaConfig,
    "gemma2": Gemma2Config,
    "gemma3": Gemma3TextConfig,
    "mistral": MistralConfig,
}
INPUT_IDS_BT = torch.randint(3, 97, (2, 24), generator=torch.Generator().manual_seed(7))


def tiny(family: str = "llama", **changes) -> nn.Module:
    """Weights as large as a trained model's, so that no part is drowned by the residual stream."""
    config = CONFIGS[family](**{**SIZES, **changes})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 1.0 if "embed" in name else 0.2
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
            if "norm" in name:
                parameter.mul_(0.5).add_(0.0 if family.startswith("gemma") else 1.0)
    return model


def twin(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model)


def with_eps(model: nn.Module, layer: int, eps: float) -> nn.Module:
    changed = twin(model)
    changed.model.layers[layer].post_attention_layernorm.variance_epsilon = eps
    return changed


def with_rope_base(model: nn.Module, base: float, first_layer: int) -> nn.Module:
    """Another RoPE base from `first_layer` on: each layer is handed other tables."""
    changed = twin(model)
    config = copy.deepcopy(model.config)
    config.rope_parameters = {**config.rope_parameters, "rope_theta": base}
    rope = type(changed.model.rotary_emb)(config)

    def hand_over(_layer, arguments, named):
        cos, _ = named["position_embeddings"]
        positions_BT = torch.arange(cos.shape[1])[None]
        return arguments, {**named, "position_embeddings": rope(arguments[0], positions_BT)}

    for layer in changed.model.layers[first_layer:]:
        layer.register_forward_pre_hook(hand_over, with_kwargs=True)
    return changed


def with_exact_gelu(model: nn.Module, layer: int) -> nn.Module:
    changed = twin(model)
    changed.model.layers[layer].mlp.act_fn = nn.GELU()
    return changed


def with_rope_through(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    changed = twin(model)

    def rounded(_module, _inputs, tables):
        return tuple(table.to(dtype).to(table.dtype) for table in tables)

    changed.model.rotary_emb.register_forward_hook(rounded)
    return changed


class SplitLinear(nn.Module):
    """The same product as sums over pieces of the input, last piece first: other roundings, the same logic."""

    def __init__(self, linear: nn.Linear, pieces: int) -> None:
        super().__init__()
        self.linear, self.pieces = linear, pieces

    def forward(self, x):
        pairs = zip(x.chunk(self.pieces, -1), self.linear.weight.chunk(self.pieces, -1), strict=True)
        total = sum(part @ weight.t() for part, weight in reversed(list(pairs)))
        return total if self.linear.bias is None else total + self.linear.bias


def with_other_sums(model: nn.Module, pieces: int = 8) -> nn.Module:
    changed = twin(model)
    for layer in changed.model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(part, name, SplitLinear(child, pieces))
    return changed
