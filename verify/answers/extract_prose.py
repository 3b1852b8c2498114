"""Answers in plain prose: whether a text is nothing but an answer, and the last value that a passage names.

In: a text and a span in it. Out: the span of an answer. These are the weakest rules, so they take too much rather
than too little: of "x = 2y + 5" the whole equation and not the 5, of "2 and 3" both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from verify.answers.extract_boxes import joins
from verify.answers.extract_formulas import Span, formula_spans, without_text_groups
from verify.answers.extract_numbers import TOKEN, TRAILING, UNITS, last_number

_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE_WORDS = frozenset(
    "is are was were am have has had will would can could should therefore thus so hence we you he she they it "
    "because since that which this these then let get gets gives find need know means makes costs takes here".split()
)
_SPEECH = frozenset("we you my hello hi hey sorry thanks thank please let ok okay sure here what how why".split())
_UNFINISHED_WORDS = frozenset("is are was be equals the a an of to and or than".split())
_PUNCTUATED = re.compile(r"[.!?;:]\s+\S*[^\W\d_]{2}|[^\W\d_]{3}\s?:\s")
_UNFINISHED = ("..", "…", "?", ":", ",")
_MAX_WORDS = 8
_MAX_LAST_RESORT_WORDS = 12
_MAX_ANSWER_LINES = 3

_QUOTES, _CLOSING = '"“”‘’*`', '"“”‘’*`,;'
_MAX_GLUE = 40


def is_answer(text: str, max_words: int = _MAX_WORDS) -> bool:
    """Whether the text is nothing but an answer: a formula, a few words, no sentence."""
    text = text.strip()
    if not any(map(_is_sign, text)) or text.endswith(_UNFINISHED):
        return False
    bare = _COMMAND.sub(" ", without_text_groups(text))
    words = _WORD.findall(bare)
    if not words:
        return True
    if len(words) > max_words or text.count("\n") >= _MAX_ANSWER_LINES or _PUNCTUATED.search(bare):
        return False
    lowered = {word.casefold() for word in words}
    if not _SENTENCE_WORDS.isdisjoint(lowered) or _is_speech(text, words):
        return False
    return not (text.endswith(".") and len(words) > 2)


def is_short_statement(text: str) -> bool:
    """Whether a text without number or formula may be an answer in words: one line, not speech."""
    words = _WORD.findall(text)
    return (
        0 < len(words) <= _MAX_LAST_RESORT_WORDS
        and "\n" not in text.strip()
        and not _is_speech(text, words)
        and words[-1].casefold() not in _UNFINISHED_WORDS
        and not text.rstrip().endswith(_UNFINISHED)
    )


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without blanks, quotes, emphasis and a final period; delimiters of a single formula are dropped."""
    while start < end and (text[start].isspace() or text[start] in _QUOTES or text.startswith('\\"', start)):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in _CLOSING or _ends_sentence(text, start, end)):
        end -= 2 if text.endswith('\\"', start, end) else 1
    if start < end and text[start] in "$\\":
        spans = formula_spans(text, start, end)
        if len(spans) == 1 and (spans[0].start, spans[0].end) == (start, end):
            return trimmed(text, spans[0].inner_start, spans[0].inner_end)
    return start, end


def last_value(text: str, start: int, end: int) -> tuple[int, int, bool] | None:
    """The last formula or number of text[start:end], with what is joined to it; True for a formula."""
    spans = formula_spans(text, start, end)
    values = [span for span in spans if not span.is_name(text)] or spans
    number = last_number(text, values[-1].end if values else start, end)
    if not values:
        return None if number is None else (*number, False)
    last = values[-1]
    if number is None:
        return (*with_joined(text, spans, last, start, end), True)
    if not last.is_name(text) and number[0] - last.end < _MAX_GLUE and _is_separator(text[last.end : number[0]]):
        return last.start, number[1], True  # "$x = 2$ or 3"
    return (*number, False)


def with_joined(text: str, spans: list[Span], last: Span, start: int, end: int) -> tuple[int, int]:
    """The formula with the formulas that a comma or a conjunction joins to it, and its unit or percent sign."""
    first = last
    for span in reversed(spans[: spans.index(last)]):
        if span.end < start or not _is_separator(text[span.end : first.start]):
            break
        first = span
    stop = last.end
    following = TOKEN.search(text, stop, min(end, stop + 40))
    if following is not None and following[0].rstrip(TRAILING) in UNITS:
        stop = following.start() + len(following[0].rstrip(TRAILING))
    if first is last and stop == last.end:
        return trimmed(text, last.inner_start, last.inner_end)
    return first.start, stop


def lines_from_end(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Windows of whole lines from the last up, each about four times the one before: a search in all is linear."""
    size = 64
    while end > start:
        at = text.rfind("\n", start, max(start, end - size)) + 1 or start
        yield at, end
        end, size = at, size * 4


def _is_separator(glue: str) -> bool:
    return len(glue) < _MAX_GLUE and joins(glue) and len(_WORD.findall(glue)) <= 1


def _is_speech(text: str, words: list[str]) -> bool:
    return words[0].casefold() in _SPEECH or text.lstrip().startswith(("I ", "I'", "I’"))


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """A final period, but the one of `p.m.` or of an ellipsis."""
    return text[end - 1] in ".。" and "." not in text[max(start, end - 4) : end - 1]


def _is_sign(character: str) -> bool:
    return character.isalnum() or character in "∅∞±√°%-+"
