"""What an answer is called, and what it is."""

import pytest
from flint import fmpq

from verify.answers.labels import Item, interchangeable, is_label, item_of, labels_agree, symbols_of, without_index
from verify.answers.parse import parse_answer
from verify.answers.tree import Number, Symbol


@pytest.mark.parametrize("text", ["x", "x_1", "f(x)", "|AB|", "(p, q)", r"\frac{NO}{BO}", "V_1 : V_2", "AB"])
def test_names_are_labels(text):
    assert is_label(parse_answer(text))


@pytest.mark.parametrize("text", ["2x", "x+y", "x^2", "5", r"\frac{x}{2}", "(1, q)", "xy"])
def test_expressions_are_no_labels(text):
    assert not is_label(parse_answer(text))


@pytest.mark.parametrize(
    ("text", "value", "approximate"),
    [("x = 5", 5, False), ("5 = x", 5, False), ("x = 2+3 = 5", 5, False), (r"x \approx 5", 5, True),
     (r"x = 5 \approx 5.01", 5, False), ("1 + 4 = 5", 5, False), ("5", 5, False)],
)  # fmt: skip
def test_a_labelled_value_is_its_last_exact_side(text, value, approximate):
    item = item_of(parse_answer(text))
    assert item is not None
    assert item.value == Number(fmpq(value))
    assert item.approximate is approximate


@pytest.mark.parametrize("text", ["2x + z = 1", "7 = 11a + c", "a^2 + b = 0", "x < 5", "x + 1 = y + 2"])
def test_a_relation_that_says_more_is_no_value(text):
    assert item_of(parse_answer(text)) is None


def test_only_two_plain_variables_disagree():
    assert not labels_agree(Symbol("x"), Symbol("y"))
    assert labels_agree(Symbol("x"), Symbol("x_1"))
    assert labels_agree(Symbol("x"), None)
    assert labels_agree(Symbol("y"), parse_answer("f(x)"))


def test_two_indices_must_be_the_same_and_one_alone_may_be_any():
    assert labels_agree(Symbol("y_2"), Symbol("y_2"))
    assert not labels_agree(Symbol("y_2"), Symbol("y_27"))
    assert labels_agree(Symbol("y_2"), Symbol("y"))
    assert labels_agree(Symbol("y"), Symbol("y_27"))
    assert labels_agree(Symbol("y_2"), None)


def test_the_index_of_a_root_can_be_dropped():
    item = item_of(parse_answer("x_2 = 5"))
    assert item is not None
    assert without_index(item) == item_of(parse_answer("x = 5"))
    assert without_index(Item(None, Symbol("x_2"))) == Item(None, Symbol("x_2"))


def test_roots_have_no_order_and_terms_of_a_sequence_have():
    assert interchangeable([Symbol("x_1"), Symbol("x_2")])
    assert not interchangeable([Symbol("a_1"), Symbol("a_2")])
    assert not interchangeable([Symbol("x"), Symbol("y")])


def test_symbols_are_found_at_any_depth():
    assert symbols_of(parse_answer(r"\frac{x+1}{\sqrt{y}} + f(z)")) == {"x", "y", "z", "f"}
    assert symbols_of(parse_answer("2")) == frozenset()
