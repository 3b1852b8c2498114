"""How a comparison of two answers came out: same or not, a reason code, and a sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from verify.answers.equality import Comparison, Sameness
from verify.answers.tree import Node


class Reason(StrEnum):
    """Why an answer was judged as it was."""

    SAME_TEXT = "same-text"  # equal to the letter once delimiters and spacing are gone
    EQUAL = "equal"
    ROUNDED = "rounded-as-the-reference"
    DIFFERENT = "different"
    ROUNDED_CANDIDATE = "rounded-where-the-reference-is-exact"
    DIFFERENT_KIND = "different-kind"
    DIFFERENT_COUNT = "different-count"
    DIFFERENT_UNIT = "different-unit"
    DIFFERENT_LABEL = "different-label"  # x = 5 where y = 5 was asked for
    NOT_SHOWN_EQUAL = "not-shown-equal"
    NO_ANSWER_FOUND = "no-answer-found"
    UNREADABLE_REFERENCE = "unreadable-reference"
    UNREADABLE_CANDIDATE = "unreadable-candidate"
    TOO_LONG = "too-long"
    TOO_SLOW = "too-slow"
    NOT_TEXT = "not-text"
    FAULT = "fault"  # of this program; a verdict all the same


@dataclass(frozen=True, slots=True)
class Match:
    """Outcome of comparing two parts."""

    sameness: Sameness
    reason: Reason
    detail: str

    @property
    def equal(self) -> bool:
        """Whether the two were shown to be the same."""
        return self.sameness is Sameness.EQUAL


Pairwise = Callable[[Node, Node], Match]  # the reference's part first


def same(detail: str, reason: Reason = Reason.EQUAL) -> Match:
    """The parts are the same."""
    return Match(Sameness.EQUAL, reason, detail)


def different(detail: str, reason: Reason = Reason.DIFFERENT) -> Match:
    """The parts differ."""
    return Match(Sameness.DIFFERENT, reason, detail)


def of_comparison(comparison: Comparison) -> Match:
    """What the arithmetic found, as a match."""
    if comparison.sameness is Sameness.UNKNOWN:
        return Match(Sameness.UNKNOWN, Reason.NOT_SHOWN_EQUAL, comparison.how)
    reason = Reason.EQUAL if comparison.sameness is Sameness.EQUAL else Reason.DIFFERENT
    return Match(comparison.sameness, reason, comparison.how)
