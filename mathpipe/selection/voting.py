"""The majority's answer where no reference is known: votes over classes of mathematically equal answers.

In: the answers of one problem's samples (None: no answer). Out: a `Vote`. Self-consistency (Wang et al., arXiv
2203.11171), with equality judged by `check_answer` in place of equal text, so `1/2`, `0.5` and `\\frac{1}{2}` are one
class. Equal means equal both ways: `check_answer` lets a reference decide about rounding, a vote must not.

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
    answers: Sequence[str | None], judge: Judge, store: VerdictStore, *, min_share: float, min_votes: int
) -> Vote:
    """Count the votes. The result does not depend on the order of the answers, as far as equality is transitive."""
    counts = Counter(answer for answer in answers if answer is not None)
    if not counts:
        return Vote(VoteResult.NO_ANSWERS)
    classes = equal_answers(sorted(counts, key=lambda text: (-counts[text], len(text), text)), judge, store)
    votes = sorted(((sum(counts[text] for text in one), one) for one in classes), key=lambda pair: -pair[0])
    most, leaders = votes[0]
    share = most / len(answers)
    result = VoteResult.ELECTED
    if len(votes) > 1 and votes[1][0] == most:
        result = VoteResult.TIE
    elif most < min_votes:
        result = VoteResult.FEW_VOTES
    elif share < min_share:
        result = VoteResult.SMALL_SHARE
    if result is not VoteResult.ELECTED:
        return Vote(result, None, most, share)
    members = tuple(at for at, answer in enumerate(answers) if answer in leaders)
    return Vote(result, leaders[0], most, share, members)


def equal_answers(texts: Sequence[str], judge: Judge, store: VerdictStore) -> list[list[str]]:
    """Classes of equal answers. Each text joins the first class whose first member equals it both ways."""
    classes: list[list[str]] = []
    for text in texts:
        claims: list[tuple[str, Claim]] = []
        for one in classes:
            key = record_id_of("equal", *sorted((one[0], text)))
            claims += [(key, AnswerClaim(one[0], text)), (key, AnswerClaim(text, one[0]))]
        outcomes = [verdict.outcome is Outcome.CORRECT for verdict in verdicts_on(claims, judge, store)]
        both = [outcomes[at] and outcomes[at + 1] for at in range(0, len(outcomes), 2)]
        if True in both:
            classes[both.index(True)].append(text)
        else:
            classes.append([text])
    return classes
