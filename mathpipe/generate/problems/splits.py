"""Splits by the question itself: the same question is in one split, whatever file, seed or run it comes from.

In: problems, and the shares of the splits. Out: the problems with their `split` set. A hash of the normalised
question decides, so a problem keeps its split when others come or go. Split before anything else is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.generate.problems.question_text import normal_question

_BITS = 64


def split_of(question: str, shares: Mapping[str, float], *, salt: str = "") -> str:
    """The split of a question. Shares are positive, sum to 1, and their order matters; a salt divides otherwise."""
    _check(shares)
    key = f"{salt}\x00{normal_question(question)}"
    point = int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_BITS // 8).digest(), "big")
    bound = 0.0
    for name, share in shares.items():
        bound += share
        if point / 2**_BITS < bound:
            return name
    return name


def split_problems(
    problems: Iterable[Problem], shares: Mapping[str, float], *, salt: str = ""
) -> dict[str, list[Problem]]:
    """The problems by split, each with its `split` set; every split is there, if only empty."""
    _check(shares)
    found: dict[str, list[Problem]] = {name: [] for name in shares}
    for problem in problems:
        name = split_of(problem.question, shares, salt=salt)
        found[name].append(replace(problem, split=name))
    return found


def _check(shares: Mapping[str, float]) -> None:
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise InputError(f"shares {dict(shares)}", "positive shares that sum to 1", "for example train 0.9, test 0.1")
