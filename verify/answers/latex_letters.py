"""What a run of letters is: the name of a function, a word, a unit, or a product of single letters.

In: the text, where the run stands, and what stands before it. Out: one or more pieces. `xy` is x times y and `nRT`
three factors; `sin` is a function, `sinx` one of x; `apples` is a word (four letters or more with a vowel), `cm` a
unit where a number stands before it. `AB` is one name (a segment, a matrix), except where a capital stands alone or
beside a small letter (`PV = nRT`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from verify.answers.latex_commands import (
    CALLED_ONLY,
    FUNCTION_WORDS,
    GREEK_WORDS,
    MINUS_WORDS,
    NO_BARE_UNITS,
    SHORT_WORDS,
    SMALL_WORDS,
    TOUCHING_UNITS,
    UPPER_WORDS,
    VOCABULARY,
    Kind,
)
from verify.answers.units import unit_names

_FUSED = re.compile(r"(arcsin|arccos|arctan|sin|cos|tan|ln|log|sqrt|pi)([a-z]|theta|alpha|beta|pi)?")
_CALL = re.compile(r"\}?\s*(?:\\left\s*)?[({]")
_SET = re.compile(r"\s*(?:\\left\s*)?(?:[\[({]|\\\{)")
_PROGRAM_UNIT = re.compile(r"[\d)]\*I")  # 4*I, as SymPy prints it
_LONE_CAPITAL = re.compile(r"(?<![A-Za-z\\])(?:[A-Z](?![A-Za-z])|[a-z]+[A-Z]|[A-Z]+[a-z])")
_ITEM_END = re.compile(r"\s*(?:\Z|[,.;)}\]/^$]|\\[,;$)\]]|\\text)")
_COMPOUND = re.compile(
    r"(?:m|ft|mi|km|cm|g|kg|mg|J|N|L|mol|W|rad|miles|feet|meters)(?:\^\{?\d\}?)?\s?/\s?"
    r"(?:s|h|hr|min|cm|m|kg|mL|ml|L|K|C|mol|sec|hour|day|second|minute)(?:\^\{?\d\}?)?(?![a-zA-Z\d(])"
)
_SHORT_NOUN = re.compile(r"[bcdfghjklmnpqrstvwxyz][aeiou][a-z]")  # 9 men
_WORD_FOLLOWS = re.compile(r"\s+[\w($]")
_NEXT_RUN = re.compile(r"\s+([a-zA-Z]+)")
_NO_NOUNS = frozenset({*VOCABULARY, *FUNCTION_WORDS, *GREEK_WORDS})
_NEXT_LETTER = re.compile(r"\s*\}?\s*[a-zA-Z({]")
_SPELLED_MINUS = re.compile(r"\s+[a-zA-Z\d(]")
_RADICAND = re.compile(r"\s*[({\d\[a-zA-Z\\]")
_MEMBERSHIP = re.compile(r"\s+(?:\\left\s*)?[\[({\\]")


class Piece(NamedTuple):
    """A token's kind and text, and the index behind it."""

    kind: Kind
    text: str
    end: int


class Before(NamedTuple):
    """What stands before a run: the kind of the last token, a blank, and the text it is part of."""

    last: Kind | None
    spaced: bool
    worded: bool  # in \\text{…}
    roman: bool  # in \\mathrm{…}

    @property
    def value(self) -> bool:
        """Whether a value ends right before."""
        return self.last in _ENDS_VALUE


_ENDS_VALUE = frozenset(
    {Kind.NUMBER, Kind.CLOSE, Kind.CONSTANT, Kind.NAME, Kind.WORD, Kind.BAR, Kind.DEGREE, Kind.PERCENT}
)


def split_letters(text: str, start: int, end: int, before: Before) -> list[Piece]:
    """The pieces of the run `text[start:end]`; the last may end behind it (`m/s^2`)."""
    run = text[start:end]
    if len(run) == 1 and not before.worded:
        return [_single(text, run, start, before)]
    known = _known(text, run, start, before)
    if known is not None:
        return [known]
    if before.worded:
        return [_in_text(text, run, end, before)]
    fused = _FUSED.fullmatch(run)
    if fused is not None and fused[2]:
        return _fused(fused, start)
    if (
        is_word(run)
        or _stands_alone(text, run, start)
        or (before.spaced and before.value and _among_words(text, run, end, before))
    ):
        return [Piece(Kind.WORD, run, end)]
    if run.isupper() and not _has_lone_capital(text):
        return [Piece(Kind.NAME, run, end)]
    return [Piece(Kind.NAME, letter, start + index + 1) for index, letter in enumerate(run)]


@lru_cache(maxsize=8)
def _has_lone_capital(text: str) -> bool:
    """Asked for every run of capitals of one text: remembered, or the time would not be linear."""
    return _LONE_CAPITAL.search(text) is not None


