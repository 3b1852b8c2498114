r"""Formulas in running text: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, and dollars that are money.

In: the text. Out: spans. One pass, linear. A dollar pair is a formula by Pandoc's rule (no blank inside either
dollar, no digit after the second), or with a blank inside both, unless prose or an empty line stands between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DELIMITER = re.compile(r"\\[\[\]()]|\$\$|\\.|\$", re.DOTALL)
_CLOSERS = {r"\[": r"\]", r"\(": r"\)", "$$": "$$", "$": "$"}
_TEXT_GROUP = re.compile(r"\\(?:text\w*|mbox|mathrm|operatorname\*?|begin|end)\s*\{[^{}]*\}")
_PROSE = re.compile(r"(?<![\\\w])[a-z]{2,},? [a-z]{2,} [a-z]{2,}|\n\s*\n")
_WORD = re.compile(r"(?<![\\A-Za-z])[a-z]{2,}(?![a-z])")
_NAME = re.compile(
    r"[A-Za-z]{1,8}(?:_\{?\w{1,3}\}?|'{1,2}|\([A-Za-z](?:,[ ]?[A-Za-z])*\))?"
    r"|\\[a-zA-Z]+|\\(?:angle|triangle|overline|odot)[ {]*[A-Z]{1,5}\}?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A formula: its outer span with delimiters, and its inner one without."""

    start: int
    end: int
    inner_start: int
    inner_end: int

    def is_name(self, text: str) -> bool:
        """Whether it only names something: `n`, `AB`, `f(x)`, `\\theta`. An answer is seldom that."""
        if self.inner_end - self.inner_start > 40:
            return False
        return _NAME.fullmatch(text[self.inner_start : self.inner_end].strip()) is not None


def formula_spans(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The formulas of text[start:end] in order."""
    end = len(text) if end is None else end
    spans: list[Span] = []
    opened: re.Match[str] | None = None
    for token in _DELIMITER.finditer(text, start, end):
        mark = token[0]
        if opened is not None and mark == _CLOSERS[opened[0]]:
            if mark == "$" and not _is_inline(text, opened.end(), token.start()):
                opened = token
                continue
            if text[opened.end() : token.start()].strip():
                spans.append(Span(opened.start(), token.end(), opened.end(), token.start()))
            opened = None
        elif mark in _CLOSERS and (opened is None or opened[0] == "$" or mark == opened[0]):
            opened = token
    return spans


def without_text_groups(latex: str) -> str:
    r"""The text less `\text{…}` and its kin, and less the names of environments."""
    return _TEXT_GROUP.sub(" ", latex) if "{" in latex else latex


def _is_inline(text: str, start: int, end: int) -> bool:
    if start == end:
        return False
    opens, closes = text[start].isspace(), text[end - 1].isspace()
    if opens != closes and closes and _WORD.search(without_text_groups(text[start:end])):
        return False  # $18 a day and $20 a night
    if not opens and text[end + 1 : end + 2].isdigit():
        return False
    return _PROSE.search(without_text_groups(text[start:end])) is None
