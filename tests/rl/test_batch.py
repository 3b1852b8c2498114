"""From judged samples to sequences to learn from."""

import math
from dataclasses import replace

import pytest

from mathpipe.core.records import Finish
from rl.advantages import AdvantageConfig
from rl.batch import advantaged, corrected, measured, mini_batches, recorded, sampler_gap
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


def stepped(*rewards, index=0, group=0, outcome=None):
    """A sample of three tokens whose steps end at its first token and at its last."""
    last = rewards[-1] if outcome is None else outcome
    return replace(scored(last, group, index), step_rewards=tuple(zip((0, 2), rewards, strict=True)))


def test_step_rewards_are_normalised_over_all_steps_of_the_group():
    # Rewards 1, 1 and 1, 0: mean 3/4, deviation (of the population) sqrt(3)/4.
    rows = [stepped(1.0, 1.0), stepped(1.0, 0.0, index=1)]
    config = AdvantageConfig(scale="group", deviation="population", epsilon=0.0)
    first, second = advantaged(rows, config, keep_all=False).samples
    one, zero = 1 / math.sqrt(3), -math.sqrt(3)
    assert first.advantages == pytest.approx((2 * one, one, one))
    assert second.advantages == pytest.approx((one + zero, zero, zero))


def test_the_scale_of_a_recipe_holds_for_steps_too():
    first, second = advantaged([stepped(1.0, 1.0), stepped(1.0, 0.0, index=1)], CENTRED, keep_all=False).samples
    assert first.advantages == (0.5, 0.25, 0.25)
    assert second.advantages == (-0.5, -0.75, -0.75)


def test_a_group_whose_steps_agree_is_dropped_and_one_whose_steps_differ_teaches():
    agree = [stepped(1.0, 1.0), stepped(1.0, 1.0, index=1)]
    differ = [stepped(0.0, 1.0, group=1), stepped(1.0, 1.0, group=1, index=1)]
    groups = advantaged([*agree, *differ], CENTRED, keep_all=False)
    assert [item.trajectory.group for item in groups.samples] == [1, 1]
    assert (groups.kept, groups.without_variance) == (1, 1)


def test_of_samples_with_steps_those_that_were_not_judged_are_left_out():
    rows = [stepped(0.0, 1.0), scored(None, 0, 1), stepped(1.0, 1.0, index=2)]
    assert [item.trajectory.index for item in advantaged(rows, CENTRED, keep_all=False).samples] == [0, 2]
    assert advantaged(rows[:2], CENTRED, keep_all=False).samples == ()
    assert [item.advantages for item in advantaged(rows[:2], CENTRED, keep_all=True).samples] == [(0.0,) * 3]


def test_written_solutions_all_count_as_they_are():
    groups = recorded([scored(1.0, 0, 0), scored(1.0, 1, 0, tokens=2)])
    assert [item.advantages for item in groups.samples] == [(1.0,) * 3, (1.0,) * 2]
    assert (groups.kept, groups.without_variance) == (2, 0)


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


def test_an_update_that_scores_by_itself_gets_the_samplers_scores_and_the_same_figures_come_out():
    samples = samples_of(scored(1.0, 0, 0), scored(0.0, 0, 1))
    trainer = [(-0.5, -0.5 + math.log(1.5), 5.0), (-0.5, -0.5, math.nan)]
    found = put_together(samples, None, by_update=True)
    assert [sequence.importance for sequence in found.sequences] == [None, None]
    assert found.sequences[0].sampler_logprobs == (-0.5, -0.5, -0.5)
    seen, gap = measured(found, dict(enumerate(trainer)), CorrectionConfig())
    assert seen.sequences == found.sequences
    assert (seen.importance_max, seen.capped_share) == (2.0, 1 / 5)
    assert seen.importance_mean == pytest.approx(6.5 / 5)
    assert gap.largest == pytest.approx(5.5)
    assert gap.mean == pytest.approx((math.log(1.5) + 5.5) / 5)
    assert measured(found, {}, CorrectionConfig())[1].mean == 0.0


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
