"""Votes over classes of equal answers: maj@k (self-consistency, Wang et al. 2022, arXiv 2203.11171).

In: the answers of one problem's samples, in order. Out: classes in the order they first appear; the winner.

- Two answers are one class where `verify.check_answer` takes either for the other; so `1/2`, `0.5` and `\\frac12` are
  one vote, `30` and `30%` are two. An answer joins the first class whose first member it equals.
- A sample without an answer does not vote.
- Answers that only a computer algebra system may know to be equal take up to a second a pair; after half a minute
  for one problem, answers join a class by their text alone.
- Tie rule: the class that appeared first wins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mathpipe.core.records import Outcome
from verify import check_answer
from verify.answers.check import normal_text

_SYMBOLIC_SECONDS = 1.0
_PROBLEM_SECONDS = 30.0


@dataclass(slots=True)
class AnswerClass:
    """Answers that say the same: the first of them, and the positions of all."""

    answer: str
    members: list[int] = field(default_factory=list)

    @property
    def votes(self) -> int:
        """How many samples gave it."""
        return len(self.members)


def classes_of(answers: Sequence[str | None], same: Callable[[str, str], bool] | None = None) -> list[AnswerClass]:
    """The classes in the order in which they appear."""
    equal = same or same_answer
    deadline = time.monotonic() + _PROBLEM_SECONDS
    classes: list[AnswerClass] = []
    known: dict[str, AnswerClass] = {}
    for position, answer in enumerate(answers):
        if answer is None or not answer.strip():
            continue
        key = normal_text(answer)
        found = known.get(key)
        if found is None and time.monotonic() < deadline:
            found = next((one for one in classes if equal(one.answer, answer)), None)
        if found is None:
            found = AnswerClass(answer)
            classes.append(found)
        known[key] = found
        found.members.append(position)
    return classes


def among_first(classes: Sequence[AnswerClass], samples: int) -> list[AnswerClass]:
    """The classes as they are when only the first samples vote: the same as `classes_of` the first answers."""
    cut = [AnswerClass(one.answer, [member for member in one.members if member < samples]) for one in classes]
    return [one for one in cut if one.members]


def winner(classes: Sequence[AnswerClass]) -> AnswerClass | None:
    """The class with the most votes; among equals the first that appeared; None where nobody answered."""
    return max(classes, key=lambda one: one.votes, default=None)


def same_answer(one: str, other: str) -> bool:
    """Whether either is taken for the other as the reference."""
    return all(
        check_answer(reference, candidate, timeout_seconds=_SYMBOLIC_SECONDS).outcome is Outcome.CORRECT
        for reference, candidate in ((one, other), (other, one))
    )
