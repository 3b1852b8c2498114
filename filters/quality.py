"""Rules that drop pages which are not text, or not worth reading; formulas never count against a page.

In: pages. Out: the same pages, or a `Drop` with the rule that fell. Rules and thresholds come from Gopher (Rae et
al., arXiv 2112.11446, appendix A.1) and C4 (Raffel et al., arXiv 1910.10683); that formulas must not count as
symbols is OpenWebMath's lesson (Paster et al., arXiv 2310.06786). Where a threshold differs, its comment says why.
FineWeb's rule on line ends (arXiv 2406.17557) is left out: lines of mathematics seldom end in a full stop.

Adapted to mathematics: each formula is read as one word, code is left out (a page that is mostly code is judged
on its prose), tables, lists of answers and proofs of short lines are not faults, and repetition is counted over
running text only: `let n be`, like a refrain, is how mathematics is written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from filters.prose import prose_of
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext


class QualityDropReason(StrEnum):
    """The rule that fell."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    WORD_LENGTH = "word-length"
    SYMBOLS = "symbols"
    FEW_WORDS = "few-alphabetic-words"
    NO_STOP_WORDS = "no-stop-words"
    BULLETS = "bullet-list"
    ELLIPSES = "cut-lines"
    REPEATED_LINES = "repeated-lines"
    REPEATED_PHRASE = "repeated-phrase"
    PLACEHOLDER = "placeholder-text"


class QualityConfig(Config):
    """Every threshold, with its source."""

    # Gopher asks for 50 words. A theorem with its proof can be shorter, so a formula counts as a word here.
    min_words: int = Field(default=50, ge=0)
    max_words: int = Field(default=100_000, ge=1)  # Gopher
    min_mean_word_length: float = 3.0  # Gopher; over words of letters, two or more: variables and numbers are none
    max_mean_word_length: float = 10.0  # Gopher
    max_symbol_ratio: float = 0.1  # Gopher: `#` and ellipses to words, outside headings and formulas
    min_alphabetic_share: float = 0.5  # Gopher: 0.8; numbers are what tables and worked examples are made of
    min_stop_words: int = 2  # Gopher, of the eight words below; asked only of English
    max_bullet_share: float = 0.9  # Gopher: lines that begin with a bullet
    max_ellipsis_share: float = 0.3  # Gopher: lines that end with an ellipsis
    max_repeated_line_chars: float = 0.3  # Gopher: 0.2 by characters, 0.3 by lines; only lines of some length count
    # "Proof.", "Solution:" and "Categories: Graph theory" may come back as often as they like; at 20, twice as many
    # pages with formulas were dropped, manuals of mathematical functions all.
    min_repeated_line_length: int = 40
    min_lines: int = 5  # fewer lines have no shares worth a verdict
    # Gopher: 0.20, 0.18, 0.16 of the letters in the top 2-, 3-, 4-gram. "Find the value of" fills half a sheet of
    # exercises, so the phrase is longer here.
    max_top_phrase_share: float = 0.2
    phrase_words: int = Field(default=8, ge=1)
    # Below this many words the most frequent phrase says nothing (the share of one phrase is large by chance).
    min_words_for_phrases: int = 100
    max_chars: int = Field(default=1_000_000, ge=1000)  # read of a page; bounds time and memory


@dataclass(frozen=True, slots=True)
class _Measured:
    words: Sequence[str]  # lower case; a formula is the word below
    lines: Sequence[str]
    prose: str


_FORMULA_WORD = "formula"
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})  # Gopher
# Declarative mathematics has its own; a page of exercises may lack Gopher's.
_MATH_STOP_WORDS = frozenset({"is", "are", "let", "if", "then", "for", "find", "show", "prove", "a", "in", "what"})
_BULLETS = ("- ", "* ", "+ ", "•", "‣", "·", "◦")
_ELLIPSES = ("...", "…")
_PLACEHOLDERS = ("lorem ipsum dolor",)  # C4 drops pages with "lorem ipsum"; a page on typesetting may name it
_ENGLISH = frozenset({None, "en"})


def quality_verdict(page: Page, config: QualityConfig | None = None) -> QualityDropReason | None:
    """The first rule that the page breaks, or None for a page that goes on."""
    chosen = config or QualityConfig()
    measured = _measure(page.text[: chosen.max_chars])
    for rule in (_length, _words, _symbols, _english, _lines, _repetition):
        reason = rule(measured, chosen, page.language)
        if reason is not None:
            return reason
    return None


