"""Points at which two expressions are compared.

In: the traits of the two trees. Out: points, each a value for every free symbol; the same for the same trees, in
every process. Exact rationals, so that the exact part of a tree stays exact.

Positive points come first, since most variables stand for positive numbers; then every pattern of signs. Near each
number that is written in the trees there are points on both sides of it: a domain or a kink may begin there. Symbols
that can only be whole numbers (`n!`, `(-1)^n`) get consecutive ones, so that both parities and all residues of small
moduli occur.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from flint import fmpq, fmpz

from verify.answers.traits import Traits

Point = dict[str, fmpq]

_REAL_POINTS = 80
_POSITIVE_FIRST = 4
_WHOLE_POINTS = 40
_SIGNED_SYMBOLS = 3  # of so few symbols every pattern of signs is tried
_AT_KINKS = (0, 1, -1, 2, -2, 3)
_MAX_LITERALS = 16
_MOST_BITS = 20
_FORMAL_BITS = 96
# Powers of two in the denominators would make floor(8 x) and the like special.
_ODD = 65_537


def formal_points(names: list[str], seed: int, count: int) -> Iterator[Point]:
    """Points for an identity of polynomials: a false one of degree d passes one of them with chance d / 2^96
    (Schwartz 1980, Zippel 1979)."""
    source = random.Random(seed)
    for _ in range(count):
        yield {name: fmpq(fmpz(source.getrandbits(_FORMAL_BITS) + 2)) for name in names}


def small_point(names: list[str], seed: int) -> Point:
    """One point that a person can read."""
    return {name: fmpq(2 * (seed >> place & 7) + 3, 7) for place, name in enumerate(names)}


def needed_points(traits: Traits) -> int:
    """At how many points two expressions must agree: every pattern of signs, both sides of what is written."""
    if traits.kinked:
        return 24 + 2 * min(len(traits.literals), _MAX_LITERALS)
    patterns = 2 ** min(len(traits.symbols), _SIGNED_SYMBOLS + 1)
    return 12 if traits.whole else max(8, _POSITIVE_FIRST + patterns)


def points(traits: Traits, *, whole: bool) -> Iterator[Point]:
    """Points in the order in which they are worth trying; `whole` gives every symbol whole numbers."""
    source = random.Random(traits.seed)
    names = sorted(traits.symbols)
    counting = set(names) if whole else traits.whole.intersection(names)
    if len(counting) == len(names):
        yield from _whole_points(names, source)
        return
    sizes = _Sizes(traits, source)
    for index in range(_REAL_POINTS):
        signs = _signs(index, len(names), source)
        yield {
            name: fmpq(source.randrange(12)) if name in counting else sign * sizes.draw(index)
            for name, sign in zip(names, signs, strict=True)
        }
        if traits.kinked and index < len(_AT_KINKS):
            yield dict.fromkeys(names, fmpq(_AT_KINKS[index]))


def _signs(index: int, count: int, source: random.Random) -> list[int]:
    """All positive at first, then each pattern in turn."""
    if index < _POSITIVE_FIRST:
        return [1] * count
    pattern = (index - _POSITIVE_FIRST + 1) if count <= _SIGNED_SYMBOLS else source.getrandbits(count)
    return [-1 if pattern >> place & 1 else 1 for place in range(count)]


class _Sizes:
    """Positive numbers: below 1, of a few units, near a written number, anywhere up to twice the largest of them."""

    def __init__(self, traits: Traits, source: random.Random) -> None:
        written = sorted({abs(value) for value in traits.literals if value != 0})
        self.near = written[:_MAX_LITERALS] or [fmpq(1)]
        largest = max(int(value.ceil()) for value in self.near)
        self.bits = min(max(3, largest.bit_length() + 1), _MOST_BITS)
        self.source = source

    def draw(self, index: int) -> fmpq:
        """A number of the kind whose turn it is."""
        fraction = fmpq(self.source.randrange(1, _ODD), _ODD)
        match index % 4:
            case 0:
                return fraction
            case 1:
                return 1 + 3 * fraction
            case 2:
                near = self.near[index // 8 % len(self.near)]
                return near + fraction / 8 if index % 8 == 2 else abs(near - fraction / 8)
            case _:
                return fraction * fmpq(2) ** self.source.randint(1, self.bits)


def _whole_points(names: list[str], source: random.Random) -> Iterator[Point]:
    if len(names) == 1:
        for number in (*range(1, 9), 0, *source.sample(range(9, 40), 12)):
            yield {names[0]: fmpq(number)}
        return
    for _ in range(_WHOLE_POINTS):
        yield {name: fmpq(source.randrange(0, 13)) for name in names}
