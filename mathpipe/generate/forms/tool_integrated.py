"""Tool-integrated reasoning: prose and programs by turns, each program's output fed back (arXiv 2309.17452).

The model stops at the end of a program block (or where it begins a block of output itself, which it is not let
write), the program is run, its output follows as an ```output block, and the model goes on from there. What goes on
is encoded from its text: the sampled tokens may reach into a stop text or end with an end of turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mathpipe.core.records import Finish, Segment, SegmentKind
from mathpipe.generate.engines.engine import Completion
from mathpipe.generate.forms.blocks import CLOSING, OUTPUT, Block, segments_of, waiting_program
from mathpipe.generate.forms.steps import Ask, Job, ProgramOutput, Prompt, Solution, Solving, ask, execute


def clip(text: str, characters: int) -> str:
    """The beginning and the end of an output that is too long."""
    text = text.strip("\n")
    if len(text) <= characters:
        return text
    half = characters // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def output_block(shown: str, before: str) -> str:
    """The block that follows a program; fences inside the output are set off, so that it cannot end its block."""
    shown = shown.replace("```", "'''")
    start = "" if not before or before.endswith("\n") else "\n"
    return f"{start}{OUTPUT}\n{shown}\n```\n"


@dataclass(slots=True)
class _Progress:
    """A solution under way; `fresh` is the model's text since the last output."""

    prompt: Prompt
    text: str = ""
    fresh: str = ""
    segments: list[Segment] = field(default_factory=list)
    prompt_tokens: int = -1
    completion_tokens: int = 0
    shown_tokens: int = 0
    programs: int = 0
    program_seconds: float = 0.0

    def take(self, completion: Completion) -> Block | None:
        """Append what the model wrote; the program it wants to have run, or None."""
        if self.prompt_tokens < 0:
            self.prompt_tokens = completion.prompt_tokens
        self.completion_tokens += len(completion.token_ids)
        self.fresh += completion.text
        ended = completion.finish is Finish.STOP
        block = waiting_program(self.fresh, completion.stop) if ended else None
        written = completion.text
        if block is not None and not block.closed:
            closing = "```\n" if self.fresh.endswith("\n") else "\n```\n"
            written, self.fresh = written + closing, self.fresh + closing
        elif completion.stop == CLOSING:
            written, self.fresh = written + CLOSING, self.fresh + CLOSING
        self.text += written
        self.prompt = self.prompt.extended(written)
        return block

    def show(self, output: ProgramOutput, characters: int) -> None:
        """Append a program's output."""
        shown = clip(output.text, characters)
        block = output_block(shown, self.text)
        self.segments += [*segments_of(self.fresh), Segment(SegmentKind.OUTPUT, shown)]
        self.text, self.fresh = self.text + block, ""
        self.shown_tokens += self.prompt.count(block)
        self.prompt = self.prompt.extended(block)
        self.programs += 1
        self.program_seconds += output.seconds

    def end(self, finish: Finish, detail: str = "") -> Solution:
        """The solution as it stands."""
        return Solution(
            text=self.text,
            segments=self.segments + segments_of(self.fresh),
            finish=finish,
            prompt_tokens=max(self.prompt_tokens, 0),
            completion_tokens=self.completion_tokens,
            detail=detail,
        )


def solve(job: Job) -> Solving:
    """Rounds until the model ends, or a limit does: of programs, of their seconds, of tokens."""
    limits = job.config.tools
    stops = (CLOSING, OUTPUT) + (job.file.stop if job.few_shot else ())
    state = _Progress(job.prompt)
    while True:
        left = job.config.max_tokens - state.completion_tokens - state.shown_tokens
        if left < 1:
            return state.end(Finish.LENGTH)
        completion = yield from ask(Ask(state.prompt, left, stops))
        block = state.take(completion)
        if completion.finish is not Finish.STOP:
            return state.end(completion.finish, completion.detail)
        if block is None:
            if completion.stop == CLOSING:  # a block in another language ended: nothing to run
                continue
            return state.end(Finish.STOP)
        if state.programs >= limits.rounds:
            return state.end(Finish.ROUNDS, f"wants more than {limits.rounds} programs")
        if state.program_seconds >= limits.program_seconds:
            return state.end(Finish.ROUNDS, f"its programs took more than {limits.program_seconds:g} s")
        output = yield from execute(block.code)
        state.show(output, limits.output_characters)
