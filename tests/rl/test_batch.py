"""From judged samples to sequences to learn from."""

import math
from dataclasses import replace

import pytest

from mathpipe.core.records import Finish
from rl.advantages import AdvantageConfig
from rl.batch import advantaged, corrected, mini_batches, sampler_gap
from rl.off_policy import CorrectionConfig
from rl.trajectories import TrainSequence
from tests.rl.trajectories_at_hand import scored, trajectory

CENTRED = AdvantageConfig(scale="none")


def test_a_group_that_agrees_is_dropped_before_the_backbone():
    rows = [scored(1.0, 0, 0), scored(1.0, 0, 1), scored(1.0, 1, 0), scored(0.0, 1, 1)]
    groups = advantaged(rows, CENTRED, keep_all=False)
    assert [item.trajectory.group for item in groups.samples] == [1, 1]
    assert [item.advantages for item in groups.samples] == [(0.5,) * 3, (-0.5,) * 3]
    assert (groups.kept, groups.without_variance) == (1, 1)


def test_all_groups_are_kept_where_a_kl_term_wants_them():
    groups = advantaged([scored(1.0, 0, 0), scored(1.0, 0, 1)], CENTRED, keep_all=True)
    assert [item.advantages for item in groups.samples] == [(0.0,) * 3] * 2


def test_a_sample_without_a_reward_is_not_learned_from():
    groups = advantaged([scored(1.0, 0, 0), scored(None, 0, 1), scored(0.0, 0, 2)], CENTRED, keep_all=False)
    assert [item.trajectory.index for item in groups.samples] == [0, 2]


def test_step_rewards_give_each_step_its_own_advantage():
    rows = [scored(1.0, 0, 0), scored(0.0, 0, 1)]
    rows = [replace(row, step_rewards=((0, 1.0), (2, value))) for row, value in zip(rows, (1.0, 0.0), strict=True)]
    first, second = advantaged(rows, CENTRED, keep_all=False).samples
    one, zero = 1 / math.sqrt(3), -math.sqrt(3)
    assert first.advantages == pytest.approx((2 * one, one, one))
    assert second.advantages == pytest.approx((one + zero, zero, zero))


def samples_of(*rows):
    return advantaged(list(rows), CENTRED, keep_all=False).samples


def put_together(samples, trainer, **options):
    settings = {"keep_old": False, "mask_cut": False} | options
    return corrected(samples, trainer, None, CorrectionConfig(), **settings)


def test_the_sampler_is_corrected_token_by_token():
    samples = samples_of(scored(1.0, 0, 0), scored(0.0, 0, 1))
    found = put_together(samples, [(-0.5, -0.5 + math.log(1.5), 5.0), (-0.5, -0.5, -0.5)])
    assert found.sequences[0].importance == pytest.approx((1.0, 1.5, 2.0))
    assert found.sequences[0].old_logprobs is None
    assert found.capped_share == pytest.approx(1 / 6)
    assert found.importance_max == 2.0


def test_several_updates_need_the_log_probabilities_from_before_the_first():
    samples = samples_of(scored(1.0, 0, 0), scored(0.0, 0, 1))
    trainer = [(-0.1, -0.2, -0.3), (-0.4, -0.5, -0.6)]
    found = put_together(samples, trainer, keep_old=True)
    assert [sequence.old_logprobs for sequence in found.sequences] == trainer


def test_a_completion_that_was_cut_is_masked_on_request():
    samples = samples_of(scored(1.0, 0, 0), scored(0.0, 0, 1, finish=Finish.LENGTH))
    assert [sequence.learned for sequence in put_together(samples, None, mask_cut=True).sequences] == [
        None,
        (False,) * 3,
    ]
    assert put_together(samples, None).sequences[1].learned is None


def test_the_gap_is_the_mean_difference_over_all_tokens():
    gap = sampler_gap([trajectory(tokens=2), trajectory(tokens=1)], [(-0.5, -0.8), (-0.2,)])
    assert gap.mean == pytest.approx(0.2)
    assert gap.largest == pytest.approx(0.3)


@pytest.mark.parametrize(("count", "updates", "sizes"), [(7, 3, [3, 2, 2]), (2, 4, [1, 1]), (0, 2, []), (4, 1, [4])])
def test_a_batch_is_cut_into_parts_of_nearly_one_size(count, updates, sizes):
    sequences = [TrainSequence(prompt_ids=(n,), completion_ids=(1,), advantages=(0.0,)) for n in range(count)]
    parts = mini_batches(sequences, updates)
    assert [len(part) for part in parts] == sizes
    assert [item for part in parts for item in part] == sequences
