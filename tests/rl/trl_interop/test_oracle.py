"""TRL's real trainer and our learner: same samples, rewards and weights, same settings; equal losses and gradients.

Three policies stand apart: the reference, the one that sampled, and the one that learns (as in a second update on one
batch). Gradients are TRL's as its optimizer finds them, after `trainer.train()` came to its step. What differs on
purpose stands in `test_differences`.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from trl.trainer import utils as trl_utils

from rl.advantages import AdvantageConfig, Scale, group_advantages
from rl.off_policy import Correction
from tests.rl.learner.policies import largest_gap, weights_of
from tests.rl.trl_interop.recorded import Seen, draw, run
from tests.rl.trl_interop.scenes import (
    CASES,
    SECOND_UPDATE,
    TEMPERATURE,
    Case,
    Scene,
    assert_equal_gradients,
    learner_of,
    ours,
    plain_sequences,
    sequences_of,
)


class Setting(NamedTuple):
    """What a run has beside its loss. `corrected`: the KL term is multiplied by the ratio (TRL's default)."""

    kl: float = 0.0
    corrected: bool = False
    correction: Correction | None = None
    masked: bool = False  # samples that were cut off


KLS = [(0.0, False), (0.04, False), (0.1, True)]
CORRECTIONS = [None, Correction.TOKEN, Correction.SEQUENCE]
EVERY = [
    Setting(kl, corrected, correction, masked)
    for (kl, corrected), correction, masked in itertools.product(KLS, CORRECTIONS, [False, True])
]
FEW = [
    Setting(),
    Setting(kl=0.04, masked=True),
    Setting(correction=Correction.TOKEN, masked=True),
    Setting(kl=0.1, corrected=True, correction=Correction.SEQUENCE),
]
NAMES = [(name, setting) for name, setting in itertools.product(CASES, FEW) if CASES[name].fits(setting.corrected)]
OTHERS = [
    (name, setting)
    for name, setting in itertools.product(CASES, EVERY)
    if setting not in FEW and CASES[name].fits(setting.corrected)
]


def theirs(policy: str, scene: Scene, folder: Path, case: Case, **settings: Any) -> Seen:
    given = {"temperature": TEMPERATURE, **SECOND_UPDATE, **case.peer, **settings}
    return run(
        policy, folder, scene.groups, sampled_with=scene.sampled_with, learned_with=scene.learned_with, **given
    )


def check(policy: str, scene: Scene, folder: Path, name: str, setting: Setting) -> None:
    case = CASES[name]
    learner = learner_of(policy, case, kl=setting.kl, corrected_kl=setting.corrected)
    rows, sampler = sequences_of(learner, scene, correction=setting.correction, mask_cut=setting.masked)
    mine = ours(learner, rows)
    seen = theirs(
        policy,
        scene,
        folder,
        case,
        sampler=sampler if setting.correction else None,
        beta=setting.kl,
        use_bias_correction_kl=setting.corrected,
        mask_truncated_completions=setting.masked,
        vllm_importance_sampling_mode=f"{setting.correction or 'token'}_truncate",
    )
    assert mine.clipped > 0.02
    advantages = seen.advantages()
    assert mine.advantages == pytest.approx([advantages[place] for place in range(len(rows))], abs=1e-6)
    assert abs(mine.loss - sum(seen.losses)) < 1e-5
    assert_equal_gradients(mine.gradients, seen.gradients[0])


@pytest.mark.parametrize(("name", "setting"), NAMES)
def test_the_learner_has_trls_loss_and_gradients(
    policy: str, scene: Scene, tmp_path: Path, name: str, setting: Setting
) -> None:
    check(policy, scene, tmp_path, name, setting)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "setting"), OTHERS)
def test_the_learner_has_trls_loss_and_gradients_in_every_combination(
    policy: str, scene: Scene, tmp_path: Path, name: str, setting: Setting
) -> None:
    check(policy, scene, tmp_path, name, setting)


