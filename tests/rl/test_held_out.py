"""Scores on held-out problems."""

from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from mathpipe.core.records import Problem, ProblemKind
from mathpipe.generate import EngineConfig
from mathpipe.generate.engines.engine import sample_seed
from rl.held_out import held_out_score, standard_error
from rl.rollout import RolloutJob, RolloutWorker, SamplingConfig
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


def test_the_stated_error_is_that_of_scores_of_other_problems_and_draws():
    """Easy and hard problems, four samples each: a count of samples as if they were independent would say 0.018."""
    draw = Random(0)

    def evaluation():
        chances = [draw.choice((0.02, 0.98)) for _ in range(200)]
        return [sum(draw.random() < chance for _ in range(4)) / 4 for chance in chances]

    found = [evaluation() for _ in range(600)]
    spread = stdev(fmean(shares) for shares in found)
    assert fmean(standard_error(shares) for shares in found) == pytest.approx(spread, rel=0.1)
    assert sqrt(0.5 * 0.5 / 800) < 0.6 * spread


def test_no_two_samples_of_evaluations_draw_with_one_seed(policy):
    problems = tuple(
        Problem(problem_id=f"p{number}", source="s", split="t", kind=ProblemKind.ANSWER, question=f"{number}?")
        for number in range(50)
    )
    engine = EngineConfig(kind="transformers", model=str(policy), dtype="float32", context_tokens=64)
    worker = RolloutWorker(engine, SamplingConfig())
    requests = [
        worker._request(
            RolloutJob(name="held-out", problems=problems, samples=4, max_tokens=8, temperature=1.0, seed=seed), place
        )
        for seed in range(4)
        for place in range(50)
    ]
    seeds = [sample_seed(request.seed, index) for request in requests for index in request.samples]
    assert len(set(seeds)) == len(seeds) == 800
