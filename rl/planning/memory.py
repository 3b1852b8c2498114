"""Memory by part, in bytes a device: what is always there, and what comes on top in the worst moment of a step.

The worst moment is the head of an update's last micro-batch: its activations are there, the head's gradient in fp32
beside those of the micro-batches before, and one piece of the logits, which becomes their gradient in place. They are
gone when the backward computes a checkpointed layer again. Adapters leave the head without a gradient. Shares of
several ranks (FSDP2) divide what is always there.

Where a sampler has the device by turns, the learner keeps less of it meanwhile: there are no gradients between
updates, and the optimizer's state may lie in the host's memory (`learner.offload_optimizer`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mathpipe.generate import EngineKind
from rl.grpo_config import GrpoConfig
from rl.kernels.chunk_sizes import CPU_BYTES, GPU_BYTES
from rl.planning.shape import Shape

_FP32 = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `lasting` is there all the time, but for what is gone while a sampler has the device by turns.

    Of that `host` bytes lie in the host's memory, and `dropped` bytes are nowhere.
    """

    name: str
    bytes: int
    lasting: bool
    why: str
    host: int = 0
    dropped: int = 0

    @property
    def kept(self) -> int:
        """Bytes of the device while a sampler has it by turns."""
        return self.bytes - self.host - self.dropped if self.lasting else 0


def learner_memory(
    config: GrpoConfig, shape: Shape, *, step_tokens: int, ranks: int = 1, on_gpu: bool = True
) -> list[Part]:
    """The parts of one learning device; `step_tokens` are read in a step, and bound a micro-batch too."""
    learner = config.learner
    width = 2 if learner.dtype == "bfloat16" else _FP32
    low = learner.dtype == "bfloat16"
    gradient = _FP32 if learner.gradient_dtype == "float32" or not low else 2
    moments = 2 + 2 * _FP32 / 256 if learner.optimizer == "adamw_8bit" else 2 * _FP32
    master = 2 if low and learner.master_weights and learner.lora is None else 0
    tokens = min(learner.micro_batch_tokens, step_tokens)
    piece = min(tokens * shape.vocabulary * width, GPU_BYTES if on_gpu else CPU_BYTES)
    head_gradient = shape.head * _FP32 if learner.lora is None else 0
    again = max(0, shape.layer_bytes * tokens - piece)
    gradients = shape.trained * gradient // ranks
    state = int(shape.trained * (moments + master)) // ranks
    goes = offloads(config, on_gpu=on_gpu)
    parts = [
        Part("weights", shape.parameters * width // ranks, True, f"{shape.parameters:,} of {width} bytes"),
        Part("gradients", gradients, True, f"{shape.trained:,} of {gradient} bytes", dropped=gradients),
        Part("optimizer", state, True, _optimizer_words(moments, master), host=state if goes else 0),
    ]
    if config.loss.needs_reference and learner.lora is None:
        parts.append(Part("reference", shape.parameters * width // ranks, True, "a second model for the KL term"))
    own = _critic_parameters(config, shape, ranks)
    parts += [
        Part(
            "critic",
            16 * own,
            True,
            "its weights, gradients and moments",
            host=8 * own if goes else 0,
            dropped=4 * own,
        ),
        Part("activations", shape.saved_bytes * tokens, False, f"{shape.saved_bytes:,} bytes a token of {tokens:,}"),
        Part("logits", piece, False, "one piece of them, which becomes their gradient"),
        Part("head's gradient", head_gradient, False, "in fp32, until the backward has passed"),
    ]
    if again:
        parts.append(Part("layer again", again, False, "one checkpointed layer at a time, beyond the logits' room"))
    return [part for part in parts if part.bytes]


def sampler_memory(config: GrpoConfig, shape: Shape) -> list[Part]:
    """The parts of one sampling device: weights, and keys and values of all that runs at a time."""
    width = 2 if config.engine.dtype == "bfloat16" else _FP32
    running = min(config.engine.max_sequences, config.sampling.problems * config.sampling.samples)
    row = shape.key_value_width * shape.layers * width
    cache = running * min(config.engine.context_tokens, 2 * config.sampling.max_tokens) * row
    return [
        Part("weights", shape.parameters * width, True, f"{shape.parameters:,} of {width} bytes"),
        Part("keys and values", cache, False, f"{row:,} bytes a token, {running:,} sequences at most"),
    ]


def total(parts: list[Part]) -> int:
    """Bytes of all parts."""
    return sum(part.bytes for part in parts)


def offloads(config: GrpoConfig, *, on_gpu: bool) -> bool:
    """Whether the optimizer's state lies in the host's memory while the sampler works."""
    asked = config.learner.offload_optimizer
    return config.takes_turns and (on_gpu if asked is None else asked)


def device_by_turns(config: GrpoConfig, learner: list[Part], sampler: list[Part], *, on_gpu: bool) -> dict[str, int]:
    """Bytes of the one device that both have by turns, in either turn; nothing where each has its own."""
    if not config.takes_turns:
        return {}
    vllm = on_gpu and config.engine.kind is not EngineKind.TRANSFORMERS
    asleep = vllm and config.engine.vllm.sleep_mode is not False
    return {
        "while learning": total(learner) + (0 if asleep else total(sampler)),
        "while sampling": sum(part.kept for part in learner) + total(sampler),
    }


def _critic_parameters(config: GrpoConfig, shape: Shape, ranks: int) -> int:
    """A head, which every rank holds whole, and the second trunk without its head, which they share."""
    trunk = (shape.parameters - shape.embedding) // ranks
    return {"none": 0, "shared": shape.width + 1, "separate": trunk + shape.width + 1}[config.critic.kind]


def _optimizer_words(moments: float, master: int) -> str:
    halves = f" and {master} for the lower half of fp32 weights" if master else ""
    return f"{moments:.3g} bytes a trained parameter for two moments{halves}"
