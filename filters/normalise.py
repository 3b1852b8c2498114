"""The one normalisation of text before the classifier sees it, the same when it trains and when it predicts.

In: `Page.text`. Out: one line of tokens separated by single blanks, which is what fastText splits at.
MegaMath measured what a difference between training and predicting does: F1 98.8 becomes 81.8 (arXiv 2504.02807).
Which form of formulas and words generalises to hosts never seen is measured by `python -m benchmarks.classifier`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from pydantic import Field

from filters.prose import replace_formulas, without_code
from filters.word_classes import WordClass, token_of
from mathpipe.core.config import Config

NORMALISATION_VERSION = 1  # raise it with every change of the code below that alters any output

FORMULA_TOKEN = "0f"
NUMBER_TOKEN = "0"
_MAX_CHARS = 6_000  # of the page; three times as much moves no fold by more than 0.02 and costs three times the time

_COMMAND = re.compile(r"\\([A-Za-z]+)")
_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_OPERATORS = frozenset("=+<>^*/%")  # beside Unicode's own category of mathematical symbols
_FORMULA_MARK = "\ue000"  # private use: stands for a formula until words and digits have been told apart


class FormulaStyle(StrEnum):
    """What stands in a formula's place."""

    KEEP = "keep"  # its LaTeX, read like any text
    TOKEN = "token"  # one token, whatever it says
    COMMANDS = "commands"  # the names of its LaTeX commands
    DROP = "drop"  # nothing


class WordStyle(StrEnum):
    """What stands in a word's place."""

    KEEP = "keep"  # the word: right for a seed of a hundred thousand pages from thousands of hosts
    CLASS = "class"  # its class: right for a seed from few hosts
    BOTH = "both"  # the word, then its class unless that says nothing


class Normalisation(Config):
    """How text becomes tokens; stored with the model, which then reads every text this way."""

    formulas: FormulaStyle = FormulaStyle.DROP
    words: WordStyle = WordStyle.CLASS
    code: bool = False  # whether fenced code is read: it says which host, seldom what subject
    max_chars: int = Field(default=_MAX_CHARS, ge=100)


DEFAULT_NORMALISATION = Normalisation()


def classifier_text(text: str, normalisation: Normalisation = DEFAULT_NORMALISATION) -> str:
    """The text as the classifier reads it: NFKC, lower case, words, numbers as one token, operators kept."""
    clipped = text[: normalisation.max_chars].replace(_FORMULA_MARK, " ")
    if not normalisation.code:
        clipped = without_code(clipped)
    style = normalisation.formulas
    if style is not FormulaStyle.KEEP:
        clipped = replace_formulas(clipped, lambda latex: _formula(latex, style))
    folded = unicodedata.normalize("NFKC", clipped).lower()
    tokens: list[str] = []
    for raw in _TOKEN.findall(folded):
        tokens.extend(_tokens(raw, normalisation.words))
    return " ".join(tokens)


def _formula(latex: str, style: FormulaStyle) -> str:
    if style is FormulaStyle.TOKEN:
        return f" {_FORMULA_MARK} "
    if style is FormulaStyle.COMMANDS:
        return f" {' '.join(_COMMAND.findall(latex))} "
    return " "


def _tokens(raw: str, style: WordStyle) -> tuple[str, ...]:
    if raw[0].isdecimal():
        return (NUMBER_TOKEN,)
    if raw[0].isalnum():
        return _word(raw, style)
    if raw == _FORMULA_MARK:
        return (FORMULA_TOKEN,)
    if raw in _OPERATORS or unicodedata.category(raw) == "Sm":
        return (raw,)
    return ()


def _word(word: str, style: WordStyle) -> tuple[str, ...]:
    if style is WordStyle.KEEP:
        return (word,)
    token = token_of(word)
    if style is WordStyle.CLASS:
        return (token,)
    return (word,) if token in {word, WordClass.OTHER, WordClass.LETTER} else (word, token)
