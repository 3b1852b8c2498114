"""Where our learner and TRL's trainer part on purpose, and by exactly how much. docs/grpo.md lists them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mathpipe.core.records import Finish, Outcome
from rl.advantages import AdvantageConfig
from rl.batch import advantaged
from rl.trajectories import Scored, TrainSequence, Trajectory
from tests.rl.trl_interop.recorded import Drawn, Seen, Weights, draw, run
from tests.rl.trl_interop.scenes import (
    CASES,
    SECOND_UPDATE,
    TEMPERATURE,
    Scene,
    assert_equal_gradients,
    learner_of,
    plain_sequences,
    sequences_of,
)


def theirs(policy: str, scene: Scene, folder: Path, name: str, **settings: Any) -> Seen:
    given = {"temperature": TEMPERATURE, **SECOND_UPDATE, **CASES[name].peer, **settings}
    return run(
        policy, folder, scene.groups, sampled_with=scene.sampled_with, learned_with=scene.learned_with, **given
    )


def times(weights: Weights, factor: float) -> Weights:
    return {name: item * factor for name, item in weights.items()}


def tokens(rows: list[TrainSequence]) -> int:
    return sum(row.learned_tokens for row in rows)


def test_bnpo_is_the_steps_mean_here_and_the_mean_of_micro_batches_there(
    policy: str, scene: Scene, tmp_path: Path
) -> None:
    """TRL's gradient depends on how a step is cut; ours does not. Both agree where a step is one micro-batch."""
    seen = theirs(policy, scene, tmp_path, "bnpo", accumulation=2)
    learner = learner_of(policy, CASES["bnpo"])
    rows, _ = sequences_of(learner, scene)
    parts = [[rows[place] for place in batch["place"].tolist()] for batch in seen.batches]
    halves = [learner.gradients(part) for part in parts]
    mean = {name: (halves[0][name] + halves[1][name]) / 2 for name in halves[0]}
    assert_equal_gradients(mean, seen.gradients[0])
    counts = [tokens(part) for part in parts]
    assert counts[0] != counts[1]
    weighted = {name: (halves[0][name] * counts[0] + halves[1][name] * counts[1]) / sum(counts) for name in halves[0]}
    assert_equal_gradients(learner.gradients(rows), weighted)
    with pytest.raises(AssertionError):
        assert_equal_gradients(learner.gradients(rows), seen.gradients[0])


@pytest.mark.parametrize("name", ["dapo", "cispo"])
def test_several_steps_a_batch_divide_by_their_own_tokens_here_and_by_the_mean_of_all_there(
    policy: str, scene: Scene, tmp_path: Path, name: str
) -> None:
    """Two optimizer steps, six of the twelve samples each; the second is compared with the first's weights kept."""
    seen = theirs(policy, scene, tmp_path, name, steps=2, learning_rate=1e-12)
    learner = learner_of(policy, CASES[name])
    rows, _ = sequences_of(learner, scene)
    assert len(seen.gradients) == 2
    for batch, gradients in zip(seen.batches, seen.gradients, strict=True):
        part = [rows[place] for place in batch["place"].tolist()]
        mean = tokens(rows) / 2
        assert_equal_gradients(times(learner.gradients(part), tokens(part) / mean), gradients)
        assert tokens(part) != mean


def scored(groups: list[list[Drawn]]) -> list[Scored]:
    return [
        Scored(
            trajectory=Trajectory(
                problem_id=str(group),
                group=group,
                index=index,
                prompt_ids=one.prompt,
                completion_ids=one.completion,
                sampler_logprobs=(0.0,) * len(one.completion),
                version=0,
                text="",
                finish=Finish.STOP,
            ),
            reward=one.reward,
            outcome=None if one.reward is None else Outcome.CORRECT,
        )
        for group, drawn in enumerate(groups)
        for index, one in enumerate(drawn)
    ]


def learned(groups: list[list[Drawn]], *, keep_all: bool) -> list[TrainSequence]:
    samples = advantaged(scored(groups), AdvantageConfig(), keep_all=keep_all).samples
    return [
        TrainSequence(
            prompt_ids=item.trajectory.prompt_ids,
            completion_ids=item.trajectory.completion_ids,
            advantages=item.advantages,
        )
        for item in samples
    ]


