"""A real `trl.GRPOTrainer` whose samples are given, and what its optimizer step saw: batches, losses, gradients.

TRL's supported hook, `rollout_func`, hands the samples over; all else is TRL's own code: rewards, advantages, scores
of the policy and of its reference, importance ratios, loss, accumulation. Two things are forced from outside: the
weights are changed between scoring and learning, as a second update on one batch finds them, and `use_vllm` is set
after the trainer was built, so that the correction for a sampler is computed without an engine to load.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from torch import Tensor
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from tests.rl.learner.policies import MAX_LENGTH, VOCABULARY

GROUPS, SAMPLES, END = 3, 4, 2
PLAIN = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "logging_steps": 1,
    "max_grad_norm": 0.0,
    "lr_scheduler_type": "constant",
    "shuffle_dataset": False,
    "num_generations": SAMPLES,
    "max_completion_length": MAX_LENGTH,
    "use_bias_correction_kl": False,
    "vllm_importance_sampling_mode": "token_truncate",
    "vllm_importance_sampling_clip_max": 2.0,
}
Weights = dict[str, Tensor]


class Drawn(NamedTuple):
    """One sample, its reward, and how the sampler's log-probabilities differ from the policy's."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    reward: float | None
    gap: tuple[float, ...]

    @property
    def finished(self) -> bool:
        return self.completion[-1] == END


def draw(seed: int = 0) -> list[list[Drawn]]:
    """Groups of random tokens and rewards; every third sample is cut off."""
    rng = random.Random(seed)
    groups = []
    for _ in range(GROUPS):
        prompt = _ids(rng, rng.randrange(2, 8))
        lengths = [rng.randrange(3, MAX_LENGTH) for _ in range(SAMPLES)]
        groups.append(
            [
                Drawn(
                    prompt,
                    (*_ids(rng, length - 1), 5 if rng.random() < 0.33 else END),
                    round(rng.random(), 2),
                    tuple(rng.gauss(0, 0.5) for _ in range(length)),
                )
                for length in lengths
            ]
        )
    return groups


@dataclass
class Seen:
    """What TRL did. `batches` are micro-batches in order, as its loss read them; gradients are of optimizer steps."""

    batches: list[dict[str, Any]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    gradients: list[Weights] = field(default_factory=list)
    weights: Weights = field(default_factory=dict)  # at the end
    logs: list[dict[str, float]] = field(default_factory=list)

    def advantages(self) -> dict[int, float]:
        """By the sample's place."""
        return {
            place: advantage
            for batch in self.batches
            for place, advantage in zip(batch["place"].tolist(), batch["advantages"].tolist(), strict=True)
        }


class _Gradients(TrainerCallback):
    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.seen.gradients.append(
            {name: item.grad.clone() for name, item in model.named_parameters() if item.grad is not None}
        )


class _Recording:
    """Mixed into a trainer."""

    seen: Seen
    learned_with: Weights | None = None

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        found = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        if self.learned_with is not None:
            self.model.load_state_dict(self.learned_with)  # type: ignore[attr-defined]
        found["place"] = torch.arange(len(found["completion_ids"]))  # shuffled and cut like all else
        return found

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        loss = super().compute_loss(model, inputs, *args, **options)  # type: ignore[misc]
        self.seen.losses.append(loss.item())
        self.seen.batches.append(inputs)
        return loss


def recording(kind: type = GRPOTrainer) -> type:
    """The trainer's class, with a memory."""
    return type(f"Recording{kind.__name__}", (_Recording, kind), {})


def run(
    policy: str,
    folder: Path,
    groups: list[list[Drawn]],
    *,
    sampled_with: Weights | None = None,
    learned_with: Weights | None = None,
    sampler: list[tuple[float, ...]] | None = None,
    kind: type = GRPOTrainer,
    accumulation: int = 1,
    steps: int = 1,
    **settings: Any,
) -> Seen:
    """Train on the groups, each sample once: in `steps` optimizer steps of `accumulation` micro-batches.

    `sampler` are the sampler's log-probabilities by place: they are corrected for.
    """
    count = sum(map(len, groups))
    logprobs = iter(sampler or [(0.0,) * len(one.completion) for group in groups for one in group])
    by_prompt = {f"w{number}": group for number, group in enumerate(groups)}
    given = PLAIN | {"learning_rate": 1e-6} | settings

    def rollout(prompts: list[str], _: Any) -> dict[str, Any]:
        taken: dict[str, int] = defaultdict(int)
        rows = []
        for prompt in prompts:
            rows.append(by_prompt[prompt][taken[prompt]])
            taken[prompt] += 1
        return {
            "prompt_ids": [list(row.prompt) for row in rows],
            "completion_ids": [list(row.completion) for row in rows],
            "logprobs": [list(next(logprobs)) for _ in rows],
        }

    def reward(completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        rewards = {one.completion: one.reward for group in groups for one in group}
        return [rewards[tuple(ids)] for ids in completion_ids]

    trainer = recording(kind)(
        model=policy,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=str(folder),
            per_device_train_batch_size=count // (accumulation * steps),
            gradient_accumulation_steps=accumulation,
            steps_per_generation=accumulation * steps,
            **({"max_steps": steps} | given),
        ),
        train_dataset=Dataset.from_dict({"prompt": list(by_prompt)}),
        rollout_func=rollout,
    )
    trainer.seen, trainer.learned_with = Seen(), learned_with
    trainer.add_callback(_Gradients(trainer.seen))
    if sampled_with is not None:
        trainer.model.load_state_dict(sampled_with)
    if sampler is not None:
        trainer.use_vllm, trainer._last_loaded_step = True, 0
    trainer.train()
    trainer.seen.logs = trainer.state.log_history
    trainer.seen.weights = {name: item.detach() for name, item in trainer.model.state_dict().items()}
    return trainer.seen


def _ids(rng: random.Random, count: int) -> tuple[int, ...]:
    return tuple(rng.randrange(6, VOCABULARY) for _ in range(count))
