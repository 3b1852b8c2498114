"""Progress as a person sees it: lines where there is no terminal, bars where there is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mathpipe.core.progress import Progress, StepProgress, clock


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_a_step_is_one_line_at_its_start_and_one_at_its_end() -> None:
    console, timer = Console(file=io.StringIO(), width=20), Clock()
    with Progress(console, timer=timer) as progress:
        progress.start_step("crawl", 2)
        for _ in range(2):
            timer.now += 2
            progress.advance("crawl", 100, 1_000_000)
        progress.finish_step("crawl", 200, 40)
    assert lines_of(console) == ["crawl: 2 shards", "crawl: done in 0:04  200 → 40 rows  50 rows/s  0.5 MB/s"]


def test_a_long_step_says_about_every_ten_seconds_how_far_it_is() -> None:
    console, timer = Console(file=io.StringIO(), width=20), Clock()
    with Progress(console, timer=timer) as progress:
        progress.start_step("crawl", 8)
        for _ in range(8):
            timer.now += 4
            progress.advance("crawl", 40, 4_000_000)
    assert lines_of(console) == [
        "crawl: 8 shards",
        "crawl: 3/8 shards  10 rows/s  1.0 MB/s  0:20 left",
        "crawl: 6/8 shards  10 rows/s  1.0 MB/s  0:08 left",
    ]


def test_shards_finished_before_count_as_done_but_not_in_rates() -> None:
    console, timer = Console(file=io.StringIO(), width=20), Clock()
    with Progress(console, timer=timer) as progress:
        progress.start_step("quality", 3, 3)
        progress.finish_step("quality", 900, 800)
        progress.start_step("classify", 4, 2)
        timer.now += 10
        progress.advance("classify", 100, 1)
    assert lines_of(console) == [
        "quality: 3 shards, 3 finished before",
        "quality: done in 0:00  900 → 800 rows",
        "classify: 4 shards, 2 finished before",
        "classify: 3/4 shards  10 rows/s  0.0 MB/s  0:10 left",
    ]


def test_quiet_says_nothing() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with Progress(console, quiet=True) as progress:
        progress.start_step("crawl", 1)
        progress.advance("crawl", 1, 1)
        progress.say("a word")
        progress.finish_step("crawl", 1, 1)
    assert lines_of(console) == []


def test_names_and_words_are_never_markup() -> None:
    for terminal in (False, True):
        console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
        with Progress(console) as progress:
            progress.start_step("crawl [red]x[/]", 1)
            progress.say("needs [bold]2 GiB[/]")
        text = "\n".join(lines_of(console))
        assert "crawl [red]x[/]" in text
        assert "needs [bold]2 GiB[/]" in text


def test_a_terminal_gets_a_bar_a_step_with_its_outcome() -> None:
    console, timer = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None), Clock()
    with Progress(console, timer=timer) as progress:
        progress.start_step("crawl", 2, 1)
        timer.now += 5
        progress.advance("crawl", 1_000, 5_000_000)
        progress.finish_step("crawl", 2_000, 500)
        progress.start_step("language", 3)
    shown = [line for line in lines_of(console) if "shards" in line]
    assert any("2/2 shards  200 rows/s  1.0 MB/s  2,000 → 500 rows  0:05" in line for line in shown)
    assert any("0/3 shards" in line for line in shown)


def test_a_step_that_runs_again_gets_a_bar_of_its_own() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with Progress(console) as progress:
        for _ in range(2):
            progress.start_step("crawl", 1)
            progress.advance("crawl", 1, 1)
            progress.finish_step("crawl", 1, 1)


def test_a_step_without_shards_is_finished_at_once() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with Progress(console) as progress:
        progress.start_step("curate", 0)
        progress.finish_step("curate", 0, 0)
    assert any("✓ curate" in line and "0/0 shards  0 → 0 rows" in line for line in lines_of(console))


def test_the_bars_stop_when_the_run_fails() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    progress = Progress(console)
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    assert console.file.getvalue().endswith("\x1b[?25h")  # type: ignore[attr-defined]  # the cursor is back


def test_nobody_guesses_the_time_left_before_the_first_shard() -> None:
    step = StepProgress("crawl", shards_total=4, shards_before=1, started=0.0, shards_done=1)
    assert step.left(60.0) == ""
    step.shards_done = 2
    assert step.left(60.0) == "2:00"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (10_921, "3:02:01")])
def test_times_are_written_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_step_that_is_rebuilt_has_one_bar_and_counts_anew() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Progress(console, timer=Clock()) as progress:
        for before in (0, 2):
            progress.start_step("crawl", 3, before)
            progress.advance("crawl", 10, 1)
        assert progress._bars is not None
        (bar,) = progress._bars.tasks
        assert (bar.completed, bar.total) == (3, 3)
