"""Which solutions a run's report shows: the same held-out problems before and after, and samples of the newest step.

In: samples of two evaluations, or of a step. Out: those to show, the same ones each time: in the order of the files,
so many of each kind, no problem twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mathpipe.core.records import Finish, Outcome
from rl.run_files import RolloutSample

# What is worth looking at most: what was gained, what was lost, and what still fails.
_PAIRS_SHOWN = {(False, True): 3, (True, False): 2, (False, False): 2, (True, True): 1}
_SAMPLES_SHOWN = {"right": 2, "wrong": 2, "cut": 2, "not judged": 1}


@dataclass(frozen=True, slots=True)
class Pair:
    """One problem's solutions by the first and the last evaluation; `after` is None where there was but one."""

    before: RolloutSample
    after: RolloutSample | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Solutions of both evaluations, drawn with the same seed, by their verdicts before and after."""

    gained: int
    lost: int
    stayed_right: int
    stayed_wrong: int


def paired(first: Sequence[RolloutSample], last: Sequence[RolloutSample]) -> list[Pair]:
    """Each sample of the first evaluation with that of the last one for the same problem and index."""
    known = {(sample.problem_id, sample.index): sample for sample in last}
    pairs = ((sample, known.get((sample.problem_id, sample.index))) for sample in first)
    return [Pair(before, after) for before, after in pairs if after is not None]


def changes(pairs: Sequence[Pair]) -> Changes:
    """How many verdicts changed."""
    counts = Counter(_verdicts(pair) for pair in pairs)
    return Changes(counts[False, True], counts[True, False], counts[True, True], counts[False, False])


def chosen_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs to show: what was gained first, then lost, still wrong, still right."""
    taken: set[str] = set()
    found: list[Pair] = []
    for verdicts, wanted in _PAIRS_SHOWN.items():
        alike = (pair for pair in pairs if _verdicts(pair) == verdicts)
        found += _distinct(alike, taken, wanted)
    shown = sum(_PAIRS_SHOWN.values())
    return found + list(_distinct(iter(pairs), taken, shown - len(found)))


def first_alone(first: Sequence[RolloutSample]) -> list[Pair]:
    """Solutions to show where there was but one evaluation."""
    return list(_distinct((Pair(sample, None) for sample in first), set(), 4))


def chosen_samples(samples: Sequence[RolloutSample]) -> list[RolloutSample]:
    """Samples of a step to show: right, wrong, cut at the limit, not judged; those that were learned from first.

    Samples of one kind are of different problems.
    """
    found: list[RolloutSample] = []
    for kind, wanted in _SAMPLES_SHOWN.items():
        alike = [sample for sample in samples if sample_kind(sample) == kind]
        first: dict[str, RolloutSample] = {}
        for sample in sorted(alike, key=lambda sample: sample.advantage is None):
            first.setdefault(sample.problem_id, sample)
        found += list(first.values())[:wanted]
    return found


def sample_kind(sample: RolloutSample) -> str:
    """What came of a sample, in a word or two."""
    if sample.outcome is Outcome.CORRECT:
        return "right"
    if sample.outcome is None:
        return "not judged"
    return "cut" if sample.finish is Finish.LENGTH else "wrong"


def _verdicts(pair: Pair) -> tuple[bool, bool]:
    after = pair.after is not None and pair.after.outcome is Outcome.CORRECT
    return pair.before.outcome is Outcome.CORRECT, after


def _distinct(pairs: Iterator[Pair], taken: set[str], wanted: int) -> Iterator[Pair]:
    for pair in pairs:
        if wanted <= 0:
            return
        if pair.before.problem_id not in taken:
            taken.add(pair.before.problem_id)
            wanted -= 1
            yield pair
