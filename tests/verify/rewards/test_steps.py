"""Rewards of steps: aggregation, and DeepSeekMath's normalisation and advantages."""

import math
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.rewards import (
    Aggregate,
    normalised_steps,
    process_reward,
    split_steps,
    step_advantages,
    step_spans,
)


@pytest.mark.parametrize(
    ("aggregate", "score"),
    [(Aggregate.MINIMUM, 0.2), (Aggregate.MEAN, 0.5), (Aggregate.PRODUCT, 0.08), (Aggregate.LAST, 0.5)],
)
def test_steps_become_one_score(aggregate, score):
    reward = process_reward(aggregate=aggregate)
    assert reward(["x"], step_scores=[[0.8, 0.2, 0.5]]) == [pytest.approx(score)]


@pytest.mark.parametrize("scores", [None, [], "0.5", [0.5, None], [0.5, math.nan], 0.5])
def test_what_has_no_scores_is_not_scored(scores):
    assert process_reward()(["x"], step_scores=[scores]) == [None]


def lengths(steps):
    return [float(len(step)) for step in steps]


def test_a_function_scores_the_texts_of_the_steps():
    assert process_reward(lengths, aggregate=Aggregate.MEAN)(["ab\n\nabcd", "", None]) == [3.0, None, None]


def test_steps_are_paragraphs_or_numbered_lines():
    assert split_steps("First.\n\n  \nSecond.\n") == ["First.", "Second."]
    assert split_steps("Step 1: a\nmore\nStep 2: b\n**Step 3** c\n## Step 4\nd") == [
        "Step 1: a\nmore", "Step 2: b", "**Step 3** c", "## Step 4\nd",
    ]  # fmt: skip
    assert split_steps(" \n\n ") == []


def test_rewards_are_normalised_over_all_steps_of_the_group():
    # Six rewards with mean 0.5 and deviation 0.5: each is one deviation off.
    group = [[1.0, 1.0, 0.0], [0.0], [1.0, 0.0]]
    assert normalised_steps(group) == [[1.0, 1.0, -1.0], [-1.0], [1.0, -1.0]]


def test_a_group_that_agrees_has_no_advantage():
    assert normalised_steps([[0.5, 0.5], [0.5]]) == [[0.0, 0.0], [0.0]]
    assert normalised_steps([[], []]) == [[], []]


def test_an_advantage_sums_the_later_steps():
    assert step_advantages([1.0, 1.0, -1.0]) == [1.0, 0.0, -1.0]
    assert step_advantages([]) == []


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=2, max_size=6))
def test_normalised_rewards_have_mean_zero_and_deviation_one(group):
    every = [reward for rewards in normalised_steps(group) for reward in rewards]
    if pstdev([reward for rewards in group for reward in rewards]) > 1e-6:
        assert fmean(every) == pytest.approx(0.0, abs=1e-6)
        assert pstdev(every) == pytest.approx(1.0, abs=1e-6)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20))
def test_the_first_advantage_is_the_whole_sum(rewards):
    assert step_advantages(rewards)[0] == pytest.approx(math.fsum(rewards), abs=1e-9)


def test_spans_are_where_the_steps_stand():
    text = "  First.\n\n  \nSecond.\n"
    assert [text[start:end] for start, end in step_spans(text)] == ["First.", "Second."]
    assert step_spans(text) == [(2, 8), (13, 20)]


def test_a_text_of_one_paragraph_has_its_lines_for_steps_on_request():
    assert step_spans("a\nb\n") == [(0, 3)]
    assert step_spans("a\nb\n", lines=True) == [(0, 1), (2, 3)]
    assert step_spans("a\nb\n\nc", lines=True) == [(0, 3), (5, 6)]
    assert step_spans("", lines=True) == []
