r"""Rewards for each step of a solution, and what becomes of them.

In: scores of steps (of a process reward model, of people, of a verifier), from a column or from a function of the
steps' texts. Out: one score for each completion in TRL's signature; or, for a learner that takes them, normalised
step rewards and the advantage of each step.

Normalisation and advantages are DeepSeekMath's process supervision (Shao et al., arXiv 2402.03300, section 4.1.3):
with R all step rewards of all completions of one prompt, r~ = (r - mean R) / std R, and the advantage of a token is
the sum of the r~ of its own step and of all later ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from statistics import fmean, pstdev

from verify.rewards.reward import Batch, Reward, Score

StepScorer = Callable[[list[str]], Sequence[float]]

_LINE = re.compile(r"\n")
_STEP = re.compile(r"\n\s*\n|\n(?=(?:\*\*|#+ *)?Step \d+)")


class Aggregate(StrEnum):
    """One score of a solution from its steps'. A chain is as good as its weakest step."""

    MINIMUM = "minimum"
    MEAN = "mean"
    PRODUCT = "product"
    LAST = "last"


def process_reward(
    score_steps: StepScorer | None = None,
    *,
    column: str = "step_scores",
    aggregate: Aggregate = Aggregate.MINIMUM,
) -> Reward:
    """The aggregate of the steps' scores, from `score_steps(texts)` or the column; None where there are none."""
    return Reward("process", _Process(score_steps, column, aggregate))


@dataclass(frozen=True, slots=True)
class _Process:
    score_steps: StepScorer | None
    column: str
    aggregate: Aggregate

    def __call__(self, batch: Batch) -> list[Score]:
        if self.score_steps is not None:
            return [self._score(self.score_steps(split_steps(text)) if text else None) for text in batch.texts]
        return [self._score(scores) for scores in batch.column(self.column)]

    def _score(self, scores: object) -> Score:
        if not isinstance(scores, Sequence) or isinstance(scores, str) or not scores:
            return None
        known = [float(score) for score in scores if isinstance(score, int | float) and math.isfinite(score)]
        return aggregated(known, self.aggregate) if len(known) == len(scores) else None


def split_steps(text: str) -> list[str]:
    """The steps of a solution: its paragraphs, and lines that begin with "Step 2"."""
    return [text[start:end] for start, end in step_spans(text)]


def step_spans(text: str, *, lines: bool = False) -> list[tuple[int, int]]:
    """Where the steps stand, without blanks around them; with `lines`, one alone is cut into its lines."""
    spans = _spans(text, _STEP)
    return _spans(text, _LINE) if lines and len(spans) == 1 else spans


def _spans(text: str, separator: re.Pattern[str]) -> list[tuple[int, int]]:
    found, start = [], 0
    for end, following in [*(match.span() for match in separator.finditer(text)), (len(text), len(text))]:
        step = text[start:end]
        if step.strip():
            found.append((start + len(step) - len(step.lstrip()), start + len(step.rstrip())))
        start = following
    return found


def aggregated(scores: Sequence[float], aggregate: Aggregate) -> float:
    """One score from those of one or more steps."""
    match aggregate:
        case Aggregate.MINIMUM:
            return min(scores)
        case Aggregate.MEAN:
            return fmean(scores)
        case Aggregate.PRODUCT:
            return math.prod(scores)
        case Aggregate.LAST:
            return scores[-1]


def normalised_steps(group: Sequence[Sequence[float]]) -> list[list[float]]:
    """The step rewards of one prompt's completions, less their mean, over their deviation; 0 where all agree."""
    every = [reward for rewards in group for reward in rewards]
    if not every:
        return [[] for _ in group]
    mean, deviation = fmean(every), pstdev(every)
    if deviation == 0.0:
        return [[0.0] * len(rewards) for rewards in group]
    return [[(reward - mean) / deviation for reward in rewards] for rewards in group]


def step_advantages(normalised: Sequence[float]) -> list[float]:
    """The advantage of each step: its reward and those of all later steps, summed."""
    return list(accumulate(reversed(normalised)))[::-1]
