"""Pauses between attempts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawl.remote import FetchConfig, FetchError
from crawl.remote.backoff import Backoff, retry_after_seconds
from crawl.remote.errors import Answer, AttemptError, HostError

NOW = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)


def test_pauses_double_up_to_the_longest_and_jitter_takes_at_most_half() -> None:
    config = FetchConfig(backoff_seconds=1, backoff_max_seconds=5, tries=10)
    backoff = Backoff("https://a.example/x", config)
    pauses = [backoff.pause_seconds(AttemptError("busy", status=503)) for _ in range(5)]
    for pause, longest in zip(pauses, (1, 2, 4, 5, 5), strict=True):
        assert longest / 2 <= pause <= longest


def test_the_same_seed_and_address_give_the_same_pauses() -> None:
    first, second, other = (
        [backoff.pause_seconds(AttemptError("busy")) for _ in range(4)]
        for backoff in (
            Backoff("https://a.example/x", FetchConfig(seed=3)),
            Backoff("https://a.example/x", FetchConfig(seed=3)),
            Backoff("https://a.example/y", FetchConfig(seed=3)),
        )
    )
    assert first == second != other


def test_a_pause_is_never_shorter_than_the_server_asks() -> None:
    backoff = Backoff("https://a.example/x", FetchConfig(backoff_seconds=0.1))
    assert backoff.pause_seconds(AttemptError("busy", status=429, retry_after_seconds=17)) == 17


def test_patience_ends_with_an_error_that_names_address_status_and_repair() -> None:
    backoff = Backoff("https://a.example/x", FetchConfig(tries=2))
    backoff.pause_seconds(AttemptError("busy", status=503))
    with pytest.raises(FetchError, match=r"https://a\.example/x: .*2 attempts.*Slow Down \(status 503\); run again"):
        backoff.pause_seconds(AttemptError("Slow Down", status=503))


def test_an_attempt_that_brings_much_starts_the_count_anew() -> None:
    backoff = Backoff("https://a.example/x", FetchConfig(tries=2))
    for _ in range(20):
        backoff.pause_seconds(AttemptError("cut", answer=Answer(b"x" * 65_536)))
    backoff = Backoff("https://a.example/x", FetchConfig(tries=2))
    backoff.pause_seconds(AttemptError("cut", answer=Answer(b"x")))
    with pytest.raises(FetchError):
        backoff.pause_seconds(AttemptError("cut", answer=Answer(b"x")))


@pytest.mark.parametrize(
    ("faults", "of_host"), [((True, True, True), True), ((False, True, True), False), ((True, True, False), False)]
)
def test_only_where_every_fault_in_the_row_is_the_host_s_it_is_the_host_that_is_given_up(
    faults: tuple[bool, ...], of_host: bool
) -> None:
    backoff = Backoff("https://a.example/x", FetchConfig(tries=3))
    for fault in faults[:-1]:
        backoff.pause_seconds(AttemptError("x", of_host=fault))
    with pytest.raises(FetchError) as caught:
        backoff.pause_seconds(AttemptError("x", of_host=faults[-1]))
    assert isinstance(caught.value, HostError) is of_host


def test_a_server_that_asks_for_a_day_ends_the_read() -> None:
    with pytest.raises(FetchError, match="86,400 s"):
        Backoff("a", FetchConfig()).pause_seconds(AttemptError("busy", status=503, retry_after_seconds=86_400))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Thu, 15 Jan 2026 08:31:30 GMT", 90.0),
        ("Thu, 15 Jan 2026 08:00:00 GMT", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_nothing_or_no_less_than_zero(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0
