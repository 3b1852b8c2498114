"""A sample judged against its problem: what is claimed, by which grader, and what came of it.

In: a `Problem` and its `Sample`s. Out: a `SampleRecord` each. The answer is extracted once, by the rules of
`verify.extract_answer`, and its span is kept.

How answers are compared (`Comparison` in `mathpipe.generate.problems.registry`):

- value: `verify.check_answer`, after the percent rule of `verify.percent`.
- choice: the reference is `(A) content`; the letter decides, or what the option says.
- proof: the last ```lean block, judged by Lean against the statement. Programs: the last ```python block and tests.

A reference that cannot be read, or is not known, judges nothing: its problem is *unscored*, never right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import mathpipe
from mathpipe.core.records import Finish, Outcome, Problem, ProblemKind, Sample, Verdict
from mathpipe.generate.forms.proof import proof_body
from mathpipe.generate.problems import BENCHMARKS, Comparison
from verify import percent
from verify.answers.extract import find_answer
from verify.answers.extract_blocks import fenced_blocks
from verify.answers.judgement import Reason
from verify.claims import AnswerClaim, Claim, IoTest, ProgramClaim, ProofClaim
from verify.graders import find_rules
from verify.judge import judge

_OWN_REASONS = {Outcome.CORRECT: "correct", Outcome.WRONG: "wrong"}


class ClaimPool(Protocol):
    """What a `VerifierPool` offers: verdicts in the order of the claims."""

    def map(self, claims: Iterable[Claim]) -> Iterable[Verdict]:
        """A verdict for each claim."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A grader by name and version. `verdicts` maps claims to verdicts in order and is total."""

    name: str
    version: str
    verdicts: Callable[[Iterable[Claim]], Iterable[Verdict]]
    percent_rule: bool = True

    @property
    def title(self) -> str:
        """As it stands beside every score."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One sample and its verdict. `start` and `end` are the answer's place in `text`, in characters; -1 for none."""

    sample_id: str
    index: int
    outcome: Outcome
    reason: str
    detail: str
    answer: str | None
    start: int = -1
    end: int = -1
    text: str = ""
    finish: Finish = Finish.STOP

    @property
    def correct(self) -> bool:
        """Whether it was judged correct; everything else is not."""
        return self.outcome is Outcome.CORRECT

    @property
    def judged(self) -> bool:
        """Whether there is a judgement: a timeout, a crash or a verifier that is missing is none."""
        return self.outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER)


def own_judge(pool: ClaimPool | None = None) -> Judge:
    """mathpipe's verifiers: in the pool where one is given, which nothing can hang or kill, else in this thread."""
    return Judge("mathpipe", mathpipe.version(), pool.map if pool is not None else lambda claims: map(judge, claims))


def rule_judge(name: str) -> Judge:
    """Another rule of `verify.graders`, such as `tora` or `qwen`. Raises `InputError` for one that is not there."""
    rule = find_rules([name])[0]

    def verdict(claim: Claim) -> Verdict:
        if not isinstance(claim, AnswerClaim):
            return judge(claim)
        grade = rule.grade(claim.reference, claim.candidate)
        if grade.correct is None:
            return Verdict(Outcome.UNAVAILABLE, grade.why, 0.0, "no-grade")
        outcome = Outcome.CORRECT if grade.correct else Outcome.WRONG
        return Verdict(outcome, grade.why, 0.0, _OWN_REASONS[outcome])

    return Judge(rule.name, rule.version, lambda claims: map(verdict, claims), percent_rule=False)


def is_scorable(problem: Problem) -> bool:
    """Whether there is something to judge by: a statement, tests, or a reference that can be read."""
    if problem.kind is ProblemKind.PROOF:
        return bool(problem.statement)
    if problem.kind is ProblemKind.CODE:
        return bool(problem.tests) or problem.answer is not None
    if problem.answer is None or not problem.answer.strip():
        return False
    if comparison_of(problem) is Comparison.CHOICE:
        return True
    return judge(AnswerClaim(problem.answer, "0")).reason != Reason.UNREADABLE_REFERENCE


