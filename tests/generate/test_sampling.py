"""Drawing: the right distribution, top_p, greedy, rows that do not see one another."""

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.generate.engines.sampling import Draw, choose_tokens

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def draws(count, temperature=1.0, top_p=1.0):
    random = Random(0)
    return [Draw(temperature, top_p, random.random()) for _ in range(count)]


def shares(tokens):
    return [tokens.count(token) / len(tokens) for token in range(4)]


def test_tokens_come_with_their_probabilities():
    tokens, logprobs = choose_tokens(LOGITS.expand(20_000, 4), draws(20_000))
    assert shares(tokens) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.01)
    assert logprobs[0] == pytest.approx(LOGITS[tokens[0]].item(), abs=1e-6)


def test_temperature_sharpens():
    tokens, _ = choose_tokens(LOGITS.expand(20_000, 4), draws(20_000, temperature=0.5))
    squares = [0.25, 0.09, 0.0225, 0.0025]
    assert shares(tokens) == pytest.approx([square / sum(squares) for square in squares], abs=0.01)


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    tokens, logprobs = choose_tokens(LOGITS.expand(20_000, 4), draws(20_000, top_p=0.7))
    assert shares(tokens) == pytest.approx([0.625, 0.375, 0, 0], abs=0.01)
    assert sorted(set(logprobs)) == pytest.approx([math.log(0.375), math.log(0.625)], abs=1e-6)


def test_the_likeliest_token_survives_any_top_p():
    tokens, _ = choose_tokens(LOGITS.expand(100, 4), draws(100, top_p=1e-9))
    assert set(tokens) == {0}


def test_greedy_takes_the_likeliest_with_its_plain_logprob():
    assert choose_tokens(LOGITS[None], [Draw(0.0, 0.1, 0.99)]) == ([0], pytest.approx([-0.693147], abs=1e-5))


@given(st.floats(0, 1, exclude_max=True), st.floats(0.05, 5), st.floats(0.01, 1), st.integers(0, 10_000))
def test_a_row_does_not_see_the_others(uniform, temperature, top_p, seed):
    logits = torch.randn(5, 50, generator=torch.Generator().manual_seed(seed))
    mine = Draw(temperature, top_p, uniform)
    others = [Draw(0.0, 1.0, 0.5), mine, Draw(2.0, 0.5, 0.1), Draw(1.0, 1.0, 0.9), Draw(0.3, 0.9, 0.3)]
    together, together_logprob = choose_tokens(logits, others)
    alone, alone_logprob = choose_tokens(logits[1:2], [mine])
    assert together[1] == alone[0]
    assert together_logprob[1] == pytest.approx(alone_logprob[0], abs=1e-5)


@given(st.integers(0, 1000), st.floats(0.01, 1))
def test_a_drawn_token_never_has_probability_zero(seed, top_p):
    logits = torch.randn(1, 20, generator=torch.Generator().manual_seed(seed))
    for uniform in (0.0, 1 - 2**-53):
        [_], [logprob] = choose_tokens(logits, [Draw(1.0, top_p, uniform)])
        assert logprob > -torch.inf
