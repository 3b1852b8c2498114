"""Votes over classes of equal answers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.selection import VerdictStore
from mathpipe.selection.voting import VoteResult, find_through, hold_vote
from verify import VerifierPool
from verify.answer_classes import classes_of, same_answer


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=1) as pool:
        yield pool


def _vote(answers, pool, *, min_share=0.5, min_votes=1, question=""):
    return hold_vote(answers, pool, VerdictStore(), min_share=min_share, min_votes=min_votes, question=question)


def test_equal_spellings_are_one_vote(pool):
    vote = _vote(["1/2", "0.5", "\\frac{1}{2}", "3", "3"], pool)
    assert (vote.result, vote.votes, vote.members) == (VoteResult.ELECTED, 3, (0, 1, 2))


def test_the_most_frequent_spelling_names_the_class(pool):
    assert _vote(["0.5", "\\frac{1}{2}", "\\frac{1}{2}"], pool).answer == "\\frac{1}{2}"


def test_a_rounded_value_is_no_vote_for_the_exact_one(pool):
    """`check_answer` takes 1/3 for the reference 0.333: one way only."""
    classes = classes_of(["1/3", "0.333"], find_through(pool, VerdictStore()))
    assert [one.answer for one in classes] == ["1/3", "0.333"]


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        (["1", "1", "2", "2", "3"], VoteResult.TIE),
        (["1", "1", "2", "3", "4"], VoteResult.SMALL_SHARE),
        (["1", "1", None, None, None], VoteResult.SMALL_SHARE),
        ([None, None], VoteResult.NO_ANSWERS),
        ([None, " "], VoteResult.NO_ANSWERS),
        ([], VoteResult.NO_ANSWERS),
    ],
)
def test_nobody_is_elected(pool, answers, result):
    vote = _vote(answers, pool)
    assert (vote.result, vote.answer, vote.members) == (result, None, ())


def test_few_votes_elect_nobody(pool):
    assert _vote(["1", "1"], pool, min_votes=3).result is VoteResult.FEW_VOTES


def test_half_of_the_samples_is_enough(pool):
    vote = _vote(["4", "4", "5", None], pool, min_votes=2)
    assert (vote.result, vote.share) == (VoteResult.ELECTED, 0.5)


@given(st.lists(st.sampled_from(["2", "4/2", "2.0", "3", "9/3", "-1", None]), max_size=9), st.randoms())
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_answers_changes_no_vote(pool, answers, chance):
    shuffled = list(answers)
    chance.shuffle(shuffled)
    one, other = _vote(answers, pool), _vote(shuffled, pool)
    assert (one.result, one.answer, one.votes) == (other.result, other.answer, other.votes)


@given(st.lists(st.sampled_from(["2", "4/2", "1/3", "0.333", "x", "30", "30%", "(1,2)", None]), max_size=8))
@settings(max_examples=25, deadline=None)
def test_scores_and_labels_know_the_same_classes(pool, answers):
    """One module classes for both: only who is asked differs."""
    assert classes_of(answers, find_through(pool, VerdictStore())) == classes_of(answers)
    assert same_answer("1/2", "0.5")


def test_a_percent_sign_is_another_answer_unless_the_question_asks_for_a_percentage(pool):
    answers = ["20%", "20", "20%", "5"]
    assert _vote(answers, pool).votes == 2
    asked = _vote(answers, pool, question="What percentage is left?")
    assert (asked.result, asked.answer, asked.members) == (VoteResult.ELECTED, "20%", (0, 1, 2))
