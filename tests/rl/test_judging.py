"""Rewards of the loop judge as selection and evaluation do, and are not gamed by a box that stays open."""

import pytest

from mathpipe.core.records import Outcome, Problem, ProblemKind
from rl.judging import Judge, RewardConfig
from tests.rl.trajectories_at_hand import trajectory
from verify import VerifierPool


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(1) as made:
        yield made


def judged(pool, question, answer, *texts):
    problem = Problem(
        problem_id="p", source="s", split="train", kind=ProblemKind.ANSWER, question=question, answer=answer
    )
    judge = Judge(RewardConfig(), pool, 64)
    rows = judge([trajectory(index=at, text=text) for at, text in enumerate(texts)], {"p": problem})
    return [(row.reward, row.outcome, row.detail) for row in rows]


def test_a_percent_sign_is_part_of_the_answer_where_the_question_asks_for_percent(pool):
    texts = ["It is $\\boxed{20\\%}$.", "It is $\\boxed{20}$.", "It is $\\boxed{21\\%}$."]
    found = judged(pool, "What percentage of the cars is red?", "20", *texts)
    assert [reward for reward, *_ in found] == [1.0, 1.0, 0.0]


def test_elsewhere_it_is_not(pool):
    (found,) = judged(pool, "How many cars are red?", "20", "It is $\\boxed{20\\%}$.")
    assert found[:2] == (0.0, Outcome.WRONG)


def test_an_answer_in_a_box_that_is_never_closed_is_wrong(pool):
    texts = ["It is $\\boxed{16}$.", "It is $\\boxed{16$.", "It is \\boxed{16"]
    assert judged(pool, "How many?", "16", *texts) == [
        (1.0, Outcome.CORRECT, "same-text"),
        (0.0, Outcome.WRONG, "gaming-open-box"),
        (0.0, Outcome.WRONG, "gaming-open-box"),
    ]


def test_without_a_reference_there_is_no_reward(pool):
    assert judged(pool, "How many?", None, "\\boxed{16}") == [(None, None, "no-reference")]
