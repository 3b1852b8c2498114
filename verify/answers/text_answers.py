"""Answers in words, letters of a choice, and times of day.

In: texts or trees that are words. Out: normal forms that are equal where people would say so. Articles, case and
punctuation do not matter; a negation and a number do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.answers.tree import Apply, Constant, Multiply, Node, Symbol, Text

_ARTICLES = frozenset({"a", "an", "the"})
_HALF_OF_DAY = re.compile(r"(?<=\d)\s*([ap])\.?\s?m\b\.?")  # 4:30 p.m., 4:30pm
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[+-]")
# Each line is one answer in several words.
_SYNONYMS = {
    spelling: line.split(";")[0]
    for line in (
        "no solution;no solutions;no real solution;no real solutions;there is no solution;none;empty set;no such;nil",
        "does not exist;dne;do not exist;doesn't exist;limit does not exist",
        "undefined;not defined;is undefined",
        "infinitely many;infinitely many solutions;infinitely;infinite solutions;infinite number of solutions",
        "all real numbers;all reals;all real;any real number;every real number;r",
        "yes;y",
        "no;n",
    )
    for spelling in line.split(";")
}
NOTHING = "no solution"
ALL_REALS = "all real numbers"
_CHOICE = re.compile(
    r"(?:option|choice|answer)?\s*(?:\(\s*([A-J])\s*\)|([A-J])\s*[.):](?=\s|$|\\)|\[([A-J])\])[\s.:,\\]*(.*)\Z",
    re.DOTALL,
)
_LETTER = re.compile(r"(?:(?:option|choice)\s+)?\(?\s*([A-J])\s*[).:]?\Z", re.IGNORECASE)
_WRAPPER = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|textit|mbox|operatorname|textsf|bold)\s*\{([^{}]*)\}")
_HEDGE = re.compile(r"(?:or|and|but|not)\b|[,/&]|\(?[A-J]\)?(?![a-zA-Z=])", re.IGNORECASE)  # a second letter
_TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d)?\Z")
_TIME_OF_DAY = re.compile(r"\d{1,2}(?::\d\d)?\s*[ap]\.?\s?m\.?", re.IGNORECASE)
_MAX_CHOICE = 400


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter and what stands beside it, if anything."""

    letter: str
    content: str


def normal_words(text: str) -> str:
    """Words in lower case without articles and punctuation, synonyms made one."""
    folded = _HALF_OF_DAY.sub(r" \1m", text.casefold().replace("’", "'"))
    words = [word for word in _WORD.findall(folded) if word not in _ARTICLES]
    joined = " ".join(words)
    return _SYNONYMS.get(joined, joined)


def words_of(node: Node) -> str | None:
    """The node as the letters a reader sees, where it is nothing else: `odd` may have been read as o·d·d."""
    if isinstance(node, Text):
        return node.words
    if isinstance(node, Symbol):
        return node.name
    if isinstance(node, Constant):
        return str(node.name) if len(node.name) == 1 else None
    if isinstance(node, Multiply | Apply):
        parts = node.factors if isinstance(node, Multiply) else (Symbol(node.function), *node.arguments)
        letters = [words_of(part) if isinstance(part, Symbol | Constant) else None for part in parts]
        if all(letter is not None and len(letter) == 1 and letter.isalpha() for letter in letters):
            return "".join(letter or "" for letter in letters)
    return None


def without_wrappers(text: str) -> str:
    """The text with `\\text{…}` and its kin opened."""
    for _ in range(4):
        opened = _WRAPPER.sub(r"\1", text)
        if opened == text:
            break
        text = opened
    return text


def choice_of(text: str) -> Choice | None:
    """A letter from A to J in the form of a choice with what follows it: `(C) 36`, `C. x = 42`, `\\textbf{(C)}`."""
    if len(text) > _MAX_CHOICE:
        return None
    found = _CHOICE.match(without_wrappers(text).strip(" $\n\t"))
    if found is None:
        return None
    content = found[4].strip().rstrip("$").strip()
    return None if _HEDGE.match(content) else Choice(found[1] or found[2] or found[3], content)


def letter_of(text: str) -> str | None:
    """The letter, where the text is nothing but one from A to J, bare or in parentheses."""
    if len(text) > _MAX_CHOICE:
        return None
    found = _LETTER.match(without_wrappers(text).strip(" $\n\t"))
    return found[1] if found else None


def is_time_of_day(words: str) -> bool:
    """Whether the words are a time with its half of the day: 4:30 p.m."""
    return _TIME_OF_DAY.fullmatch(words) is not None


def is_time(text: str) -> bool:
    """Whether the text is a time of day such as 4:30; 3:4 is a ratio."""
    return _TIME.match(text) is not None
