"""Problems and samples written by hand, for the tests of selection."""

from __future__ import annotations

import json
from pathlib import Path

from mathpipe.core.records import (
    Finish,
    Form,
    Problem,
    ProblemKind,
    ProgramTest,
    Sample,
    Segment,
    SegmentKind,
    record_id_of,
)

CASES = Path(__file__).parent / "cases"


def problem(name: str, question: str = "", answer: str | None = "12", **more: object) -> Problem:
    """A training problem with an answer."""
    given = {"source": "hand", "split": "train", "kind": ProblemKind.ANSWER, "license": "CC0-1.0", "origin": "hand:1"}
    return Problem(problem_id=name, question=question or f"Question {name}?", answer=answer, **(given | more))


def sample(
    of: str, index: int, text: str, *, form: Form = Form.CHAIN_OF_THOUGHT, tokens: int = 0, **more: object
) -> Sample:
    """A finished sample; its tokens are its words unless told otherwise."""
    given = {"model": "tiny", "finish": Finish.STOP, "prompt_tokens": 5, "seed": 100 + index,
             "segments": [Segment(SegmentKind.TEXT, text)]}  # fmt: skip
    return Sample(
        sample_id=record_id_of(of, form, index), problem_id=of, form=form, index=index, text=text,
        completion_tokens=tokens or len(text.split()), **(given | more),
    )  # fmt: skip


def program(of: str, index: int, code: str, output: str | None = None, **more: object) -> Sample:
    """A program of thought: one block and, where it was run, what it printed."""
    parts = [Segment(SegmentKind.CODE, code)]
    text = f"```python\n{code}\n```"
    if output is not None:
        parts.append(Segment(SegmentKind.OUTPUT, output))
        text += f"\n```output\n{output}\n```"
        more.setdefault("answer", output.strip().rpartition("\n")[2])
    return sample(of, index, text, form=Form.PROGRAM, segments=parts, **more)


def program_problems() -> list[Problem]:
    """The fixture of program problems."""
    rows = [json.loads(line) for line in (CASES / "program_problems.jsonl").read_text().splitlines()]
    return [
        problem(
            row["id"], row["question"], None, kind=ProblemKind.CODE,
            tests=[ProgramTest(stdin, stdout) for stdin, stdout in row["tests"]],
        )
        for row in rows
    ]  # fmt: skip
