"""Exact arithmetic within budgets."""

import math
import time

import pytest
from flint import fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st

from verify.answers import exact
from verify.answers.exact import MAX_BITS, NoValue, Why

small = st.integers(-60, 60)
positive = st.integers(1, 60)


def why(call):
    with pytest.raises(NoValue) as caught:
        call()
    return caught.value.why


@pytest.mark.parametrize(
    ("base", "exponent", "value"),
    [
        (fmpq(2), 10, fmpq(1024)),
        (fmpq(2, 3), -2, fmpq(9, 4)),
        (fmpq(0), 0, fmpq(1)),
        (fmpq(0), 7, fmpq(0)),
        (fmpq(-1), 10**30 + 1, fmpq(-1)),
        (fmpq(-1), 10**30, fmpq(1)),
        (fmpq(1), -(10**40), fmpq(1)),
    ],
)
def test_powers_are_exact(base, exponent, value):
    assert exact.power(base, exponent) == value


def test_a_power_beyond_the_budget_is_refused_before_it_is_computed():
    started = time.perf_counter()
    assert why(lambda: exact.power(fmpq(10), 10**10)) is Why.TOO_LARGE
    assert time.perf_counter() - started < 2
    assert exact.power(fmpq(2), MAX_BITS // 2).height_bits() == MAX_BITS // 2 + 1


def test_zero_has_no_negative_power():
    assert why(lambda: exact.power(fmpq(0), -1)) is Why.UNDEFINED


@pytest.mark.parametrize(
    ("value", "degree", "found"),
    [
        (fmpq(4, 9), 2, fmpq(2, 3)),
        (fmpq(-8), 3, fmpq(-2)),
        (fmpq(-1, 32), 5, fmpq(-1, 2)),
        (fmpq(0), 2, fmpq(0)),
        (fmpq(1), 10**9, fmpq(1)),
    ],
)
def test_rational_roots_are_found(value, degree, found):
    assert exact.root(value, degree) == found


@pytest.mark.parametrize(("value", "degree"), [(2, 2), (-4, 2), (10**40 + 1, 4), (9, 3), (5, 10**9)])
def test_other_roots_are_not_rational(value, degree):
    assert why(lambda: exact.root(fmpq(value), degree)) is Why.NOT_RATIONAL


@given(st.fractions(min_value=1, max_value=50, max_denominator=30), small, st.integers(1, 40))
def test_the_logarithm_of_powers_of_one_number_is_their_exponents_quotient(common, above, below):
    base = fmpq(common.numerator, common.denominator)
    if base == 1:
        return
    assert exact.logarithm(base**above, base**below) == fmpq(above, below)


@pytest.mark.parametrize(
    ("value", "base", "found"),
    [
        (8, 2, fmpq(3)),
        (fmpq(1, 8), 4, fmpq(-3, 2)),
        (8, fmpq(1, 2), fmpq(-3)),
        (1, 7, fmpq(0)),
        (10**300, 10, fmpq(300)),
    ],
)
def test_rational_logarithms(value, base, found):
    assert exact.logarithm(fmpq(value), fmpq(base)) == found


@pytest.mark.parametrize(("value", "base"), [(10, 2), (2**200 + 1, 2), (6, 12), (-8, 2), (8, -2), (fmpq(9, 8), 3)])
def test_other_logarithms_are_not_rational(value, base):
    assert why(lambda: exact.logarithm(fmpq(value), fmpq(base))) is Why.NOT_RATIONAL


@pytest.mark.parametrize(("value", "base"), [(0, 2), (5, 1), (5, 0)])
def test_logarithms_of_zero_and_to_base_one_are_undefined(value, base):
    assert why(lambda: exact.logarithm(fmpq(value), fmpq(base))) is Why.UNDEFINED


@given(st.integers(0, 300))
def test_factorials(n):
    assert exact.factorial(fmpq(n)) == math.factorial(n)
    assert exact.double_factorial(fmpq(n)) == math.prod(range(n, 0, -2))


def test_factorials_of_what_is_no_natural_number():
    assert why(lambda: exact.factorial(fmpq(-3))) is Why.UNDEFINED
    assert why(lambda: exact.factorial(fmpq(1, 2))) is Why.UNDEFINED
    assert why(lambda: exact.factorial(fmpq(10**9))) is Why.TOO_LARGE
    assert why(lambda: exact.double_factorial(fmpq(10**9))) is Why.TOO_LARGE
    assert exact.double_factorial(fmpq(-1)) == 1


def test_subfactorials():
    assert [int(exact.subfactorial(fmpq(n)).p) for n in range(7)] == [1, 0, 1, 2, 9, 44, 265]


@given(st.integers(0, 80), st.integers(-3, 90))
def test_binomials(n, k):
    assert exact.binomial(fmpq(n), fmpq(k)) == (math.comb(n, k) if k >= 0 else 0)
    assert exact.permutations(fmpq(n), fmpq(max(k, 0))) == math.perm(n, max(k, 0))


@pytest.mark.parametrize(
    ("n", "k", "value"),
    [(fmpq(1, 2), 2, fmpq(-1, 8)), (fmpq(-3), 3, fmpq(-10)), (fmpq(10**40), 2, fmpq(10**40) * (10**40 - 1) / 2)],
)
def test_binomials_of_other_numbers(n, k, value):
    assert exact.binomial(n, fmpq(k)) == value


def test_a_huge_binomial_is_refused():
    assert why(lambda: exact.binomial(fmpq(10**9), fmpq(5 * 10**8))) is Why.TOO_LARGE
    assert why(lambda: exact.permutations(fmpq(10**9), fmpq(5 * 10**8))) is Why.TOO_LARGE


@given(st.fractions(), positive)
def test_remainders_have_the_sign_of_the_modulus(value, modulus):
    number = fmpq(value.numerator, value.denominator)
    expected = value % modulus
    assert exact.modulo(number, fmpq(modulus)) == fmpq(expected.numerator, expected.denominator)


def test_divisors_and_multiples():
    assert exact.greatest_divisor([fmpq(12), fmpq(-18), fmpq(30)]) == 6
    assert exact.least_multiple([fmpq(4), fmpq(6), fmpq(10)]) == 60
    assert why(lambda: exact.greatest_divisor([fmpq(1, 2), fmpq(3)])) is Why.UNDEFINED
    assert why(lambda: exact.modulo(fmpq(1), fmpq(0))) is Why.UNDEFINED
    assert why(lambda: exact.least_multiple([fmpq(fmpz(2) ** MAX_BITS), fmpq(3)])) is Why.TOO_LARGE


@pytest.mark.parametrize(
    ("digits", "base", "value"),
    [
        ("204", 5, fmpq(54)),
        ("FF", 16, fmpq(255)),
        ("0.1", 3, fmpq(1, 3)),
        ("10.01", 2, fmpq(9, 4)),
        ("zz", 36, fmpq(1295)),
    ],
)
def test_numerals_in_a_base(digits, base, value):
    assert exact.numeral(digits, base) == value


@pytest.mark.parametrize(("digits", "base"), [("5", 5), ("12", 1), ("", 10), ("1.2.3", 10), ("-3", 10), ("zz", 37)])
def test_what_is_no_numeral(digits, base):
    assert why(lambda: exact.numeral(digits, base)) is Why.UNDEFINED
