"""Where the words that a person searched for stand in a page's text, in one marked line.

In: a text and what was searched for in it. Out: a `Snippet`. The index of words knows no places, so a phrase in
quotes is searched as its words; whether it stands in the text as written is seen here, in the text itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import normalize

from markupsafe import Markup, escape

from mathpipe.inspect.browser.text_index import words_of
from mathpipe.inspect.safe_text import one_line

_BEFORE, _AFTER = 70, 130  # characters around the first of the words
_PHRASE = re.compile(r'["“„]([^"“”„]+)["“”]')
_MARK = "[\u0300-\u036f]"  # an accent that stands behind its letter
_MARKS = f"{_MARK}*"
_LOOKED_THROUGH = 300_000  # characters of a text: what stands later is not shown


@dataclass(frozen=True, slots=True)
class Snippet:
    """One line with the words marked; `apart` where a phrase was asked for and only its words are there."""

    line: Markup
    apart: bool


def phrases_of(asked: str) -> list[list[str]]:
    """The words of every phrase in quotes, those of one word left out."""
    return [words for phrase in _PHRASE.findall(asked) if len(words := words_of(phrase)) > 1]


def snippet(text: str, asked: str) -> Snippet:
    """The line around the first phrase that is found, else around the first word."""
    text = text[:_LOOKED_THROUGH]
    plain = _plain(text)
    phrases = [_pattern(phrase, r"[\W_]+") for phrase in phrases_of(asked)]
    found = [phrase.search(plain) for phrase in phrases]
    words = re.compile("|".join(_pattern([word], "").pattern for word in words_of(asked)) or r"(?!)")
    first = next(filter(None, found), None) or words.search(plain)
    start = 0 if first is None else max(first.start() - _BEFORE, 0)
    if start:  # at a word's beginning
        start = text.find(" ", start, first.start() if first else start) + 1 or start
    least = first.end() if first else 0
    end = min(least + _AFTER, len(text))
    if end < len(text):
        end = max(text.rfind(" ", least, end), least) or end
    line = Markup("").join(_marked(text, plain, words, start, end))
    return Snippet(
        Markup("{}{}{}").format("… " if start else "", line, " …" if end < len(text) else ""),
        apart=any(phrase is None for phrase in found),
    )


def _marked(text: str, plain: str, words: re.Pattern[str], start: int, end: int) -> list[Markup]:
    parts, at = [], start
    for match in words.finditer(plain, start, end):
        parts.append(escape(_spaced(text[at : match.start()])))
        parts.append(Markup("<mark>{}</mark>").format(_spaced(text[match.start() : match.end()])))
        at = match.end()
    return [*parts, escape(_spaced(text[at:end]))]


def _spaced(text: str) -> str:
    """On one line, but with the spaces at its ends: pieces are put together again."""
    inner = one_line(text)
    return f"{' ' * text[:1].isspace()}{inner}{' ' * (text[-1:].isspace() and bool(inner))}"


def _pattern(words: list[str], between: str) -> re.Pattern[str]:
    """Whole words one behind the other, in a text that `_plain` made."""
    written = [_MARKS.join(map(re.escape, _plain(word.rstrip("*")))) + _MARKS for word in words]
    written = [part + rf"(?:[^\W_]|{_MARK})*" * word.endswith("*") for part, word in zip(written, words, strict=True)]
    return re.compile(rf"(?<![^\W_])(?:{between.join(written)})(?![^\W_])")


def _plain(text: str) -> str:
    """In small letters without accents, letter by letter: places in it are places in the text."""
    if text.isascii():
        return text.lower()
    return "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    small = normalize("NFD", letter)[:1].lower() or letter
    return "σ" if small == "ς" else small if len(small) == 1 else letter
