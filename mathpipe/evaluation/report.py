"""What an evaluation says: scores with intervals, by subject and level, and a record for every problem.

In: filled by `scoring`. Out: values, and the mapping that goes into the JSON file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from mathpipe.core.records import Outcome, Problem
from mathpipe.evaluation.judging import SampleRecord
from mathpipe.evaluation.statistics import Interval
from verify.proofs import ProofReason

NO_REFERENCE = "no reference that can be read"
_NO_VERIFIER = {
    ProofReason.NEEDS_MATHLIB: "Mathlib is needed and not here",
    ProofReason.NO_TOOLCHAIN: "no Lean here",
}


class Decoding(StrEnum):
    """How the samples were drawn, as the caller says; it names pass@1."""

    GREEDY = "greedy"
    SAMPLED = "sampled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vote:
    """The majority answer: how many of the votes cast it has, of how many classes, and whether it is correct."""

    answer: str
    votes: int
    cast: int
    classes: int
    correct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRecord:
    """One problem and what became of it. `values` has the problem's share of every score; empty where unscored."""

    problem: Problem
    scored: bool
    samples: list[SampleRecord]
    values: dict[str, float] = field(default_factory=dict)
    vote: Vote | None = None
    contaminated: str | None = None  # what the training set holds of it

    @property
    def correct(self) -> int:
        """Samples that were judged correct."""
        return sum(sample.correct for sample in self.samples)

    @property
    def unscored_because(self) -> str | None:
        """Why there is no score; None where there is one."""
        if self.scored:
            return None
        missing = next((one for one in self.samples if one.outcome is Outcome.UNAVAILABLE), None)
        if missing is None:
            return NO_REFERENCE
        return next((words for reason, words in _NO_VERIFIER.items() if reason == missing.reason), missing.detail)


@dataclass(frozen=True, slots=True)
class Score:
    """A mean over `problems` problems, in [0, 1], with its bootstrap interval; None where no problem is scored."""

    name: str
    value: float | None
    interval: Interval | None
    problems: int

    @property
    def percent(self) -> str:
        """The value as papers print it."""
        return "-" if self.value is None else f"{100 * self.value:.2f}"


@dataclass(frozen=True, slots=True)
class Group:
    """The problems of one subject or level, and their scores."""

    name: str
    problems: int
    scores: list[Score]


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """The grader against labels: samples that are right and were not judged so, and the reverse."""

    right: int
    wrong: int
    missed: list[str]  # sample ids labelled right, not judged correct
    invented: list[str]  # sample ids labelled wrong, judged correct

    @property
    def false_negative_rate(self) -> float | None:
        """Missed among those labelled right."""
        return len(self.missed) / self.right if self.right else None

    @property
    def false_positive_rate(self) -> float | None:
        """Invented among those labelled wrong."""
        return len(self.invented) / self.wrong if self.wrong else None


@dataclass(frozen=True, slots=True)
class Contamination:
    """How much of the benchmark the training set holds, and the scores without that."""

    training_set: str
    texts: int
    rule: str
    problems: int  # contaminated ones
    clean_scores: list[Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of one evaluation. Rates are shares of samples; `missing` are problems without any sample."""

    name: str
    benchmark: str
    grader: str
    decoding: Decoding
    problems: int
    samples: int
    unscored: int
    missing: int
    scores: list[Score]
    subjects: list[Group]
    levels: list[Group]
    no_answer_rate: float
    unjudged_rate: float
    truncated_rate: float
    outcomes: dict[str, int]
    labels: LabelAgreement | None = None
    contamination: Contamination | None = None
    records: list[ProblemRecord] = field(default_factory=list)

    def score(self, name: str) -> Score:
        """The score of that name. Raises `KeyError` where it was not asked for."""
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(name)

    @property
    def unscored_because(self) -> dict[str, int]:
        """How many problems have no score for which reason, the commonest first."""
        reasons = (record.unscored_because for record in self.records)
        return dict(Counter(reason for reason in reasons if reason is not None).most_common())

    def summary(self) -> dict[str, Any]:
        """All but the records, as JSON takes it."""
        values = {key: getattr(self, key) for key in _PLAIN}
        for key in ("scores", "subjects", "levels"):
            values[key] = [asdict(item) for item in getattr(self, key)]
        if self.labels is not None:
            rates = {
                "false_negative_rate": self.labels.false_negative_rate,
                "false_positive_rate": self.labels.false_positive_rate,
            }
            values["labels"] = {**asdict(self.labels), **rates}
        if self.contamination is not None:
            values["contamination"] = asdict(self.contamination)
        return values


_PLAIN = (
    "name benchmark grader decoding problems samples unscored unscored_because missing no_answer_rate unjudged_rate "
    "truncated_rate outcomes"
).split()


def rows_of(records: Sequence[ProblemRecord], grader: str) -> list[dict[str, Any]]:
    """One JSON row a problem: the problem, its samples with verdicts, its share of the scores."""
    rows: list[dict[str, Any]] = []
    for record in records:
        problem = record.problem
        rows.append(
            {
                "problem_id": problem.problem_id,
                "source": problem.source,
                "origin": problem.origin,
                "question": problem.question,
                "reference": problem.statement or problem.answer,
                "subject": problem.subject,
                "level": problem.level,
                "scored": record.scored,
                "unscored_because": record.unscored_because,
                "correct": record.correct,
                "values": record.values,
                "vote": None if record.vote is None else asdict(record.vote),
                "contaminated": record.contaminated,
                "grader": grader,
                "samples": [asdict(sample) for sample in record.samples],
            }
        )
    return rows
