"""The plan of a run, put together: memory, sizes, time, and what to know of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from mathpipe.core.errors import InputError
from rl.grpo_config import GrpoConfig
from rl.journal import Journal
from rl.planning.memory import Part, device_by_turns, learner_memory, sampler_memory, total
from rl.planning.pace import Rates, StepCost, judges_by_rollouts, measured_rates, rates_of_run, step_cost
from rl.planning.shape import Shape, model_config, shape_of

SOLUTION_STEPS = 5  # GSM8K's own solutions have 4.6 lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a configuration does not say. `learner_tflops` and `sampler_tokens` take the place of measured rates.

    `solution_steps` are the steps of reasoning in a completion, which count where rollouts judge them.
    """

    ranks: int = 1
    prompt_tokens: int = 128
    completion_tokens: int = 512
    solution_steps: int = SOLUTION_STEPS
    learner_tflops: float | None = None
    sampler_tokens: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Bytes, counts and seconds. Names in `sizes` carry their units. `turns`: see `device_by_turns`."""

    learner: list[Part]
    sampler: list[Part]
    turns: dict[str, int]
    sizes: dict[str, int]
    times: dict[str, float]
    rates: Rates
    notes: list[str]


def plan_run(config: GrpoConfig, asked: Asked) -> Plan:
    """The plan. Raises `InputError` for a model without a configuration."""
    shape = shape_of(model_config(config.model), config.learner)
    on_gpu = config.learner.device == "cuda" or (config.learner.device == "auto" and _wants_gpu(config))
    rates = _rates(config, shape, asked)
    cost = step_cost(
        config,
        shape,
        replace(rates, learner_flops=rates.learner_flops * asked.ranks),
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=asked.completion_tokens,
        solution_steps=asked.solution_steps,
    )
    # Whoever waits for a step's judgement waits for the jobs that are queued before it, too: nothing goes on beside.
    beside = config.staleness > 0 and not judges_by_rollouts(config)
    step = max(cost.sample_seconds, cost.learn_seconds) if beside else cost.seconds
    learner = learner_memory(config, shape, step_tokens=cost.read_tokens, ranks=asked.ranks, on_gpu=on_gpu)
    sampler = sampler_memory(config, shape)
    judging = {"judging steps, a step": cost.judge_seconds} if cost.judging_tokens else {}
    return Plan(
        learner=learner,
        sampler=sampler,
        turns=device_by_turns(config, learner, sampler, on_gpu=on_gpu),
        sizes=_sizes(config, asked, cost) | _host_bytes(learner),
        times={"sampling, a step": cost.sample_seconds}
        | judging
        | {"learning, a step": cost.learn_seconds, "a step": step, "the run": step * config.steps},
        rates=rates,
        notes=_notes(config, beside, on_gpu),
    )


def _host_bytes(learner: list[Part]) -> dict[str, int]:
    moved = sum(part.host for part in learner)
    return {"bytes of the host's memory for a learner's optimizer while sampling": moved} if moved else {}


def check_fits(plan: Plan, device_gib: float) -> None:
    """Raises `InputError` where a device's memory is not enough, naming the largest part."""
    learner, sampler = total(plan.learner), total(plan.sampler)
    needed = {"learner": (learner, plan.learner), "sampler": (sampler, plan.sampler)}
    for name, (count, parts) in needed.items():
        if count > device_gib * 2**30:
            largest = max(parts, key=lambda part: part.bytes)
            raise InputError(
                f"{name}: {count / 2**30:.1f} GiB",
                f"at most {device_gib:g} GiB a device",
                f"the largest part is {largest.name} ({largest.bytes / 2**30:.1f} GiB): "
                "lower learner.micro_batch_tokens, checkpoint activations, use LoRA, adamw_8bit, or more ranks",
            )
    for turn, count in plan.turns.items():
        if count > device_gib * 2**30:
            raise InputError(
                f"learner and sampler on one device, {turn}: {count / 2**30:.1f} GiB",
                f"at most {device_gib:g} GiB a device",
                "leave learner.offload_optimizer and engine.vllm.sleep_mode on, lower engine.max_sequences, or use "
                "sampler: ray",
            )


def _wants_gpu(config: GrpoConfig) -> bool:
    return torch.cuda.is_available() or config.learner.dtype == "bfloat16"


def _rates(config: GrpoConfig, shape: Shape, asked: Asked) -> Rates:
    known = rates_of_run(Journal(config.folder / "journal.jsonl").read(), config, shape, asked.prompt_tokens)
    if asked.learner_tflops is not None and asked.sampler_tokens is not None:
        return Rates(asked.learner_tflops * 1e12, asked.sampler_tokens, "the rates that were given")
    rates = known or measured_rates(config, shape)
    if asked.learner_tflops is not None:
        rates = replace(rates, learner_flops=asked.learner_tflops * 1e12, source=f"{rates.source}; learner as given")
    if asked.sampler_tokens is not None:
        rates = replace(rates, sampler_tokens=asked.sampler_tokens, source=f"{rates.source}; sampler as given")
    return rates


def _sizes(config: GrpoConfig, asked: Asked, cost: StepCost) -> dict[str, int]:
    sampling, learner = config.sampling, config.learner
    sequences = sampling.problems * sampling.samples
    each = -(-sequences // learner.updates)
    length = asked.prompt_tokens + asked.completion_tokens
    fit = max(1, learner.micro_batch_tokens // length)
    judging = {}
    if cost.judging_tokens:
        judging = {
            "tokens sampled a step to judge steps, at most": cost.judging_tokens,
            "tokens sampled in the run to judge steps, at most": cost.judging_tokens * config.steps,
        }
    return {
        "problems a step": sampling.problems,
        "samples a problem (the group)": sampling.samples,
        "sequences a step": sequences,
        "sequences an optimizer step": each,
        "tokens a micro-batch, at most": learner.micro_batch_tokens,
        "sequences a micro-batch, of the expected length": min(fit, each),
        "micro-batches an optimizer step and rank": -(-each // (fit * asked.ranks)),
        "optimizer steps a step": learner.updates,
        "steps": config.steps,
        "optimizer steps of the run": config.steps * learner.updates,
        "tokens sampled a step, at the expected length": cost.sampled_tokens,
        "tokens the learner reads a step": cost.read_tokens,
        "tokens sampled in the run": cost.sampled_tokens * config.steps,
        "samples of the run": sequences * config.steps,
    } | judging


def _notes(config: GrpoConfig, beside: bool, on_gpu: bool) -> list[str]:
    notes = [
        "Every group is taken to teach: those whose rewards agree cost the learner nothing. Verifiers and held-out "
        "problems are not counted."
    ]
    if beside:
        notes.append("Sampling and learning go on beside one another: a step takes as long as the longer of them.")
    if not on_gpu:
        notes.append(
            "On a CPU the heap keeps holes beyond this (up to 0.8 GiB were measured): the process is larger, unless "
            "MALLOC_MMAP_THRESHOLD_=65536 is set, for half as much time again."
        )
    if config.staleness and judges_by_rollouts(config):
        notes.append("Rollouts that judge steps wait behind what is sampled ahead: staleness saves no time here.")
    if config.takes_turns:
        together = config.engine.vllm.sleep_mode is False
        turns = "at the same time (engine.vllm.sleep_mode: by turns)" if together else "by turns, with vLLM on a GPU"
        notes.append(f"Learner and sampler have one device's memory {turns}.")
    return notes
