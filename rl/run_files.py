"""The samples of a run as shards: one file a step, written whole or not at all.

Each row is one sample with its verdict, so that every number of the journal can be counted again from them, and a
person can read what the policy wrote. `mathpipe inspect` and the report read these files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mathpipe.core.records import Finish, Outcome, Problem
from mathpipe.core.store import write_records
from rl.trajectories import Scored

_NAME = re.compile(r"step-(\d{6})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSample:
    """One sample of a step. `advantage` is that of its first token, None where it was not learned from.

    `step_rewards` are those of its judged steps under process supervision, in order.
    """

    step: int
    problem_id: str
    group: int
    index: int
    version: int
    question: str
    reference: str | None
    text: str
    finish: Finish
    tokens: int
    outcome: Outcome | None
    detail: str
    reward: float | None
    advantage: float | None
    step_rewards: list[float] = field(default_factory=list)


def write_samples(
    folder: Path,
    step: int,
    scored: Sequence[Scored],
    problems: Mapping[str, Problem],
    advantages: Mapping[tuple[int, int], float],
) -> Path:
    """`folder/step-000012.parquet`; `advantages` by group and index."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:06d}.parquet"
    unfinished = path.with_name(f".{path.name}")
    write_records(unfinished, [_row(step, item, problems, advantages) for item in scored], RolloutSample)
    unfinished.replace(path)
    return path


def cut_after(folder: Path, step: int) -> None:
    """Remove the files of the steps after `step`, which a resumed run writes again."""
    for path in folder.glob("step-*.parquet"):
        match = _NAME.fullmatch(path.name)
        if match and int(match[1]) > step:
            path.unlink()


def _row(
    step: int, item: Scored, problems: Mapping[str, Problem], advantages: Mapping[tuple[int, int], float]
) -> RolloutSample:
    trajectory = item.trajectory
    problem = problems[trajectory.problem_id]
    return RolloutSample(
        step=step,
        problem_id=trajectory.problem_id,
        group=trajectory.group,
        index=trajectory.index,
        version=trajectory.version,
        question=problem.question,
        reference=problem.answer,
        text=trajectory.text,
        finish=trajectory.finish,
        tokens=len(trajectory.completion_ids),
        outcome=item.outcome,
        detail=item.detail,
        reward=item.reward,
        advantage=advantages.get((trajectory.group, trajectory.index)),
        step_rewards=[reward for _, reward in item.step_rewards],
    )