class QualityStage(Stage[Page, Page]):
    """Pages to pages that pass every rule."""

    def __init__(self, config: QualityConfig, context: StageContext) -> None:
        self._config = config

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """Yield each page, or why it goes."""
        for page in shard:
            reason = quality_verdict(page, self._config)
            yield page if reason is None else Drop(page.record_id, reason, page.url)


def _measure(text: str) -> _Measured:
    prose = prose_of(text, formula=f" {_FORMULA_WORD} ")
    lines = [line.strip().lstrip("> ") for line in prose.split("\n")]  # a quotation is judged like its text
    lines = [line for line in lines if line and not line.startswith("|")]  # tables are judged by no rule on lines
    return _Measured([word.lower() for word in _WORD.findall(prose)], lines, prose)


def _length(page: _Measured, config: QualityConfig, _language: str | None) -> QualityDropReason | None:
    if len(page.words) < config.min_words:
        return QualityDropReason.TOO_SHORT
    return QualityDropReason.TOO_LONG if len(page.words) > config.max_words else None


def _words(page: _Measured, config: QualityConfig, _language: str | None) -> QualityDropReason | None:
    lengths = [len(word) for word in page.words if len(word) > 1 and word.isalpha()]
    mean = sum(lengths) / max(1, len(lengths))
    if lengths and not config.min_mean_word_length <= mean <= config.max_mean_word_length:
        return QualityDropReason.WORD_LENGTH
    alphabetic = sum(any(map(str.isalpha, word)) for word in page.words)
    return QualityDropReason.FEW_WORDS if alphabetic < config.min_alphabetic_share * len(page.words) else None


def _symbols(page: _Measured, config: QualityConfig, _language: str | None) -> QualityDropReason | None:
    running = (line for line in page.lines if not line.startswith("#"))
    symbols = sum(line.count("#") + line.count("...") + line.count("…") for line in running)
    return QualityDropReason.SYMBOLS if symbols > config.max_symbol_ratio * len(page.words) else None


def _english(page: _Measured, config: QualityConfig, language: str | None) -> QualityDropReason | None:
    prose = page.prose.lower()
    if any(placeholder in prose for placeholder in _PLACEHOLDERS):
        return QualityDropReason.PLACEHOLDER
    if language not in _ENGLISH:
        return None
    found = (_STOP_WORDS | _MATH_STOP_WORDS) & set(page.words)
    return QualityDropReason.NO_STOP_WORDS if len(found) < config.min_stop_words else None


def _lines(page: _Measured, config: QualityConfig, _language: str | None) -> QualityDropReason | None:
    lines = page.lines
    if len(lines) < config.min_lines:
        return None
    if sum(line.startswith(_BULLETS) for line in lines) > config.max_bullet_share * len(lines):
        return QualityDropReason.BULLETS
    cut = sum(line.endswith(_ELLIPSES) for line in lines)
    return QualityDropReason.ELLIPSES if cut > config.max_ellipsis_share * len(lines) else None


def _repetition(page: _Measured, config: QualityConfig, _language: str | None) -> QualityDropReason | None:
    long_lines = [line for line in page.lines if len(line) >= config.min_repeated_line_length]
    repeated = sum((count - 1) * len(line) for line, count in Counter(long_lines).items())
    if repeated > config.max_repeated_line_chars * sum(map(len, page.lines)):
        return QualityDropReason.REPEATED_LINES
    if len(page.words) < config.min_words_for_phrases:
        return None
    share = _top_phrase_share(page.words, config.phrase_words)
    return QualityDropReason.REPEATED_PHRASE if share > config.max_top_phrase_share else None


def _top_phrase_share(words: Sequence[str], length: int) -> float:
    """Share of the letters that stand in the most frequent phrase; one with a formula is never the same twice."""
    phrases = Counter(zip(*(words[start:] for start in range(length)), strict=False))
    counts = ((count, phrase) for phrase, count in phrases.items() if count > 1 and _FORMULA_WORD not in phrase)
    count, top = max(counts, default=(0, ()))
    # Occurrences may overlap ("a a a a a") and so count letters more than once.
    return min(1.0, count * sum(map(len, top)) / max(1, sum(map(len, words))))
