"""A GRPO run's folder, small and made by hand, and its lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mathpipe.core.records import Finish, Outcome
from mathpipe.core.store import write_records
from rl.journal import HeldOutScore, Journal, JournalLine, StepRecord, StepTimes
from rl.run_files import RolloutSample

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e $\\text{<script>alert(3)</script>}$"
SETTINGS: Mapping[str, Any] = {
    "name": "little",
    "model": "models/little",
    "preset": "dr_grpo",
    "steps": 4,
    "learner": {"learning_rate": 0.001},
}
_USUAL: Mapping[str, Any] = {
    "problems": 4, "samples": 8, "refused": 0, "unjudged": 0, "reward_mean": 0.25, "reward_std": 0.4,
    "pass_rate": 0.3125, "solved": 0.75, "groups_kept": 3, "groups_without_variance": 1, "sequences": 6,
    "tokens_sampled": 400, "tokens_learned": 300, "length_mean": 50.5, "length_max": 96, "cut": 0.125,
    "entropy": 0.875, "kl": 0.0625, "ratio_mean": 1.0, "ratio_min": 0.9, "ratio_max": 1.1, "clipped_low": 0.02,
    "clipped_high": 0.03, "importance_mean": 1.0, "importance_max": 1.5, "importance_capped": 0.045,
    "sampler_gap": 2e-7, "sampler_gap_max": 3e-6, "staleness_mean": 1.5, "staleness_max": 2, "loss": 0.001,
    "grad_norm": 0.44, "learning_rate": 0.001,
}  # fmt: skip
_TIMES = {"sample": 4.0, "verify": 1.0, "update": 2.5, "checkpoint": 0.5, "step": 8.0, "tokens_per_second": 50.0}


def line(
    step: int, held_out: float | None = None, times: Mapping[str, float] = _TIMES, **changes: Any
) -> JournalLine:
    """The line of a step; `held_out` is its pass@1 over two problems."""
    score = None if held_out is None else score_of(held_out)
    record = StepRecord(**{"step": step, "version": step, **_USUAL, **changes}, held_out=score)
    return JournalLine(record=record, times=StepTimes(**times))


def score_of(pass_at_1: float) -> HeldOutScore:
    """A held-out score over two problems."""
    right = round(2 * pass_at_1)
    return HeldOutScore(
        problems=2,
        samples=1,
        correct=right,
        unjudged=0,
        pass_at_1=pass_at_1,
        mean_tokens=30.0,
        error=0.5 * (right == 1),
    )


def sample(problem: str, text: str, right: bool | None, **changes: Any) -> RolloutSample:
    """A sample with its verdict."""
    outcome = None if right is None else (Outcome.CORRECT if right else Outcome.WRONG)
    values: dict[str, Any] = {
        "step": 0, "problem_id": problem, "group": 0, "index": 0, "version": 0, "question": f"What is ${problem}^2$?",
        "reference": "\\frac{1}{2}", "text": text, "finish": Finish.STOP, "tokens": 30, "outcome": outcome,
        "detail": "different" if right is False else "", "reward": None if right is None else float(right),
        "advantage": None,
    }  # fmt: skip
    return RolloutSample(**(values | changes))


def write_run(
    folder: Path,
    lines: Sequence[JournalLine],
    *,
    before: float | None = None,
    held_out: Mapping[int, Sequence[RolloutSample]] = {},
    samples: Mapping[int, Sequence[RolloutSample]] = {},
    settings: Mapping[str, Any] | None = SETTINGS,
) -> Path:
    """The folder as a run would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "journal.jsonl")
    journal.path.touch()
    for each in lines:
        journal.append(each)
    if before is not None:
        journal.write_before(score_of(before))
    if settings is not None:
        (folder / "config.json").write_text(json.dumps(settings))
    for name, steps in (("held-out", held_out), ("samples", samples)):
        (folder / name).mkdir(exist_ok=True)
        for step, rows in steps.items():
            write_records(folder / name / f"step-{step:06d}.parquet", rows, RolloutSample)
    return folder


def whole_run(folder: Path, **settings: Any) -> Path:
    """Four steps, evaluated before, in the middle and at the end; two problems held out, one of them gained."""
    before = [sample("p", "It is $\\boxed{3}$.", False), sample("q", "Surely $x_1$.", True, group=1)]
    after = [sample("p", "It is $\\boxed{\\frac12}$.", True), sample("q", "Surely $x_2$.", True, group=1)]
    newest = [
        sample("r", "right text", True, version=1, advantage=0.5),
        sample("r", "wrong text", False, version=2, advantage=-0.5, index=1),
        sample("s", "cut text", False, version=3, finish=Finish.LENGTH, group=1),
        sample("s", HOSTILE, None, version=3, group=1, index=1),
    ]
    lines = [
        line(1, reward_mean=0.2),
        line(2, 0.5, warnings=["no token has a gradient (3 were clipped)"]),
        line(3, warnings=["no token has a gradient (3 were clipped)", HOSTILE]),
        line(4, 1.0, reward_mean=0.6, unjudged=1),
    ]
    return write_run(
        folder,
        lines,
        before=0.5,
        held_out={0: before, 2: before, 4: after},
        samples={4: newest},
        settings={**SETTINGS, **settings},
    )
