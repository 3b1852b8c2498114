"""What supervised fine-tuning does, as frozen configuration; no torch here, for those who only plan a training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from mathpipe.core.config import Config


class SftConfig(Config):
    """The loop: AdamW, a warm-up, then a cosine down to `last_rate` of the learning rate.

    A step learns from `sequences` examples; `micro_batch_tokens` bounds what is in memory at a time and changes no
    result. Weights are held in fp32; `bfloat16` computes in it (autocast).
    """

    epochs: int = Field(default=2, ge=1)
    steps: int | None = Field(default=None, ge=1)  # in place of `epochs`
    sequences: int = Field(default=32, ge=1)
    micro_batch_tokens: int = Field(default=16_384, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    last_rate: float = Field(default=0.1, ge=0, le=1)
    warm_up: float = Field(default=0.05, ge=0, le=1)  # share of the steps
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    max_grad_norm: float = Field(default=1.0, gt=0)
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0

    def steps_for(self, examples: int) -> int:
        """Optimizer steps over that many examples."""
        return self.steps or -(-self.epochs * examples // self.sequences)


class SftRunConfig(Config):
    """One training: the `sft` shards of selections (`data`) teach `model`; the policy is written to `output`."""

    model: str
    data: tuple[Path, ...] = Field(min_length=1)
    output: Path
    template: str = "tokenizer"
    context_tokens: int = Field(default=4096, ge=2)  # a longer example is left out, and counted
    training: SftConfig = SftConfig()
