"""Round axes."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl.watch.axes import figure, linear_axis, logarithmic_axis, place_axis

FINITE = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


def test_shares_get_an_axis_from_nought() -> None:
    axis = linear_axis([0.1, 0.31, 0.38])
    assert (axis.low, axis.high, list(axis.ticks)) == (0.0, 0.4, [0.0, 0.1, 0.2, 0.3, 0.4])
    assert axis.place(0.1) == pytest.approx(0.25)


def test_values_far_from_nought_do_not_begin_there() -> None:
    axis = linear_axis([33.1, 33.7])
    assert (axis.low, axis.high) == (33.0, 33.8)


@pytest.mark.parametrize(
    ("values", "low", "high"), [([], 0, 1), ([0, 0], 0, 1), ([nan, inf], 0, 1), ([2, 2], 1.8, 2.2)]
)
def test_values_that_do_not_differ_have_room_around_them(values: list[float], low: float, high: float) -> None:
    axis = linear_axis(values)
    assert (axis.low, axis.high) == (pytest.approx(low), pytest.approx(high))


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_every_value_lies_on_its_axis_with_few_ticks(values: list[float]) -> None:
    axis = linear_axis(values)
    assert all(-1e-6 <= (axis.place(value) or 0) <= 1 + 1e-6 for value in values)
    assert 2 <= len(axis.ticks) <= 8


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=20))
def test_every_positive_value_lies_on_its_logarithmic_axis(values: list[float]) -> None:
    axis = logarithmic_axis(values)
    assert all(-1e-9 <= (axis.place(value) or 0) <= 1 + 1e-9 for value in values)
    assert 2 <= len(axis.ticks) <= 8


def test_a_logarithmic_axis_shows_no_nought() -> None:
    axis = logarithmic_axis([0.0, -1.0, 2e-7, 3e-6])
    assert (axis.place(0.0), axis.place(nan)) == (None, None)
    assert list(axis.ticks) == pytest.approx([1e-7, 1e-6, 1e-5])
    assert axis.place(1e-6) == pytest.approx(0.5)


def test_steps_are_whole_and_the_axis_ends_with_the_last() -> None:
    axis = place_axis(1, 30, whole=True)
    assert (axis.low, axis.high, list(axis.ticks)) == (1, 30, [10.0, 20.0, 30.0])
    assert list(place_axis(1, 4, whole=True).ticks) == [1.0, 2.0, 3.0, 4.0]


def test_a_single_step_stands_in_the_middle() -> None:
    assert place_axis(3, 3, whole=True).place(3) == 0.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (0.2150001, "0.215"),
        (2e-7, "2e-7"),
        (1.94e-7, "1.94e-7"),
        (-0.0005, "-5e-4"),
        (8000, "8000"),
        (12345, "12,345"),
        (2_500_000, "2.5e6"),
        (nan, "nan"),
    ],
)
def test_figures_are_short(value: float, text: str) -> None:
    assert figure(value) == text
