"""What a sample claims, and what a verdict on it says.

In: a problem and a sample. Out: a claim for the verifiers, or a verdict where none need be asked. A verdict becomes
solved, not solved, or None where the verifier failed and not the sample: the same rule as `verify.rewards`. Where a
question asks for a percentage, `verify.percent` says what an answer is held against, as in evaluation.
"""

from __future__ import annotations

from mathpipe.core.records import Form, Outcome, Problem, ProblemKind, Sample, SegmentKind, Verdict
from mathpipe.evaluation.judging import last_block
from verify import AnswerClaim, Claim, IoTest, ProgramClaim, ProofClaim, extract_answer
from verify.answers.judgement import Reason
from verify.percent import stated_reference
from verify.programs import ProgramReason
from verify.rewards import GUARDS, Attempt, find_gaming

_PYTHON = ("python", "py", "python3")
_LEAN = ("lean", "lean4")


def has_reference(problem: Problem) -> bool:
    """Whether there is something to hold a solution against."""
    match problem.kind:
        case ProblemKind.ANSWER:
            return bool(problem.answer and problem.answer.strip())
        case ProblemKind.CODE:
            return bool(problem.tests)
        case ProblemKind.PROOF:
            return bool(problem.statement and problem.statement.strip())


def answer_of(sample: Sample) -> str | None:
    """What was extracted when the sample was made, else what its text says.

    A program's answer is what the sandbox saw it print when it ran to its end; its text proves nothing of that.
    """
    if sample.answer is not None or sample.form is Form.PROGRAM:
        return sample.answer
    return extract_answer(sample.text)


def claim_of(problem: Problem, sample: Sample, *, guards: bool = True) -> Claim | Verdict:
    """What is to be verified; a verdict where that is clear without."""
    match problem.kind:
        case ProblemKind.CODE:
            tests = tuple(IoTest(test.stdin, test.stdout) for test in problem.tests)
            return ProgramClaim(program_of(sample), tests)
        case ProblemKind.PROOF:
            proof = sample.answer if sample.answer is not None else last_block(sample.text, _LEAN, whole=True)
            return ProofClaim(problem.statement or "", proof)
        case ProblemKind.ANSWER:
            return _answer_claim(problem, sample, guards)


def _answer_claim(problem: Problem, sample: Sample, guards: bool) -> Claim | Verdict:
    reference = problem.answer or ""
    if guards and sample.form is not Form.PROGRAM:  # what a program printed is not prose with marks and boxes
        gaming = find_gaming(Attempt(sample.text, reference, problem.question), GUARDS)
        if gaming is not None:
            return Verdict(Outcome.WRONG, f"refused: {gaming}", 0.0, gaming)
    answer = answer_of(sample)
    if answer is None:
        return Verdict(Outcome.NO_ANSWER, "the sample gives no answer", 0.0, Reason.NO_ANSWER_FOUND)
    return AnswerClaim(stated_reference(problem.question, reference, answer), answer)


def program_of(sample: Sample) -> str:
    """The sample's last program; empty where it has none."""
    programs = [part.text for part in sample.segments if part.kind is SegmentKind.CODE]
    return programs[-1] if programs else last_block(sample.text, _PYTHON)


def solved_by(kind: ProblemKind, verdict: Verdict) -> bool | None:
    """Whether the verdict says that the sample solves its problem; None where the fault is not the sample's."""
    if verdict.outcome in (Outcome.CORRECT, Outcome.WRONG):
        return verdict.outcome is Outcome.CORRECT
    if verdict.outcome is Outcome.NO_ANSWER:
        return None if verdict.reason == Reason.UNREADABLE_REFERENCE else False
    if kind is ProblemKind.ANSWER or verdict.outcome is Outcome.UNAVAILABLE:
        return None
    # A program or a proof that does not end in time has failed; a program that dies of memory, too.
    failed = verdict.outcome is Outcome.TIMEOUT or verdict.reason == ProgramReason.DIED
    return False if failed else None
