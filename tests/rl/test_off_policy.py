"""Importance weights of tokens that another distribution drew."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl.off_policy import CorrectionConfig, importance_weights

TRAINER = [math.log(0.5), math.log(0.2), math.log(0.9)]
SAMPLER = [math.log(0.1), math.log(0.4), math.log(0.6)]  # ratios 5, 0.5, 1.5


def weights(kind, cap=2.0):
    return importance_weights(TRAINER, SAMPLER, CorrectionConfig(kind=kind, cap=cap))


def test_none_trusts_the_sampler():
    assert weights("none").weights == (1.0, 1.0, 1.0)


def test_token_weights_are_cut_at_the_cap():
    found = weights("token")
    assert found.weights == pytest.approx((2.0, 0.5, 1.5))
    assert found.capped == 1


def test_a_sequence_has_the_product_of_its_ratios_on_every_token():
    assert weights("sequence", cap=10).weights == pytest.approx((3.75,) * 3)
    cut = weights("sequence")
    assert cut.weights == pytest.approx((2.0,) * 3)
    assert cut.capped == 3


def test_vtrace_is_what_its_definition_gives_for_one_reward_at_the_end():
    """Equation 1 of the paper with a constant value b, no discount, and the reward at the last token."""
    reward, baseline, cap = 1.0, 0.3, 2.0
    ratios = [math.exp(t - s) for t, s in zip(TRAINER, SAMPLER, strict=True)]
    rho, c = [min(cap, r) for r in ratios], [min(1.0, r) for r in ratios]
    length = len(ratios)
    delta = [rho[t] * ((reward if t == length - 1 else baseline) - baseline) for t in range(length)]
    value = [baseline + sum(math.prod(c[s:t]) * delta[t] for t in range(s, length)) for s in range(length)]
    after = [*value[1:], reward]
    expected = [rho[t] * (after[t] - baseline) for t in range(length)]
    found = weights("vtrace").weights
    assert [weight * (reward - baseline) for weight in found] == pytest.approx(expected)


@given(st.lists(st.floats(-8, 0), min_size=1, max_size=30))
def test_where_trainer_and_sampler_agree_every_weight_is_one(logprobs):
    for kind in ("none", "token", "sequence", "vtrace"):
        assert importance_weights(logprobs, logprobs, CorrectionConfig(kind=kind)).weights == (1.0,) * len(logprobs)


@given(st.lists(st.tuples(st.floats(-50, 0), st.floats(-50, 0)), min_size=1, max_size=30))
def test_no_weight_is_above_its_bound(pairs):
    trainer, sampler = zip(*pairs, strict=True)
    for kind in ("token", "sequence"):
        assert max(importance_weights(trainer, sampler, CorrectionConfig(kind=kind)).weights) <= 2.0 + 1e-12
