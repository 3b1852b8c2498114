"""What selection makes: judged samples and problems, and the rows of the three training layouts.

A right answer says nothing of the reasoning before it (of OpenAI's human-checked GSM8K solutions some were right by
wrong reasoning), so every row says what exactly was `checked`: "answer-correct" is not "reasoning-verified".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mathpipe.core.records import Form, Outcome, Problem, ProblemKind, Sample, Segment, Verdict
from mathpipe.generate.templates import Message
from verify import IoTest


class Layout(StrEnum):
    """The data sets that are written."""

    SFT = "sft"
    DPO = "dpo"
    GRPO = "grpo"


class AnswerSource(StrEnum):
    """What the samples of a problem were held against."""

    REFERENCE = "reference"  # the problem's own answer, tests or statement
    MAJORITY = "majority"  # the samples' own votes: agreement, not truth
    NONE = "none"


class Checked(StrEnum):
    """What is known of a kept solution. None of these says that the reasoning is right, but for proofs."""

    ANSWER_CORRECT = "answer-correct"
    MAJORITY_AGREES = "agrees-with-majority"
    TESTS_PASSED = "tests-passed"
    PROOF_ACCEPTED = "proof-accepted"


class Fate(StrEnum):
    """What became of a sample."""

    KEPT = "kept"  # a row of the SFT set
    WRONG = "wrong"  # judged, and not right: may be the rejected side of a pair
    UNSCORED = "unscored"  # the verifier's fault: no judgement of the sample
    NO_REFERENCE = "no-reference"  # nothing to hold it against, and no majority
    UNFINISHED = "unfinished"  # right, but cut off by a limit
    SAME_REASONING = "same-reasoning"  # right, and a shorter one reasons alike
    OUTSIDE_BANDS = "outside-bands"  # right, but the problem's pass rate is not wanted
    OVER_CAP = "over-cap"  # right, but its problem has enough
    FEW_JUDGED = "few-judged"  # right, but too few samples were judged for a pass rate


PromptOf = Callable[[Problem, Form], list[Message]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sample with what came of it. `solved` is None where nothing can be said; `verdict` where none was asked."""

    sample: Sample
    verdict: Verdict | None
    solved: bool | None
    answer: str | None
    fate: Fate = Fate.UNSCORED
    reasoning: str = ""  # identifier of the class of equal reasoning; empty where it was not looked at


@dataclass(frozen=True, slots=True)
class ProblemResult:
    """A problem, all its samples, and how often it was solved.

    `judged` counts samples with `solved` not None. `answer` is what they were held against (a majority's most
    frequent spelling), `agreement` the majority's share of all samples.
    """

    problem: Problem
    judgements: list[Judgement]
    judged: int
    solved: int
    source: AnswerSource
    answer: str | None = None
    agreement: float | None = None

    @property
    def pass_rate(self) -> float | None:
        """Solved over judged; None where nothing was judged."""
        return self.solved / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Pair:
    """A right and a wrong sample of one problem in one form."""

    problem_id: str
    chosen: Judgement
    rejected: Judgement


@dataclass(frozen=True, slots=True)
class Selection:
    """All that was judged, what is kept of it, and the pairs. `counts` is by fate."""

    results: list[ProblemResult]
    pairs: list[Pair]
    grpo: list[ProblemResult]
    counts: dict[Fate, int]

    @property
    def kept(self) -> list[tuple[ProblemResult, Judgement]]:
        """The rows of the SFT set, in the order of the problems."""
        return [(result, one) for result in self.results for one in result.judgements if one.fate is Fate.KEPT]


# --- rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SftRow:
    """One solution to imitate: TRL's conversational `prompt` and `completion`, and where it comes from."""

    prompt: list[Message]
    completion: list[Message]
    checked: Checked
    form: Form
    answer: str | None
    reference: str | None
    answer_source: AnswerSource
    agreement: float | None
    pass_rate: float
    judged: int
    outcome: Outcome | None
    reason: str
    detail: str
    reasoning: str
    completion_tokens: int
    segments: list[Segment]
    sample_id: str
    problem_id: str
    model: str
    seed: int
    source: str
    split: str
    origin: str
    subject: str | None
    level: str | None
    license: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DpoRow:
    """A right and a wrong solution: TRL's conversational `prompt`, `chosen` and `rejected`."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    checked: Checked
    form: Form
    reference: str | None
    answer_source: AnswerSource
    pass_rate: float
    judged: int
    chosen_answer: str | None
    chosen_outcome: Outcome | None
    chosen_reason: str
    chosen_tokens: int
    chosen_sample_id: str
    chosen_model: str
    chosen_seed: int
    rejected_answer: str | None
    rejected_outcome: Outcome | None
    rejected_reason: str
    rejected_tokens: int
    rejected_sample_id: str
    rejected_model: str
    rejected_seed: int
    problem_id: str
    source: str
    split: str
    origin: str
    license: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpoRow:
    """A problem to explore: `prompt`, and the columns `verify.rewards` reads (`answer`, `tests`, `statement`)."""

    prompt: list[Message]
    answer: str | None
    tests: list[IoTest]
    statement: str | None
    kind: ProblemKind
    form: Form
    answer_source: AnswerSource
    agreement: float | None
    pass_rate: float | None
    judged: int
    problem_id: str
    sample_ids: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    source: str
    split: str
    origin: str
    subject: str | None
    level: str | None
    license: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """A sample with its verdict and its fate, for reading: the right ones and the wrong ones."""

    sample_id: str
    problem_id: str
    question: str
    text: str
    segments: list[Segment]
    form: Form
    fate: Fate
    solved: bool | None
    outcome: Outcome | None
    reason: str
    detail: str
    seconds: float
    answer: str | None
    reference: str | None
    answer_source: AnswerSource
    agreement: float | None
    pass_rate: float | None
    judged: int
    reasoning: str
    finish: str
    completion_tokens: int
    model: str
    seed: int
    source: str
    split: str
    origin: str
    license: str | None
