"""`score`: problems and samples to a `Report`.

In: problems, samples in any order, a judge, and which k. Out: pass@k and maj@k with intervals, by subject and level,
rates, and every problem's record.

- A problem without a sample counts as not solved. A problem that cannot be judged (its reference cannot be read or is
  not known, its verifier is not installed) is *unscored*: in no score, counted beside it.
- pass@k is the unbiased closed form over all samples of a problem; maj@k takes the first k by index, and on a tie the
  class of equal answers that appeared first.
- A sample whose judgement timed out or crashed counts as not correct, and in `unjudged_rate`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Outcome, Problem, Sample
from mathpipe.evaluation.contamination import ContaminationFound
from mathpipe.evaluation.judging import (
    Judge,
    SampleRecord,
    is_scorable,
    judge_all,
    own_judge,
)
from mathpipe.evaluation.report import (
    Contamination,
    Decoding,
    Group,
    LabelAgreement,
    ProblemRecord,
    Report,
    Score,
    Vote,
)
from mathpipe.evaluation.statistics import bootstrap, pass_at_k
from verify.answer_classes import AnswerClass, Tie, among_first, classes_of, winner
from verify.percent import votes_of


class ScoreConfig(Config):
    """Which scores. None for a list: every power of two up to the fewest samples of a problem, and that."""

    pass_at: tuple[int, ...] | None = None
    majority_at: tuple[int, ...] | None = None
    decoding: Decoding = Decoding.UNKNOWN
    seed: int = 0  # of the bootstrap
    resamples: int = Field(default=10_000, ge=100)
    confidence: float = Field(default=0.95, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class _Plan:
    pass_at: tuple[int, ...]
    majority_at: tuple[int, ...]


def score(
    problems: Iterable[Problem],
    samples: Iterable[Sample],
    *,
    name: str = "",
    by: Judge | None = None,
    config: ScoreConfig | None = None,
    labels: Mapping[str, bool] | None = None,
    contaminated: ContaminationFound | None = None,
) -> Report:
    """Judge the samples and count. `labels` maps sample ids to whether they are truly right.

    Raises `InputError` for a sample of an unknown problem, for ids that come twice, for no problems, and for a k that
    is more than a problem's samples.
    """
    chosen, judge = config or ScoreConfig(), by or own_judge()
    listed = _unique(problems)
    work = _gathered(listed, samples)
    plan = _plan(chosen, [len(drawn) for _, drawn in work if drawn])
    found = contaminated.by_problem if contaminated else {}
    records = [
        _record(problem, judged, plan, found.get(problem.problem_id))
        for (problem, _), judged in zip(work, judge_all(work, judge), strict=True)
    ]
    judged = [sample for record in records for sample in record.samples]
    return Report(
        name=name,
        benchmark=", ".join(dict.fromkeys(problem.source for problem in listed)),
        grader=judge.title,
        decoding=chosen.decoding,
        problems=len(records),
        samples=len(judged),
        unscored=sum(not record.scored for record in records),
        missing=sum(not record.samples for record in records),
        scores=_scores(records, chosen),
        subjects=_groups(records, lambda problem: problem.subject, chosen),
        levels=_groups(records, lambda problem: problem.level, chosen),
        no_answer_rate=_rate(judged, lambda sample: sample.answer is None or sample.outcome is Outcome.NO_ANSWER),
        unjudged_rate=_rate(judged, lambda sample: not sample.judged),
        truncated_rate=_rate(judged, lambda sample: sample.finish is Finish.LENGTH),
        outcomes=dict(Counter(str(sample.outcome) for sample in judged)),
        labels=_agreement(records, labels) if labels else None,
        contamination=_contamination(records, contaminated, chosen) if contaminated else None,
        records=records,
    )


def _unique(problems: Iterable[Problem]) -> list[Problem]:
    listed = list(problems)
    if not listed:
        raise InputError("score", "at least one problem", "give a benchmark that has problems")
    counts = Counter(problem.problem_id for problem in listed)
    twice, times = counts.most_common(1)[0]
    if times > 1:
        raise InputError(
            f"problem {twice}", f"an id that comes once, not {times} times", "score each benchmark alone"
        )
    return listed


def _gathered(problems: Sequence[Problem], samples: Iterable[Sample]) -> list[tuple[Problem, list[Sample]]]:
    drawn: dict[str, list[Sample]] = {problem.problem_id: [] for problem in problems}
    seen: set[str] = set()
    for sample in samples:
        if sample.problem_id not in drawn:
            raise InputError(
                f"sample {sample.sample_id}",
                f"a problem of the benchmark (its problem_id {sample.problem_id} is none)",
                "score the samples against the benchmark they were drawn for",
            )
        if sample.sample_id in seen:
            raise InputError(f"sample {sample.sample_id}", "an id that comes once", "remove the repeated rows")
        seen.add(sample.sample_id)
        drawn[sample.problem_id].append(sample)
    return [
        (problem, sorted(drawn[problem.problem_id], key=lambda sample: (sample.index, sample.sample_id)))
        for problem in problems
    ]


def _plan(config: ScoreConfig, counts: Sequence[int]) -> _Plan:
    fewest = min(counts, default=1)
    usual = (*(2**power for power in range(fewest.bit_length())), fewest)
    pass_at = usual if config.pass_at is None else config.pass_at
    majority_at = tuple(k for k in usual if k > 2) if config.majority_at is None else config.majority_at
    for k in (*pass_at, *majority_at):
        if not 1 <= k <= fewest:
            raise InputError(
                f"k = {k}", f"a k from 1 to {fewest}, the fewest samples of a problem", "draw more samples"
            )
    return _Plan(tuple(sorted(set(pass_at))), tuple(sorted(set(majority_at))))


def _record(problem: Problem, samples: list[SampleRecord], plan: _Plan, contaminated: str | None) -> ProblemRecord:
    missing_verifier = any(sample.outcome is Outcome.UNAVAILABLE for sample in samples)
    if missing_verifier or not is_scorable(problem):
        return ProblemRecord(problem=problem, scored=False, samples=samples, contaminated=contaminated)
    votes = _votes(problem, samples, plan.majority_at)
    values = {f"pass@{k}": _pass(samples, k) for k in plan.pass_at}
    values |= {f"maj@{k}": float(vote is not None and vote.correct) for k, vote in votes.items()}
    widest = votes[max(votes)] if votes else None
    return ProblemRecord(
        problem=problem, scored=True, samples=samples, values=values, vote=widest, contaminated=contaminated
    )


def _pass(samples: Sequence[SampleRecord], k: int) -> float:
    return pass_at_k(len(samples), sum(sample.correct for sample in samples), k) if samples else 0.0


def _votes(problem: Problem, samples: Sequence[SampleRecord], majority_at: Sequence[int]) -> dict[int, Vote | None]:
    if not majority_at:
        return {}
    answers = [sample.answer for sample in samples[: max(majority_at)]]
    classes = classes_of(votes_of(problem.question, answers, problem.answer))
    return {k: _vote(among_first(classes, k), samples) for k in majority_at}


def _vote(classes: Sequence[AnswerClass], samples: Sequence[SampleRecord]) -> Vote | None:
    first = winner(classes, Tie.FIRST)
    if first is None:
        return None
    cast = sum(one.votes for one in classes)
    return Vote(first.answer, first.votes, cast, len(classes), samples[first.members[0]].correct)


def _scores(records: Sequence[ProblemRecord], config: ScoreConfig) -> list[Score]:
    scored = [record for record in records if record.scored]
    names = list(dict.fromkeys(name for record in scored for name in record.values))
    scores: list[Score] = []
    for name in names:
        values = [record.values[name] for record in scored]
        ends = bootstrap(values, seed=config.seed, resamples=config.resamples, confidence=config.confidence)
        scores.append(Score(name, sum(values) / len(values), ends, len(values)))
    return scores or [Score("pass@1", None, None, 0)]


def _groups(
    records: Sequence[ProblemRecord], key: Callable[[Problem], str | None], config: ScoreConfig
) -> list[Group]:
    found: dict[str, list[ProblemRecord]] = defaultdict(list)
    for record in records:
        name = key(record.problem)
        if name is not None:
            found[name].append(record)
    return [Group(name, len(found[name]), _scores(found[name], config)) for name in sorted(found)]


def _rate(samples: Sequence[SampleRecord], counts: Callable[[SampleRecord], bool]) -> float:
    return sum(map(counts, samples)) / len(samples) if samples else 0.0


def _agreement(records: Sequence[ProblemRecord], labels: Mapping[str, bool]) -> LabelAgreement:
    pairs = [
        (sample, labels[sample.sample_id])
        for record in records
        for sample in record.samples
        if sample.sample_id in labels
    ]
    return LabelAgreement(
        right=sum(label for _, label in pairs),
        wrong=sum(not label for _, label in pairs),
        missed=[sample.sample_id for sample, label in pairs if label and not sample.correct],
        invented=[sample.sample_id for sample, label in pairs if not label and sample.correct],
    )


def _contamination(records: Sequence[ProblemRecord], found: ContaminationFound, config: ScoreConfig) -> Contamination:
    clean = [record for record in records if record.contaminated is None]
    return Contamination(
        found.training_set, found.texts, found.rule, len(records) - len(clean), _scores(clean, config)
    )
