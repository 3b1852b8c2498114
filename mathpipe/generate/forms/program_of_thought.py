"""Program of thought: the model writes a program, and what it prints last is the answer.

After Chen et al. 2022 (arXiv 2211.12588) and Gao et al. 2023 (arXiv 2211.10435).
"""

from __future__ import annotations

from mathpipe.core.records import Finish, Segment, SegmentKind
from mathpipe.generate.forms.blocks import programs, segments_of
from mathpipe.generate.forms.steps import Ask, Job, Solution, Solving, ask, execute
from mathpipe.generate.forms.tool_integrated import clip, output_block


def solve(job: Job) -> Solving:
    """One completion; the program of its last block is run unless the text was cut off inside it."""
    completion = yield from ask(Ask(job.prompt, job.config.max_tokens, job.file.stop if job.few_shot else ()))
    text = (job.file.opening if job.few_shot else "") + completion.text
    blocks = programs(text)
    stopped = completion.finish is Finish.STOP
    segments = segments_of(text)
    answer, detail = None, completion.detail
    if blocks and (blocks[-1].closed or stopped):
        if not blocks[-1].closed:
            text = text.rstrip("\n") + "\n```\n"
        output = yield from execute(blocks[-1].code)
        shown = clip(output.text, job.config.tools.output_characters)
        text += output_block(shown, text)
        segments.append(Segment(SegmentKind.OUTPUT, shown))
        lines = [line.strip() for line in output.text.splitlines() if line.strip()]
        answer = lines[-1] if lines and output.ok else None
        detail = "" if output.ok else "the program failed"
    elif completion.finish is not Finish.ERROR:
        detail = "no finished program in the text"
    return Solution(
        text=text,
        segments=segments,
        finish=completion.finish,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=len(completion.token_ids),
        answer=answer,
        detail=detail,
    )
