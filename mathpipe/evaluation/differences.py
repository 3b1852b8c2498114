"""Where a re-scoring differs from what published outputs say of themselves, and why.

In: a `PublishedOutputs`, its `Report`, and what the file says: its extracted answers, its verdicts (or those of the
rule it was graded by, for files that keep none). Out: `Difference`s, each with an explanation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathpipe.core.records import Problem
from mathpipe.evaluation.judging import SampleRecord
from mathpipe.evaluation.published import PublishedOutputs
from mathpipe.evaluation.report import Report
from verify.answer_classes import same_answer
from verify.graders import find_rules
from verify.percent import PERCENT_ASKED, asks_percent, without_percent

_TAIL = 90


class DifferenceKind(StrEnum):
    """What differs."""

    VERDICT = "verdict"
    ANSWER = "answer"  # another answer was extracted
    SPELLING = "spelling"  # the same answer, spelled otherwise


@dataclass(frozen=True, slots=True)
class Difference:
    """One sample: what the file says, what we say, why they differ. `origin` is the problem's file and line."""

    kind: DifferenceKind
    sample_id: str
    origin: str
    reference: str
    theirs: str
    ours: str
    why: str


def verdicts_by_rule(outputs: PublishedOutputs, rule: str) -> dict[str, bool]:
    """Verdicts of a named rule on the answers that the file itself extracted."""
    grader = find_rules([rule])[0]
    references = {problem.problem_id: problem.answer or "" for problem in outputs.problems}
    return {
        sample.sample_id: grader.grade(
            references[sample.problem_id], outputs.predictions.get(sample.sample_id, sample.text)
        ).correct
        is True
        for sample in outputs.samples
    }


def find_differences(
    outputs: PublishedOutputs, report: Report, verdicts: Mapping[str, bool] | None = None
) -> list[Difference]:
    """Every sample whose verdict or extracted answer is another than the file's; verdicts first."""
    stated = outputs.verdicts if verdicts is None else verdicts
    found: list[Difference] = []
    for record in report.records:
        for sample in record.samples:
            answer = outputs.predictions.get(sample.sample_id)
            judged = stated.get(sample.sample_id)
            if judged is not None and judged != sample.correct:
                found.append(_verdict(record.problem, sample, answer, judged))
            elif answer is not None and answer != (sample.answer or ""):
                found.append(_extraction(record.problem, sample, answer))
    order = list(DifferenceKind)
    return sorted(found, key=lambda one: order.index(one.kind))


def _verdict(problem: Problem, sample: SampleRecord, answer: str | None, judged: bool) -> Difference:
    theirs = f"{'right' if judged else 'wrong'}: {_short(answer if answer is not None else sample.text)}"
    ours = f"{sample.outcome}: {_short(sample.answer or 'no answer')}"
    why = f"{sample.reason}: {sample.detail}"
    return Difference(
        DifferenceKind.VERDICT, sample.sample_id, problem.origin, problem.answer or "", theirs, ours, why
    )


def _extraction(problem: Problem, sample: SampleRecord, answer: str) -> Difference:
    kind, why = _why(problem, sample, answer)
    ours = _short(sample.answer or "no answer")
    return Difference(kind, sample.sample_id, problem.origin, problem.answer or "", _short(answer), ours, why)


def _why(problem: Problem, sample: SampleRecord, answer: str) -> tuple[DifferenceKind, str]:
    if sample.answer is None:
        return DifferenceKind.ANSWER, f"our rules find no answer; the text ends: {_short(sample.text)}"
    bare = without_percent(sample.answer)
    if bare != sample.answer and same_answer(bare, answer):
        asked = PERCENT_ASKED if asks_percent(problem.question, problem.answer) else "the question does not"
        return DifferenceKind.SPELLING, f"their extraction drops the percent sign, {asked}"
    if _without_zeros(sample.answer) == _without_zeros(answer):
        return DifferenceKind.SPELLING, "their extraction drops the zeros after the point"
    if "".join(sample.answer.split()) == "".join(answer.split()):
        return DifferenceKind.SPELLING, "they differ in blanks"
    if same_answer(sample.answer, answer):
        return DifferenceKind.SPELLING, "another spelling of the same answer"
    return DifferenceKind.ANSWER, f"another place of the text was read; it ends: {_short(sample.text)}"


def _without_zeros(answer: str) -> str:
    whole, point, places = answer.partition(".")
    return whole if point and places.strip("0") == "" else answer


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TAIL else "…" + flat[-_TAIL:]


def grouped(differences: Iterable[Difference]) -> dict[str, list[Difference]]:
    """The differences by kind and explanation (what comes before its first semicolon), the most frequent first."""
    found: dict[str, list[Difference]] = defaultdict(list)
    for one in differences:
        found[f"{one.kind}: {one.why.partition(';')[0]}"].append(one)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def by_kind(differences: Sequence[Difference]) -> Counter[DifferenceKind]:
    """How many differences of each kind there are."""
    return Counter(one.kind for one in differences)
