"""Time: floating-point operations of a step, and rates that were measured.

Rates come from the run's own journal where it has steps, else from a second of matrix products and copies on this
machine, of which a learner is taken to reach 0.4 and a sampler what the copies allow. The plan says which.

Operations a token (forward): 2 a parameter that multiplies (all but looked-up embeddings) and 2 times the context for
scores and values of attention, half of it masked; a backward is two forwards, a checkpointed one three.

Steps that are judged by rollouts: of S steps of a completion all but the last are gone on from. Their ends are taken
to lie evenly, so that half a completion is drawn from each in the mean. Samples that begin alike share what is drawn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rl.grpo_config import GrpoConfig
from rl.journal import JournalLine
from rl.judging import Supervision
from rl.planning.shape import Shape
from rl.process_supervision import StepVerifierKind

_REACHED = 0.4
_MEASURE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Rates:
    """Operations a second of a learner, tokens a second of a sampler, and where they are from."""

    learner_flops: float
    sampler_tokens: float
    source: str


@dataclass(frozen=True, slots=True)
class StepCost:
    """One step, at the expected length of a completion."""

    sampled_tokens: int
    judging_tokens: int  # sampled to judge steps
    read_tokens: int  # by the learner: prompts and completions
    flops: float
    sample_seconds: float
    judge_seconds: float  # of the sampler; verifiers are not counted
    learn_seconds: float

    @property
    def seconds(self) -> float:
        """Of the whole step where sampling and learning take turns."""
        return self.sample_seconds + self.judge_seconds + self.learn_seconds


def step_cost(
    config: GrpoConfig, shape: Shape, rates: Rates, *, prompt_tokens: int, completion_tokens: int, solution_steps: int
) -> StepCost:
    """A step in which every group teaches: the most it can cost. `solution_steps` are a completion's (reasoning)."""
    sequences = config.sampling.problems * config.sampling.samples
    length = prompt_tokens + completion_tokens
    read = sequences * length
    forward = 2 * (shape.parameters - shape.embedding) + 2 * shape.layers * shape.attention_width * length
    flops = float(read * forward * _passes(config))
    sampled = 0 if config.is_supervised else sequences * completion_tokens
    judging = 0
    if judges_by_rollouts(config):
        judging = sampled * (solution_steps - 1) * config.reward.steps.rollouts // 2
    tokens_per_second = rates.sampler_tokens * config.sampler_actors
    return StepCost(
        sampled_tokens=sampled,
        judging_tokens=judging,
        read_tokens=read,
        flops=flops,
        sample_seconds=sampled / tokens_per_second,
        judge_seconds=judging / tokens_per_second,
        learn_seconds=flops / rates.learner_flops,
    )


def judges_by_rollouts(config: GrpoConfig) -> bool:
    """Whether the sampler goes on from the steps of its own samples."""
    reward = config.reward
    return reward.supervision is Supervision.PROCESS and reward.steps.verifier is StepVerifierKind.ROLLOUTS


def _passes(config: GrpoConfig) -> int:
    """Forwards of all sequences: a backward counts for two, or three."""
    update = 4 if config.learner.checkpoint_activations else 3
    critic = {"none": 0, "shared": 1, "separate": 1 + update}[config.critic.kind]
    return update + critic + config.scores_before_updates + config.loss.needs_reference


def rates_of_run(lines: Sequence[JournalLine], config: GrpoConfig, shape: Shape, prompt_tokens: int) -> Rates | None:
    """From steps that were done; None where there are none that learned.

    A sampler that works ahead is only waited for in a step's phase of sampling: it had the whole step.
    """
    learned = [line for line in lines if line.record.tokens_learned]
    if not learned:
        return None
    sampled = sum(line.record.tokens_sampled for line in learned)
    sampling = sum(line.times.step if config.staleness else line.times.sample for line in learned)
    flops = 0.0
    for line in learned:
        length = round(line.record.length_mean) or 1
        whole = step_cost(
            config,
            shape,
            Rates(1.0, 1.0, ""),
            prompt_tokens=prompt_tokens,
            completion_tokens=length,
            solution_steps=1,
        )
        share = line.record.sequences / (config.sampling.problems * config.sampling.samples)
        flops += whole.flops * share
    seconds = sum(line.times.score + line.times.update for line in learned)
    source = f"{len(learned)} steps of this run"
    return Rates(flops / seconds, sampled / sampling / config.sampler_actors, source)


def measured_rates(config: GrpoConfig, shape: Shape) -> Rates:
    """From products and copies on this machine."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, config.learner.dtype)
    products = _products_per_second(device, dtype)
    bandwidth = _copies_per_second(device)
    weights = shape.parameters * (2 if config.engine.dtype == "bfloat16" else 4)
    running = min(config.engine.max_sequences, config.sampling.problems * config.sampling.samples)
    # A step of the sampler reads all weights once and gives each running sequence a token.
    sampler = min(bandwidth / weights * running, _REACHED * products / (2 * shape.parameters))
    source = f"a measurement on this {device.type}: {products / 1e12:.3g} TFLOP/s, {bandwidth / 1e9:.3g} GB/s"
    return Rates(_REACHED * products, sampler, source)


def _products_per_second(device: torch.device, dtype: torch.dtype) -> float:
    size = 4096 if device.type == "cuda" else 512
    left = torch.randn(size, size, device=device).to(dtype)
    return 2.0 * size**3 / _seconds(lambda: left @ left, device)


def _copies_per_second(device: torch.device) -> float:
    source = torch.empty(2**28 if device.type == "cuda" else 2**24, device=device)
    target = torch.empty_like(source)
    return source.nbytes / _seconds(lambda: target.copy_(source), device)


def _seconds(work: object, device: torch.device) -> float:
    """Of one call, the mean of as many as fit into the time."""
    run = work if callable(work) else lambda: None
    run()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < _MEASURE_SECONDS:
        run()
        count += 1
        if device.type == "cuda":
            torch.cuda.synchronize()
    return (time.perf_counter() - started) / count
