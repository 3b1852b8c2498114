"""Why a text could not be read as an answer."""

from __future__ import annotations

from enum import StrEnum


class ParseReason(StrEnum):
    """The kinds of text that are no answers."""

    EMPTY = "empty"
    TOO_LONG = "too-long"
    TOO_DEEP = "too-deep"
    TOO_MANY_NODES = "too-many-nodes"
    NOT_MATHEMATICS = "not-mathematics"  # prose, or a sign that means nothing here
    UNBALANCED = "unbalanced"  # a bracket or group that is not closed, or not opened
    INCOMPLETE = "incomplete"  # an operator or command without what it needs
    LEFTOVER = "leftover"  # a formula, and behind it something that does not belong to it
    BAD_NUMBER = "bad-number"


class ParseError(ValueError):
    """A text that is no answer; `reason` says of which kind."""

    def __init__(self, reason: ParseReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