def comparison_of(problem: Problem) -> Comparison:
    """How the problem's answers compare: as its benchmark says."""
    benchmark = BENCHMARKS.get(problem.source)
    if benchmark is not None:
        return benchmark.comparison
    return Comparison.PROOF if problem.kind is ProblemKind.PROOF else Comparison.VALUE


def judge_samples(problem: Problem, samples: Sequence[Sample], by: Judge) -> list[SampleRecord]:
    """The records of one problem's samples in order of their index."""
    return next(judge_all([(problem, samples)], by))


def judge_all(work: Sequence[tuple[Problem, Sequence[Sample]]], by: Judge) -> Iterator[list[SampleRecord]]:
    """The records of every problem, in order; all claims go to the grader as one stream."""
    found = [[_answer(problem, sample) for sample in samples] for problem, samples in work]
    claims = (
        claim_of(problem, sample, answer.text, percent_rule=by.percent_rule)
        for (problem, samples), answers in zip(work, found, strict=True)
        for sample, answer in zip(samples, answers, strict=True)
    )
    verdicts = iter(by.verdicts(claims))
    for (problem, samples), answers in zip(work, found, strict=True):
        yield [
            _record(sample, answer, next(verdicts), by_percent=by.percent_rule and _by_percent(problem, answer.text))
            for sample, answer in zip(samples, answers, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    text: str | None
    start: int = -1
    end: int = -1


def _answer(problem: Problem, sample: Sample) -> _Found:
    if problem.kind is ProblemKind.CODE:
        return _Found(last_block(sample.text, ("python", "py", "python3")) or None)
    found = find_answer(sample.text)
    if found is None:
        return _Found(sample.answer if not sample.text.strip() else None)
    return _Found(found.text, found.start, found.end)


def _record(sample: Sample, answer: _Found, verdict: Verdict, *, by_percent: bool) -> SampleRecord:
    detail = f"{verdict.detail}; {percent.PERCENT_ASKED}" if by_percent else verdict.detail
    return SampleRecord(
        sample_id=sample.sample_id,
        index=sample.index,
        outcome=verdict.outcome,
        reason=str(verdict.reason),
        detail=detail,
        answer=answer.text,
        start=answer.start,
        end=answer.end,
        text=sample.text,
        finish=sample.finish,
    )


def claim_of(problem: Problem, sample: Sample, answer: str | None, *, percent_rule: bool = True) -> Claim:
    """What the sample claims of the problem."""
    text = sample.text if sample.text.strip() else sample.answer or ""
    if problem.kind is ProblemKind.PROOF:
        statement = problem.statement or ""
        # A block that repeats the theorem, as the prompt elicits it, is taken for its proof: as selection does.
        proof = sample.answer or proof_body(last_block(text, ("lean", "lean4"), whole=True), statement)
        return ProofClaim(statement, proof)
    if problem.kind is ProblemKind.CODE:
        tests = tuple(IoTest(test.stdin, test.stdout) for test in problem.tests)
        return ProgramClaim(last_block(text, ("python", "py", "python3")), tests, problem.answer)
    reference = problem.answer or ""
    if percent_rule:
        reference = percent.stated_reference(problem.question, reference, answer)
    return AnswerClaim(reference, text)


def _by_percent(problem: Problem, answer: str | None) -> bool:
    return problem.kind is ProblemKind.ANSWER and percent.is_by_percent(problem.question, problem.answer, answer)


def last_block(text: str, languages: tuple[str, ...], *, whole: bool = False) -> str:
    """The last fenced block in one of the languages; without any block, the whole text or nothing."""
    blocks = [block for block in fenced_blocks(text) if block.language in languages]
    if blocks:
        return text[blocks[-1].start : blocks[-1].end]
    return text if whole and "```" not in text else ""
