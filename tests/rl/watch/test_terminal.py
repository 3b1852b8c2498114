"""The live view, drawn on a console that records it."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rl.watch.terminal import RunView, sparkline
from tests.rl.watch.runs_at_hand import HOSTILE, line

LINES = [line(1, reward_mean=0.2), line(2, 0.5, reward_mean=0.4), line(3, reward_mean=0.6)]


def recording(*, terminal: bool = True, width: int = 120) -> Console:
    return Console(record=True, force_terminal=terminal, width=width)


def drawn(view: RunView, console: Console) -> str:
    console.print(view.render())
    return " ".join(console.export_text().replace("│", " ").split())


@pytest.fixture
def shown() -> str:
    console = recording()
    return drawn(RunView("little", 6, console, LINES), console)


@pytest.mark.parametrize(
    "words",
    [
        "little",
        "step 3 of 6",
        "reward ▁▅█ 0.6 0.2 to 0.6",
        "right ▁▁▁ 0.3125",
        "entropy ▁▁▁ 0.875",
        "KL ▁▁▁ 0.0625",
        "length ▁▁▁ 50.5",
        "gradient ▁▁▁ 0.44",
        "held-out ▁ 0.500 ± 0.500",
        "groups kept 3 of 4",
        "solved 75.0%",
        "cut 12.5%",
        "clipped 5.0%",
        "weights capped 4.5%",
        "stale by 1.5, at most 2",
        "sampler gap 2.0e-07",
        "tokens 1,200",
        "tokens/s 50",
        "sample 50.0% update 31.2% verify 12.5% checkpoint 6.2%",
        "8.0 s a step, 24.0 s left",
    ],
)
def test_the_view_shows_each_number(shown: str, words: str) -> None:
    assert words in shown


def test_what_is_always_nought_takes_no_line() -> None:
    console = recording()
    assert "KL" not in drawn(RunView("little", 6, console, [line(1, kl=0.0)]), console)


def test_before_the_first_step_there_is_a_phase_and_no_number() -> None:
    console = recording()
    view = RunView("little", 6, console)
    view.phase("sample")
    text = drawn(view, console)
    assert "step 0 of 6" in text
    assert "now: sample" in text
    assert "left" not in text


def test_a_run_that_is_over_says_how_long_it_took() -> None:
    console = recording()
    text = drawn(RunView("little", 3, console, LINES), console)
    assert "done in 24.0 s" in text
    assert "now:" not in text


def test_the_newest_step_is_seen_on_a_narrow_terminal() -> None:
    console = recording(width=60)
    lines = [line(step, reward_mean=float(step == 200)) for step in range(1, 201)]
    view = RunView("little", 300, console, lines)
    reward = next(row for row in _rows(view, console) if "reward" in row)
    assert "█ 1" in reward
    assert "…" not in reward
    assert all(len(row) <= 60 for row in _rows(view, console))


def _rows(view: RunView, console: Console) -> list[str]:
    console.print(view.render())
    return console.export_text().splitlines()


def test_numbers_that_are_not_finite_do_not_end_the_view() -> None:
    console = recording()
    text = drawn(RunView("little", 6, console, [line(1), line(2, grad_norm=nan), line(3, kl=inf)]), console)
    assert "gradient ▁ ▁" in text


def test_warnings_are_shown_and_harmless() -> None:
    console = recording()
    text = drawn(RunView("little", 6, console, [line(1, warnings=["no gradient", HOSTILE])]), console)
    assert "no gradient" in text
    assert "<script>" in text
    assert "\x1b[31m" not in text


def test_without_a_terminal_each_step_is_one_line() -> None:
    console = recording(terminal=False, width=80)  # as rich takes a file to have
    with RunView("little", 6, console) as view:
        view.phase("sample")
        view.say("before training: [pass@1] 0.2")
        view.step(LINES[0])
        view.step(LINES[1])
    rows = console.export_text().splitlines()
    assert len(rows) == 3
    assert rows[0] == "before training: [pass@1] 0.2"
    assert rows[1].startswith("step 1: reward 0.200  right 0.312  kept 3  entropy 0.875")
    assert "held-out 0.500 ± 0.500" in rows[2]


def test_in_a_terminal_lines_stand_above_the_view() -> None:
    console = recording()
    with RunView("little", 6, console) as view:
        view.step(LINES[0])
        view.say("a word")
    text = console.export_text()
    assert text.index("a word") < text.rindex("step 1 of 6")


def test_a_resumed_run_forgets_what_it_does_again() -> None:
    console = recording()
    view = RunView("little", 6, console, LINES)
    view.forget_after(1)
    assert "step 1 of 6" in drawn(view, console)


@given(st.lists(st.floats(), max_size=200), st.integers(1, 80))
def test_a_sparkline_is_as_long_as_there_is_room_for(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(len(values), width)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40, unique=True))
def test_a_sparkline_has_its_lowest_and_highest_where_the_values_have(values: list[float]) -> None:
    drawn = sparkline(values)
    assert drawn[values.index(max(values))] == "█"
    assert drawn[values.index(min(values))] == "▁"


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 4, 4], 2) == "▁█"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([0, nan, 1]) == "▁ █"
    assert sparkline([]) == ""
