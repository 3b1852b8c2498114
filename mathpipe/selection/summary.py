"""What a selection came to, in numbers: for `summary.json`, a table, and a round's record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from mathpipe.selection.records import AnswerSource, Selection

_EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)


def summary_of(selection: Selection) -> dict[str, Any]:
    """Samples by fate, problems by pass rate and by what they were held against, verdicts by reason."""
    results = selection.results
    verdicts = [one.verdict for result in results for one in result.judgements if one.verdict is not None]
    return {
        "problems": len(results),
        "samples": sum(len(result.judgements) for result in results),
        "fates": {str(fate): count for fate, count in sorted(selection.counts.items())},
        "pass_rates": _histogram(result.pass_rate for result in results),
        "held_against": {str(source): sum(result.source is source for result in results) for source in AnswerSource},
        "verdicts": dict(sorted(Counter(f"{one.outcome}: {one.reason}" for one in verdicts).items())),
        "pairs": len(selection.pairs),
        "grpo_problems": len(selection.grpo),
    }


def _histogram(rates: Iterable[float | None]) -> dict[str, int]:
    counts = dict.fromkeys(("none", "0", *(f"({low}, {high}]" for low, high in pairwise(_EDGES))), 0)
    for rate in rates:
        counts[_bin(rate)] += 1
    return counts


def _bin(rate: float | None) -> str:
    if rate is None:
        return "none"
    if rate == 0:
        return "0"
    low, high = next((low, high) for low, high in pairwise(_EDGES) if low < rate <= high)
    return f"({low}, {high}]"
