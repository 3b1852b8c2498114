"""The literal pairs of `tests/cases/answers`: a reference, a candidate, whether it is right, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

CASES = Path(__file__).resolve().parents[3] / "cases" / "answers"
CATEGORIES = tuple(sorted(path.stem for path in CASES.glob("*.jsonl")))


@dataclass(frozen=True)
class Pair:
    """One claim with its right verdict."""

    reference: str
    candidate: str
    expected: bool
    why: str


@dataclass(frozen=True)
class Solution:
    """A text and the answer that stands in it, None where none does."""

    solution: str
    answer: str | None
    why: str


def pairs(category: str) -> list[Pair]:
    """The pairs of one category."""
    rows = map(json.loads, (CASES / f"{category}.jsonl").read_text().splitlines())
    return [Pair(row["reference"], row["candidate"], bool(row["expected"]), row["why"]) for row in rows]


def solutions() -> list[Solution]:
    """Texts with the answer to be found in them."""
    rows = map(json.loads, (CASES / "extraction" / "literal.jsonl").read_text().splitlines())
    return [Solution(**row) for row in rows]
