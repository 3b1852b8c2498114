"""What the plain forms take off, what they leave, and the numbers and items read from them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.graders.plain_forms import as_float, items_of, plain_form


@pytest.mark.parametrize(
    ("spellings", "form"),
    [
        (
            (r"\frac12", r"\frac1{2}", r"\dfrac{1}{2}", r"\tfrac 1 2", r"\cfrac{1}{2}", "1/2"),
            r"\frac{1}{2}",
        ),
        (("3/4", r"\frac34", r"$\frac{3}{4}$", r"\(\frac{3}{4}\)", r"\[\frac{3}{4}\]"), r"\frac{3}{4}"),
        (("-3/4", " -3/4 "), r"\frac{-3}{4}"),
        ((r"\sqrt2", r"\sqrt 2", r"\sqrt{2}"), r"\sqrt{2}"),
        (("1,234,567", "1{,}234{,}567", r"\$1,234,567", "1234567."), "1234567"),
        (("90", r"90^\circ", r"90^{\circ}", r"90\degree", "90 degrees"), "90"),
        (("30", r"30\%", "30%", "30 percent", "30 dollars", r"30\text{ cm}^2", r"30\mbox{ people}", "30 ways"), "30"),
        (("x=5", "x = 5", "5", r"\quad 5", r"\displaystyle 5", r"5\,", "5\n", "$5$"), "5"),
        ((r"\left( 1, 2 \right)", r"\bigl(1,2\bigr)", "(1,~2)", "(1,2)"), "(1,2)"),
        ((r"\text{blue}", r"\mathrm{blue}", r"\textbf{blue}", r"\mbox{blue}", "blue"), "blue"),
    ],
)
def test_spellings_of_one_answer_have_one_form(spellings, form):
    assert {spelling: plain_form(spelling) for spelling in spellings} == dict.fromkeys(spellings, form)


@pytest.mark.parametrize(
    "text",
    [
        "xyz=5",
        "f(x)=5",
        r"\leftarrow",
        r"\quadratic",
        "a/b",
        "0.50",
        "-0.5",
        "1,2,3",
        r"\sqrt{12}",
        r"\frac{12}{3}",
        "",
    ],
)
def test_what_is_no_ornament_stays(text):
    assert plain_form(text) == text


def test_units_alone_leave_nothing():
    assert {plain_form(text) for text in ("people", r"\%", "$$", "~", "degrees")} == {""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234.0), ("30%", 0.3), (r"30\%", 0.3), ("$5", 5.0), (r"\$3", 3.0), ("1e3", 1000.0), ("-.5", -0.5),
        (" 7 ", 7.0), ("x", None), ("", None), ("%", None), ("1 000", None), ("1/2", None),
    ],
)  # fmt: skip
def test_decimals_have_a_value_and_a_percent_sign_divides_it(text, value):
    assert as_float(text) == value


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("(1,2)", ["1", "2"]), ("[1, 2)", ["1", "2"]), ("{1,2,3}", ["1", "2", "3"]), ("(,)", ["", ""]),
        ("(1)", None), ("1,2", None), ("()", None), ("", None), ("(1,2", None),
    ],
)  # fmt: skip
def test_brackets_with_commas_have_items(text, items):
    assert items_of(text) == items


def test_items_are_cut_at_every_comma_also_inside_inner_brackets():
    assert items_of("(1,(2,3))") == ["1", "(2", "3)"]


@given(st.text(max_size=40) | st.text(alphabet=r"\frac{}12,.()[]%$^ sqrtex=/", max_size=40))
def test_any_text_has_a_form_a_value_or_none_and_items_or_none(text):
    form = plain_form(text)
    assert " " not in form
    assert isinstance(as_float(text), float | None)
    assert items_of(form) is None or len(items_of(form)) >= 2


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back_from_its_decimal(value):
    assert math.isclose(as_float(repr(value)), value, rel_tol=0, abs_tol=0)