@pytest.mark.parametrize("name", ["grpo", "dapo"])
def test_groups_that_agree_are_dropped_here_and_divide_there(policy: str, tmp_path: Path, name: str) -> None:
    """TRL runs them through the backbone and counts them; `keep_groups_without_variance` does as TRL."""
    first, second, third = draw(5)
    groups = [first, [one._replace(reward=0.0) for one in second], third]
    seen = run(policy, tmp_path, groups, temperature=TEMPERATURE, **CASES[name].peer)
    learner = learner_of(policy, CASES[name])
    kept, dropped = learned(groups, keep_all=True), learned(groups, keep_all=False)
    assert (len(kept), len(dropped)) == (12, 8)
    assert_equal_gradients(learner.gradients(kept), seen.gradients[0])
    share = 8 / 12 if name == "grpo" else tokens(dropped) / tokens(kept)
    assert_equal_gradients(times(learner.gradients(dropped), share), seen.gradients[0])


def test_a_sample_without_a_reward_is_left_out_here_and_divides_there(policy: str, tmp_path: Path) -> None:
    first, second, third = draw(5)
    groups = [[first[0]._replace(reward=None), *first[1:]], second, third]
    seen = run(policy, tmp_path, groups, temperature=TEMPERATURE, **CASES["grpo"].peer)
    learner = learner_of(policy, CASES["grpo"])
    rows = learned(groups, keep_all=False)
    assert len(rows) == 11
    assert_equal_gradients(times(learner.gradients(rows), 11 / 12), seen.gradients[0])


def test_trl_masks_ratios_above_its_cap_by_default_and_we_truncate(policy: str, scene: Scene, tmp_path: Path) -> None:
    """`sequence_mask` drops a sequence whose ratio is above 3; here an importance of 0 says the same."""
    learner = learner_of(policy, CASES["grpo"])
    rows, sampler = sequences_of(learner, scene)
    seen = theirs(
        policy,
        scene,
        tmp_path,
        "grpo",
        sampler=sampler,
        vllm_importance_sampling_mode="sequence_mask",
        vllm_importance_sampling_clip_max=3.0,
    )
    old = torch.tensor([sum(row.old_logprobs or ()) for row in rows])
    ratio = (old - torch.tensor([sum(row) for row in sampler])).exp()
    weights = torch.where(ratio > 3, 0.0, ratio).tolist()
    assert 0 < weights.count(0.0) < len(rows)
    masked = [
        replace(row, importance=(weight,) * len(row.completion_ids))
        for row, weight in zip(rows, weights, strict=True)
    ]
    assert_equal_gradients(learner.gradients(masked), seen.gradients[0])


def test_the_kl_term_is_multiplied_by_the_ratio_there_by_default(policy: str, scene: Scene, tmp_path: Path) -> None:
    """`use_bias_correction_kl` is True in TRL 1.16; DeepSeekMath's own estimate, ours, is the plain one."""
    from trl import GRPOConfig

    assert GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False).use_bias_correction_kl is True
    learner = learner_of(policy, CASES["grpo"], kl=0.1)
    rows, _ = sequences_of(learner, scene)
    seen = theirs(policy, scene, tmp_path, "grpo", beta=0.1, use_bias_correction_kl=True)
    with pytest.raises(AssertionError):
        assert_equal_gradients(learner.gradients(rows), seen.gradients[0])


def test_dropout_of_the_model_is_off_here_and_on_there(tmp_path: Path) -> None:
    """TRL trains with the configuration's dropout unless `disable_dropout` is set; the sampler has none."""
    from tests.rl.learner.policies import save_policy

    policy = save_policy(tmp_path / "model", num_hidden_layers=2, attention_dropout=0.5)
    groups = draw()
    learner = learner_of(policy, CASES["grpo"])
    mine = learner.gradients(plain_sequences(groups))
    seen = run(policy, tmp_path, groups, temperature=TEMPERATURE, disable_dropout=False, **CASES["grpo"].peer)
    with pytest.raises(AssertionError):
        assert_equal_gradients(mine, seen.gradients[0])
