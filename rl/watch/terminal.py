"""A run in the terminal: its curves so far, the last step in numbers, where the time goes, when it ends.

In: the journal's lines as they come, and the phase the trainer is in. Out: a view that is drawn anew in place; where
the output is no terminal, one line a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from statistics import fmean
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mathpipe.inspect.figures import duration, share, short
from rl.journal import JournalLine, StepRecord, StepTimes

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE = 48  # steps (or means of neighbouring ones) drawn
_RECENT = 10  # steps whose mean time tells when the run ends

_CURVES: dict[str, Callable[[StepRecord], float]] = {
    "reward": lambda record: record.reward_mean,
    "right": lambda record: record.pass_rate,
    "entropy": lambda record: record.entropy,
    "KL": lambda record: record.kl,
    "length": lambda record: record.length_mean,
    "gradient": lambda record: record.grad_norm,
}


def sparkline(values: Sequence[float], width: int = _CURVE) -> str:
    """The values as blocks between their lowest and highest; means of neighbours where there are too many."""
    if not values:
        return ""
    count = min(width, len(values))
    means = [fmean(values[len(values) * at // count : len(values) * (at + 1) // count]) for at in range(count)]
    low, high = min(means), max(means)
    span = high - low
    return "".join(_BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1)) if span else 0] for value in means)


def step_line(line: JournalLine) -> str:
    """A step in one line."""
    record, times = line.record, line.times
    held_out = "" if record.held_out is None else f"  held-out {record.held_out.pass_at_1:.3f}"
    warned = f"  ({'; '.join(record.warnings)})" if record.warnings else ""
    return (
        f"step {record.step}: reward {record.reward_mean:.3f}  right {record.pass_rate:.3f}"
        f"  kept {record.groups_kept}  entropy {record.entropy:.3f}  length {record.length_mean:.0f}"
        f"  gap {record.sampler_gap:.1e}  {times.tokens_per_second:.0f} tokens/s  {times.step:.1f} s"
        f"{held_out}{warned}"
    )


class RunView:
    """The view of one run of `steps` steps; `past` are the lines of a run that goes on."""

    def __init__(self, name: str, steps: int, console: Console, past: Sequence[JournalLine] = ()) -> None:
        self._name, self._steps, self._console = name, steps, console
        self._lines = list(past)
        self._phase = "loading"
        live = Live(console=console, get_renderable=self.render, refresh_per_second=4)
        self._live = live if console.is_terminal else None

    def __enter__(self) -> RunView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def phase(self, name: str) -> None:
        """The trainer has begun this phase."""
        self._phase = name

    def step(self, line: JournalLine) -> None:
        """A step is done."""
        self._lines.append(line)
        if self._live is None:
            self._console.print(step_line(line), markup=False, highlight=False)

    def forget_after(self, step: int) -> None:
        """Steps that a resumed run does again."""
        self._lines = [line for line in self._lines if line.record.step <= step]

    def say(self, text: str) -> None:
        """A line above the view."""
        self._console.print(text, markup=False, highlight=False)

    def render(self) -> Panel:
        """The view as it is now."""
        done = self._lines[-1].record.step if self._lines else 0
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"step {done} of {self._steps}"),
            ProgressBar(self._steps, done, width=30),
            Text(self._time_left(done)),
        )
        parts: list[RenderableType] = [head, Text(f"now: {self._phase}", style="dim")]
        if self._lines:
            parts += [self._curves(), self._numbers(self._lines[-1].record), self._times()]
        return Panel(Group(*parts), title=self._name, title_align="left")

    def _time_left(self, done: int) -> str:
        recent = [line.times.step for line in self._lines[-_RECENT:]]
        if not recent:
            return ""
        return f"{duration(fmean(recent))} a step, {duration(fmean(recent) * (self._steps - done))} left"

    def _curves(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for name, read in _CURVES.items():
            values = [read(line.record) for line in self._lines]
            if any(values):
                table.add_row(name, Text(sparkline(values), style="cyan"), f"{values[-1]:.4g}")
        held_out = [line.record.held_out.pass_at_1 for line in self._lines if line.record.held_out is not None]
        if held_out:
            table.add_row("held-out", Text(sparkline(held_out), style="green"), f"{held_out[-1]:.3f}")
        return table

    def _numbers(self, record: StepRecord) -> Text:
        last = self._lines[-1].times
        shown = {
            "groups kept": f"{record.groups_kept} of {record.problems}",
            "solved": share(record.solved, 1),
            "cut": share(record.cut, 1),
            "clipped": share(record.clipped_low + record.clipped_high, 1),
            "weights capped": share(record.importance_capped, 1),
            "stale by": f"{record.staleness_mean:.1f}",
            "sampler gap": f"{record.sampler_gap:.1e}",
            "tokens": short(sum(line.record.tokens_sampled for line in self._lines)),
            "tokens/s": short(last.tokens_per_second),
            "learning rate": f"{record.learning_rate:.2g}",
        }
        text = Text("  ".join(f"{name} {value}" for name, value in shown.items()))
        if record.warnings:
            text.append("\n" + "; ".join(record.warnings), style="yellow")
        return text

    def _times(self) -> Text:
        """Shares of the phases in the time of all steps shown."""
        names = [item.name for item in fields(StepTimes) if item.name not in {"step", "tokens_per_second"}]
        whole = sum(line.times.step for line in self._lines)
        totals = {name: sum(getattr(line.times, name) for line in self._lines) for name in names}
        ordered = sorted(totals.items(), key=lambda item: -item[1])
        return Text("  ".join(f"{name} {share(seconds, whole)}" for name, seconds in ordered if seconds), style="dim")
