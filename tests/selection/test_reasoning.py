"""Classes of equal reasoning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.selection.reasoning import Reasoning, reasoning_classes
from tests.selection.hand_made import sample

LONG = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "In May she sold 48 / 2 = 24 clips. Altogether she sold 48 + 24 = 72 clips in April and May."
)


def _classes(*texts):
    samples = [sample("p", at, text) for at, text in enumerate(texts)]
    classes = reasoning_classes(samples, 0.8)
    return [classes[one.sample_id] for one in samples]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("So $3 \\times 4 = 12$.", "so 3 * 4 = 12"),
        ("**Total:** $1,200", "total: 1200"),
        ("\\(\\dfrac{1}{2}\\)", "\\frac{1}{2}"),
        ("6 ÷ 2 = 3", "6 / 2  =\n3"),
        ("$1{,}000$", "1000"),
        ("− 5", "-5"),
    ],
)
def test_markup_and_spelling_make_no_other_reasoning(one, other):
    assert Reasoning(one).tokens == Reasoning(other).tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [("3 * 4 = 12", "3 * 5 = 15"), ("Ann has 3", "Bob has 3"), ("a + b", "a - b"), ("x < 2", "x > 2"), ("1.5", "15")],
)
def test_numbers_names_and_operators_count(one, other):
    assert len(set(_classes(one, other))) == 2


def test_a_word_changed_in_a_long_text_is_nearly_equal():
    assert len(set(_classes(LONG, LONG.replace("Altogether", "In total")))) == 1


def test_a_number_changed_in_a_long_text_is_other_reasoning():
    assert len(set(_classes(LONG, LONG.replace("72", "73")))) == 2


def test_a_class_is_led_by_its_shortest_member_and_named_alike_in_any_company():
    shorter = LONG.replace("and then she", "she")
    alone = _classes(shorter)[0]
    assert _classes(LONG, shorter) == [alone, alone]


def test_texts_of_no_words_are_one_class():
    assert len(set(_classes("", "  ", "()"))) == 1


def test_each_class_is_of_one_problem_and_form():
    one, other = sample("p", 0, "12"), sample("q", 0, "12")
    assert len(set((reasoning_classes([one], 0.8) | reasoning_classes([other], 0.8)).values())) == 2


@given(st.lists(st.sampled_from([LONG, LONG.upper(), LONG.replace("sold", "gave"), "12", "3 * 4 = 12", ""])))
def test_the_order_changes_no_class(texts):
    samples = [sample("p", at, text) for at, text in enumerate(texts)]
    assert reasoning_classes(samples, 0.8) == reasoning_classes(samples[::-1], 0.8)


@given(st.text(max_size=60))
def test_any_text_has_a_class(text):
    (name,) = _classes(text)
    assert len(name) == 32
