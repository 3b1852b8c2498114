"""Advantages with a critic, against the sums they are short for."""

import random

import pytest

from rl.generalised_advantages import explained_variance, gae, returns, whitened


def directly(rewards, values, trace, discount):
    """The definition, O(T^2)."""
    ends = [*values[1:], 0.0]
    deltas = [reward + discount * end - value for reward, value, end in zip(rewards, values, ends, strict=True)]
    return [
        sum((discount * trace) ** (later - at) * deltas[later] for later in range(at, len(deltas)))
        for at in range(len(deltas))
    ]


def test_the_recursion_is_the_definition():
    draw = random.Random(0)
    for _ in range(50):
        size, trace, discount = draw.randrange(1, 12), draw.random(), draw.uniform(0.5, 1)
        rewards, values = ([draw.gauss(0, 1) for _ in range(size)] for _ in range(2))
        found = gae(rewards, values, trace=trace, discount=discount)
        assert found == pytest.approx(directly(rewards, values, trace, discount))


def test_three_tokens_by_hand():
    # delta = (0.6 - 0.5, 0.8 - 0.6, 1 - 0.8) = (0.1, 0.2, 0.2)
    assert gae((0, 0, 1), (0.5, 0.6, 0.8), trace=0.5) == pytest.approx((0.25, 0.3, 0.2))


def test_without_values_and_with_trace_1_every_token_has_the_reward():
    assert gae((0, 0, 0, 1), (0, 0, 0, 0), trace=1.0) == (1, 1, 1, 1)


def test_trace_1_is_the_reward_less_the_value_and_trace_0_the_next_value_less_it():
    values = (0.2, 0.7, 0.4)
    assert gae((0, 0, 1), values, trace=1.0) == pytest.approx((0.8, 0.3, 0.6))
    assert gae((0, 0, 1), values, trace=0.0) == pytest.approx((0.5, -0.3, 0.6))


def test_returns_at_trace_1_are_the_reward_whatever_the_critic_says():
    values = (0.2, 0.7, 0.4)
    assert returns(gae((0, 0, 1), values, trace=1.0), values) == pytest.approx((1, 1, 1))


def test_whitened_rows_have_mean_0_and_deviation_1_over_those_that_count():
    assert whitened([(1.0, 3.0), (9.0,), (5.0, 7.0)], [True, False, True]) == [
        pytest.approx((-3 / 5**0.5, -1 / 5**0.5)),
        pytest.approx((5 / 5**0.5,)),
        pytest.approx((1 / 5**0.5, 3 / 5**0.5)),
    ]


def test_rows_that_all_agree_become_0_and_nothing_stays_nothing():
    assert whitened([(1.0, 1.0), (1.0,)], [True, True]) == [(0.0, 0.0), (0.0,)]
    assert whitened([], []) == []
    assert whitened([(2.0,)], [False]) == [(2.0,)]


@pytest.mark.parametrize(
    ("values", "share"),
    [((0, 1, 1, 0), 1.0), ((0.5,) * 4, 0.0), ((1, 0, 0, 1), -3.0), ((0.25, 0.75, 0.75, 0.25), 0.75)],
)
def test_explained_variance_by_hand(values, share):
    assert explained_variance((0, 1, 1, 0), values) == pytest.approx(share)


def test_returns_that_agree_leave_nothing_to_explain():
    assert explained_variance((1, 1), (0, 1)) == 0
    assert explained_variance((), ()) == 0
