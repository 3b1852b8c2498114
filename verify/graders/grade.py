"""What a grading rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grade:
    """`correct` is None where the rule came to no grade (a fault, its limit of time); `why` is a few words."""

    correct: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Grader:
    """A rule by name. `source` says where it is described, `faults` what it is known to get wrong."""

    name: str
    version: str
    source: str
    faults: str
    grade: Callable[[str, str], Grade]  # reference, candidate; total
