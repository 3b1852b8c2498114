"""Numerals in the spellings of several locales; every rule stands with what it must not touch."""

import pytest
from flint import fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.numerals import MAX_DIGITS, Numeral, exact, read_numeral
from verify.answers.parse import ParseError, parse_answer
from verify.answers.tree import BaseNumeral, Bracketed, Listing, Negate, Number


def n(*parts):
    return Number(fmpq(*parts))


@pytest.mark.parametrize(
    "text",
    ["7,425,000", "7 425 000", r"7\,425\,000", "7{,}425{,}000", r"7,\!425,\!000", r"7, \! 425, \! 000", "7.425.000",
     "7'425'000", "7_425_000", "74,25,000", r"7\ 425\ 000", "7~425~000", "７４２５０００",
     "7\u202f425\u202f000", "07425000", "7425000"],
)  # fmt: skip
def test_groups_of_digits_are_one_number(text):
    assert parse_answer(text) == n(7_425_000)


@pytest.mark.parametrize(
    ("text", "value", "places"),
    [
        ("1000.99", fmpq(100099, 100), 2),
        ("1,000.99", fmpq(100099, 100), 2),
        ("1 000,99", fmpq(100099, 100), 2),
        ("1.000,99", fmpq(100099, 100), 2),
        ("1000,99", fmpq(100099, 100), 2),
        ("1'000.99", fmpq(100099, 100), 2),
        ("12,34,567.89", fmpq(123456789, 100), 2),
        ("1,22", fmpq(61, 50), 2),
        ("0,111", fmpq(111, 1000), 3),
        ("1000,9", fmpq(10009, 10), 1),
        ("3{,}14", fmpq(157, 50), 2),
        (".4", fmpq(2, 5), 1),
        ("0.50", fmpq(1, 2), 2),
        ("5.", fmpq(5), None),
        ("004", fmpq(4), None),
        ("1.5e3", fmpq(1500), -2),
        ("1.50e3", fmpq(1500), -1),
        ("1.5E-3", fmpq(3, 2000), 4),
        ("7.425E+06", fmpq(7_425_000), -3),
        ("1e3", fmpq(1000), -3),
        ("12,50 €", fmpq(25, 2), 2),
    ],
)
def test_decimals_keep_their_places(text, value, places):
    node = parse_answer(text)
    assert getattr(node, "value", node) in (value, Number(value, places))
    number = node if isinstance(node, Number) else node.value
    assert number == Number(value, places)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"0.\overline{3}", fmpq(1, 3)),
        (r"0.\bar{3}", fmpq(1, 3)),
        (r"0.1\dot{6}", fmpq(1, 6)),
        (r"0.\dot{1}4285\dot{7}", fmpq(1, 7)),
        (r".\overline{27}", fmpq(3, 11)),
        ("0.(3)", fmpq(1, 3)),
        ("0.1(6)", fmpq(1, 6)),
        (r"0.333\ldots", fmpq(1, 3)),
        ("0.333...", fmpq(1, 3)),
        ("0.333…", fmpq(1, 3)),
        ("0.1666...", fmpq(1, 6)),
        ("0.2727...", fmpq(3, 11)),
        ("0.142857142857...", fmpq(1, 7)),
        (r"0.\overline{9}", fmpq(1)),
        (r"2.1\overline{45}", fmpq(2) + fmpq(1, 10) + fmpq(45, 990)),
    ],
)
def test_repeating_decimals_are_fractions(text, value):
    assert parse_answer(text) == Number(value)


@pytest.mark.parametrize(
    ("text", "value", "places"),
    [("0.33...", fmpq(33, 100), 2), ("2.718281828...", fmpq(2718281828, 10**9), 9),
     (r"3.14159\ldots", fmpq(314159, 10**5), 5)],
)  # fmt: skip
def test_dots_behind_digits_that_do_not_repeat_cut_the_decimal(text, value, places):
    assert parse_answer(text) == Number(value, places)


def test_a_decimal_before_a_parenthesis_is_a_factor():
    assert parse_answer("0.5(4)+1") != parse_answer("0.5444444...+1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"1\frac{1}{10}", fmpq(11, 10)),
        (r"2\tfrac34", fmpq(11, 4)),
        (r"3 \frac12", fmpq(7, 2)),
        ("1 1/2", fmpq(3, 2)),
        ("3½", fmpq(7, 2)),
        ("12 3/4", fmpq(51, 4)),
    ],
)
def test_mixed_numbers_are_exact(text, value):
    assert parse_answer(text) == Number(value)
    assert parse_answer(f"-{text}") == Negate(Number(value))


@pytest.mark.parametrize(
    "text", [r"2\frac{4}{3}", r"2\frac{\pi}{3}", r"2 \cdot \frac12", r"x\frac12", "31/2", r"0.5\frac12"]
)
def test_other_fractions_behind_a_number_are_factors(text):
    assert not isinstance(parse_answer(text), Number)


