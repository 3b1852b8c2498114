"""Words: spelled-out numbers, and answers that are nothing but words.

In: words, or the whole cleaned text. Out: the number they spell, or the `Text` they are. English cardinal numbers up
to trillions, with fractions ("two thirds", "three and a half"); ordinals are no numbers.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from flint import fmpq

from verify.answers.parse_error import ParseError, ParseReason
from verify.answers.tree import Number, Text

MAX_PROSE = 200
_UNITS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
} | {"fourty": 40}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8,
    "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10, "twelfth": 12, "twelfths": 12, "hundredths": 100,
}  # fmt: skip
_LARGE = {"hundred", *SCALES}
NUMBER_WORDS = frozenset({*_UNITS, *_TENS, "half"})
_WRAPPER = re.compile(r"\\(?:text[a-z]*|mbox|hbox|mathrm|mathbf|operatorname|emph|rm|boxed|fbox)(?![a-zA-Z])\s*")
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad(?![a-zA-Z])|\\[()\[\]]|\\left(?![a-zA-Z])|\\right(?![a-zA-Z])|[{}$~]|\s+")
_PROSE = re.compile(r"[^\W\d_](?:[\w\s.,;:!?'’\"()&%-]|(?<=\d)/(?=\d))*")
_LONG_WORD = re.compile(r"[^\W\d_]{2}")
_TIME = re.compile(r"(\d{1,2}(?:\s*:\s*\d\d){0,2})\s*([ap])\.?\s?m\b\.?((?:\s[\w\s,.]*)?)", re.IGNORECASE)
_REMAINDER = re.compile(r"\d+ [Rr] ?\d+")


class SpelledNumber(NamedTuple):
    """A number and how many words spell it."""

    node: Number
    words: int


def number_word(word: str) -> int | None:
    """A single word that is a number below a hundred."""
    lower = word.lower()
    return _UNITS.get(lower, _TENS.get(lower))


def read_number_words(words: list[str]) -> SpelledNumber | None:
    """The number that the first words spell, as many of them as belong to it."""
    whole, count = _cardinal(words)
    if count == 0:
        if words and words[0] == "half":
            return SpelledNumber(Number(fmpq(1, 2)), 1)
        if len(words) > 1 and words[0] == "a" and words[1] in _PARTS:
            return SpelledNumber(Number(fmpq(1, _PARTS[words[1]])), 2)
        return None
    if count < len(words) and words[count] in _PARTS:
        return SpelledNumber(Number(fmpq(whole, _PARTS[words[count]])), count + 1)
    if words[count : count + 1] == ["and"]:
        above, more = (1, 1) if words[count + 1 : count + 2] == ["a"] else _cardinal(words[count + 1 :])
        place = count + 1 + more
        if more and place < len(words) and words[place] in _PARTS:
            return SpelledNumber(Number(whole + fmpq(above, _PARTS[words[place]])), place + 1)
    return SpelledNumber(Number(fmpq(whole)), count)


def _cardinal(words: list[str]) -> tuple[int, int]:
    """A whole number and the count of its words, 0 where the first word begins none."""
    total, group, count, last = 0, 0, 0, 10**15
    if words[:1] == ["a"] and words[1:2] and words[1] in _LARGE:
        group, count = 1, 1
    while count < len(words):
        word = words[count]
        if word in SCALES and group and SCALES[word] < last:
            last = SCALES[word]
            total, group = total + group * last, 0
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word in _TENS and group % 100 == 0 and (group or not count or total):
            group += _TENS[word]
        elif word in _UNITS and _fits(_UNITS[word], group, started=count > 0, total=total):
            group += _UNITS[word]
        elif word == "and" and count and _continues(words, count, group, total):
            pass
        else:
            break
        count += 1
    return total + group, count


def _fits(value: int, group: int, *, started: bool, total: int) -> bool:
    if value >= 10:
        return group % 100 == 0 and (group > 0 or not started or total > 0)
    if value == 0:
        return not started
    return group % 10 == 0 and group % 100 != 10 and (group > 0 or not started or total > 0)


def _continues(words: list[str], count: int, group: int, total: int) -> bool:
    """Whether "and" joins hundreds to the rest: "one hundred and five", not "one and five" nor "... and a half"."""
    following = words[count + 1] if count + 1 < len(words) else ""
    after = words[count + 2] if count + 2 < len(words) else ""
    hundreds = group % 100 == 0 and (group > 0 or total > 0)
    return hundreds and following in NUMBER_WORDS - {"half", "zero"} and after not in _PARTS


def plain_text(cleaned: str) -> str:
    """The text without wrappers, braces and spacing commands, blanks folded."""
    return " ".join(_SPACING.sub(_blank, _WRAPPER.sub("", cleaned)).split())


def _blank(found: re.Match[str]) -> str:
    return "" if found[0] in ("{", "}", "$", r"\!") else " "


def fixed_phrase(cleaned: str) -> Text | None:
    """`4:30 p.m.`, `25 R 3`: a time of day and a division with its remainder are no numbers."""
    plain = plain_text(cleaned) if len(cleaned) <= MAX_PROSE else ""
    time = _TIME.fullmatch(plain)
    if time is not None:
        return Text(f"{''.join(time[1].split())} {time[2].lower()}.m.{time[3].rstrip(' .,')}")
    return Text(plain) if _REMAINDER.fullmatch(plain) else None


def read_words(cleaned: str) -> Text | None:
    """The text as words: it begins with a letter, holds a word of two letters, and no sign of mathematics."""
    plain = plain_text(cleaned[: 4 * MAX_PROSE])
    if not _PROSE.fullmatch(plain.lstrip("(")) or not _LONG_WORD.search(plain):
        return None
    if len(plain) > MAX_PROSE:
        raise ParseError(ParseReason.NOT_MATHEMATICS, f"more than {MAX_PROSE} characters of prose")
    return Text(plain.rstrip(" .,;:"))
