"""Answers in words, letters of a choice, times of day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.parse import parse_answer
from verify.answers.text_answers import choice_of, is_time, letter_of, normal_words, without_wrappers, words_of


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The midpoints form a regular hexagon.", "midpoints form regular hexagon"),
        ("Evelyn", "evelyn"),
        ("No real solutions", "no solution"),
        ("DNE", "does not exist"),
        ("Yes!", "yes"),
        ("it isn’t", "it isn't"),
        ("4:30 p.m.", "4 30 pm"),
        ("4:30PM", "4 30 pm"),
    ],
)
def test_case_articles_and_punctuation_do_not_matter(text, normal):
    assert normal_words(text) == normal


def test_a_negation_matters():
    assert normal_words("not a square") != normal_words("a square")


@pytest.mark.parametrize(
    ("text", "letter", "content"),
    [
        ("(C)", "C", ""),
        ("(C) 36", "C", "36"),
        (r"\textbf{(C)}\ 36", "C", "36"),
        ("C. x = 42", "C", "x = 42"),
        ("D) 7", "D", "7"),
        (r"\text{(A)}", "A", ""),
        ("option (B)", "B", ""),
        ("[E] none", "E", "none"),
    ],
)
def test_a_choice_is_a_letter_and_what_stands_beside_it(text, letter, content):
    choice = choice_of(text)
    assert choice is not None
    assert (choice.letter, choice.content) == (letter, content)


@pytest.mark.parametrize("text", ["C", "Cat", "(x) 5", "36", "C=5", "(AB)", "", "C:5"])
def test_other_texts_are_no_choices(text):
    assert choice_of(text) is None


@pytest.mark.parametrize(
    ("text", "letter"), [("C", "C"), ("(C)", "C"), ("c)", "c"), (r"\text{C}", "C"), ("$E$", "E"), ("option B", "B")]
)
def test_a_letter_alone_is_a_choice(text, letter):
    assert letter_of(text) == letter


@pytest.mark.parametrize("text", ["K", "AB", "x", "36", ""])
def test_other_letters_are_none(text):
    assert letter_of(text) is None


def test_letters_read_as_a_product_are_a_word_again():
    assert words_of(parse_answer(r"\text{odd}")) == "odd"
    assert words_of(parse_answer("E")) == "E"
    assert words_of(parse_answer("2x")) is None


@pytest.mark.parametrize(("text", "yes"), [("4:30", True), ("12:00:01", True), ("3:4", False), ("4:30 pm", False)])
def test_a_time_has_two_digits_after_the_colon(text, yes):
    assert is_time(text) is yes


def test_wrappers_are_opened_to_a_bounded_depth():
    assert without_wrappers(r"\text{\textbf{C}}") == "C"
    assert without_wrappers(r"\text{" * 50 + "}" * 50).count(r"\text") == 46


@given(st.text(max_size=200))
def test_any_text_has_a_normal_form(text):
    assert isinstance(normal_words(text), str)
    choice_of(text)
    letter_of(text)
