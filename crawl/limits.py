"""How much of a page the extraction takes on, and the error for a page it refuses.

The limits bound time and memory for hostile pages: nothing in `crawl` recurses over a page's depth, and no scan
is more than linear in its size times these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mathpipe.core.errors import MathpipeError


class ExtractionFailure(StrEnum):
    """Why a page yields no record."""

    TOO_LARGE = "too-large"
    TOO_MANY_ELEMENTS = "too-many-elements"
    TOO_DEEP = "too-deep"
    NO_TEXT = "no-text"


class ExtractionError(MathpipeError):
    """A page that the extraction refuses; the crawl stage turns it into one ledger row."""

    def __init__(self, reason: ExtractionFailure, offender: str, expected: str, repair: str) -> None:
        super().__init__(offender, expected, repair)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ExtractionError], tuple[ExtractionFailure, str, str, str]]:
        """Pickle with all four arguments, so that the error survives a worker's boundary."""
        return type(self), (self.reason, self.offender, self.expected, self.repair)


@dataclass(frozen=True, slots=True)
class ExtractionLimits:
    """Bounds of one page.

    Browsers themselves stop nesting at 512 (Blink, WebKit); the largest page of the 4,406 in the project's test
    data has under 60,000 elements.
    """

    max_chars: int = 20_000_000
    max_elements: int = 300_000
    max_depth: int = 2_000
    max_formula_chars: int = 10_000
    min_text_chars: int = 1


DEFAULT_LIMITS = ExtractionLimits()
