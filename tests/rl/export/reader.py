"""A GGUF file run by llama.cpp's conventions: an oracle that knows nothing of transformers.

Written after llama.cpp's graphs (src/models/llama.cpp, qwen2.cpp, qwen3.cpp, gemma.cpp, gemma2.cpp, gemma3.cpp).
Legend: T positions, D width, H heads, K key heads, E a head's dimensions, V vocabulary.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGUFReader
from torch import Tensor
from torch.nn import functional

_INTERLEAVED = {"llama"}
_WINDOW_PERIOD = {"gemma2": 2, "gemma3": 6}


class GgufModel:
    """Keys by name and dequantised tensors; `logits` runs it."""

    def __init__(self, path: Path) -> None:
        reader = GGUFReader(path)
        self.keys: dict[str, Any] = {name: field.contents() for name, field in reader.fields.items()}
        self.kinds = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
        self.tensors = {
            tensor.name: torch.from_numpy(
                np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
            ).reshape([int(size) for size in reversed(tensor.shape)])
            for tensor in reader.tensors
        }
        self.architecture = str(self.keys["general.architecture"])

    def key(self, name: str, default: Any = None) -> Any:
        """A key of the architecture's own."""
        return self.keys.get(f"{self.architecture}.{name}", default)

    def logits(self, ids: list[int]) -> Tensor:
        """Of every position."""
        gemma = self.architecture.startswith("gemma")
        stream_TD = self.tensors["token_embd.weight"][ids]
        if gemma:
            stream_TD = stream_TD * self.key("embedding_length") ** 0.5
        for block in range(self.key("block_count")):
            name = f"blk.{block}."
            attended_TD = self._attention(name, block, self._norm(stream_TD, name + "attn_norm"))
            if name + "post_attention_norm.weight" in self.tensors:
                attended_TD = self._norm(attended_TD, name + "post_attention_norm")
            stream_TD = stream_TD + attended_TD
            forward_TD = self._feed_forward(name, self._norm(stream_TD, name + "ffn_norm"), gelu=gemma)
            if name + "post_ffw_norm.weight" in self.tensors:
                forward_TD = self._norm(forward_TD, name + "post_ffw_norm")
            stream_TD = stream_TD + forward_TD
        head = "output" if "output.weight" in self.tensors else "token_embd"
        logits_TV = self._product(head, self._norm(stream_TD, "output_norm"))
        cap = self.key("final_logit_softcapping")
        return torch.tanh(logits_TV / cap) * cap if cap else logits_TV

    def _attention(self, name: str, block: int, x_TD: Tensor) -> Tensor:
        heads, key_heads, size = self.key("attention.head_count"), self.key("attention.head_count_kv"), self.size
        query_THE = self._product(name + "attn_q", x_TD).view(-1, heads, size)
        key_TKE = self._product(name + "attn_k", x_TD).view(-1, key_heads, size)
        value_TKE = self._product(name + "attn_v", x_TD).view(-1, key_heads, size)
        if name + "attn_q_norm.weight" in self.tensors:
            query_THE = self._norm(query_THE, name + "attn_q_norm")
            key_TKE = self._norm(key_TKE, name + "attn_k_norm")
        windowed = self._windowed(block)
        query_THE, key_TKE = self._turn(query_THE, windowed), self._turn(key_TKE, windowed)
        key_THE = key_TKE.repeat_interleave(heads // key_heads, dim=1)
        value_THE = value_TKE.repeat_interleave(heads // key_heads, dim=1)
        scores_HTT = torch.einsum("the,she->hts", query_THE, key_THE) * size**-0.5
        cap = self.key("attn_logit_softcapping")
        scores_HTT = torch.tanh(scores_HTT / cap) * cap if cap else scores_HTT
        steps = torch.arange(len(x_TD))
        hidden_TT = steps[None] > steps[:, None]
        if windowed:
            hidden_TT |= steps[:, None] - steps[None] >= self.key("attention.sliding_window")
        weights_HTT = scores_HTT.masked_fill(hidden_TT, float("-inf")).softmax(-1)
        return self._product(name + "attn_output", torch.einsum("hts,she->the", weights_HTT, value_THE).flatten(1))

    def _feed_forward(self, name: str, x_TD: Tensor, *, gelu: bool) -> Tensor:
        gate = self._product(name + "ffn_gate", x_TD)
        gate = functional.gelu(gate, approximate="tanh") if gelu else functional.silu(gate)
        return self._product(name + "ffn_down", gate * self._product(name + "ffn_up", x_TD))

    @property
    def size(self) -> int:
        """Dimensions of a head."""
        return int(self.key("attention.key_length"))

    def _windowed(self, block: int) -> bool:
        period = _WINDOW_PERIOD.get(self.architecture)
        return period is not None and (block + 1) % period != 0

    def _turn(self, x_THE: Tensor, windowed: bool) -> Tensor:
        base = self.key("rope.freq_base_swa", 10_000.0) if windowed else self.key("rope.freq_base")
        if windowed and self.architecture == "gemma2":
            base = self.key("rope.freq_base")
        frequencies = base ** (-torch.arange(0, self.size, 2, dtype=torch.float32) / self.size)
        if "rope_freqs.weight" in self.tensors:
            frequencies = frequencies / self.tensors["rope_freqs.weight"]
        if self.key("rope.scaling.type") == "linear" and not windowed:
            frequencies = frequencies / self.key("rope.scaling.factor")
        angles = torch.arange(len(x_THE))[:, None, None] * frequencies
        cos, sin = angles.cos(), angles.sin()
        if self.architecture in _INTERLEAVED:
            one, two = x_THE[..., 0::2], x_THE[..., 1::2]
            return torch.stack([one * cos - two * sin, one * sin + two * cos], dim=-1).flatten(2)
        one, two = x_THE.chunk(2, dim=-1)
        return torch.cat([one * cos - two * sin, one * sin + two * cos], dim=-1)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.key("attention.layer_norm_rms_epsilon"))
        return x * scale * self.tensors[name + ".weight"]

    def _product(self, name: str, x: Tensor) -> Tensor:
        return functional.linear(x, self.tensors[name + ".weight"], self.tensors.get(name + ".bias"))


def sentence_piece_ids(keys: dict[str, Any], text: str) -> list[int]:
    """Tokens by llama.cpp's rule for scores: of all neighbours that make a token, the best goes first."""
    tokens, scores = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.scores"]
    places = {token: place for place, token in enumerate(tokens)}
    prefix = " " if keys["tokenizer.ggml.add_space_prefix"] else ""
    parts = list((prefix + text).replace(" ", "▁"))
    while True:
        pairs = [
            (scores[places[left + right]], -at)
            for at, (left, right) in enumerate(pairwise(parts))
            if left + right in places
        ]
        if not pairs:
            break
        at = -max(pairs)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    ids: list[int] = []
    for part in parts:
        ids += [places[part]] if part in places else [places[f"<0x{byte:02X}>"] for byte in part.encode()]
    return ids
