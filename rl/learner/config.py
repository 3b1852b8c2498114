"""What the learner does, as frozen configuration. Rates per optimizer step, sizes in tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mathpipe.core.config import Config
from rl.losses import LOSSES, Level, Loss, make_loss


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

    @property
    def needs_reference(self) -> bool:
        """Whether tokens must be scored by a reference policy: for a KL term, or for DPO's log-ratios."""
        return bool(self.kl) or self.make().level is Level.PAIR


class LoraConfig(Config):
    """Low-rank adapters on every linear layer but the head (arXiv 2106.09685): W + alpha / rank * B A.

    There is no dropout: the sampler has none, and the reference policy is the same model without its adapters.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    seed: int = 0  # of A; B begins as 0


class LearnerConfig(Config):
    """One policy and its optimizer.

    `dtype` is the weights' and the computation's. In bfloat16 the optimizer works on exact fp32 weights whose lower
    half it keeps (`master_weights`; 2 bytes a parameter), or, without them, rounds stochastically; the gradients of
    micro-batches are added in `gradient_dtype`. `micro_batch_tokens` bounds what is in memory at a time and changes
    no result. `updates` optimizer steps are made of one batch of samples. `sharded`: where torch.distributed runs
    with several processes, each holds its share of weights and optimizer (FSDP2) and reads its share of sequences.
    `offload_optimizer` puts the optimizer's state into the host's memory while a sampler in the same process works
    (None: where both have a GPU by turns).
    """

    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    learning_rate: float = Field(default=1e-6, gt=0)
    embedding_learning_rate: float | None = Field(default=None, ge=0)  # of embeddings and head; None: the same
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    schedule_steps: int | None = Field(default=None, ge=1)  # optimizer steps until `final_share` is reached
    final_share: float = Field(default=0.0, ge=0, le=1)  # of the learning rate, at the end of the schedule
    warm_up_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)  # of matrices; norms and biases have none
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = Field(default=1e-8, gt=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    master_weights: bool = True
    gradient_dtype: Literal["float32", "bfloat16"] = "float32"
    micro_batch_tokens: int = Field(default=16_384, ge=1)
    updates: int = Field(default=1, ge=1)
    checkpoint_activations: bool = False
    offload_activations: bool = False  # of checkpointed layers, to pinned memory of the host
    offload_optimizer: bool | None = None
    lora: LoraConfig | None = None
    sharded: bool = True
    patch_kernels: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> LearnerConfig:
        if self.schedule != "constant" and self.schedule_steps is None:
            raise ValueError(f"schedule {self.schedule} needs schedule_steps: steps of the run times learner.updates")
        if self.schedule_steps is not None and self.schedule_steps <= self.warm_up_steps:
            raise ValueError(f"schedule_steps={self.schedule_steps} must be above warm_up_steps={self.warm_up_steps}")
        if self.offload_activations and not self.checkpoint_activations:
            raise ValueError("offload_activations needs checkpoint_activations: it moves what those keep")
        if self.lora is not None and self.embedding_learning_rate is not None:
            raise ValueError("lora trains neither embeddings nor head: leave embedding_learning_rate out")
        return self