@pytest.mark.parametrize(
    ("text", "digits", "base"),
    [
        ("204_5", "204", 5),
        ("204_{5}", "204", 5),
        ("(204)_5", "204", 5),
        (r"11_{\text{two}}", "11", 2),
        (r"204_{\text{five}}", "204", 5),
        (r"204 \text{ base } 5", "204", 5),
        ("204 base 5", "204", 5),
        ("A5_{16}", "A5", 16),
        ("a5_{16}", "A5", 16),
        ("5A_{16}", "5A", 16),
        ("FACE_{16}", "FACE", 16),
        ("10.1_2", "10.1", 2),
    ],
)
def test_a_subscript_is_a_base(text, digits, base):
    assert parse_answer(text) == BaseNumeral(digits, base)


@pytest.mark.parametrize("text", ["204_2", "9_{40}", "5_1", "12_{99999999}", "1_{x}", "12_0"])
def test_impossible_bases_are_refused(text):
    with pytest.raises(ParseError):
        parse_answer(text)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("2,3", 2),
        ("27,93", 2),
        ("2500,7500", 2),
        ("1,2,3", 3),
        ("21,16,11", 3),
        ("1, 222", 2),
        ("7, 425, 000", 3),
        ("-1,2", 2),
    ],
)
def test_other_commas_separate(text, items):
    node = parse_answer(text)
    assert isinstance(node, Listing)
    assert len(node.items) == items


@pytest.mark.parametrize(
    ("text", "items"),
    [("(1,22)", (1, 22)), ("(1,222)", (1, 222)), ("(1{,}000, 2)", (1000, 2)), ("(0,111)", (0, 111))],
)
def test_between_brackets_a_comma_separates(text, items):
    assert parse_answer(text) == Bracketed("(", ")", tuple(map(n, items)))


def test_between_brackets_three_digits_that_begin_with_zero_are_a_group():
    assert parse_answer("(10,000)") == n(10_000)
    assert parse_answer("f(1,050)").arguments == (n(1050),)


@pytest.mark.parametrize("text", ["1.234.567.89", "5 6", "1 2", "5.5.5", "1..2", "5 1000"])
def test_numerals_of_no_locale_are_refused(text):
    with pytest.raises(ParseError):
        parse_answer(text)


def test_a_numeral_is_read_from_its_place_to_its_end():
    assert read_numeral("x=1,234;", 2) == Numeral(n(1234), 7)
    assert read_numeral("12.5.", 0) == Numeral(Number(fmpq(25, 2), 1), 4)
    assert read_numeral("x", 0) is None
    assert read_numeral(".", 0) is None


def test_the_other_reading_of_a_comma_can_be_asked_for():
    assert read_numeral("5,15", 0, flipped=True) == Numeral(n(5), 1)
    assert read_numeral("2,3", 0, flipped=True) == Numeral(Number(fmpq(23, 10), 1), 3)


def test_very_long_numerals_are_read_up_to_a_limit_and_refused_beyond():
    assert parse_answer("9" * MAX_DIGITS) == Number(fmpq(fmpz(10) ** MAX_DIGITS - 1))
    with pytest.raises(ParseError) as caught:
        parse_answer("9" * (MAX_DIGITS + 1))
    assert caught.value.reason == "too-long"


def test_exponents_are_bounded():
    with pytest.raises(ParseError) as caught:
        parse_answer("9e99999")
    assert caught.value.reason == "bad-number"


@given(
    st.integers(min_value=0, max_value=10**15), st.sampled_from([",", "{,}", r"\,", " ", "'", "_", r",\!", r",\! "])
)
def test_a_grouped_number_is_the_number(value, separator):
    assert parse_answer(f"{value:,}".replace(",", separator)) == n(value)


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=12), st.sampled_from(["", "-"]))
def test_a_decimal_is_its_digits_over_a_power_of_ten(value, places, sign):
    digits = str(value).rjust(places + 1, "0")
    number = Number(fmpq(value, 10**places), places)
    assert parse_answer(f"{sign}{digits[:-places]}.{digits[-places:]}") == (Negate(number) if sign else number)
    assert exact(digits[:-places], digits[-places:]) == number.value


@given(st.integers(0, 99), st.text("0123456789", max_size=4), st.text("0123456789", min_size=1, max_size=6))
def test_a_repeating_decimal_is_the_limit_of_its_digits(whole, fraction, block):
    node = parse_answer(rf"{whole}.{fraction}\overline{{{block}}}")
    assert isinstance(node, Number)
    written = exact(str(whole), fraction + block * 3)
    error = node.value - written
    assert 0 <= error <= fmpq(1, fmpz(10) ** (len(fraction) + 3 * len(block)))


@given(st.text("0123456789.,e_'{} \\!-()", max_size=30), st.booleans(), st.booleans())
def test_any_text_of_digits_is_read_or_refused(text, bracketed, flipped):
    for start in range(len(text)):
        numeral = read_numeral(text, start, bracketed=bracketed, flipped=flipped)
        assert numeral is None or start < numeral.end <= len(text)