def _single(text: str, letter: str, start: int, before: Before) -> Piece:
    """One letter: nearly always a name."""
    end = start + 1
    compound = _COMPOUND.match(text, start) if before.last is Kind.NUMBER and before.spaced else None
    if compound is not None:
        return Piece(Kind.WORD, compound[0], compound.end())
    if letter == "U" and before.last is Kind.CLOSE and _SET.match(text, end):
        return Piece(Kind.SET_OPERATOR, "union", end)
    if letter == "I" and _PROGRAM_UNIT.match(text, max(0, start - 2)):
        return Piece(Kind.NAME, "i", end)
    return Piece(Kind.NAME, letter, end)


def _in_text(text: str, run: str, end: int, before: Before) -> Piece:
    r"""In `\text{…}` a run is a word; `\mathrm{e}` is a name, unless it is the unit of a value."""
    follows = before.last is Kind.NUMBER or (before.value and before.spaced)
    unit = follows and run in unit_names() and not _NEXT_LETTER.match(text, end)
    return Piece(Kind.NAME if before.roman and len(run) == 1 and not unit else Kind.WORD, run, end)


def is_word(run: str) -> bool:
    """Whether people would read the run as a word, not as a product."""
    lower = run.lower()
    if (lower in SHORT_WORDS and not run.isupper()) or run in UPPER_WORDS or not run.isascii():
        return True
    vowel = any(letter in "aeiouy" for letter in lower)
    if len(run) >= 4:
        counting = all(ord(second) - ord(first) == 1 for first, second in pairwise(run))  # abcd
        return vowel and not counting and not (run.isupper() and len(run) < 6)
    return vowel and len(run) == 3 and run[0].isupper() and run[1:].islower()


def _stands_alone(text: str, run: str, start: int) -> bool:
    """`of`, `to` and their like between blanks; `an+b` and `by` beside signs are products."""
    if run.lower() not in SMALL_WORDS or (start and not text[start - 1].isspace()):
        return False
    return _WORD_FOLLOWS.match(text, start + len(run)) is not None or (start == 0 and run.lower() == "no")


def _among_words(text: str, run: str, end: int, before: Before) -> bool:
    """`red` in "12 red apples", `gum` in "pieces of gum": two or three letters among words."""
    if not any(letter in "aeiouy" for letter in run):
        return False
    following = _NEXT_RUN.match(text, end)
    noun = following is not None and len(following[1]) > 2 and following[1] not in _NO_NOUNS
    if before.last is Kind.NUMBER and _SHORT_NOUN.fullmatch(run) and (noun or _ITEM_END.match(text, end)):
        return True
    return before.last is Kind.WORD or (noun and following is not None and is_word(following[1]))


def _known(text: str, run: str, start: int, before: Before) -> Piece | None:
    """A word of the vocabulary, or a unit."""
    end = start + len(run)
    if run in VOCABULARY:
        return Piece(*VOCABULARY[run], end)
    if run in FUNCTION_WORDS and (run not in CALLED_ONLY or _CALL.match(text, end)):
        return Piece(*FUNCTION_WORDS[run], end)
    if run == "sqrt" and _RADICAND.match(text, end):
        return Piece(Kind.ROOT, "root", end)
    if run.lower() in MINUS_WORDS and not before.value and _SPELLED_MINUS.match(text, end):
        return Piece(Kind.OPERATOR, "-", end)
    if run == "in" and before.value and _MEMBERSHIP.match(text, end):
        return Piece(Kind.RELATION, "in", end)
    if run in GREEK_WORDS and not before.worded:
        return Piece(Kind.NAME, run, end)
    if before.value and not before.worded and _is_unit(text, run, end, before):
        compound = _COMPOUND.match(text, start)
        return Piece(Kind.WORD, compound[0], compound.end()) if compound else Piece(Kind.WORD, run, end)
    return Piece(Kind.WORD, run, end) if run in CALLED_ONLY and len(run) > 2 and not before.value else None


def _is_unit(text: str, run: str, end: int, before: Before) -> bool:
    """Whether the run is a unit of the value before it: some may touch it, others stand apart and end the item."""
    if run in TOUCHING_UNITS:
        return True
    if run == "in":
        return before.last is Kind.NUMBER and bool(_ITEM_END.match(text, end))
    if run not in unit_names() or run in NO_BARE_UNITS:
        return False
    return len(run) > 3 or (before.spaced and bool(_ITEM_END.match(text, end)))


def _fused(found: re.Match[str], start: int) -> list[Piece]:
    """`sinx`, `cospi`, `pir` in two."""
    first, second = found[1], found[2]
    middle = start + len(first)
    head = {"pi": (Kind.CONSTANT, "pi"), "sqrt": (Kind.ROOT, "root")}.get(first) or FUNCTION_WORDS[first]
    tail = (Kind.CONSTANT if second == "pi" else Kind.NAME, second)
    return [Piece(*head, middle), Piece(*tail, middle + len(second))]
