"""Chain of thought: prose up to an answer, one request a sample (Wei et al. 2022, arXiv 2201.11903)."""

from __future__ import annotations

from mathpipe.generate.forms.blocks import segments_of
from mathpipe.generate.forms.steps import Ask, Job, Solution, Solving, ask


def solve(job: Job) -> Solving:
    """One completion; the answer is left to the level above, which knows how to find one."""
    stop = job.file.stop if job.few_shot else ()
    completion = yield from ask(Ask(job.prompt, job.config.max_tokens, stop))
    return Solution(
        text=completion.text,
        segments=segments_of(completion.text),
        finish=completion.finish,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=len(completion.token_ids),
        detail=completion.detail,
    )
