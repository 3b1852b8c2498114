"""`compare`: two reports on the same problems: which problems flipped, and whether that could be chance.

In: two `Report`s. Out: a `Comparison` with an exact two-sided sign test, overall and by subject. A problem is a win
where the right report's pass@1 is higher; equal ones are ties and left out of the test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.evaluation.report import ProblemRecord, Report
from mathpipe.evaluation.statistics import sign_test


@dataclass(frozen=True, slots=True)
class Flip:
    """A problem on which the two differ: the share of correct samples on either side."""

    problem_id: str
    subject: str | None
    question: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Problems that the right report solves more often (`gained`), less often (`lost`); two-sided sign test."""

    name: str
    problems: int
    left: float
    right: float
    gained: int
    lost: int
    p_value: float


@dataclass(frozen=True, slots=True)
class ReportComparison:
    """Left against right. `only_left` and `only_right` count problems that the other has not scored."""

    left: str
    right: str
    graders: tuple[str, str]
    overall: Tally
    subjects: list[Tally]
    flips: list[Flip]
    only_left: int
    only_right: int

    def as_json(self) -> dict[str, Any]:
        """As a mapping for a JSON file."""
        return asdict(self)


def compare(left: Report, right: Report) -> ReportComparison:
    """Compare on the problems that both have scored. Raises `InputError` where there are none."""
    first, second = _shares(left), _shares(right)
    shared = [problem_id for problem_id in first if problem_id in second]
    if not shared:
        raise InputError(f"{left.name} and {right.name}", "reports on the same problems", "score the same benchmark")
    pairs = [(first[one], second[one]) for one in shared]
    subjects: dict[str, list[tuple[_Share, _Share]]] = defaultdict(list)
    for one, other in pairs:
        if one.record.problem.subject is not None:
            subjects[one.record.problem.subject].append((one, other))
    flips = [
        Flip(
            one.record.problem.problem_id,
            one.record.problem.subject,
            one.record.problem.question,
            one.value,
            other.value,
        )
        for one, other in pairs
        if one.value != other.value
    ]
    return ReportComparison(
        left=left.name,
        right=right.name,
        graders=(left.grader, right.grader),
        overall=_tally("all", pairs),
        subjects=[_tally(name, subjects[name]) for name in sorted(subjects)],
        flips=sorted(flips, key=lambda flip: flip.right - flip.left),
        only_left=len(first) - len(shared),
        only_right=len(second) - len(shared),
    )


@dataclass(frozen=True, slots=True)
class _Share:
    record: ProblemRecord
    value: float


def _shares(report: Report) -> dict[str, _Share]:
    return {
        record.problem.problem_id: _Share(record, record.correct / max(1, len(record.samples)))
        for record in report.records
        if record.scored
    }


def _tally(name: str, pairs: Sequence[tuple[_Share, _Share]]) -> Tally:
    gained = sum(other.value > one.value for one, other in pairs)
    lost = sum(other.value < one.value for one, other in pairs)
    means = [sum(share.value for share in side) / len(pairs) for side in zip(*pairs, strict=True)]
    return Tally(name, len(pairs), means[0], means[1], gained, lost, sign_test(gained, lost))