@pytest.mark.parametrize("name", [name for name in CASES if name != "bnpo"])  # see test_differences
def test_steps_in_two_micro_batches_are_equal_too(policy: str, scene: Scene, tmp_path: Path, name: str) -> None:
    """TRL's twice six sequences; ours in whatever micro-batches: one at a time, a few, all."""
    seen = theirs(policy, scene, tmp_path, CASES[name], beta=0.04, mask_truncated_completions=True, accumulation=2)
    assert len(seen.losses) == 2
    for budget in (1, 60, 100_000):
        learner = learner_of(policy, CASES[name], kl=0.04, micro_batch_tokens=budget)
        rows, _ = sequences_of(learner, scene, mask_cut=True)
        mine = ours(learner, rows)
        assert abs(mine.loss - sum(seen.losses)) < 1e-5
        assert_equal_gradients(mine.gradients, seen.gradients[0])


@pytest.mark.parametrize("name", ["grpo", "dapo"])
def test_two_updates_of_one_batch_end_with_the_same_weights(policy: str, tmp_path: Path, name: str) -> None:
    """Nothing is forced: `train()` takes both steps, the second with ratios away from 1; clipping of norms, AdamW."""
    given = {"learning_rate": 1e-2, "betas": (0.9, 0.99), "epsilon": 1e-3, "max_grad_norm": 0.5}
    groups = draw(3)
    learner = learner_of(policy, CASES[name], kl=0.04, **given)
    rows = plain_sequences(groups)
    scores = learner.score(rows), learner.score(rows, reference=True)
    rows = [
        replace(row, old_logprobs=old, reference_logprobs=reference)
        for row, old, reference in zip(rows, *scores, strict=True)
    ]
    reports = [learner.update(rows) for _ in range(2)]
    seen = run(
        policy,
        tmp_path,
        groups,
        temperature=TEMPERATURE,
        beta=0.04,
        max_steps=2,
        learning_rate=1e-2,
        adam_beta2=0.99,
        adam_epsilon=1e-3,
        max_grad_norm=0.5,
        **SECOND_UPDATE,
        **CASES[name].peer,
    )
    assert [report.loss for report in reports] == pytest.approx(seen.losses, abs=1e-5)
    assert [report.grad_norm for report in reports] == pytest.approx(
        [line["grad_norm"] for line in seen.logs[:2]], rel=1e-4
    )
    assert abs(seen.losses[1] - seen.losses[0]) > 1e-3
    assert largest_gap(weights_of(learner), seen.weights) < 1e-4


@pytest.mark.parametrize("scale", Scale)
def test_advantages_are_trls(policy: str, tmp_path: Path, scale: Scale) -> None:
    """One sample without a reward, and one group whose rewards agree."""
    first, second, third = draw(5)
    first[1] = first[1]._replace(reward=None)
    second = [one._replace(reward=0.5) for one in second]
    seen = run(policy, tmp_path, [first, second, third], loss_type="grpo", scale_rewards=str(scale))
    found = group_advantages(
        [[one.reward for one in group] for group in (first, second, third)], AdvantageConfig(scale=scale)
    )
    mine = [value or 0.0 for group in found for value in group.advantages]
    theirs = seen.advantages()
    assert mine == pytest.approx([theirs[place] for place in range(12)], abs=1e-5)
    assert max(mine) > 0.3


@pytest.mark.parametrize("tile", [64, 4096])
def test_trls_tiles_of_logits_change_nothing(
    policy: str, scene: Scene, tmp_path: Path, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRL 1.16 has no other loss than its chunked one: no `use_liger_loss`, and `use_liger_kernel` patches layers."""
    stock = theirs(policy, scene, tmp_path, CASES["grpo"])
    monkeypatch.setattr(trl_utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", tile)
    tiled = theirs(policy, scene, tmp_path, CASES["grpo"], cast_lm_head_to_fp32=tile == 64)
    assert tiled.losses == pytest.approx(stock.losses, abs=1e-6)
    assert_equal_gradients(tiled.gradients[0], stock.gradients[0])
