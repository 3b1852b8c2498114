"""Held-out scores of a run's policies on disk, and the table of its rounds.

In: reports, and the rounds' records. Out: `scores.jsonl`, a line a policy, and the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mathpipe.core.errors import InputError
from mathpipe.evaluation.report import Report
from mathpipe.selection import RoundRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The score of the policy that a round trained; round -1 is the base. `low` and `high` are a 95% interval."""

    round: int
    model: str
    problems: int
    samples: int
    pass_at_1: float
    low: float
    high: float

    @classmethod
    def of(cls, number: int, model: str, report: Report) -> HeldOut:
        """The score in a report. Raises `InputError` where no problem could be judged."""
        found = report.score("pass@1")
        if found.value is None or found.interval is None:
            raise InputError(
                "held_out", "problems that can be judged", "give problems with references, and their verifier"
            )
        return cls(
            round=number, model=model, problems=found.problems, samples=report.samples, pass_at_1=found.value,
            low=found.interval.low, high=found.interval.high,
        )  # fmt: skip

    @property
    def percent(self) -> str:
        """Score and interval, in percent."""
        return f"{100 * self.pass_at_1:.1f} ({100 * self.low:.1f} to {100 * self.high:.1f})"


def read_scores(path: Path) -> list[HeldOut]:
    """The scores so far, in the order of the rounds. Raises `InputError` for a line that is none."""
    if not path.is_file():
        return []
    scores = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            scores.append(HeldOut(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: line {number}", f"a score ({error})", "restore the file") from None
    return scores


def write_score(path: Path, score: HeldOut) -> None:
    """Set the score of a round's policy."""
    scores = [one for one in read_scores(path) if one.round != score.round]
    ordered = sorted([*scores, score], key=lambda one: one.round)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text("".join(json.dumps(asdict(one)) + "\n" for one in ordered), encoding="utf-8")
    unfinished.replace(path)


def print_rounds(records: Sequence[RoundRecord], scores: Sequence[HeldOut], console: Console) -> None:
    """A line a policy: the base, then what each round sampled, kept and came to."""
    table = Table(title=f"held-out pass@1 over {scores[0].problems:,} problems, 95% interval")
    for name in ("round", "problems", "samples", "solved", "new", "kept", "held-out pass@1"):
        table.add_column(name, justify="left" if name == "round" else "right")
    after = {one.round: one.percent for one in scores}
    table.add_row("base", "", "", "", "", "", after.get(-1, ""))
    for one in records:
        counts = (one.problems, one.samples, one.solved, len(one.new), one.kept)
        table.add_row(str(one.number), *(f"{count:,}" for count in counts), after.get(one.number, ""))
    console.print(table)
