"""The watchdog, with a real clock: it says what is waited for, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from rl.watch.watchdog import WAITS_FOR, Watchdog

PATIENCE_SECONDS = 20.0


class Said:
    """What a watchdog said; a test waits here for so many lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()

    def __call__(self, text: str) -> None:
        with self._more:
            self.lines.append(text)
            self._more.notify_all()

    def wait(self, enough: Callable[[list[str]], bool]) -> None:
        with self._more:
            assert self._more.wait_for(lambda: enough(self.lines), PATIENCE_SECONDS)


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_a_long_phase_is_named_with_what_it_waits_for() -> None:
    said = Said()
    with Watchdog(0.05, said) as dog:
        dog.phase("sample")
        said.wait(lambda lines: any("the sampler to finish its completions" in text for text in lines))
    assert said.lines[-1].startswith("for ")


def test_it_says_so_again_while_the_phase_lasts() -> None:
    said = Said()
    with Watchdog(0.05, said):
        said.wait(lambda lines: len(lines) >= 3)
    assert all("the model and the engine to load" in text for text in said.lines)


def test_the_phase_of_the_moment_is_named() -> None:
    said = Said()
    with Watchdog(0.05, said) as dog:
        said.wait(bool)
        dog.phase("verify")
        said.wait(lambda lines: "verdicts" in lines[-1])


def test_details_and_unknown_phases_are_told() -> None:
    said = Said()
    with Watchdog(0.05, said, {"frobnicate": lambda: "3 left"}) as dog:
        dog.phase("frobnicate")
        said.wait(lambda lines: bool(lines) and lines[-1].endswith("waiting for frobnicate (3 left)"))


def test_it_is_silent_in_time() -> None:
    said = Said()
    with Watchdog(PATIENCE_SECONDS, said) as dog:
        for phase in WAITS_FOR:
            dog.phase(phase)
    assert said.lines == []


def test_it_ends_at_once_and_leaves_no_thread() -> None:
    before = names_of_threads().count("watchdog")
    started = time.monotonic()
    with Watchdog(3_600, print):
        assert names_of_threads().count("watchdog") == before + 1
    assert names_of_threads().count("watchdog") == before
    assert time.monotonic() - started < PATIENCE_SECONDS


def test_it_ends_with_a_run_that_fails() -> None:
    before = names_of_threads().count("watchdog")
    with pytest.raises(ValueError, match="broken"), Watchdog(3_600, print):
        raise ValueError("broken")
    assert names_of_threads().count("watchdog") == before


def test_who_speaks_slowly_holds_up_no_phase() -> None:
    speaking, go_on = threading.Event(), threading.Event()

    def slow(_: str) -> None:
        speaking.set()
        go_on.wait(PATIENCE_SECONDS)

    with Watchdog(0.02, slow) as dog:
        assert speaking.wait(PATIENCE_SECONDS)
        changed = threading.Thread(target=dog.phase, args=("update",), daemon=True)
        changed.start()
        changed.join(PATIENCE_SECONDS / 2)
        assert not changed.is_alive()
        go_on.set()
