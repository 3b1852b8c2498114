"""Token codes of a text in the two forms, and which of its n-grams tell one item from ordinary prose.

In: text of a page or an item. Out: tokens with their 64-bit codes; a mask over the n-grams that count as evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from filters.benchmark_text import OPERATORS, LatexForm, plain_words
from filters.word_ngrams import Codes, WordCodes

_OPERATOR_FLAG = np.uint64(1)

# Words that any text about mathematics is built from; what is left of a sentence without them is its matter.
# Our own list; "numbers of the form a + bi, where a and b are" is no evidence of a question.
_FUNCTION_WORDS = frozenset(
    "about after all also an and any are as at be been before being between both but by can case could did do does "
    "each either equal equals every for form forms from given gives had has have having he her here hers him his how "
    "if in into is it its let may might more most must no nor not number numbers of off on one only onto or other "
    "our out over own same shall she should since so some such than that the their them then there these they this "
    "those through thus to too two under until up us value values very was we were what when where whether which "
    "while who whom whose why will with within without would you your".split()
)
Tokens = tuple[list[str], Codes]


class Reader:
    """Texts to token codes in both forms; one a process, since it remembers words."""

    def __init__(self) -> None:
        self._latex = LatexForm()
        self._word_codes = WordCodes(b"words")
        self._latex_codes = _LatexCodes(b"latex")

    def words(self, text: str) -> Tokens:
        """The words form and its codes."""
        tokens = plain_words(text)
        return tokens, self._word_codes.of(tokens)

    def latex(self, text: str) -> Tokens:
        """The LaTeX form, operators included, and its codes; an operator's code is odd."""
        tokens = self._latex.tokens(text)
        return tokens, self._latex_codes.of(tokens)


class _LatexCodes(WordCodes):
    def __missing__(self, word: str) -> int:
        code = super().__missing__(word) & ~1 | (word in OPERATORS)
        if word in self:
            self[word] = code
        return code


def operands(tokens: list[str]) -> list[str]:
    """The n-grams' share of the LaTeX form: words, numbers and letters."""
    return [token for token in tokens if token not in OPERATORS]


def operand_codes(codes: Codes) -> Codes:
    """The codes of `operands`, from those of all tokens."""
    kept: Codes = codes[(codes & _OPERATOR_FLAG) == 0]
    return kept


def is_content(token: str) -> bool:
    """Whether the token is a word with a meaning of its own: no number, no variable, no function word."""
    return len(token) > 1 and token.isalpha() and token not in _FUNCTION_WORDS


def distinctive(tokens: list[str], length: int, wanted: int, counted: Callable[[str], bool]) -> NDArray[np.bool_]:
    """For every run of `length` tokens: whether it holds `wanted` different tokens that count."""
    count = max(0, len(tokens) - length + 1)
    answer = np.zeros(count, np.bool_)
    marked = [token if counted(token) else "" for token in tokens]
    window = Counter(filter(None, marked[: length - 1]))
    for start in range(count):
        entering, leaving = marked[start + length - 1], marked[start]
        if entering:
            window[entering] += 1
        answer[start] = len(window) >= wanted
        if leaving:
            window[leaving] -= 1
            if not window[leaving]:
                del window[leaving]
    return answer
