"""TRL's `GRPOTrainer` with our head: loss and gradients in one pass over the states of tokens that count.

In: what `GRPOTrainer` takes. Out: the same training, metrics included. TRL's own loss recomputes every tile of
logits in the backward, and on a CPU scores the prompts and the padding too; `rl.kernels.policy_head` forms the
gradients while a tile is there, for the tokens of the loss alone. TRL's code still runs, on the log-probabilities
that the head found: it computes the metrics, and its loss must be the head's, or training stops.

    trainer = policy_head_trainer()(model=…, reward_funcs=[…], args=GRPOConfig(…), train_dataset=…)

What the head has no formula for is refused when the trainer is made, each by its name in `GRPOConfig`.

Legend: B sequences, C completion tokens (padded), K tokens of the loss, D width, V vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from mathpipe.core.errors import InputError, MathpipeError
from rl.kernels.policy_head import PolicyHeadOutput, policy_head
from rl.losses import Aggregation, Loss, TokenBatch, make_loss, token_weights

_AGGREGATIONS = {
    "grpo": Aggregation.SEQUENCE_MEAN,
    "bnpo": Aggregation.TOKEN_MEAN,
    "dr_grpo": Aggregation.CONSTANT,
    "dapo": Aggregation.TOKEN_MEAN,
    "cispo": Aggregation.TOKEN_MEAN,
}
_TOLERANCE = 1e-3  # of the loss: bfloat16 states give scores that are fp32 in both, from the same products


class LossesDiffer(MathpipeError):  # noqa: N818 - a name that says what happened
    """The head's loss is not TRL's."""


@functools.cache
def policy_head_trainer() -> Any:
    """The class: `trl.GRPOTrainer` with another `_compute_loss`. Raises `InputError` where trl is not installed."""
    try:
        from trl.trainer.grpo_trainer import GRPOTrainer
    except ImportError as error:
        raise InputError("policy_head_trainer", f"trl ({error})", "pip install trl") from None
    return type("PolicyHeadGRPOTrainer", (PolicyHeadLoss, GRPOTrainer), {"__doc__": PolicyHeadLoss.__doc__})


class PolicyHeadLoss:
    """Mixed into `GRPOTrainer`: its loss, computed by `rl.kernels.policy_head`."""

    model: Any
    args: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _refuse(self)
        self._loss = loss_of(self)
        self._found: tuple[Tensor, Tensor] | None = None
        _take_heads(self.model)

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """The head's loss, which has the gradient; TRL's value and metrics from the same scores."""
        mask_BC = inputs["completion_mask"]
        if "tool_mask" in inputs:
            mask_BC = mask_BC * inputs["tool_mask"]
        counted_BC = mask_BC.bool()
        batch = token_batch(self, inputs, counted_BC)
        output = self._scored(model, inputs, counted_BC, batch)
        self._found = _spread(output, counted_BC, inputs.get("old_per_token_logps"))
        try:
            with torch.no_grad():
                theirs: Tensor = super()._compute_loss(model, inputs)  # type: ignore[misc]
        finally:
            self._found = None
        _check_same(output.loss, theirs)
        return output.loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **options: Any) -> Any:
        """What the head found, where TRL's loss asks for it; else TRL's own scores (old policy, reference)."""
        if self._found is not None:
            return *self._found, None
        return super()._get_per_token_logps_and_entropies(*args, **options)  # type: ignore[misc]

    def _scored(self, model: Any, inputs: dict[str, Any], counted_BC: Tensor, batch: TokenBatch) -> PolicyHeadOutput:
        """Backbone and head inside one forward of the model, so that wrappers (DDP, FSDP2, PEFT) see it."""
        prompt_ids, completion_ids = inputs["prompt_ids"], inputs["completion_ids"]
        first = prompt_ids.shape[1] - 1  # the state that predicts a completion's first token

        def head(hidden_BTD: Tensor, weight_VD: Tensor, softcap: float) -> PolicyHeadOutput:
            states_BCD = hidden_BTD[:, first : first + completion_ids.shape[1]]
            return policy_head(
                states_BCD[counted_BC],
                weight_VD,
                completion_ids[counted_BC],
                batch,
                loss=self._loss,
                temperature=self.args.temperature,
                softcap=softcap,
            )

        ids = torch.cat([prompt_ids, completion_ids], dim=1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        accelerator: Any = getattr(self, "accelerator")  # noqa: B009 - TRL's attribute
        with accelerator.autocast():
            output: PolicyHeadOutput = model(input_ids=ids, attention_mask=attention, policy_head=head)
        return output


# --- settings ------------------------------------------------------------------------------------------------------


def loss_of(trainer: Any) -> Loss:
    """TRL's settings as a loss of ours."""
    clips = {"clip_low": trainer.epsilon_low, "clip_high": trainer.epsilon_high, "delta": trainer.args.delta}
    corrected = trainer.beta != 0 and trainer.args.use_bias_correction_kl
    if trainer.importance_sampling_level == "sequence":
        return make_loss("gspo", kl=trainer.beta, **clips)
    if trainer.loss_type == "cispo":
        return make_loss("cispo", ratio_max=trainer.epsilon_high, kl=trainer.beta, kl_bias_correction=corrected)
    return make_loss("ppo", kl=trainer.beta, kl_bias_correction=corrected, **clips)


