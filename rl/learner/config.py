"""What the learner does, as frozen configuration. Rates per optimizer step, sizes in tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from mathpipe.core.config import Config
from rl.losses import LOSSES, Loss, make_loss


class LossConfig(Config):
    """A loss of `rl.losses` by name, with options of its own; the rest are its paper's."""

    name: str = "grpo"
    options: dict[str, float | bool | None] = Field(default_factory=dict)
    entropy_bonus: float = Field(default=0.0, ge=0)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LOSSES:
            raise ValueError(f"one of {', '.join(LOSSES)}")
        return name

    def make(self) -> Loss:
        """The loss; raises ValueError for an option that it has not."""
        options: dict[str, Any] = dict(self.options)
        return make_loss(self.name, **options)

    @property
    def kl(self) -> float:
        """Factor of the KL term: above 0 a reference policy is needed."""
        return float(self.make().options.get("kl") or 0.0)


class LearnerConfig(Config):
    """One policy and its optimizer.

    `dtype` is the weights' and the computation's; in bfloat16 the optimizer keeps fp32 copies. `micro_batch_tokens`
    bounds what is in memory at a time and changes no result. `updates` optimizer steps are made of one batch of
    samples.
    """

    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    learning_rate: float = Field(default=1e-6, gt=0)
    warm_up_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float = Field(default=1.0, gt=0)
    micro_batch_tokens: int = Field(default=16_384, ge=1)
    updates: int = Field(default=1, ge=1)
    patch_kernels: bool = True
