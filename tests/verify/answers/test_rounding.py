"""The rounding rule: the reference decides, and nothing is tolerated blindly."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.parse import parse_answer
from verify.answers.rounding import as_decimal, printed_value, rounds_to, significant_digits
from verify.answers.tree import Number


def number(text):
    decimal = as_decimal(parse_answer(text))
    assert decimal is not None
    return decimal


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [
        (r"\sqrt{17}", "4.123105625617661"),
        (r"\frac{70}{9}", "7.78"),
        (r"\pi", "3.14"),
        (r"\frac{1}{3}", "0.333"),
        (r"\frac{2}{3}", "0.667"),
        ("16386.1698", "16386.17"),
        ("0.12345", "0.1234"),  # half to even
        ("0.12345", "0.1235"),  # half up
    ],
)
def test_a_decimal_reference_takes_what_rounds_to_it(candidate, reference):
    assert rounds_to(parse_answer(candidate), number(reference))


@pytest.mark.parametrize(
    ("candidate", "reference", "why"),
    [
        (r"\frac{1}{3}", "0.33", "two digits may be exact"),
        (r"\frac{1}{3}", "0.334", "it rounds elsewhere"),
        ("12.54", "12.5", "a terminating decimal is another number"),
        ("0.2549", "0.255", "three digits are too few for a terminating decimal"),
        ("2.5", "2.50001", "it can be written with those places"),
        (r"\sqrt{17}", "4.1232", "it rounds to 4.1231"),
        ("2.735", "2.74", "too few digits"),
    ],
)
def test_a_decimal_reference_refuses_the_rest(candidate, reference, why):
    assert not rounds_to(parse_answer(candidate), number(reference)), why


def test_an_approximate_reference_takes_whatever_rounds_to_it():
    assert rounds_to(parse_answer(r"\frac{1}{3}"), number("0.3"), approximate=True)
    assert not rounds_to(parse_answer(r"\frac{1}{3}"), number("0.4"), approximate=True)


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [
        ("0.0833333333333333", r"\frac{1}{12}"),
        ("0.3333333333333333", r"\frac{1}{3}"),
        ("0.30000000000000004", r"\frac{3}{10}"),
        ("4.123105625617661", r"\sqrt{17}"),
        ("3.141592653589793", r"\pi"),
    ],
)
def test_an_exact_reference_takes_what_a_program_prints(candidate, reference):
    assert printed_value(parse_answer(candidate), parse_answer(reference))


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [
        ("0.333", r"\frac{1}{3}"),
        ("0.33333333", r"\frac{1}{3}"),
        ("4.123105625617663", r"\sqrt{17}" + "+1"),
        ("3.141592653589893", r"\pi"),
        ("3.141592653589792", r"\pi"),
        ("0.6666666666666668", r"\frac{2}{3}"),
        ("1.000000000000002", "1.000000000000001"),
    ],
)
def test_an_exact_reference_refuses_other_decimals(candidate, reference):
    assert not printed_value(parse_answer(candidate), parse_answer(reference))


@pytest.mark.parametrize(("text", "digits"), [("0.05", 1), ("0.050", 2), ("7.78", 3), ("100.0", 4), ("0.0", 0)])
def test_significant_digits_are_counted_from_the_first_that_is_not_zero(text, digits):
    assert significant_digits(number(text)) == digits


def test_a_power_of_ten_moves_the_places():
    assert number(r"1.5 \times 10^{3}") == Number(fmpq(1500), -2)
    assert number(r"2.50 \cdot 10^{-2}") == Number(fmpq(1, 40), 4)
    assert as_decimal(parse_answer(r"1.5 \times 2^{3}")) is None


@given(st.fractions(min_value=-1000, max_value=1000), st.integers(min_value=4, max_value=12))
def test_a_correct_rounding_is_always_taken_and_a_shifted_one_never(value, places):
    exact = Number(fmpq(value.numerator, value.denominator))
    unit = fmpq(1, 10**places)
    scaled = exact.value / unit
    nearest = fmpq((scaled + fmpq(1, 2)).floor())
    rounded = Number(nearest * unit, places)
    if scaled.q == 1 or significant_digits(rounded) < 4:
        return
    assert rounds_to(exact, rounded)
    assert not rounds_to(exact, Number(rounded.value + 2 * unit, places))
