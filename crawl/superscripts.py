"""`<sup>` and `<sub>` in running text, as text that keeps their meaning.

Convention: an exponent or index on a symbol is written TeX-like, `x^{2}`, `a_{i}`, `10^{-6}`, `H_{2}O`, without
dollars, because the page did not mark a formula; ordinals lose the mark (`4th`); a footnote mark becomes
`[1]`; what is
neither is set off by nothing. In: the text before, the text inside. Out: the text to write.
"""

from __future__ import annotations

import re
from enum import StrEnum

_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|o|a|º|ª|ème|eme|nde?|TM|SM|™|®|©|℠)", re.IGNORECASE)
_NOTE = re.compile(r"\[?\s*(?:\d{1,3}|[a-z]|[*†‡§¶#]+|note \d+)\s*\]?", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)$")
_SYMBOL_BEFORE = re.compile(r"[\w)\]}|'′^°∂∇∑∏∫]$")
_UNITS = frozenset("mm cm km dm ft in yd mi kg mol sec min Hz bit hours miles feet inch meters metres".split())
_NUMBERED_WORDS = frozenset(
    "log ln exp sin cos tan cot sec csc sinh cosh tanh lim max min sup inf det dim ker".split()
)


class Script(StrEnum):
    """Above or below the line."""

    SUP = "^"
    SUB = "_"


def script_text(kind: Script, inner: str, before: str, *, linked: bool) -> str:
    """What a superscript or subscript becomes after the text `before`."""
    inner = " ".join(inner.split())
    if not inner:
        return ""
    if kind is Script.SUP and (linked or _is_note(inner, before)):
        return f"[{inner.strip('[] ')}]" if _NOTE.fullmatch(inner) else f" {inner}"
    if kind is Script.SUP and _ORDINAL.fullmatch(inner) and re.search(r"\d$|[A-Z]\w+$", before):
        return inner
    if not _SYMBOL_BEFORE.search(before) or len(inner) > 60 or len(inner.split()) > 6:
        return inner if len(inner) > 60 or len(inner.split()) > 6 else f"{kind.value}{{{inner}}}"
    return f"{kind.value}{{{inner}}}"


def _is_note(inner: str, before: str) -> bool:
    """A footnote mark: bracketed, or a number after a word or after punctuation."""
    if inner[0] == "[" and inner[-1] == "]":
        return True
    if not _NOTE.fullmatch(inner) or inner.isalpha():
        return False
    if not before or before[-1] in '.,;:!?"”’':
        return True
    word = _WORD_BEFORE.search(before)
    if word is None or inner in ("*", "†", "‡"):
        return inner in ("†", "‡", "§", "¶")
    name = word[1]
    return len(name) >= 3 and not name.isupper() and name not in _UNITS and name not in _NUMBERED_WORDS
