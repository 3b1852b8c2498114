"""The percent rule: a question that asks for a percentage states the unit, so `20%` answers 20 there.

In: a question, its reference, an answer. Out: what the answer is to be held against. The rule holds where the
reference is a bare number; nowhere else does a percent sign go (12 of ToRA-70B's right answers on GSM8K are such).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

PERCENT_ASKED = "the question asks for a percentage"

_ASKS = re.compile(r"\bper\s?cent|\b(?:what|how many)\s+\\?%|百分", re.IGNORECASE)
_BARE_NUMBER = re.compile(r"\$?\s*-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)\s*\$?")
_SIGN = re.compile(r"\s*(?:\\?%|\bper\s?cent\b)[\s.$]*\Z", re.IGNORECASE)


def asks_percent(question: str, reference: str | None) -> bool:
    """Whether the question asks for a percentage and its reference is a number without the sign."""
    return reference is not None and _is_bare(reference) and _ASKS.search(question) is not None


def is_by_percent(question: str, reference: str | None, answer: str | None) -> bool:
    """Whether the answer carries a percent sign that the question already states."""
    return answer is not None and _SIGN.search(answer) is not None and asks_percent(question, reference)


def stated_reference(question: str, reference: str, answer: str | None) -> str:
    """The reference to hold the answer against: in percent where the answer says so and the question asks for it."""
    return f"{reference.strip(' $')}%" if is_by_percent(question, reference, answer) else reference


def without_percent(answer: str) -> str:
    """The answer less a percent sign at its end."""
    return _SIGN.sub("", answer)


def votes_of(question: str, answers: Sequence[str | None], reference: str | None = None) -> list[str | None]:
    """The answers as votes: where the question asks for a percentage, `20%` and `20` are one answer.

    A reference that is no bare number (it may state the sign itself) tells the two apart.
    """
    if _ASKS.search(question) is None or (reference is not None and not _is_bare(reference)):
        return list(answers)
    return [None if answer is None else _vote(answer) for answer in answers]


def _vote(answer: str) -> str:
    bare = without_percent(answer)
    return bare if _is_bare(bare) else answer


def _is_bare(text: str) -> bool:
    return _BARE_NUMBER.fullmatch(text.strip()) is not None
