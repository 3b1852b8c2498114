"""Scores on held-out problems."""

from math import sqrt

import pytest

from rl.held_out import held_out_score
from tests.rl.trajectories_at_hand import scored


def test_standard_errors_are_over_problems_not_samples():
    rights = [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0), (0.0, 0.0)]
    rows = [scored(right, group, at) for group, both in enumerate(rights) for at, right in enumerate(both)]
    score = held_out_score(rows, 4, 2)
    assert (score.pass_at_1, score.correct) == (0.375, 3)
    assert score.error == pytest.approx(sqrt((0.625**2 + 0.125**2 + 2 * 0.375**2) / 3 / 4))


def test_a_problem_that_the_engine_refused_counts_as_wrong():
    score = held_out_score([scored(1.0, 0, 0)], 2, 1)
    assert (score.problems, score.pass_at_1, score.error) == (2, 0.5, 0.5)


def test_a_sample_that_was_not_judged_is_not_right():
    score = held_out_score([scored(1.0, 0, 0), scored(None, 0, 1)], 1, 2)
    assert (score.pass_at_1, score.unjudged, score.error) == (0.5, 1, 0.0)
