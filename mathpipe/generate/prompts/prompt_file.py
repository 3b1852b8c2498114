"""A prompt as a data file, and a problem put into it, as messages (chat) or as one text (few-shot).

The few-shot layouts follow the papers' (8 examples for GSM8K: Wei et al. 2022, arXiv 2201.11903; 4 for MATH:
Lewkowycz et al. 2022, arXiv 2206.14858; programs: Gao et al. 2023, arXiv 2211.10435; rounds with a tool: Gou et al.
2024, arXiv 2309.17452); every example is our own. `user` is Jinja over `question` and `statement`, which are filled
in as data: braces in a problem stay braces.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import ValidationError

from mathpipe.core.config import Config
from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Form, Problem
from mathpipe.generate.templates import Message


class Style(StrEnum):
    """How a prompt is put: turns of a chat, or one text that goes on."""

    CHAT = "chat"
    FEW_SHOT = "few-shot"


class Example(Config):
    """A worked example; `statement` is for proofs."""

    question: str
    solution: str
    statement: str = ""


class PromptFile(Config):
    """Instructions and examples for one form.

    Few-shot text: `preamble`, then each example as `user` and its solution, then the problem as `user`, which ends
    where the model goes on; `stop` ends a solution. Chat: `system`, the examples as turns (`examples_in_chat`), and
    the problem as `chat_user`.
    """

    form: Form
    description: str
    user: str
    chat_user: str = ""
    system: str = ""
    preamble: str = ""
    separator: str = "\n\n"
    gap: str = " "  # between an example's question and its solution
    stop: tuple[str, ...] = ()
    opening: str = ""  # what the few-shot text has begun to write for the model: "```python\n"
    examples: tuple[Example, ...] = ()
    examples_in_chat: bool = False

    def messages(self, problem: Problem) -> tuple[Message, ...]:
        """The problem as a chat that waits for the assistant."""
        turns = [Message("system", self.system)] if self.system else []
        if self.examples_in_chat:
            for example in self.examples:
                shown = _fill(self.chat_user or self.user, example.question, example.statement)
                turns += [Message("user", shown.strip()), Message("assistant", example.solution.strip())]
        shown = _fill(self.chat_user or self.user, problem.question, problem.statement or "")
        return (*turns, Message("user", shown.strip()))

    def text(self, problem: Problem, shots: int | None = None) -> str:
        """The problem as a text that the model continues, after `shots` examples (None: all)."""
        if shots is not None and not 0 <= shots <= len(self.examples):
            raise InputError("shots", f"between 0 and {len(self.examples)}", "or leave it out for all examples")
        parts = [self.preamble.strip()] if self.preamble else []
        for example in self.examples[:shots]:
            shown = _fill(self.user, example.question, example.statement)
            parts.append(f"{shown.strip()}{self.gap}{example.solution.rstrip()}")
        shown = _fill(self.user, problem.question, problem.statement or "").strip()
        parts.append(f"{shown}\n{self.opening}" if self.opening else shown)
        return self.separator.join(parts)


def load_prompt(name: str) -> PromptFile:
    """The file of that path, or the shipped prompt of that name."""
    folder = Path(__file__).parent
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ConfigError(f"prompt {name!r}", f"{known}, or a path that ends in .yaml", "name one of them")
    try:
        return PromptFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(str(path), f"a prompt ({' '.join(str(error).split())})", "see gsm8k-cot.yaml") from None


def _fill(layout: str, question: str, statement: str) -> str:
    try:
        return str(_compile(layout).render(question=question, statement=_open_statement(statement)))
    except TemplateError as error:
        raise ConfigError("prompt", f"a layout that uses question and statement only ({error})", "mend it") from None


@lru_cache(maxsize=64)
def _compile(layout: str) -> Any:
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return environment.from_string(layout)


def _open_statement(statement: str) -> str:
    """A Lean statement up to `:= by`, where the proof goes on."""
    text = statement.rstrip().removesuffix("sorry").rstrip()
    text = text.removesuffix("by").rstrip() if text.endswith((" by", "\nby")) else text
    text = text.removesuffix(":=").rstrip()
    return f"{text} := by" if text else ""
