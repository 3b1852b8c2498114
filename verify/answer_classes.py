"""Answers that say the same, as classes: whose votes count together, and which class wins.

In: the answers of one problem's samples, in an order that the caller chooses. Out: `AnswerClass`es in the order they
first appear. Self-consistency (Wang et al. 2022, arXiv 2203.11171) with mathematical equality in place of equal text.

- Two answers are one class where `check_answer` takes each for the other: `1/2`, `0.5` and `\\frac12` are one vote,
  `30` and `30%` two, and `1/3` none for `0.333`, which only a reference may round to. An answer joins the first class
  whose first member it equals.
- A sample without an answer, or with a blank one, does not vote.
- Who wins a tie is the caller's to say: for a score the class that appeared first, for a label nobody.

The caller may look for an answer's class in its own way (`Find`: a pool of processes, verdicts on disk). Without one
answers are compared in this thread: those that only a computer algebra system may know to be equal take up to a
second a pair; after half a minute for one problem, answers join a class by their text alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mathpipe.core.records import Outcome
from verify.answers.check import check_answer, normal_text

_SYMBOLIC_SECONDS = 1.0
_PROBLEM_SECONDS = 30.0

# Which of the classes, each known by its first member, an answer belongs to; None for a new one.
Find = Callable[[Sequence[str], str], int | None]


class Tie(StrEnum):
    """Who wins where several classes have the most votes."""

    FIRST = "first"  # the class that appeared first
    NOBODY = "nobody"


@dataclass(slots=True)
class AnswerClass:
    """Answers that say the same: the first of them, and the positions of all."""

    answer: str
    members: list[int] = field(default_factory=list)

    @property
    def votes(self) -> int:
        """How many samples gave it."""
        return len(self.members)


def classes_of(answers: Sequence[str | None], find: Find | None = None) -> list[AnswerClass]:
    """The classes in the order in which they appear. Answers of the same text are compared once."""
    look = find or _find_within(_PROBLEM_SECONDS)
    classes: list[AnswerClass] = []
    known: dict[str, AnswerClass] = {}
    for position, answer in enumerate(answers):
        if answer is None or not answer.strip():
            continue
        key = normal_text(answer) or answer
        found = known.get(key)
        if found is None:
            at = look([one.answer for one in classes], answer) if classes else None
            found = AnswerClass(answer) if at is None else classes[at]
            if at is None:
                classes.append(found)
            known[key] = found
        found.members.append(position)
    return classes


def among_first(classes: Sequence[AnswerClass], samples: int) -> list[AnswerClass]:
    """The classes as they are when only the first samples vote: the same as `classes_of` the first answers."""
    cut = [AnswerClass(one.answer, [member for member in one.members if member < samples]) for one in classes]
    return [one for one in cut if one.members]


def winner(classes: Sequence[AnswerClass], tie: Tie) -> AnswerClass | None:
    """The class with the most votes; None where nobody voted, or where a tie elects nobody."""
    most = max((one.votes for one in classes), default=0)
    leaders = [one for one in classes if one.votes == most]
    return leaders[0] if len(leaders) == 1 or (leaders and tie is Tie.FIRST) else None


def same_answer(one: str, other: str) -> bool:
    """Whether each is taken for the other as the reference."""
    return all(
        check_answer(reference, candidate, timeout_seconds=_SYMBOLIC_SECONDS).outcome is Outcome.CORRECT
        for reference, candidate in ((one, other), (other, one))
    )


def _find_within(seconds: float) -> Find:
    deadline = time.monotonic() + seconds

    def find(leaders: Sequence[str], answer: str) -> int | None:
        if time.monotonic() >= deadline:
            return None
        return next((at for at, leader in enumerate(leaders) if same_answer(leader, answer)), None)

    return find
