"""Problems and their solutions as a person looks at them, whatever files they came from.

A `Look` at a sample is a word for the verdict: a verifier's `Outcome`, or, where no reference is known, whether the
sample agrees with the majority's answer, or that nobody has judged it yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathpipe.core.records import Segment
from mathpipe.inspect import figures


class Look(StrEnum):
    """What is known of a sample."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no-answer"
    TIMEOUT = "timeout"
    CRASH = "crash"
    UNAVAILABLE = "unavailable"
    AGREES = "agrees"  # with the majority of its problem's samples: nobody verified anything
    DIFFERS = "differs"  # from that majority
    NOT_JUDGED = "not-judged"

    @property
    def words(self) -> str:
        """As it stands beside a sample."""
        return _WORDS.get(self, self.value.replace("-", " "))

    @property
    def mark(self) -> str:
        """A sign that tells the verdict without any colour."""
        return _MARKS.get(self, "?")


_WORDS = {Look.AGREES: "agrees with the majority", Look.DIFFERS: "differs from the majority"}
_MARKS = {
    Look.CORRECT: "✓",
    Look.AGREES: "≈",
    Look.WRONG: "✗",
    Look.DIFFERS: "≠",
    Look.NO_ANSWER: "∅",
    Look.NOT_JUDGED: "·",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLook:
    """One sample. `detail` says why the verdict; `note` is the generator's own; None where the files say nothing."""

    sample_id: str
    look: Look
    segments: Sequence[Segment]
    answer: str | None = None
    reason: str = ""
    detail: str = ""
    note: str = ""
    fate: str = ""
    role: str = ""  # of a pair: chosen or rejected
    form: str = ""
    finish: str = ""
    model: str = ""
    seed: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    asked: bool = False  # whether it is the one that was asked for

    @property
    def language(self) -> str:
        """What its programs are written in."""
        return "lean4" if self.form == "proof" else "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLook:
    """One problem and its samples. `facts` are names and values that matter where it comes from."""

    number: int
    problem_id: str
    question: str
    answer: str | None
    answer_source: str
    pass_rate: float | None
    statement: str | None = None
    solution: str | None = None
    tests: Sequence[tuple[str, str]] = ()  # what a program reads and must print
    facts: Sequence[tuple[str, str]] = ()
    samples: Sequence[SampleLook] = ()

    @property
    def looks(self) -> dict[Look, int]:
        """How many samples have which verdict, in the order of `Look`."""
        counts = Counter(sample.look for sample in self.samples)
        return {look: counts[look] for look in Look if counts[look]}

    @property
    def answer_title(self) -> str:
        """What the samples were held against."""
        return "majority's answer" if self.answer_source == "majority" else "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionSummary:
    """What the files hold in all. Counts are by name, the most frequent first; verdicts in the order of `Look`."""

    title: str
    kind: str  # what the files are
    problems: int
    samples: int
    looks: dict[Look, int]
    pass_rates: dict[str, int]  # problems by share of samples that are right; the last without a share
    mean_pass_rate: float | None
    forms: dict[str, int]
    finishes: dict[str, int]
    fates: dict[str, int]
    models: dict[str, int]
    tokens: int | None  # written by the model, all samples together
    longest: int | None


def sample_verdict(sample: SampleLook) -> list[tuple[str, str]]:
    """What was extracted from a sample, what came of it, and why."""
    rows = (
        ("answer", sample.answer if sample.answer is not None else "(none found)"),
        ("why", ": ".join(part for part in (sample.reason, sample.detail) if part)),
        ("note", "" if sample.note == sample.detail else sample.note),
        ("selection", sample.fate),
    )
    return [(name, value) for name, value in rows if value]


def sample_facts(sample: SampleLook) -> list[tuple[str, str]]:
    """How a sample was made and judged."""
    tokens = "" if sample.completion_tokens is None else f"{sample.completion_tokens:,} written"
    if tokens and sample.prompt_tokens is not None:
        tokens += f", {sample.prompt_tokens:,} in the prompt"
    facts = (
        ("form", sample.form),
        ("ended by", sample.finish),
        ("tokens", tokens),
        ("judged in", "" if sample.seconds is None or sample.seconds < 0.001 else figures.duration(sample.seconds)),
        ("model", sample.model),
        ("seed", "" if sample.seed is None else str(sample.seed)),
        ("sample", sample.sample_id),
    )
    return [(name, value) for name, value in facts if value]
