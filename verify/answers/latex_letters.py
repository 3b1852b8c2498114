"""What a run of letters is: the name of a function, a word, a unit, or a product of single letters.

In: the text, where the run stands, and what stands before it. Out: one or more pieces. `xy` is x times y and `nRT`
three factors; `sin` is a function, `sinx` one of x; `apples` is a word (four letters or more with a vowel), `cm` a
unit where a number stands before it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verify.answers.latex_commands import (
    CALLED_ONLY,
    CONDITIONS,
    CONSTANT_WORDS,
    FUNCTION_WORDS,
    GREEK_WORDS,
    JOINS,
    MINUS_WORDS,
    NO_BARE_UNITS,
    SHORT_WORDS,
    TOUCHING_UNITS,
    Kind,
)
from verify.answers.units import unit_names

_FUSED = re.compile(r"(arcsin|arccos|arctan|sin|cos|tan|ln|log|sqrt|pi)([a-z]|theta|alpha|beta|pi|pir|r)?")
_ARGUMENT = re.compile(r"\s*(?:\\left\s*)?[({\\^_|]|\s+[a-zA-Z](?![a-zA-Z])")
_CALL = re.compile(r"\s*(?:\\left\s*)?[({]")
_ITEM_END = re.compile(r"\s*(?:\Z|[,.;)}\]/^$]|\\[,;$)\]]|\\text)")
_COMPOUND = re.compile(
    r"(?:m|ft|mi|km|cm|g|kg|mg|J|N|L|mol|W|rad|miles|feet|meters)(?:\^\{?\d\}?)?\s?/\s?"
    r"(?:s|h|hr|min|cm|m|kg|mL|ml|L|K|C|mol|sec|hour|day|second|minute)(?:\^\{?\d\}?)?(?![a-zA-Z\d(])"
)
_NEXT_RUN = re.compile(r"\s+([a-zA-Z]+)")
_NO_NOUNS = frozenset({*JOINS, *CONDITIONS, *FUNCTION_WORDS, *GREEK_WORDS, *CONSTANT_WORDS})
_NEXT_LETTER = re.compile(r"\s*\}?\s*[a-zA-Z({]")
_SPELLED_MINUS = re.compile(r"\s+[a-zA-Z\d(]")
_MEMBERSHIP = re.compile(r"\s+(?:\\left\s*)?[\[({\\]")


class Piece(NamedTuple):
    """A token's kind and text, and the index behind it."""

    kind: Kind
    text: str
    end: int


def split_letters(
    text: str,
    start: int,
    end: int,
    *,
    after_value: bool,
    after_number: bool,
    after_word: bool,
    spaced: bool,
    worded: bool,
    roman: bool,
) -> list[Piece]:
    """The pieces of the run `text[start:end]`; the last may end behind it (`m/s^2`)."""
    run = text[start:end]
    if len(run) == 1 and not worded:
        if after_number and spaced and (compound := _COMPOUND.match(text, start)):
            return [Piece(Kind.WORD, compound[0], compound.end())]
        return [Piece(Kind.NAME, run, end)]
    known = _known_word(text, run, end, after_value=after_value, worded=worded)
    if known is not None:
        return [known]
    if worded:
        unit = run in unit_names() and (after_number or (after_value and spaced)) and not _NEXT_LETTER.match(text, end)
        return [Piece(Kind.NAME if roman and len(run) == 1 and not unit else Kind.WORD, run, end)]
    if after_value and _is_unit(text, run, end, spaced=spaced, after_number=after_number):
        compound = _COMPOUND.match(text, start)
        return [Piece(Kind.WORD, compound[0], compound.end()) if compound else Piece(Kind.WORD, run, end)]
    fused = _FUSED.fullmatch(run)
    if fused is not None and fused[2]:
        return _fused(fused, start)
    if is_word(run) or (spaced and after_value and _among_words(text, run, end, after_word=after_word)):
        return [Piece(Kind.WORD, run, end)]
    return [Piece(Kind.NAME, letter, start + index + 1) for index, letter in enumerate(run)]


def is_word(run: str) -> bool:
    """Whether people would read the run as a word, not as a product."""
    lower = run.lower()
    if lower in SHORT_WORDS:
        return True
    if not run.isascii():
        return True
    vowel = any(letter in "aeiouy" for letter in lower)
    if len(run) >= 4:
        counting = all(ord(b) - ord(a) == 1 for a, b in zip(run, run[1:], strict=False))  # abcd
        return vowel and not counting and not (run.isupper() and len(run) < 6)
    return vowel and len(run) == 3 and run[0].isupper() and run[1:].islower()


def _among_words(text: str, run: str, end: int, *, after_word: bool) -> bool:
    """`red` in "12 red apples", `gum` in "pieces of gum": two or three letters among words."""
    if not any(letter in "aeiouy" for letter in run):
        return False
    following = _NEXT_RUN.match(text, end)
    return after_word or (following is not None and is_word(following[1]) and following[1] not in _NO_NOUNS)


def _known_word(text: str, run: str, end: int, *, after_value: bool, worded: bool) -> Piece | None:
    """A word of the vocabulary: a function, a constant, "or", "if", "minus", "in"."""
    if run in FUNCTION_WORDS and (run not in CALLED_ONLY or _CALL.match(text, end) or (worded and run == "sign")):
        if run == "min" and not _CALL.match(text, end):
            return None
        return Piece(*FUNCTION_WORDS[run], end)
    if run == "sqrt" and _ARGUMENT_OF_ROOT.match(text, end):
        return Piece(Kind.ROOT, "root", end)
    if run in JOINS:
        return Piece(Kind.JOIN, JOINS[run], end)
    if run in CONDITIONS:
        return Piece(Kind.CONDITION, run, end)
    if run in CONSTANT_WORDS:
        return Piece(Kind.CONSTANT, CONSTANT_WORDS[run], end)
    if run in GREEK_WORDS and not worded:
        return Piece(Kind.NAME, run, end)
    lower = run.lower()
    if lower in MINUS_WORDS and not after_value and _SPELLED_MINUS.match(text, end):
        return Piece(Kind.OPERATOR, "-", end)
    if run == "mod":
        return Piece(Kind.OPERATOR, "mod", end)
    if run == "in" and after_value and _MEMBERSHIP.match(text, end):
        return Piece(Kind.RELATION, "in", end)
    return None


_ARGUMENT_OF_ROOT = re.compile(r"\s*[({\d\[a-zA-Z\\]")


def _is_unit(text: str, run: str, end: int, *, spaced: bool, after_number: bool) -> bool:
    """Whether the run is a unit of the value before it: some may touch it, others stand apart and end the item."""
    if run in TOUCHING_UNITS:
        return True
    if run == "in":
        return after_number and bool(_ITEM_END.match(text, end))
    if run not in unit_names() or run in NO_BARE_UNITS:
        return False
    return len(run) > 3 or (spaced and bool(_ITEM_END.match(text, end)))


def _fused(found: re.Match[str], start: int) -> list[Piece]:
    """`sinx`, `cospi`, `pir` in two."""
    first, second = found[1], found[2]
    middle = start + len(first)
    head = Piece(*FUNCTION_WORDS[first], middle) if first in FUNCTION_WORDS else _head(first, middle)
    end = middle + len(second)
    if second == "pi":
        return [head, Piece(Kind.CONSTANT, "pi", end)]
    return [head, Piece(Kind.NAME, second, end)]


def _head(name: str, end: int) -> Piece:
    return Piece(Kind.CONSTANT, "pi", end) if name == "pi" else Piece(Kind.ROOT, "root", end)
