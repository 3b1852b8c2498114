"""`select`: samples judged, deduplicated by reasoning, kept by difficulty; the wrong ones kept for pairs and reading.

In: problems, n samples of each, a judge (`VerifierPool`), a store of verdicts. Out: a `Selection`. This is rejection
sampling (RFT: Yuan et al., arXiv 2308.01825) with the bookkeeping that expert iteration needs.

What it says of a kept solution is answer-correct (or tests-passed, or proof-accepted), never reasoning-verified.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind, Sample, Verdict
from mathpipe.selection.choosing import is_for_grpo, pairs_of, with_classes, with_fates
from mathpipe.selection.claims import answer_of, claim_of, has_reference, solved_by
from mathpipe.selection.config import SelectionConfig
from mathpipe.selection.judging import Judge, verdicts_on
from mathpipe.selection.records import AnswerSource, Judgement, ProblemResult, Selection
from mathpipe.selection.verdict_store import VerdictStore
from mathpipe.selection.voting import VoteResult, hold_vote
from verify import Claim


def select(
    problems: Iterable[Problem],
    samples: Iterable[Sample],
    judge: Judge,
    config: SelectionConfig | None = None,
    *,
    store: VerdictStore | None = None,
) -> Selection:
    """Judge all samples and choose. Samples of several rounds or models may be given together.

    Raises `InputError` for a problem that comes twice or stands in a refused split, for a sample of an unknown
    problem, and for two different samples under one id.
    """
    chosen, verdicts = config or SelectionConfig(), store or VerdictStore()
    known = _known(problems, chosen)
    grouped = _grouped(known, samples)
    judged = _judged(known, grouped, judge, chosen, verdicts)
    results = []
    for problem in known.values():
        result = judged[problem.problem_id]
        if result.source is AnswerSource.NONE and problem.kind is ProblemKind.ANSWER and chosen.majority:
            result = _elected(result, judge, chosen, verdicts)
        result = replace(result, judgements=with_classes(result.judgements, chosen.near_equal))
        results.append(with_fates(result, chosen))
    return Selection(
        results=results,
        pairs=[pair for result in results for pair in pairs_of(result, chosen)],
        grpo=[result for result in results if is_for_grpo(result, chosen)],
        counts=dict(Counter(one.fate for result in results for one in result.judgements)),
    )


def _known(problems: Iterable[Problem], config: SelectionConfig) -> dict[str, Problem]:
    known: dict[str, Problem] = {}
    for problem in problems:
        if problem.split in config.refused_splits:
            raise InputError(
                f"problem {problem.problem_id} of {problem.source}", f"no split of {sorted(config.refused_splits)}",
                "select training problems only: evaluation sets never become training data",
            )  # fmt: skip
        if known.setdefault(problem.problem_id, problem) != problem:
            raise InputError(f"problem {problem.problem_id}", "one problem an id", "remove one of the two")
    return known


def _grouped(known: dict[str, Problem], samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    grouped: dict[str, dict[str, Sample]] = defaultdict(dict)
    for sample in samples:
        if sample.problem_id not in known:
            raise InputError(
                f"sample {sample.sample_id}", f"a problem {sample.problem_id} among those given",
                "give the problems that the samples were made from",
            )  # fmt: skip
        group = grouped[sample.problem_id]
        if group.setdefault(sample.sample_id, sample) != sample:
            raise InputError(f"sample {sample.sample_id}", "one text under one id", "remove the older of the two")
    return {name: sorted(group.values(), key=lambda one: one.sample_id) for name, group in grouped.items()}


def _judged(
    known: dict[str, Problem],
    grouped: dict[str, list[Sample]],
    judge: Judge,
    config: SelectionConfig,
    store: VerdictStore,
) -> dict[str, ProblemResult]:
    """All claims of all problems go to the pool together: its workers never wait for a problem's end."""
    found: dict[str, Verdict] = {}
    claims: list[tuple[str, Claim]] = []
    for name, group in grouped.items():
        for sample in group if has_reference(known[name]) else ():
            claim = claim_of(known[name], sample, guards=config.guards)
            if isinstance(claim, Verdict):
                found[sample.sample_id] = claim
            else:
                claims.append((sample.sample_id, claim))
    found.update(zip((key for key, _ in claims), verdicts_on(claims, judge, store), strict=True))
    return {name: _result(problem, grouped.get(name, []), found) for name, problem in known.items()}


def _result(problem: Problem, samples: Sequence[Sample], found: dict[str, Verdict]) -> ProblemResult:
    source = AnswerSource.REFERENCE if has_reference(problem) else AnswerSource.NONE
    answer = problem.answer if source is AnswerSource.REFERENCE else None
    judgements = []
    for sample in samples:
        verdict = found.get(sample.sample_id)
        given = answer_of(sample) if problem.kind is ProblemKind.ANSWER else None
        marked = sample
        if verdict is not None:
            marked = replace(sample, answer=given, outcome=verdict.outcome, detail=verdict.detail)
        solved = None if verdict is None else solved_by(problem.kind, verdict)
        judgements.append(Judgement(marked, verdict, solved, given))
    return _counted(ProblemResult(problem, judgements, 0, 0, source, answer))


def _counted(result: ProblemResult) -> ProblemResult:
    said = [one.solved for one in result.judgements if one.solved is not None]
    return replace(result, judged=len(said), solved=sum(said))


def _elected(result: ProblemResult, judge: Judge, config: SelectionConfig, store: VerdictStore) -> ProblemResult:
    """The result held against the majority's answer; as it was where the vote elects none.

    Verdicts stay None: nobody verified anything.
    """
    answers = [one.answer for one in result.judgements]
    vote = hold_vote(
        answers,
        judge,
        store,
        min_share=config.majority_min_share,
        min_votes=config.majority_min_votes,
        question=result.problem.question,
    )
    if vote.result is not VoteResult.ELECTED:
        return result
    agree = set(vote.members)
    judgements = [replace(one, solved=at in agree) for at, one in enumerate(result.judgements)]
    marked = replace(
        result, judgements=judgements, source=AnswerSource.MAJORITY, answer=vote.answer, agreement=vote.share
    )
    return _counted(marked)
