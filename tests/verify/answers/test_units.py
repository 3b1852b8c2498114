"""Units: spellings, labels, conversion factors."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.units import factor_between, is_generic, is_label, read_unit, unit_names


@pytest.mark.parametrize(
    ("phrase", "unit"),
    [
        ("cm", (("centimeter", 1),)),
        ("cm^2", (("centimeter", 2),)),
        ("cm^{2}", (("centimeter", 2),)),
        ("cm²", (("centimeter", 2),)),
        ("square centimeters", (("centimeter", 2),)),
        ("sq cm", (("centimeter", 2),)),
        ("centimeters squared", (("centimeter", 2),)),
        ("cubic inches", (("inch", 3),)),
        ("square units", (("unit", 2),)),
        ("km/h", (("hour", -1), ("kilometer", 1))),
        ("miles per hour", (("hour", -1), ("mile", 1))),
        ("m/s^2", (("meter", 1), ("second", -2))),
        ("dollars per hour", (("dollar", 1), ("hour", -1))),
        ("percent", (("percent", 1),)),
        ("%", (("percent", 1),)),
        ("Meters", (("meter", 1),)),
        ("degrees Celsius", (("celsius", 1),)),
        ("degrees", (("degree", 1),)),
        ("mL", (("milliliter", 1),)),
        ("N·m", (("meter", 1), ("newton", 1))),
    ],
)
def test_a_phrase_names_its_unit(phrase, unit):
    assert read_unit(phrase) == unit


@pytest.mark.parametrize(
    ("phrase", "label"),
    [("apples", "word:apple"), ("red apples", "word:red apple"), ("books", "word:book"), ("berries", "word:berry")],
)
def test_plain_words_make_a_label(phrase, label):
    assert read_unit(phrase) == ((label, 1),)


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "or",
        "apples or pears",
        "not",
        "x",
        "cm^",
        "^2",
        "four long words here",
        "if x",
        "2",
        "even",
        "a1",
        "c" * 80,
    ],
)
def test_logic_and_garbage_are_no_units(phrase):
    assert read_unit(phrase) is None


def test_symbols_keep_their_case():
    assert read_unit("K") == (("kelvin", 1),)
    assert read_unit("k") is None


@pytest.mark.parametrize(
    ("of", "to", "factor"),
    [
        ("m", "cm", fmpq(100)),
        ("cm", "m", fmpq(1, 100)),
        ("cm^2", "m^2", fmpq(1, 10000)),
        ("feet", "inches", fmpq(12)),
        ("mile", "foot", fmpq(5280)),
        ("hours", "minutes", fmpq(60)),
        ("years", "months", fmpq(12)),
        ("liters", "cm^3", fmpq(1000)),
        ("gallon", "cups", fmpq(16)),
        ("gallon", "cubic inches", fmpq(231)),
        ("acre", "square feet", fmpq(43560)),
        ("km/h", "m/s", fmpq(5, 18)),
        ("kph", "km/h", fmpq(1)),
        ("mph", "miles per hour", fmpq(1)),
        ("pounds", "ounces", fmpq(16)),
        ("dollars", "cents", fmpq(100)),
        ("J", "N m", fmpq(1)),
        ("V", "W/A", fmpq(1)),
        ("apples", "apple", fmpq(1)),
        ("red apples", "apples", fmpq(1)),
        ("tablespoon", "teaspoons", fmpq(3)),
    ],
)
def test_compatible_units_convert_exactly(of, to, factor):
    assert factor_between(read_unit(of), read_unit(to)) == factor


@pytest.mark.parametrize(
    ("of", "to"),
    [("m", "s"), ("cm", "cm^2"), ("apples", "pears"), ("apples", "dollars"), ("dollars", "euros"),
     ("degrees celsius", "degrees"), ("month", "day"), ("kelvin", "celsius"), ("ton", "kg")],
)  # fmt: skip
def test_incompatible_units_do_not_convert(of, to):
    assert factor_between(read_unit(of), read_unit(to)) is None


def test_units_of_nothing_in_particular_are_generic():
    assert is_generic(read_unit("square units"))
    assert not is_generic(read_unit("cm"))
    assert is_label(read_unit("apples"))
    assert not is_label(read_unit("cm"))


@given(st.sampled_from(sorted(unit_names())), st.sampled_from(sorted(unit_names())))
def test_a_factor_and_its_inverse_cancel(first, second):
    one, other = unit_names()[first], unit_names()[second]
    there, back = factor_between(one, other), factor_between(other, one)
    assert (there is None) == (back is None)
    assert there is None or there * back == 1


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    unit = read_unit(text)
    assert unit is None or unit == tuple(sorted(unit))
