"""Program of thought: the model writes a program, and what it prints last is the answer.

After Chen et al. 2022 (arXiv 2211.12588) and Gao et al. 2023 (arXiv 2211.10435). Where the problem asks for a
program (kind CODE), the program is the solution: it waits for input that only its tests have, so it is not run here.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from mathpipe.core.records import Finish, ProblemKind, Segment, SegmentKind
from mathpipe.generate.forms.blocks import Block, programs, segments_of
from mathpipe.generate.forms.steps import Ask, Execute, Job, Reply, Solution, Solving, ask, execute
from mathpipe.generate.forms.tool_integrated import clip, output_block


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of the program: the text that follows it, what was shown, the answer, and what went wrong."""

    text: str = ""
    segments: tuple[Segment, ...] = ()
    answer: str | None = None
    detail: str = ""


def solve(job: Job) -> Solving:
    """One completion; the program of its last block is run unless the text was cut off inside it."""
    completion = yield from ask(Ask(job.prompt, job.config.max_tokens, job.file.stop if job.few_shot else ()))
    text = (job.file.opening if job.few_shot else "") + completion.text
    blocks = programs(text)
    segments = segments_of(text)
    outcome = _Outcome(detail=completion.detail)
    if blocks and (blocks[-1].closed or completion.finish is Finish.STOP):
        if not blocks[-1].closed:
            text = text.rstrip("\n") + "\n```\n"
        if job.problem.kind is not ProblemKind.CODE:
            outcome = yield from _run(blocks[-1], text, job.config.tools.output_characters)
    elif completion.finish is not Finish.ERROR:
        outcome = _Outcome(detail="no finished program in the text")
    return Solution(
        text=text + outcome.text,
        segments=[*segments, *outcome.segments],
        finish=completion.finish,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=len(completion.token_ids),
        answer=outcome.answer,
        detail=outcome.detail,
    )


def _run(block: Block, text: str, characters: int) -> Generator[Ask | Execute, Reply, _Outcome]:
    output = yield from execute(block.code)
    shown = clip(output.text, characters)
    lines = [line.strip() for line in output.text.splitlines() if line.strip()]
    return _Outcome(
        text=output_block(shown, text),
        segments=(Segment(SegmentKind.OUTPUT, shown),),
        answer=lines[-1] if lines and output.ok else None,
        detail="" if output.ok else "the program failed",
    )
