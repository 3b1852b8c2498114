"""The numbers of an evaluation: unbiased pass@k, bootstrap intervals, the sign test.

In: counts and per-problem values. Out: floats in [0, 1]. pass@k is the closed form of Chen et al. (2021, arXiv
2107.03374), in whole numbers before the one division; intervals are the percentile bootstrap over problems (Efron
1979); the sign test is the exact two-sided binomial one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mathpipe.core.errors import InputError

_RESAMPLES = 10_000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A bootstrap interval of a mean; both ends in [0, 1]."""

    low: float
    high: float


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Chance that at least one of `k` samples, drawn without replacement from `samples`, is correct.

    1 - C(n-c, k) / C(n, k). Raises `InputError` unless 0 ≤ correct ≤ samples and 1 ≤ k ≤ samples.
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise InputError(
            f"pass_at_k(samples={samples}, correct={correct}, k={k})",
            "0 ≤ correct ≤ samples and 1 ≤ k ≤ samples",
            "draw at least k samples a problem",
        )
    if correct == 0:
        return 0.0
    return float(1 - Fraction(math.comb(samples - correct, k), math.comb(samples, k)))


def bootstrap(
    values: Sequence[float], *, seed: int = 0, resamples: int = _RESAMPLES, confidence: float = _CONFIDENCE
) -> Interval:
    """Percentile interval of the mean when problems are drawn anew with replacement. The same seed, the same ends.

    Equal values are drawn together: how often each of the few different values comes up is multinomial.
    """
    if not values:
        raise InputError("bootstrap", "at least one value", "score at least one problem")
    counts = Counter(values)
    kinds = np.array(sorted(counts), dtype=np.float64)
    shares = np.array([counts[value] for value in sorted(counts)], dtype=np.float64) / len(values)
    draws = np.random.default_rng(seed).multinomial(len(values), shares, size=resamples)
    means = np.sort(draws @ kinds / len(values))
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p of `wins` against `losses` where both are equally likely; ties are left out. 1.0 for none."""
    flips = wins + losses
    if flips == 0:
        return 1.0
    tail = sum(math.comb(flips, count) for count in range(min(wins, losses) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**flips)))
