"""How much a piece of text looks like a formula, to tell `$x_1$` from `$5 and $`.

In: what stands between two delimiters. Out: `Likeness`. Method: TeX commands, and scripts on short bases, are
strong signs; letters, digits and operators without ordinary words are weak ones; ordinary words speak against.
"""

from __future__ import annotations

import re
from enum import IntEnum


class Likeness(IntEnum):
    """Does this look like a formula?"""

    PROSE = 0
    WEAK = 1
    STRONG = 2


_COMMAND = re.compile(r"\\(?:[a-zA-Z]{2,}|[{}|,;!:])")
_SCRIPT = re.compile(r"(?<![A-Za-z]{3})(?:[A-Za-z0-9)\]}|'])\s?[_^]\s?(?:[{\\(]|[A-Za-z0-9+*'-](?![a-z]{2}))")
_WORD = re.compile(r"(?<!\\)\b[A-Za-z]{2,}")
_TEXT_GROUP = re.compile(
    r"\\(?:text|mathrm|mbox|operatorname|textrm|textbf|textit|mathbf|mathit|mathsf|mathtt|hbox|label|tag|begin|end|mathcal)"
    r"\*?\s*\{[^{}]*\}"
)
_NAMES = frozenset(
    "sin cos tan cot sec csc log ln exp max min sup inf lim det dim ker mod gcd lcm arg deg arcsin arccos arctan "
    "sinh cosh tanh tr rank span diag sgn erf pi alpha beta gamma delta theta lambda mu sigma phi omega dx dy dt dz "
    "dr ds du dv dw ab bc ac cd xy yz xz mn kn pq nk st".split()
)
_PLAIN = re.compile(r"[\w\s+\-*/=<>()\[\],.|!:;'′^_{}~&%#@?≤≥≠±×÷·∞→∈∑∏√∂≈∼−…⋯∪∩⊂⊆∀∃∧∨¬°\\]*")
_OPERATOR = re.compile(r"[=<>+*/^_|≤≥≠±×→∈∑∏√∂≈−]|-")


def likeness(content: str) -> Likeness:
    """Strong, weak or no sign of a formula."""
    content = content.strip()
    if not content:
        return Likeness.PROSE
    words = _ordinary_words(content)
    if _COMMAND.search(content) or _SCRIPT.search(content):
        signs = len(_COMMAND.findall(content)) + len(_SCRIPT.findall(content))
        return Likeness.STRONG if words <= 3 + 2 * signs else Likeness.PROSE
    if words:
        return Likeness.PROSE
    if len(content) <= 200 and _PLAIN.fullmatch(content) and any(char.isalnum() for char in content):
        return Likeness.WEAK
    return Likeness.WEAK if len(content) <= 60 and any(ord(char) > 0x2190 for char in content) else Likeness.PROSE


def _ordinary_words(content: str) -> int:
    """Words that are no variables, function names or text inside the formula."""
    if "\\" in content:
        content = _TEXT_GROUP.sub(" ", content)
        content = re.sub(r"\\[a-zA-Z]+", " ", content)
    return sum(1 for word in _WORD.findall(content) if not _is_symbolic(word))


def _is_symbolic(word: str) -> bool:
    if word.lower() in _NAMES or (word.isupper() and len(word) <= 4):
        return True
    return len(word) == 2 and word.lower() not in _TWO_LETTER_WORDS


_TWO_LETTER_WORDS = frozenset("of to in is it or on at by an as be we if no do so up us he my me go am".split())
_CITATION = re.compile(r"\s*\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*\s*")


def is_citation(content: str) -> bool:
    """`\\[1\\]`, `\\[2, 5\\]`: a reference whose brackets Markdown escaped, not a formula."""
    return bool(_CITATION.fullmatch(content))


def has_operator(content: str) -> bool:
    """Does an operator or relation stand in it?"""
    return bool(_OPERATOR.search(content))


_PRICE = re.compile(
    r"\d[\d,.]*\s*(?:k|m|bn|million|billion|thousand|per|and|or|to|a|for|each|USD|US)?(?:[\s,;.)]|$)", re.IGNORECASE
)


def is_price_start(content: str) -> bool:
    """`5 and`, `100 per unit`: an amount of money and prose after it."""
    match = _PRICE.match(content)
    return bool(match) and bool(
        re.search(r"[a-z]{2,}\s", content[: match.end() + 30] if match else "", re.IGNORECASE)
    )
