"""A solution as a coroutine: it asks the engine, or asks for a program to be run, and returns what came out.

The scheduler keeps many of them going at once and sends each the reply to its last step; so a form reads from top
to bottom, and a sample whose program runs does not hold the engine.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeAlias

from mathpipe.core.errors import InputError, StageError
from mathpipe.core.records import Finish, Problem, Segment
from mathpipe.generate.engines.engine import Completion, Engine
from mathpipe.generate.forms.settings import GenerationConfig
from mathpipe.generate.prompts import PromptFile, Style
from mathpipe.generate.templates import Message, Tokenizer, defuse, encode_text


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """What a program printed, or why it did not; `seconds` is what it took."""

    text: str
    ok: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model has before it: token ids, or messages for an engine that knows no tokens."""

    token_ids: tuple[int, ...] | None
    messages: tuple[Message, ...] | None = None
    tokenizer: Tokenizer | None = None

    def extended(self, text: str) -> Prompt:
        """The prompt with more of the solution, from the model or from a program."""
        if self.token_ids is not None:
            return replace(self, token_ids=(*self.token_ids, *self._encode(text)))
        turns = self.messages or ()
        if turns and turns[-1].role == "assistant":
            return replace(self, messages=(*turns[:-1], Message("assistant", turns[-1].content + text)))
        return replace(self, messages=(*turns, Message("assistant", text)))

    def count(self, text: str) -> int:
        """Tokens of a text; about one for three bytes where there is no tokenizer."""
        return len(self._encode(text)) if self.tokenizer is not None else -(-len(text.encode()) // 3)

    def _encode(self, text: str) -> list[int]:
        if self.tokenizer is None:
            raise InputError("prompt", "a tokenizer", "give token ids together with their tokenizer")
        return self.tokenizer.encode(defuse(text, self.tokenizer), add_special_tokens=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """Let the model go on from this prompt."""

    prompt: Prompt
    max_tokens: int
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Execute:
    """Run this program."""

    code: str


@dataclass(frozen=True, slots=True)
class Job:
    """One sample to be written: the problem, as the model sees it, and the settings."""

    problem: Problem
    prompt: Prompt
    file: PromptFile
    config: GenerationConfig

    @property
    def few_shot(self) -> bool:
        """Whether the model goes on with a text, and so needs the prompt's stop texts."""
        return self.config.style is Style.FEW_SHOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a form makes of the model's replies; `answer` is None where the form knows none."""

    text: str
    segments: list[Segment]
    finish: Finish
    prompt_tokens: int
    completion_tokens: int
    answer: str | None = None
    detail: str = ""


Reply: TypeAlias = Completion | ProgramOutput
Solving: TypeAlias = Generator[Ask | Execute, Reply, Solution]


def ask(step: Ask) -> Generator[Ask | Execute, Reply, Completion]:
    """The model's completion."""
    reply = yield step
    if not isinstance(reply, Completion):
        raise StageError("scheduler", "a completion in reply to Ask", "report this fault")
    return reply


def execute(code: str) -> Generator[Ask | Execute, Reply, ProgramOutput]:
    """The program's output."""
    reply = yield Execute(code)
    if not isinstance(reply, ProgramOutput):
        raise StageError("scheduler", "a program's output in reply to Execute", "report this fault")
    return reply


def first_prompt(problem: Problem, file: PromptFile, config: GenerationConfig, engine: Engine) -> Prompt:
    """The problem as the model sees it."""
    if config.style is Style.FEW_SHOT:
        if engine.tokenizer is None:
            raise InputError("few-shot prompts", "an engine with a tokenizer", "set engine.server.api=completions")
        ids = encode_text(file.text(problem, config.shots), engine.tokenizer)
        return Prompt(tuple(ids), tokenizer=engine.tokenizer)
    messages = file.messages(problem)
    if engine.tokenizer is None:
        return Prompt(None, messages)
    if engine.template is None:
        raise InputError(
            "tokenizer", "a chat template", "set engine.template=plain (or chatml), or generation.style=few-shot"
        )
    return Prompt(tuple(engine.template.render(messages)), tokenizer=engine.tokenizer)
