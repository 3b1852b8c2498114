"""Reward for using programs: the share of a completion's programs that ran without an error.

In: completions with ```python blocks, each followed by the ```output block of what it printed (ToRA, Gou et al.,
arXiv 2309.17452). Out: a score from 0 to 1. The output stands in the same text as the model's words, so a model can
write it itself: unless the rollout forbids that, `rerun` runs every program again in the sandbox and compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.answers.extract_blocks import Block, fenced_blocks
from verify.programs import ProgramResult, ProgramStatus, run_program
from verify.rewards.reward import Batch, Reward, Score

_ERROR = re.compile(
    r"^(?:Traceback \(most recent call last\):|\w*(?:Error|Exception|Interrupt)\b|Timed? ?out\b)", re.MULTILINE
)
_MAX_PROGRAMS = 16


def tool_use_reward(*, rerun: bool = False) -> Reward:
    """The share of programs with an output and no error; 0.0 without a program, None where the sandbox is missing."""
    return Reward("tool_use", _ToolUse(rerun))


@dataclass(frozen=True, slots=True)
class _ToolUse:
    rerun: bool

    def __call__(self, batch: Batch) -> list[Score]:
        return [0.0 if text is None else self._score(text) for text in batch.texts]

    def _score(self, text: str) -> Score:
        runs = programs_with_outputs(text)
        if not runs or len(runs) > _MAX_PROGRAMS:
            return 0.0
        good = 0
        for program, output in runs:
            if output is None or _ERROR.search(output):
                continue
            if self.rerun:
                result = run_program(program)
                if result.status is ProgramStatus.REFUSED:
                    return None
                if not shows(result, output):
                    continue
            good += 1
        return good / len(runs)


def programs_with_outputs(text: str) -> list[tuple[str, str | None]]:
    """Each program of the text with what it is said to have printed; None where no output follows it."""
    blocks = fenced_blocks(text)
    following: list[Block | None] = [*blocks, None][1:]
    return [
        (
            text[block.start : block.end],
            text[after.start : after.end] if after is not None and after.is_output else None,
        )
        for block, after in zip(blocks, following, strict=True)
        if block.is_program
    ]


def shows(result: ProgramResult, output: str) -> bool:
    """Whether the run ended well and showed what the completion says: its output, or that and its last value."""
    if result.status is not ProgramStatus.OK:
        return False
    return " ".join(output.split()) in (" ".join(result.stdout.split()), " ".join(result.shown().split()))