def token_batch(trainer: Any, inputs: dict[str, Any], counted_BC: Tensor) -> TokenBatch:
    """What is known of each token of the loss, with TRL's normaliser in its weight."""

    def values(name: str) -> Tensor | None:
        tensor = inputs.get(name)
        return None if tensor is None else tensor.expand(counted_BC.shape)[counted_BC]

    advantages = inputs["advantages"]
    advantages_BC = advantages[:, None] if advantages.dim() == 1 else advantages
    corrects = trainer.use_vllm and trainer.vllm_importance_sampling_correction
    sequence_K = counted_BC.nonzero()[:, 0]
    return TokenBatch(
        weight_T=_weights(trainer, inputs, sequence_K, counted_BC.shape[0]),
        sequence_T=sequence_K,
        sequences=counted_BC.shape[0],
        advantage_T=advantages_BC.expand(counted_BC.shape)[counted_BC],
        old_logprob_T=values("old_per_token_logps"),
        reference_logprob_T=values("ref_per_token_logps"),
        importance_T=values("importance_sampling_ratio") if corrects else None,
    )


def _weights(trainer: Any, inputs: dict[str, Any], sequence_K: Tensor, sequences: int) -> Tensor:
    """1 over what TRL divides by: counts of the micro-batch, or (DAPO, CISPO) of all samples drawn at once."""
    training = trainer.model.training
    parts = trainer.current_gradient_accumulation_steps if training else 1
    if trainer.loss_type in {"dapo", "cispo"}:
        share = parts / trainer.args.steps_per_generation if training else 1
        tokens: Tensor = inputs["num_items_in_batch"].clamp(min=1) / trainer.accelerator.num_processes * share
        return torch.ones_like(sequence_K, dtype=torch.float32) / tokens
    weight_K = token_weights(
        _AGGREGATIONS[trainer.loss_type],
        sequence_K,
        sequences=sequences,
        max_length=trainer.max_completion_length,
    )
    return weight_K / parts


_UNSUPPORTED: dict[str, Callable[[Any], bool]] = {
    "loss_type (of grpo, bnpo, dapo, dr_grpo, cispo)": lambda it: it.loss_type not in _AGGREGATIONS,
    "importance_sampling_level=sequence with cispo": lambda it: (
        it.importance_sampling_level == "sequence" and it.loss_type == "cispo"
    ),
    "use_bias_correction_kl with importance_sampling_level=sequence": lambda it: (
        it.importance_sampling_level == "sequence" and it.beta != 0 and it.args.use_bias_correction_kl
    ),
    "top_entropy_quantile below 1": lambda it: it.top_entropy_quantile < 1,
    "off_policy_mask_threshold": lambda it: it.off_policy_mask_threshold is not None,
    "entropy_coef, use_adaptive_entropy": lambda it: it._entropy_bonus_enabled,
    "cast_lm_head_to_fp32": lambda it: it.args.cast_lm_head_to_fp32,
    "router_aux_loss_coef": lambda it: it.aux_loss_enabled,
    "images": lambda it: it._is_vlm,
    "DeepSpeed ZeRO-3": lambda it: it.is_deepspeed_enabled and it.args.deepspeed_plugin.zero_stage == 3,
}


def _refuse(trainer: Any) -> None:
    """Raises `InputError` for settings that the head has no formula for."""
    found = [name for name, holds in _UNSUPPORTED.items() if holds(trainer)]
    if found:
        raise InputError(
            f"policy_head_trainer: {'; '.join(found)}", "settings the head can compute", "take GRPOTrainer"
        )


# --- the model -----------------------------------------------------------------------------------------------------


def _take_heads(model: Any) -> None:
    """Let `model(..., policy_head=f)` give back `f(hidden states, weight, softcap)`; other calls stay as they are."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    _check_head(inner)
    stock = inner.forward
    softcap = float(getattr(inner.config.get_text_config(), "final_logit_softcapping", None) or 0.0)

    @functools.wraps(stock)
    def forward(*args: Any, policy_head: Callable[..., Any] | None = None, **options: Any) -> Any:
        if policy_head is None:
            return stock(*args, **options)
        states = inner.base_model(*args, **options, use_cache=False).last_hidden_state
        weight = inner.get_output_embeddings().weight
        return policy_head(states, weight.full_tensor() if isinstance(weight, DTensor) else weight, softcap)

    inner.forward = forward


def _check_head(model: Any) -> None:
    """Raises `InputError` for logits that are more than states times weight."""
    config = model.config.get_text_config()
    scales = ("logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    scaled = [name for name in scales if getattr(config, name, None) not in {None, 1}]
    if getattr(model.get_output_embeddings(), "bias", None) is not None or scaled:
        raise InputError(
            f"policy_head_trainer: {config.model_type}",
            "a head that is a plain product with its weight, without bias or scale",
            "take GRPOTrainer",
        )


# --- scores --------------------------------------------------------------------------------------------------------


def _spread(output: PolicyHeadOutput, counted_BC: Tensor, old_BC: Tensor | None) -> tuple[Tensor, Tensor]:
    """Scores and entropies as TRL lays them out. Where nothing was scored stands the old score: a ratio of 1."""
    logprob_K, entropy_K = output.logprob_T, output.entropy_T
    other_BC = torch.zeros(counted_BC.shape, device=counted_BC.device) if old_BC is None else old_BC
    logprob_BC = other_BC.to(logprob_K.dtype).masked_scatter(counted_BC, logprob_K)
    return logprob_BC, torch.zeros_like(logprob_BC).masked_scatter(counted_BC, entropy_K)


def _check_same(ours: Tensor, theirs: Tensor) -> None:
    """Raises `LossesDiffer`."""
    mine, other = ours.item(), theirs.item()
    if abs(mine - other) > _TOLERANCE * max(1.0, abs(other)):
        raise LossesDiffer(
            f"policy_head_trainer: loss {mine:.6g}, TRL's own {other:.6g} on the same scores",
            "the same",
            "take GRPOTrainer, and say which settings these were",
        )
