"""Tiny policies on disk, sequences to learn from, and a learner's settings."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from rl.learner import Learner, LearnerConfig, LossConfig
from rl.trajectories import TrainSequence
from tests.rl.parity.models import tiny

VOCABULARY = 97
MAX_LENGTH = 24


def save_policy(folder: Path, family: str = "llama", **changes: Any) -> str:
    """A random model of the family with a tokenizer of as many words."""
    model = tiny(family, **changes)
    model.config.tie_word_embeddings = bool(changes.get("tie_word_embeddings", model.config.tie_word_embeddings))
    model.save_pretrained(folder)
    words = {f"w{number}": number for number in range(VOCABULARY)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w0")), pad_token="w0", eos_token="w2"
    )
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_learner(
    policy: str,
    loss: LossConfig | str = "dapo",
    *,
    temperature: float = 1.0,
    importance_cap: float = 2.0,
    **settings: Any,
) -> Learner:
    config = LearnerConfig(**{"learning_rate": 1e-3, "device": "cpu", **settings})
    loss = LossConfig(name=loss) if isinstance(loss, str) else loss
    return Learner(
        policy, config, loss, max_length=MAX_LENGTH, temperature=temperature, importance_cap=importance_cap
    )


def sequences(count: int = 7, *, seed: int = 0, masks: bool = False) -> list[TrainSequence]:
    """Random tokens and advantages; with masks some tokens, and all of the third sequence, are not learned."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        size = draw.randrange(3, MAX_LENGTH)
        advantage = draw.gauss(0, 1)
        learned = tuple(number != 2 and draw.random() < 0.8 for _ in range(size))
        found.append(
            TrainSequence(
                prompt_ids=_ids(draw, draw.randrange(1, 9)),
                completion_ids=_ids(draw, size),
                advantages=(advantage,) * size,
                learned=learned if masks else None,
            )
        )
    return found


def off_policy(
    rows: list[TrainSequence], scores: list[tuple[float, ...]], *, seed: int = 1, spread: float = 0.3
) -> list[TrainSequence]:
    """With log-probabilities at sampling, of a reference, and importance weights, each some way off."""
    draw = random.Random(seed)

    def near(row: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(value + draw.gauss(0, spread) for value in row)

    return [
        replace(
            item,
            old_logprobs=near(row),
            reference_logprobs=near(row),
            importance=tuple(draw.uniform(0.5, 1.5) for _ in row),
        )
        for item, row in zip(rows, scores, strict=True)
    ]


def weights_of(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.weights()}


def largest_gap(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """The largest difference, as a share of the tensor's largest element."""
    assert ours.keys() == theirs.keys()
    pairs = [(ours[name].detach().double(), theirs[name].detach().double()) for name in theirs]
    return max(float((one - other).abs().max() / (other.abs().max() + 1e-30)) for one, other in pairs)


def _ids(draw: random.Random, count: int) -> tuple[int, ...]:
    return tuple(draw.randrange(3, VOCABULARY) for _ in range(count))
