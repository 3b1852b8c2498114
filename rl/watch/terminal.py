"""A run in the terminal: its curves so far, the last step in numbers, where the time goes, when it ends.

In: the journal's lines as they come, and the phase the trainer is in. Out: a view that is drawn anew in place; where
the output is no terminal, one line a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from statistics import fmean
from types import TracebackType

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mathpipe.inspect.figures import duration, share, short, whole
from mathpipe.inspect.safe_text import one_line
from rl.journal import JournalLine, StepRecord, StepTimes
from rl.watch.axes import drawable

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE = 48  # steps (or means of neighbouring ones) drawn
_BESIDE_CURVE = 42  # columns that a curve's name and numbers take
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
    """The values as blocks between their lowest and highest; means of neighbours where there are too many.

    What is not finite leaves a blank.
    """
    count = min(width, len(values))
    parts = [values[len(values) * at // count : len(values) * (at + 1) // count] for at in range(count)]
    means = [_mean_of_finite(part) for part in parts]
    finite = [value for value in means if value is not None]
    if not finite:
        return " " * count
    low, span = min(finite), max(finite) - min(finite)
    return "".join(" " if value is None else _BLOCKS[_level(value, low, span)] for value in means)


def _level(value: float, low: float, span: float) -> int:
    return min(round((value - low) / span * (len(_BLOCKS) - 1)), len(_BLOCKS) - 1) if span > 0 else 0


def _mean_of_finite(values: Sequence[float]) -> float | None:
    finite = [value for value in values if drawable(value)]
    return fmean(finite) if finite else None


def step_line(line: JournalLine) -> str:
    """A step in one line."""
    record, times = line.record, line.times
    held_out = "" if record.held_out is None else f"  held-out {record.held_out}"
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
            self.say(step_line(line))

    def forget_after(self, step: int) -> None:
        """Steps that a resumed run does again."""
        self._lines = [line for line in self._lines if line.record.step <= step]

    def say(self, text: str) -> None:
        """A line above the view; whole, too, where a file takes it."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=self._live is None)

    def render(self) -> Panel:
        """The view as it is now."""
        done = self._lines[-1].record.step if self._lines else 0
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"step {done} of {self._steps}"),
            ProgressBar(self._steps, done, width=30),
            Text(self._time_left(done)),
        )
        parts: list[RenderableType] = [head]
        if done < self._steps:
            parts.append(Text(f"now: {self._phase}", style="dim"))
        if self._lines:
            parts += [self._curves(), self._numbers(self._lines[-1].record), self._times()]
        return Panel(Group(*parts), title=self._name, title_align="left")

    def _time_left(self, done: int) -> str:
        recent = [line.times.step for line in self._lines[-_RECENT:]]
        if not recent:
            return ""
        if done >= self._steps:
            return f"done in {duration(sum(line.times.step for line in self._lines))}"
        return f"{duration(fmean(recent))} a step, {duration(fmean(recent) * (self._steps - done))} left"

    def _curves(self) -> Table:
        table = Table.grid(padding=(0, 1))
        width = min(_CURVE, max(8, self._console.width - _BESIDE_CURVE))
        for name, read in _CURVES.items():
            values = [read(line.record) for line in self._lines]
            if any(values):
                table.add_row(
                    name, Text(sparkline(values, width), style="cyan"), f"{values[-1]:.4g}", _between(values)
                )
        scores = [line.record.held_out for line in self._lines if line.record.held_out is not None]
        if scores:
            held_out = [score.pass_at_1 for score in scores]
            table.add_row(
                "held-out", Text(sparkline(held_out, width), style="green"), str(scores[-1]), _between(held_out)
            )
        return table

    def _numbers(self, record: StepRecord) -> Group:
        last = self._lines[-1].times
        shown = {
            "groups kept": f"{record.groups_kept} of {record.problems}",
            "solved": share(record.solved, 1),
            "cut": share(record.cut, 1),
            "clipped": share(record.clipped_low + record.clipped_high, 1),
            "weights capped": share(record.importance_capped, 1),
            "stale by": f"{record.staleness_mean:.1f}, at most {record.staleness_max}",
            "sampler gap": f"{record.sampler_gap:.1e}",
            "tokens": short(sum(line.record.tokens_sampled for line in self._lines)),
            "tokens/s": whole(last.tokens_per_second),
            "learning rate": f"{record.learning_rate:.2g}",
        }
        cells = [Text.assemble((f"{name} ", "dim"), value) for name, value in shown.items()]
        warnings = [Text(one_line(warning), style="yellow") for warning in record.warnings]
        return Group(Columns(cells, padding=(0, 3)), *warnings)

    def _times(self) -> Columns:
        """Shares of the phases in the time of all steps shown."""
        names = [item.name for item in fields(StepTimes) if item.name not in {"step", "tokens_per_second"}]
        total = sum(line.times.step for line in self._lines)
        totals = {name: sum(getattr(line.times, name) for line in self._lines) for name in names}
        ordered = sorted(totals.items(), key=lambda item: -item[1])
        cells = [Text(f"{name} {share(seconds, total)}", style="dim") for name, seconds in ordered if seconds]
        return Columns(cells, padding=(0, 3))


def _between(values: Sequence[float]) -> Text:
    return Text(f"{min(values):.3g} to {max(values):.3g}", style="dim")
