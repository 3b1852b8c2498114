"""A question as a key: the same for spellings that differ in case, blanks, punctuation and LaTeX delimiters only.

In: a question. Out: one line of words, numbers and signs that mean something. Used to keep one problem in one split
and to find a published output's problem; for rewritten questions there is decontamination.
"""

from __future__ import annotations

import re
import unicodedata

_SPACING = re.compile(r"\\left(?![a-zA-Z])|\\right(?![a-zA-Z])|\\displaystyle(?![a-zA-Z])|\\[,;:! ()\[\]]|[$~{}]")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\\[a-zA-Z]+|[^\W\d_]+|\d+(?:\.\d+)?|[-+*/=<>^!%|]")


def normal_question(question: str) -> str:
    """The key of a question; never empty unless the question holds no word, number or sign."""
    text = unicodedata.normalize("NFKC", question).lower()
    text = _SPACING.sub(" ", _THOUSANDS.sub("", text))
    return " ".join(_TOKEN.findall(text))
