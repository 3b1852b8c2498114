"""Numbers for people."""

import pytest

from mathpipe.inspect import figures


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (12_345, "12.3K"),
        (999_600, "1M"),
        (1_234_567, "1.23M"),
        (456e9, "456B"),
        (2e15, "2,000T"),
    ],
)
def test_short_numbers_have_three_digits(value: float, written: str) -> None:
    assert figures.short(value) == written


@pytest.mark.parametrize(
    ("part", "total", "written"),
    [
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 3, "33.3%"),
        (1, 1_000_000, "0.0001%"),
        (999_999, 1_000_000, "99.99%"),
        (9_995, 10_000, "99.95%"),
        (1, 0, "–"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, total: int, written: str) -> None:
    assert figures.share(part, total) == written


@pytest.mark.parametrize(
    ("count", "written"), [(0, "0 B"), (999, "999 B"), (1_300_000, "1.30 MB"), (45_600, "45.6 kB"), (5e12, "5.00 TB")]
)
def test_sizes_are_in_powers_of_a_thousand(count: float, written: str) -> None:
    assert figures.size(count) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.05, "50 ms"), (12.34, "12.3 s"), (245, "4 min 05 s"), (11_520, "3 h 12 min")]
)
def test_durations_take_the_unit_that_fits(seconds: float, written: str) -> None:
    assert figures.duration(seconds) == written


@pytest.mark.parametrize(
    ("amount", "seconds", "written"), [(10, 0, "–"), (5_000, 2, "2,500"), (1, 4, "0.25"), (25, 2, "12.5")]
)
def test_speeds_have_three_digits(amount: float, seconds: float, written: str) -> None:
    assert figures.speed(amount, seconds) == written
