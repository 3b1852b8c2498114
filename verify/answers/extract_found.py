"""What extraction hands on: the answer's text, where it stood, and by which rule it was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AnswerKind(StrEnum):
    """The rule that found the answer; `extract` lists the rules in their order."""

    BOXED = "boxed"
    SEVERAL_BOXES = "several-boxes"  # boxes joined by a comma, "and", "or": one list
    HASHES = "hashes"  # `#### 18`, as GSM8K ends
    STATED = "stated"  # "the answer is 5", "Answer: 5", "A: 5"
    CHOICE = "choice"  # a letter, where the text says that it chooses one
    WHOLE = "whole"  # the text is nothing but an answer
    OUTPUT = "program-output"  # the last line that a program printed
    FORMULA = "last-formula"
    NUMBER = "last-number"


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """An answer and its span: `solution[start:end] == text`.

    Two exceptions keep the span from the first to the last part: several boxes (`text` is their contents joined by
    `, `) and a box whose commands were escaped twice (`text` has single backslashes).
    """

    text: str
    start: int
    end: int
    kind: AnswerKind
