"""Cases of the comparison with TRL, each loss in both tongues, and our learner on the samples that TRL is given."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch

from rl.advantages import AdvantageConfig, group_advantages
from rl.learner import Learner, LearnerConfig, LossConfig
from rl.off_policy import Correction, CorrectionConfig, importance_weights
from rl.trajectories import TrainSequence
from tests.rl.learner.policies import MAX_LENGTH
from tests.rl.trl_interop.recorded import Drawn, Weights


class Case(NamedTuple):
    """A loss in our words and in TRL's."""

    name: str
    options: dict[str, Any]
    peer: dict[str, Any]
    bias_correction: bool = True  # the KL term may be multiplied by the ratio

    def fits(self, corrected_kl: bool) -> bool:
        return self.bias_correction or not corrected_kl


CASES = {
    "grpo": Case("grpo", {"kl": 0.0}, {"loss_type": "grpo"}),
    "bnpo": Case("bnpo", {}, {"loss_type": "bnpo"}),
    "dapo": Case("dapo", {}, {"loss_type": "dapo", "epsilon_high": 0.28}),
    "dr_grpo": Case("dr_grpo", {}, {"loss_type": "dr_grpo"}),
    "cispo": Case("cispo", {"ratio_max": 1.5}, {"loss_type": "cispo", "epsilon_high": 1.5}),
    "gspo": Case(
        "gspo",
        {},
        {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4},
        bias_correction=False,
    ),
}
TEMPERATURE = 0.7
SECOND_UPDATE = {"num_iterations": 2}  # TRL then scores the samples before it learns from them


def shifted(policy: str, seed: int, spread: float = 0.02) -> Weights:
    """The policy's weights, some way off."""
    from transformers import AutoModelForCausalLM

    draws = torch.Generator().manual_seed(seed)
    state = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32).state_dict()
    return {name: item + spread * torch.randn(item.shape, generator=draws) for name, item in state.items()}


def learner_of(policy: str, case: Case, *, kl: float = 0.0, corrected_kl: bool = False, **settings: Any) -> Learner:
    options = case.options | ({"kl": kl} if kl else {}) | ({"kl_bias_correction": True} if corrected_kl else {})
    config = LearnerConfig(**{"device": "cpu", "learning_rate": 1e-6, **settings})
    loss = LossConfig(name=case.name, options=options)
    return Learner(policy, config, loss, max_length=MAX_LENGTH, temperature=TEMPERATURE)


class Ours(NamedTuple):
    loss: float
    gradients: Weights
    clipped: float
    advantages: list[float]


def assert_equal_gradients(mine: Weights, theirs: Weights, tolerance: float = 1e-4) -> None:
    """All of them together by norm, each element by its absolute difference."""
    assert mine.keys() == theirs.keys()
    gaps = {name: mine[name].double() - theirs[name].double() for name in mine}
    norms = [sum(item.double().square().sum() for item in items.values()).sqrt() for items in (gaps, theirs)]
    assert norms[0] / norms[1] < tolerance
    assert max(item.abs().max() for item in gaps.values()) < tolerance


def drawn_of(groups: list[list[Drawn]]) -> list[Drawn]:
    return [one for group in groups for one in group]


def plain_sequences(groups: list[list[Drawn]]) -> list[TrainSequence]:
    found = group_advantages([[one.reward for one in group] for group in groups], AdvantageConfig())
    values = [value or 0.0 for group in found for value in group.advantages]
    return [
        TrainSequence(prompt_ids=one.prompt, completion_ids=one.completion, advantages=(value,) * len(one.completion))
        for one, value in zip(drawn_of(groups), values, strict=True)
    ]


def sampler_logprobs(groups: list[list[Drawn]], old: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    return [
        tuple(mine - gap for mine, gap in zip(row, one.gap, strict=True))
        for row, one in zip(old, drawn_of(groups), strict=True)
    ]


class Scene(NamedTuple):
    """Samples and the weights that drew them and that learn."""

    groups: list[list[Drawn]]
    sampled_with: Weights
    learned_with: Weights


def sequences_of(
    learner: Learner,
    scene: Scene,
    *,
    correction: Correction | None = None,
    mask_cut: bool = False,
) -> tuple[list[TrainSequence], list[tuple[float, ...]]]:
    """What our learner takes, its weights now those that learn; and what the sampler is said to have seen."""
    rows = plain_sequences(scene.groups)
    learner.model.load_state_dict(scene.sampled_with)
    old = learner.score(rows)
    reference = learner.score(rows, reference=True) if learner.has_reference else [None] * len(rows)
    sampler = sampler_logprobs(scene.groups, old)
    config = CorrectionConfig(kind=correction or Correction.NONE, cap=2.0)
    learner.model.load_state_dict(scene.learned_with)
    found = [
        replace(
            row,
            old_logprobs=old[place],
            reference_logprobs=reference[place],
            importance=None if correction is None else importance_weights(old[place], sampler[place], config).weights,
            learned=(False,) * len(row.completion_ids) if mask_cut and not one.finished else None,
        )
        for place, (row, one) in enumerate(zip(rows, drawn_of(scene.groups), strict=True))
    ]
    return found, sampler


def ours(learner: Learner, rows: list[TrainSequence]) -> Ours:
    gradients = learner.gradients(rows)
    report = learner.update(rows)
    clipped = report.statistics["clipped_low"] + report.statistics["clipped_high"]
    return Ours(report.loss, gradients, clipped, [row.advantages[0] for row in rows])
