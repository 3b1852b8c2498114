"""A small run of generation and its evaluation, written by the classes that write real ones.

number 0  fractions: a right, a wrong and a silent sample, and one that came after the selection
number 1  tool-integrated: text, a program that fails, one that is right, outputs
number 2  no reference: three samples agree, one differs
number 3  hostile: markup, escapes and overrides wherever a text may stand
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mathpipe.core.records import (
    Finish,
    Form,
    Problem,
    ProblemKind,
    Sample,
    Segment,
    SegmentKind,
    record_id_of,
)
from mathpipe.core.store import write_records
from mathpipe.evaluation.judging import own_judge
from mathpipe.evaluation.scoring import ScoreConfig, score
from mathpipe.evaluation.tables import write_report
from mathpipe.selection import SelectionConfig, VerdictStore, select, write_selection
from verify import VerifierPool

ATTACK = (
    "</pre></style><script>alert(1)</script><img src=x onerror=alert(2)> "
    "[bold red]markup[/] \x1b[31mred \u202eesrever"
)
TEX_ATTACK = r"$\text{<script>alert('tex')</script>}$ and $\href{javascript:alert(3)}{x}$"


def problem(question: str, answer: str | None, **values: Any) -> Problem:
    """A problem of the small set."""
    name = record_id_of("small", question)
    return Problem(
        problem_id=name,
        source="small",
        split="train",
        kind=ProblemKind.ANSWER,
        question=question,
        answer=answer,
        **values,
    )


def sample(to: Problem, index: int, parts: Sequence[tuple[str, str]], answer: str | None, **values: Any) -> Sample:
    """A sample whose text is its parts, programs and outputs in fences."""
    segments = [Segment(SegmentKind(kind), text) for kind, text in parts]
    fences = {
        SegmentKind.CODE: "```python\n{}\n```\n",
        SegmentKind.OUTPUT: "```output\n{}\n```\n",
        SegmentKind.TEXT: "{}\n",
    }
    given: dict[str, Any] = {
        "form": Form.CHAIN_OF_THOUGHT,
        "model": "models/tiny",
        "finish": Finish.STOP,
        **values,
    }
    return Sample(
        sample_id=record_id_of("sample", to.problem_id, index),
        problem_id=to.problem_id,
        index=index,
        seed=100 + index,
        text="".join(fences[segment.kind].format(segment.text) for segment in segments),
        segments=segments,
        prompt_tokens=50,
        completion_tokens=10 + index,
        answer=answer,
        **given,
    )


FRACTIONS = problem(
    r"A cake costs $5 and a pie $6. What is $\frac{1}{2}+\frac{1}{3}$ of a cake?",
    r"\frac{5}{6}",
    subject="fractions",
    solution=r"The sum is $\boxed{\frac{5}{6}}$.",
    origin="small.jsonl:1",
    level="2",
)
TOOLS = problem("What is the product of the first three primes?", "30")
OPEN = problem("Guess a small number.", None)
HOSTILE = problem(f"Who are you? {ATTACK} {TEX_ATTACK}", "1", subject=ATTACK, origin=ATTACK)
PROBLEMS = [FRACTIONS, TOOLS, OPEN, HOSTILE]

RIGHT = sample(
    FRACTIONS, 0, [("text", r"\[\frac{1}{2}+\frac{1}{3}=\frac{5}{6}\] so \(\boxed{\frac{5}{6}}\).")], r"\frac{5}{6}"
)
WRONG = sample(FRACTIONS, 1, [("text", r"It is $\frac{2}{5}$: $\boxed{\frac{2}{5}}$.")], r"\frac{2}{5}")
SILENT = sample(FRACTIONS, 2, [("text", "I cannot say")], None, finish=Finish.LENGTH)
LATE = sample(FRACTIONS, 3, [("text", r"$\boxed{\frac{5}{6}}$")], r"\frac{5}{6}")
TOOL = sample(
    TOOLS,
    0,
    [
        ("text", "Let me compute."),
        ("code", "print(undefined)"),
        ("output", "NameError: name 'undefined'"),
        ("code", "# the first three\nprint(2 * 3 * 5)"),
        ("output", "30"),
        ("text", r"So the product is $\boxed{30}$."),
    ],
    "30",
    form=Form.TOOL_INTEGRATED,
    finish=Finish.ROUNDS,
)
VOTES = [sample(OPEN, at, [("text", rf"I say $\boxed{{{said}}}$.")], said) for at, said in enumerate("7737")]
ATTACKER = sample(
    HOSTILE,
    0,
    [("text", f"{ATTACK} {TEX_ATTACK}"), ("code", f"print('{ATTACK}')"), ("output", ATTACK)],
    ATTACK,
    model=ATTACK,
)
SAMPLES = [RIGHT, WRONG, SILENT, TOOL, *VOTES, ATTACKER]


def write_samples(folder: Path, problems: Sequence[Problem], samples: Sequence[Sample]) -> None:
    """The problems and samples of a run."""
    for name, records, kind in (("problems", problems, Problem), ("samples", samples, Sample)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_records(folder / name / "shard-00000.parquet", records, kind)


def write_generation(folder: Path) -> Path:
    """A run that was selected from, and then got one sample more."""
    write_samples(folder, PROBLEMS, SAMPLES)
    with VerdictStore(folder / "verdicts.jsonl") as verdicts, VerifierPool(1) as pool:
        chosen = select(PROBLEMS, SAMPLES, pool, SelectionConfig(min_judged=1, always_solved_cap=1), store=verdicts)
    write_selection(chosen, folder / "selection")
    write_samples(folder, PROBLEMS, [*SAMPLES, LATE])
    return folder


def write_evaluation(folder: Path) -> Path:
    """The same samples scored."""
    config = ScoreConfig(pass_at=(1,), majority_at=(1,))
    write_report(score(PROBLEMS, SAMPLES, name="small", by=own_judge(), config=config), folder)
    return folder
