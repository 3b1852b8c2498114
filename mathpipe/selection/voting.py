"""The majority's answer where no reference is known: votes over classes of mathematically equal answers.

In: the answers of one problem's samples (None: no answer). Out: a `Vote`. Classes are those of
`verify.answer_classes`, found through the pool and the store of verdicts, so that nothing hangs and a run that was
killed compares no pair twice.

The rule. A class needs `min_votes` votes and `min_share` of all samples, silent ones included. Two classes that share
the lead elect nobody: a label that a coin decides is worth nothing. The class is named by its most frequent
spelling, then the shortest, then the first in the alphabet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mathpipe.core.records import Outcome, record_id_of
from mathpipe.selection.judging import Judge, verdicts_on
from mathpipe.selection.verdict_store import VerdictStore
from verify import AnswerClaim, Claim
from verify.answer_classes import Find, Tie, classes_of, winner
from verify.percent import votes_of


class VoteResult(StrEnum):
    """How a vote ended."""

    ELECTED = "elected"
    TIE = "tie"
    FEW_VOTES = "few-votes"
    SMALL_SHARE = "small-share"
    NO_ANSWERS = "no-answers"


@dataclass(frozen=True, slots=True)
class Vote:
    """The leading class: its answer, votes and share; `members` are the indices of those who voted for it."""

    result: VoteResult
    answer: str | None = None
    votes: int = 0
    share: float = 0.0
    members: tuple[int, ...] = ()


def hold_vote(
    answers: Sequence[str | None],
    judge: Judge,
    store: VerdictStore,
    *,
    min_share: float,
    min_votes: int,
    question: str = "",
) -> Vote:
    """Count the votes. The result does not depend on the order of the answers, as far as equality is transitive.

    Where the `question` asks for a percentage, a percent sign makes no other answer.
    """
    cast = votes_of(question, answers)
    order = _by_frequency(answers)
    classes = classes_of([cast[at] for at in order], find_through(judge, store))
    if not classes:
        return Vote(VoteResult.NO_ANSWERS)
    most = max(one.votes for one in classes)
    share = most / len(answers)
    first = winner(classes, Tie.NOBODY)
    if first is None:
        return Vote(VoteResult.TIE, None, most, share)
    if most < min_votes:
        return Vote(VoteResult.FEW_VOTES, None, most, share)
    if share < min_share:
        return Vote(VoteResult.SMALL_SHARE, None, most, share)
    members = [order[at] for at in first.members]
    return Vote(VoteResult.ELECTED, answers[members[0]], most, share, tuple(sorted(members)))


def _by_frequency(answers: Sequence[str | None]) -> list[int]:
    """The positions of the answers, the most frequent spelling first: it leads its class, whatever the order."""
    counts = Counter(answers)
    given = [(at, answer) for at, answer in enumerate(answers) if answer is not None]
    return [at for at, _ in sorted(given, key=lambda one: (-counts[one[1]], len(one[1]), one[1], one[0]))]


def find_through(judge: Judge, store: VerdictStore) -> Find:
    """Finds an answer's class by asking the judge for all comparisons at once, less those that the store knows."""

    def find(leaders: Sequence[str], answer: str) -> int | None:
        claims: list[tuple[str, Claim]] = []
        for leader in leaders:
            key = record_id_of("equal", *sorted((leader, answer)))
            claims += [(key, AnswerClaim(leader, answer)), (key, AnswerClaim(answer, leader))]
        equal = [verdict.outcome is Outcome.CORRECT for verdict in verdicts_on(claims, judge, store)]
        both = [equal[at] and equal[at + 1] for at in range(0, len(equal), 2)]
        return both.index(True) if True in both else None

    return find
