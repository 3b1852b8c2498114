"""What a run says of each step: one JSON line, written once the step is whole.

`StepRecord` holds numbers that a run gives again bit for bit when it is resumed; `seconds` and what follows from the
clock lie apart in `StepTimes`. Shares lie in [0, 1]; log-probabilities are natural.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.store import disk_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """Seconds by phase, and tokens sampled and learned from a second of the whole step."""

    sample: float = 0.0
    verify: float = 0.0
    score: float = 0.0
    update: float = 0.0
    sync: float = 0.0
    evaluate: float = 0.0
    write: float = 0.0  # the samples
    checkpoint: float = 0.0  # of the step before
    step: float = 0.0
    tokens_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutScore:
    """Right answers on the held-out problems: `pass_at_1` is the mean over problems of the share of right samples.

    `error` is that mean's standard error over the problems: samples of one problem are not independent. Two runs'
    scores differ by chance by 1.4 of it; the same run's scores are compared problem by problem (`rl.watch`).
    """

    problems: int
    samples: int
    correct: int
    unjudged: int
    pass_at_1: float
    mean_tokens: float
    error: float = 0.0

    def __str__(self) -> str:
        return f"{self.pass_at_1:.3f} ± {self.error:.3f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step. `version` counts optimizer steps after it; `staleness` the updates since the weights that drew."""

    step: int
    version: int
    problems: int
    samples: int
    refused: int  # prompts that the engine could not take
    unjudged: int  # samples that no verifier could judge
    reward_mean: float
    reward_std: float
    pass_rate: float  # share of the judged samples that are right
    solved: float  # share of the groups with a right sample
    groups_kept: int
    groups_without_variance: int
    sequences: int  # that were learned from
    tokens_sampled: int
    tokens_learned: int
    length_mean: float
    length_max: int
    cut: float  # share of the samples that ended at the limit
    entropy: float
    kl: float
    ratio_mean: float
    ratio_min: float
    ratio_max: float
    clipped_low: float
    clipped_high: float
    importance_mean: float
    importance_max: float
    importance_capped: float
    sampler_gap: float  # mean |trainer - sampler| log-probability a token
    sampler_gap_max: float
    staleness_mean: float
    staleness_max: int
    loss: float
    grad_norm: float
    learning_rate: float
    value_loss: float = 0.0  # of a critic, over the step's updates
    step_reward_mean: float = 0.0  # over all judged steps, under process supervision
    explained_variance: float = 0.0  # of the returns, by the critic before the step's first update
    warnings: list[str] = field(default_factory=list)
    held_out: HeldOutScore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """A step with its times."""

    record: StepRecord
    times: StepTimes


class Journal:
    """`journal.jsonl` of a run, and `before.json` beside it: the held-out score from before the first step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.with_name("before.json")

    def before(self) -> HeldOutScore | None:
        """The score from before training; None where there was no evaluation, or none that ended."""
        if not self._before.is_file():
            return None
        try:
            return HeldOutScore(**json.loads(self._before.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(str(self._before), f"a held-out score ({error})", "remove the file") from None

    def write_before(self, score: HeldOutScore) -> None:
        """Keep the score from before training; the file is there whole or not at all."""
        unfinished = self._before.with_name(self._before.name + ".tmp")
        with disk_faults(self._before):
            unfinished.write_text(json.dumps(asdict(score)) + "\n", encoding="utf-8")
            unfinished.replace(self._before)

    def read(self) -> list[JournalLine]:
        """All whole lines; a last one that a kill tore is left out. Raises `InputError` for what is no step."""
        if not self.path.is_file():
            return []
        *whole, _ = self.path.read_text(encoding="utf-8").split("\n")
        return [self._line(number, text) for number, text in enumerate(whole, start=1)]

    def append(self, line: JournalLine) -> None:
        """Write a step; it is in the file when this returns."""
        with disk_faults(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")

    def cut_after(self, step: int) -> None:
        """Forget the steps after `step`, which a resumed run does again."""
        kept = [line for line in self.read() if line.record.step <= step]
        unfinished = self.path.with_name(self.path.name + ".tmp")
        with disk_faults(self.path):
            unfinished.write_text("".join(json.dumps(asdict(line)) + "\n" for line in kept), encoding="utf-8")
            unfinished.replace(self.path)

    def _line(self, number: int, text: str) -> JournalLine:
        try:
            row = json.loads(text)
            record, times = row["record"], StepTimes(**row["times"])
            held_out = record.pop("held_out")
            score = None if held_out is None else HeldOutScore(**held_out)
            return JournalLine(record=StepRecord(**record, held_out=score), times=times)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}:{number}", f"a step ({error})", "remove the line") from None


def numbers_of(record: StepRecord) -> Iterable[tuple[str, float]]:
    """Every number of a step by its name, for curves and logs."""
    for item in fields(record):
        value: Any = getattr(record, item.name)
        if isinstance(value, int | float):
            yield item.name, float(value)
    if record.held_out is not None:
        yield "held_out_pass_at_1", record.held_out.pass_at_1
