"""Live progress of a run: a bar per step on a terminal, plain lines elsewhere.

In: calls of the runner as shards finish. Out: on a terminal one bar a step (shards done of all, rows/s, MB/s,
time left); where output is piped or logged, one line when a step starts, one when it ends, and one about every
ten seconds between, written when a shard finishes. Rates count this run only: shards found finished from an
earlier run cost nothing and would flatter them. The estimate of the time left is by shards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

LINE_EVERY_SECONDS = 10.0


@dataclass(slots=True)
class StepProgress:
    """How far one step is; `shards_before` were finished by an earlier run."""

    name: str
    shards_total: int
    shards_before: int
    started: float
    shards_done: int = 0
    rows: int = 0
    bytes: int = 0
    ended: float | None = None
    outcome: str = ""

    def rates(self, now: float) -> str:
        """Rows and megabytes a second since the step started."""
        seconds = max((self.ended or now) - self.started, 1e-9)
        return f"{self.rows / seconds:,.0f} rows/s  {self.bytes / seconds / 1e6:,.1f} MB/s"

    def left(self, now: float) -> str:
        """Time left, or nothing before the first shard of this run has finished."""
        ran = self.shards_done - self.shards_before
        to_do = self.shards_total - self.shards_done
        if ran <= 0 or to_do <= 0:
            return ""
        return clock((now - self.started) / ran * to_do)


class Progress:
    """What the runner tells a person while it works; `quiet` says nothing at all. Use as a context manager."""

    def __init__(
        self, console: Console | None = None, *, quiet: bool = False, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True)
        self._timer = timer
        self._quiet = quiet
        self._steps: dict[str, StepProgress] = {}
        self._last_line = 0.0
        self._tasks: dict[str, TaskID] = {}
        live = self._console.is_terminal and not quiet
        self._bars = self._make_bars() if live else None

    def _make_bars(self) -> Bars:
        return Bars(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Counts(self._steps, self._timer),
            console=self._console,
        )

    def __enter__(self) -> Progress:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def start_step(self, name: str, shards_total: int, shards_done: int = 0) -> None:
        """A step begins; `shards_done` of its shards were finished by an earlier run."""
        now = self._timer()
        self._steps[name] = StepProgress(name, shards_total, shards_done, now, shards_done)
        self._last_line = now
        if self._bars:
            if name in self._tasks:  # rebuilt in the same run: one bar a step
                self._bars.remove_task(self._tasks[name])
            self._tasks[name] = self._bars.add_task(
                escape(name), total=shards_total, completed=shards_done, step=name
            )
            return
        before = f", {shards_done} finished before" if shards_done else ""
        self._line(f"{name}: {shards_total} shard{'s' if shards_total != 1 else ''}{before}")

    def advance(self, step: str, rows: int, bytes: int) -> None:  # noqa: A002 - it counts bytes
        """One shard of the step finished with these many input rows and bytes."""
        state = self._steps[step]
        state.shards_done += 1
        state.rows += rows
        state.bytes += bytes
        if self._bars:
            self._bars.update(self._tasks[step], completed=state.shards_done)
            return
        now = self._timer()
        if now - self._last_line >= LINE_EVERY_SECONDS and state.shards_done < state.shards_total:
            self._last_line = now
            left = f"  {state.left(now)} left" if state.left(now) else ""
            self._line(f"{step}: {state.shards_done}/{state.shards_total} shards  {state.rates(now)}{left}")

    def finish_step(self, step: str, rows_in: int, rows_out: int) -> None:
        """The step is over; the rows are those of all its shards, earlier runs' included."""
        state = self._steps[step]
        state.ended = self._timer()
        state.outcome = f"{rows_in:,} → {rows_out:,} rows"
        if self._bars:
            self._bars.update(
                self._tasks[step], completed=max(state.shards_total, 1), total=max(state.shards_total, 1)
            )
            return
        parts = [f"{step}: done in {clock(state.ended - state.started)}", state.outcome]
        if state.shards_done > state.shards_before:
            parts.append(state.rates(state.ended))
        self._line("  ".join(parts))

    def say(self, text: str) -> None:
        """One line for the reader, above the bars."""
        self._line(text)

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Counts(ProgressColumn):
    """Shards done of all, rates, and the time left; of a finished step what it came to."""

    max_refresh = 0.5

    def __init__(self, steps: dict[str, StepProgress], timer: Callable[[], float]) -> None:
        super().__init__()
        self._steps = steps
        self._timer = timer

    def render(self, task: Task) -> Text:
        """The column of one step."""
        state = self._steps[task.fields["step"]]
        now = self._timer()
        words = [f"{state.shards_done}/{state.shards_total} shards"]
        if state.shards_done > state.shards_before:
            words.append(state.rates(now))
        if state.ended is not None:
            words += [state.outcome, clock(state.ended - state.started)]
        elif left := state.left(now):
            words.append(f"{left} left")
        return Text("  ".join(words), no_wrap=True, overflow="ellipsis")


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 3:02:01."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
