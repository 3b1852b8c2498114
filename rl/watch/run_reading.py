"""What a GRPO run has left in its folder, whether it is over, still going, or was stopped.

In: the folder. Out: `RunRead`: the journal, the settings, the held-out scores with the one from before training, and
how stale the samples were.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from mathpipe.core.store import corrupt, read_records
from rl.held_out import standard_error
from rl.journal import Journal, JournalLine
from rl.run_files import RolloutSample

JOURNAL = "journal.jsonl"
_STEP_FILE = re.compile(r"step-(\d{6,})\.parquet")


@dataclass(frozen=True, slots=True)
class Score:
    """Held-out pass@1 after a step, with the standard error of the mean over problems."""

    step: int
    pass_at_1: float
    error: float
    problems: int

    def __str__(self) -> str:
        return f"{self.pass_at_1:.3f} ± {self.error:.3f}"


@dataclass(frozen=True, slots=True)
class Gain:
    """The rise of pass@1 over the same problems, with its standard error."""

    rise: float
    error: float
    problems: int


@dataclass(frozen=True, slots=True)
class RunRead:
    """One run. `settings` is its configuration as JSON, empty where the file is gone."""

    folder: Path
    lines: Sequence[JournalLine]
    settings: Mapping[str, Any]
    scores: Sequence[Score]
    gain: Gain | None

    @property
    def name(self) -> str:
        """What the run is called."""
        return str(self.settings.get("name") or self.folder.name)

    @property
    def steps_asked(self) -> int | None:
        """How many steps the run is to have."""
        steps = self.settings.get("steps")
        return steps if isinstance(steps, int) else None

    @property
    def steps_done(self) -> int:
        """The newest step."""
        return self.lines[-1].record.step if self.lines else 0

    @property
    def seconds(self) -> float:
        """Time in steps: without loading, and without the evaluation before the first one."""
        return sum(line.times.step for line in self.lines)

    @property
    def tokens(self) -> int:
        """Tokens sampled to learn from."""
        return sum(line.record.tokens_sampled for line in self.lines)


def is_grpo_run(folder: Path) -> bool:
    """Whether the folder holds a GRPO run."""
    return (folder / JOURNAL).is_file()


def read_run(folder: Path) -> RunRead:
    """Everything but the samples. Raises `InputError` where the folder holds no GRPO run."""
    if not is_grpo_run(folder):
        raise InputError(str(folder), f"a GRPO run's folder ({JOURNAL} is not there)", "check the path")
    lines = Journal(folder / JOURNAL).read()
    told = [(0, Journal(folder / JOURNAL).before()), *((line.record.step, line.record.held_out) for line in lines)]
    scores = [Score(step, one.pass_at_1, one.error, one.problems) for step, one in told if one is not None]
    return RunRead(folder, lines, _settings(folder), scores, _gain(held_out_files(folder)))


def held_out_files(folder: Path) -> dict[int, Path]:
    """The samples of each evaluation by its step; 0 is the one before training."""
    return sample_files(folder / "held-out")


def sample_files(folder: Path) -> dict[int, Path]:
    """The files of samples in a folder by their step, in order."""
    found = [(_STEP_FILE.fullmatch(path.name), path) for path in sorted(folder.glob("step-*.parquet"))]
    return {int(match[1]): path for match, path in found if match}


def read_samples(path: Path) -> list[RolloutSample]:
    """The samples of one step or evaluation."""
    return list(read_records(path, RolloutSample))


def staleness_counts(run: RunRead) -> dict[int, int]:
    """Samples by how many updates newer the weights were that learned from them than those that drew them."""
    if all(line.record.staleness_max == 0 for line in run.lines):
        return {0: sum(line.record.samples for line in run.lines)}
    files = sample_files(run.folder / "samples")
    counts: Counter[int] = Counter()
    before = 0
    for line in run.lines:
        if line.record.step in files:
            (drawn,) = _columns(files[line.record.step], "version")
            counts.update(before - version for version in drawn)
        before = line.record.version
    return dict(sorted(counts.items()))


def _settings(folder: Path) -> Mapping[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(str(path), f"JSON ({error})", "run `mathpipe grpo` again, which writes it") from None
    return values if isinstance(values, dict) else {}


def _shares(path: Path) -> dict[str, float]:
    """The share of right samples of each problem of an evaluation."""
    verdicts: dict[str, list[bool]] = {}
    for problem, outcome in zip(*_columns(path, "problem_id", "outcome"), strict=True):
        verdicts.setdefault(problem, []).append(outcome == Outcome.CORRECT.value)
    return {problem: fmean(right) for problem, right in verdicts.items()}


def _columns(path: Path, *names: str) -> list[list[Any]]:
    """Some columns of a file alone: texts make up nearly all of it."""
    try:
        table = pq.read_table(path, columns=list(names))
        return [table.column(name).to_pylist() for name in names]
    except (pa.ArrowException, KeyError) as error:
        raise corrupt(path, f"samples of a run ({error})") from None


def _gain(files: Mapping[int, Path]) -> Gain | None:
    """Of the last evaluation over the first, on the problems that both have."""
    if len(files) < 2:
        return None
    first, last = _shares(files[min(files)]), _shares(files[max(files)])
    rises = [last[problem] - first[problem] for problem in first if problem in last]
    return Gain(fmean(rises), standard_error(rises), len(rises)) if rises else None
