"""Guards against gaming: what a completion may do to be rewarded without answering, and how each is refused.

In: an attempt (what the completion says, the reference, the prompt). Out: the first kind of gaming found, or None.
The guards run before the answer is compared, so a weakness of the comparison cannot be reached through them; most of
what they refuse would be judged wrong anyway, and they say why. Each is a function of its own that can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from verify.answers.extract import FoundAnswer, extract_answer, find_answer
from verify.answers.parse import ParseError, parse_answer
from verify.answers.tree import Node


class Gaming(StrEnum):
    """What was tried. The values are the `reason` of the verdict."""

    NOT_TEXT = "gaming-not-text"
    BROKEN_CHARACTERS = "gaming-broken-characters"
    HIDDEN_CHARACTERS = "gaming-hidden-characters"
    LOOKALIKES = "gaming-lookalikes"
    BEYOND_LIMIT = "gaming-beyond-limit"
    EMPTY_BOX = "gaming-empty-box"
    OPEN_BOX = "gaming-open-box"
    BOX_IN_CODE = "gaming-box-in-code"
    PROMPT_ECHO = "gaming-prompt-echo"
    MANY_BOXES = "gaming-many-boxes"
    MANY_MARKS = "gaming-many-marks"
    SEVERAL_ANSWERS = "gaming-several-answers"
    HEDGE = "gaming-hedge"
    CATCH_ALL = "gaming-catch-all"
    TAUTOLOGY = "gaming-tautology"


@dataclass(frozen=True)
class Attempt:
    """One completion that is to be rewarded: its text (None where it is none), the reference, the prompt."""

    text: str | None
    reference: str
    prompt: str = ""

    @cached_property
    def found(self) -> FoundAnswer | None:
        """The answer that it gives."""
        return find_answer(self.text) if self.text is not None else None

    @cached_property
    def answer(self) -> str:
        """The text of that answer, empty without one."""
        return self.found.text if self.found is not None else ""

    @cached_property
    def expected(self) -> str:
        """The reference's answer: a reference may be a whole solution."""
        return extract_answer(self.reference) or self.reference

    @cached_property
    def tree(self) -> Node | None:
        """The answer as it is read; None where it cannot be."""
        return _read(self.answer)

    @cached_property
    def expected_tree(self) -> Node | None:
        """The reference as it is read; None where it cannot be."""
        return _read(self.expected)


Guard = Callable[[Attempt], Gaming | None]


def find_gaming(attempt: Attempt, guards: Sequence[Guard]) -> Gaming | None:
    """What the first guard that objects found."""
    return next((gaming for guard in guards if (gaming := guard(attempt)) is not None), None)


def _read(answer: str) -> Node | None:
    try:
        return parse_answer(answer)
    except ParseError:
        return None
