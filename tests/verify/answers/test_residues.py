"""Remainders of towers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.answers.python_trees import tree
from verify.answers.exact import NoValue, Why
from verify.answers.residues import residue


def test_the_last_digits_of_a_tower():
    assert residue(tree("7**7**7**7"), 100) == 43
    assert residue(tree("7**7**7**7"), 10) == 3
    assert residue(tree("2**2**2**2**2**2**2"), 1000) == 736
    assert residue(tree("3**3**3**3 * 5 + 1"), 1) == 0


def test_a_base_that_shares_factors_with_the_modulus():
    assert residue(tree("6**6**6**6"), 100) == pow(6, pow(6, 6**6, 20) + 20, 100)
    assert residue(tree("10**10**10"), 7) == 4
    assert residue(tree("2**10**10"), 64) == 0


@given(st.integers(-9, 9), st.integers(0, 9), st.integers(0, 5), st.integers(1, 10**6))
def test_small_towers_agree_with_their_values(base, middle, top, modulus):
    assert residue(tree(f"({base})**{middle}**{top}"), modulus) == base ** (middle**top) % modulus


@given(st.integers(-99, 99), st.integers(0, 40), st.integers(1, 999))
def test_sums_and_products_agree_with_their_values(number, exponent, modulus):
    text = f"-(3**{exponent}) * 7 + ({number}) * factorial(5)"
    assert residue(tree(text), modulus) == (-(3**exponent) * 7 + number * math.factorial(5)) % modulus


@pytest.mark.parametrize("text", ["x**2", "2**x", "sqrt(2)**10", "2**(10**5000 - 10**5000)", "7**(7**7**7 - 1)"])
def test_what_is_not_known_to_be_a_large_whole_number_is_refused(text):
    with pytest.raises(NoValue):
        residue(tree(text), 100)


def test_fractions_have_no_remainder():
    with pytest.raises(NoValue) as caught:
        residue(tree("0.5**3"), 7)
    assert caught.value.why is Why.UNDEFINED
    with pytest.raises(NoValue):
        residue(tree("2**(-3)"), 7)


@pytest.mark.parametrize("modulus", [0, -5, 2**63])
def test_moduli_outside_the_range_are_refused(modulus):
    with pytest.raises(NoValue):
        residue(tree("2**100"), modulus)
