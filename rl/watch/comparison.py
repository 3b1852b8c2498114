"""Several GRPO runs on one page: their curves over one another, their ends side by side, where their settings differ.

In: the runs' folders. Out: one HTML file, self-contained as the report of one run is. Runs differ in colour and in
dashes; the same run has the same ones in every figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.inspect.safe_text import one_line
from rl.journal import JournalLine
from rl.watch.curves import COLOURS, Panel, Series
from rl.watch.report import run_environment, write_page
from rl.watch.report_curves import Figure, held_out_series
from rl.watch.run_reading import RunRead, read_run

_LAST = 10  # steps whose mean reward stands for a run's end
_NO_SETTING = {"name", "output"}

_READS: dict[str, tuple[str, Callable[[JournalLine], float]]] = {
    "reward": ("mean of the step's samples", lambda line: line.record.reward_mean),
    "right samples": ("share of the judged samples", lambda line: line.record.pass_rate),
    "entropy": ("nats a token", lambda line: line.record.entropy),
    "KL": ("nats a token, from the reference policy", lambda line: line.record.kl),
    "length": ("tokens a sample", lambda line: line.record.length_mean),
    "gradient norm": ("before clipping", lambda line: line.record.grad_norm),
    "tokens a second": ("sampled, over the whole step", lambda line: line.times.tokens_per_second),
}


def write_comparison(folders: Sequence[Path], target: Path) -> Path:
    """Write the page over what lay there. Raises `InputError` for what is no run, and for more runs than colours."""
    if len(folders) > COLOURS:
        raise InputError(
            f"{len(folders)} runs", f"at most {COLOURS}, which can be told apart", "compare fewer at once"
        )
    return write_page(target, render_comparison([read_run(folder) for folder in folders]))


def render_comparison(runs: Sequence[RunRead]) -> str:
    """The page's HTML."""
    names = run_names(runs)
    return (
        run_environment()
        .get_template("comparison.html")
        .render(
            runs=list(zip(names, runs, [_reward(run) for run in runs], strict=True)),
            names=names,
            figures=_figures(runs, names),
            differing=differing_settings(runs),
        )
    )


def run_names(runs: Sequence[RunRead]) -> list[str]:
    """A name for each run: its own, or as much of its path as tells it from the others."""
    names = [one_line(run.name) for run in runs]
    parts = 1
    while len(set(names)) < len(names) and parts < 8:
        parts += 1
        names = [one_line("/".join(run.folder.absolute().parts[-parts:])) for run in runs]
    return names


def differing_settings(runs: Sequence[RunRead]) -> dict[str, list[str]]:
    """The values of each setting that is not the same in all runs, by its key."""
    flat = [dict(_flat(run.settings)) for run in runs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    values = {key: [settings.get(key, "–") for settings in flat] for key in keys if key not in _NO_SETTING}
    return {key: found for key, found in values.items() if len(set(found)) > 1}


def _flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{before}{key}.")
        else:
            rows.append((before + key, value if isinstance(value, str) else json.dumps(value)))
    return rows


def _figures(runs: Sequence[RunRead], names: Sequence[str]) -> list[Figure]:
    scored = [(at, run) for at, run in enumerate(runs) if run.scores]
    figures = []
    if scored:
        series = [held_out_series(run, names[at], at) for at, run in scored]
        note = "mean over problems that are not trained on, ± its standard error"
        figures.append(_figure("held-out pass@1", note, series))
        timed = [_in_minutes(run, held_out_series(run, names[at], at)) for at, run in scored]
        figures.append(_figure("held-out pass@1 by time", "minutes in steps", timed, place="minute"))
    for title, (note, read) in _READS.items():
        series = [_series(run, names[at], at, read) for at, run in enumerate(runs)]
        if any(value for one in series for _, value in one.points):
            figures.append(_figure(title, note, series))
        if title == "reward":
            timed = [_in_minutes(run, one) for run, one in zip(runs, series, strict=True)]
            figures.append(_figure("reward by time", "minutes in steps", timed, place="minute"))
    return figures


def _figure(title: str, note: str, series: Sequence[Series], place: str = "step") -> Figure:
    name = "".join(letter if letter.isalnum() else "-" for letter in title)
    return Figure(name, title[0].upper() + title[1:], note, [Panel(title=title, series=series, place=place)])


def _series(run: RunRead, name: str, colour: int, read: Callable[[JournalLine], float]) -> Series:
    points = [(float(line.record.step), read(line)) for line in run.lines]
    return Series(name=name, points=points, noisy=True, colour=colour)


def _in_minutes(run: RunRead, series: Series) -> Series:
    """The series by the time at which its steps were over."""
    ends = accumulate(line.times.step / 60 for line in run.lines)
    minutes = {line.record.step: end for line, end in zip(run.lines, ends, strict=True)} | {0: 0.0}
    kept = [at for at, (step, _) in enumerate(series.points) if int(step) in minutes]
    return Series(
        name=series.name,
        points=[(minutes[int(series.points[at][0])], series.points[at][1]) for at in kept],
        errors=[series.errors[at] for at in kept] if series.errors else (),
        noisy=series.noisy,
        marked=series.marked,
        colour=series.colour,
    )


def _reward(run: RunRead) -> float | None:
    rewards = [line.record.reward_mean for line in run.lines[-_LAST:]]
    return fmean(rewards) if rewards else None
