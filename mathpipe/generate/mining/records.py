"""What mining reads a page as: units, the marks at their heads, and drafts of problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class MineDropReason(StrEnum):
    """Why a page gives no problem, or a draft becomes none."""

    NO_PROBLEMS = "no-problems"  # the page holds nothing that is marked as one
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    CODE = "code"  # the question holds a listing or a prompt of a system
    SEVERAL_PARTS = "several-parts"  # (a), (b), …: no one answer
    NEEDS_CONTEXT = "needs-context"  # a figure, a table, an earlier exercise
    LEAKS_ANSWER = "leaks-answer"  # the question says its answer, or may
    NO_TASK = "no-task"  # it asks nothing
    NOT_CHECKABLE = "not-checkable"  # a proof, a drawing, an explanation is asked for
    NO_MATHEMATICS = "no-mathematics"
    BROKEN = "broken"  # a formula without its other end
    REPEATED = "repeated"  # the page has it already
    NO_ANSWER = "no-answer"  # where the configuration asks for one


class Mark(StrEnum):
    """What the head of a unit says that it is."""

    PROBLEM = "problem"
    EXAMPLE = "example"  # a problem only where a solution follows
    SOLUTION = "solution"
    ANSWER = "answer"
    HINT = "hint"
    PROBLEMS = "problems"  # the heading of a list
    ANSWERS = "answers"
    OTHER = "other"  # some other labelled thing: theorem, remark, definition


@dataclass(frozen=True, slots=True)
class Unit:
    """A heading, a list item, a display formula, a listing or a paragraph. `level` is a heading's, else 0."""

    text: str
    level: int = 0
    is_code: bool = False
    number: str = ""  # of an item in a numbered list
    is_item: bool = False


@dataclass(slots=True)
class Draft:
    """A problem in the making: its parts as they were found."""

    label: str
    number: str = ""
    level: int = 0  # of the heading that opened it, 0 for a paragraph
    needs_solution: bool = False
    from_list: bool = False
    title: str = ""
    question: list[str] = field(default_factory=list)
    solution: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    has_code: bool = False
    is_post: bool = False
