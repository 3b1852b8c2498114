from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.answer_classes import Tie, among_first, classes_of, winner


def votes(*answers: str | None) -> list[tuple[str, int]]:
    return [(one.answer, one.votes) for one in classes_of(answers)]


@pytest.mark.parametrize(
    "answers",
    [
        (r"\frac{1}{2}", "0.5", "1/2", r"\dfrac12"),
        ("18", "18.0", "$18$", "18."),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        ("x^2+2x+1", "(x+1)^2"),
        ("(1, 2)", "(1,2)"),
    ],
)
def test_equivalent_spellings_are_one_vote(answers: tuple[str, ...]) -> None:
    assert votes(*answers) == [(answers[0], len(answers))]


def test_other_values_are_other_votes() -> None:
    assert votes("1/3", "0.333", "30", "30\\%") == [("1/3", 1), ("0.333", 1), ("30", 1), ("30\\%", 1)]


def test_who_gives_no_answer_does_not_vote() -> None:
    assert votes(None, "", "4") == [("4", 1)]
    assert winner(classes_of([None, " "]), Tie.FIRST) is None


@given(st.lists(st.sampled_from(["1/2", "0.5", "2", "4/2", None, "x"]), max_size=8), st.integers(0, 8))
def test_the_first_samples_vote_as_if_there_were_no_others(answers: list[str | None], first: int) -> None:
    assert among_first(classes_of(answers), first) == classes_of(answers[:first])


def test_a_tie_goes_to_the_class_that_appeared_first_or_to_nobody() -> None:
    classes = classes_of(["7", "8", "8", "7.0", "9"])
    first = winner(classes, Tie.FIRST)
    assert first is not None
    assert (first.answer, first.members) == ("7", [0, 3])
    assert winner(classes, Tie.NOBODY) is None


def test_three_spellings_outvote_two_equal_texts() -> None:
    most = winner(classes_of(["3", "3", "0.5", "1/2", r"\frac{1}{2}"]), Tie.NOBODY)
    assert most is not None
    assert (most.answer, most.votes) == ("0.5", 3)


def test_the_caller_may_look_for_classes_in_its_own_way_and_is_asked_once_a_text() -> None:
    asked: list[tuple[tuple[str, ...], str]] = []

    def by_length(leaders: Sequence[str], answer: str) -> int | None:
        asked.append((tuple(leaders), answer))
        return next((at for at, leader in enumerate(leaders) if len(leader) == len(answer)), None)

    classes = classes_of(["ab", "cd", "$cd$", None, "xyz", "ab"], by_length)
    assert [(one.answer, one.members) for one in classes] == [("ab", [0, 1, 2, 5]), ("xyz", [4])]
    assert asked == [(("ab",), "cd"), (("ab",), "xyz")]


def test_delimiters_around_nothing_are_not_one_answer() -> None:
    assert votes("$$", "~") == [("$$", 1), ("~", 1)]
