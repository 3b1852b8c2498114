"""Group advantages and process supervision, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from rl.advantages import AdvantageConfig, group_advantages, process_advantages

PLAIN = AdvantageConfig(epsilon=0.0)


def only(rewards, **options):
    (found,) = group_advantages([rewards], AdvantageConfig(epsilon=0.0, **options))
    return found


def test_the_mean_is_the_baseline_and_the_sample_deviation_the_scale():
    found = only([1.0, 0.0, 0.0, 0.0])
    deviation = math.sqrt(0.25)  # squares 0.5625 + 3 * 0.0625 over 3
    assert found.advantages == pytest.approx([0.75 / deviation, *[-0.25 / deviation] * 3])
    assert found.teaches


def test_the_population_deviation_is_a_choice():
    assert only([1.0, 0.0], deviation="population").advantages == pytest.approx([1.0, -1.0])
    assert only([1.0, 0.0]).advantages == pytest.approx([1 / math.sqrt(2), -1 / math.sqrt(2)])


def test_without_a_scale_the_rewards_are_centred_only():
    assert only([1.0, 0.0, 0.0, 0.0], scale="none").advantages == pytest.approx([0.75, -0.25, -0.25, -0.25])


def test_the_batch_scale_is_one_for_all_groups():
    groups = [[1.0, 0.0], [3.0, 1.0]]
    found = group_advantages(groups, AdvantageConfig(scale="batch", deviation="population", epsilon=0.0))
    deviation = math.sqrt((0.25**2 + 1.25**2 + 1.75**2 + 0.25**2) / 4)
    assert found[0].advantages == pytest.approx([0.5 / deviation, -0.5 / deviation])
    assert found[1].advantages == pytest.approx([1 / deviation, -1 / deviation])


def test_rewards_that_differ_in_their_last_bits_teach_nothing():
    found = only([0.1 + 0.2, 0.3, 0.3])
    assert not found.teaches
    assert found.advantages == (0.0, 0.0, 0.0)


def test_a_sample_that_was_not_judged_has_no_advantage_and_no_part_in_the_mean():
    found = only([1.0, None, 0.0], scale="none")
    assert found.advantages == (0.5, None, -0.5)


def test_one_judged_sample_alone_teaches_nothing():
    assert only([1.0, None]).advantages == (0.0, None)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=16))
def test_advantages_of_a_group_sum_to_zero(rewards):
    assert math.fsum(a for a in only(rewards, scale="none").advantages) == pytest.approx(0.0, abs=1e-9)


def test_process_supervision_gives_a_token_the_rewards_of_its_step_and_all_later_ones():
    found = process_advantages([[(1, 0.5), (2, -2.0)], [(0, 0.5), (3, 1.0)]], [4, 4])
    assert found == [[-1.5, -1.5, -2.0, 0.0], [1.5, 1.0, 1.0, 1.0]]


def test_a_step_that_ends_behind_the_completion_is_refused():
    with pytest.raises(InputError, match="ends at token 4"):
        process_advantages([[(4, 1.0)], [(1, 0.0)]], [4, 4])
