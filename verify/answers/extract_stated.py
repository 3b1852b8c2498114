"""Answers that the text says it gives: "#### 18", "the answer is 5", "Answer: C", in a handful of languages.

In: a text and a span in it. Out: the answer that the last such statement gives. `####` is GSM8K's mark (Cobbe et al.,
arXiv 2110.14168), "A:" ends the generations published with it, "The final answer is $…$. I hope it is correct." is
Minerva's prompt (Lewkowycz et al., arXiv 2206.14858).
"""

from __future__ import annotations

import re

from verify.answers.extract_formulas import Span, formula_spans
from verify.answers.extract_found import AnswerKind, FoundAnswer
from verify.answers.extract_prose import is_answer, last_value, lines_from_end, trimmed, with_joined

# One line for each language: statements, then words that name an answer before a colon.
_STATEMENTS = (
    r"answers?(?: (?:to|for|of) [^.:\n]{1,60}?)?\s{1,4}(?:is|are|(?:would|should|must|will) be|equals)(?![A-Za-z])",
    r"answer",
    r"final\s+result\s+is",
    r"(?:correct|right|best)\s+(?:choice|option)\s+is",
    r"(?:choose|pick|select)\s+(?:option\s+|choice\s+)?(?=\(?[A-J]\b)",
    r"答案\s*(?:应该|应当)?\s*[是为為]", r"故选", r"因此选", r"所以选", r"答案", r"答え?\s*は",
    r"r[ée]ponse\s+(?:finale\s+|correcte\s+)?est", r"r[ée]ponse",
    r"antwort\s+(?:ist|lautet)", r"antwort", r"lösung\s+(?:ist|lautet)",
    r"respuesta\s+(?:final\s+|correcta\s+)?es", r"respuesta",
    r"risposta\s+(?:finale\s+)?è", r"resposta\s+(?:final\s+)?é",
    r"ответ",
)  # fmt: skip
_NAKED = frozenset({"answer", "答案", "réponse", "reponse", "antwort", "respuesta", "ответ"})
# The look-around in front names the first letters of all marks, for speed: nearly every place fails at it.
_MARK = re.compile(
    r"(?=[#ACFRBPSLО答故因所])(?<![A-Za-z])(?:####|(?:^|(?<=\*))A(?:ns)?[.*]*:|"
    rf"{'|'.join(f'(?:{each})' for each in _STATEMENTS)})",
    re.IGNORECASE | re.MULTILINE,
)
_AFTER_NAKED = re.compile(r"[\s*_]*(?:[:：=]|—|\$|\\[\[(])")
_FINAL = re.compile(r"final[\s*]+(?:answer|result)[\s*:]*(?:(?:is|are)(?![a-z]))?|####", re.IGNORECASE)
_OPENING = re.compile(
    r"(?:[\s:：*_\"“”`>—]|(?:(?:the )?(?:choice|option|number|value)|simply|just|therefore|thus|given by|equal to"
    r"|approximately|about|indeed|then|now|clearly|exactly)(?=[\s:]))*",
    re.IGNORECASE,
)
_PLAIN_NUMBER = re.compile(r":?[ \t]*([-+]?\d{1,40}(?:,\d{3})*(?:\.\d{1,40})?)\.?[ \t]*(?=\n|\Z)")
# No "!": it may be a factorial. No period of "p.m.".
_SENTENCE_END = re.compile(r"(?<!\.[a-z])[.?;](?=\s|\Z|[*\"”])|[。；]|\n")
_CLAUSE_END = re.compile(
    r",?\s(?:because|since|as|which|where|so|but|that|when|and so)\s|,\s(?:the|with|and|an?)\s(?=[a-z]{2})",
    re.IGNORECASE,
)
_HAS_VALUE = re.compile(r"[\d$\\(]|\b[A-J]\b")
_LETTER = re.compile(r"\(([A-J])\)|([A-J])(?=[\s.,:)*]|\Z)")
_HEADING = re.compile(
    r"[\s#*]*(?:\d{1,4}[.)]\s+\D|(?:step|part|case|problem|question|explanation|solution|conclusion)\b)",
    re.IGNORECASE,
)
_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)", "$": "$"}
_MAX_MARKS = 8
_MAX_WORDS = 5


def stated_answer(text: str, start: int, end: int) -> FoundAnswer | None:
    """The answer of the last statement in text[start:end] that gives one; the last eight are tried."""
    tried = 0
    for window_start, window_end in lines_from_end(text, start, end):
        for mark in reversed(list(_MARK.finditer(text, window_start, window_end))):
            found = _answer_after(text, mark, end)
            tried += 1
            if found is not None or tried >= _MAX_MARKS:
                return found
    return None


def final_answer(text: str, start: int, end: int) -> FoundAnswer | None:
    """A value after the last "final answer" or `####` of text[start:end]; words are not enough here."""
    marks = list(_FINAL.finditer(text, start, end))
    if not marks:
        return None
    kind = AnswerKind.HASHES if marks[-1][0] == "####" else AnswerKind.STATED
    if kind is AnswerKind.HASHES and _HEADING.match(text, marks[-1].end()):
        return None
    found = _read(text, marks[-1].end(), end, kind)
    if found is None:
        return None
    is_value = any(map(str.isdigit, found.text)) or formula_spans(text, marks[-1].end(), found.end + 2)
    return found if is_value else None


def _answer_after(text: str, mark: re.Match[str], end: int) -> FoundAnswer | None:
    if mark[0] == "####":
        return _after_hashes(text, mark.end(), end)
    if mark[0].casefold() in _NAKED and not (_AFTER_NAKED.match(text, mark.end(), end) or _is_heading(text, mark)):
        return None
    return _read(text, mark.end(), end, AnswerKind.STATED)


def _is_heading(text: str, mark: re.Match[str]) -> bool:
    """`## Answer`, `**Final Answer**`: a line of its own."""
    line_end = text.find("\n", mark.end())
    before = text[max(text.rfind("\n", 0, mark.start()) + 1, mark.start() - 20) : mark.start()]
    return (
        line_end >= 0
        and before.strip("#*_ \t").casefold() in ("", "final", "the final", "the")
        and not text[mark.end() : line_end].strip("#*_ \t")
    )


def _after_hashes(text: str, at: int, end: int) -> FoundAnswer | None:
    """The rest of the line; a Markdown heading of the fourth level is none."""
    line_end = text.find("\n", at, end)
    line_end = end if line_end < 0 else line_end
    if not text[at:line_end].strip(" #*") or _HEADING.match(text, at, line_end):
        return None
    start, stop = trimmed(text, at, line_end)
    if start < stop and is_answer(text[start:stop], _MAX_WORDS):
        return FoundAnswer(text[start:stop], start, stop, AnswerKind.HASHES)
    return _read(text, at, line_end, AnswerKind.HASHES) if not text[line_end:end].strip() else None


def _read(text: str, at: int, end: int, kind: AnswerKind) -> FoundAnswer | None:
    """The answer that starts after a mark: a letter, a formula, a number, or a few words."""
    plain = _PLAIN_NUMBER.match(text, at, end)
    if plain is not None:  # the common case, at a tenth of the time
        return FoundAnswer(plain[1], *plain.span(1), kind)
    opening = _OPENING.match(text, at, end)
    start = opening.end() if opening else at
    stop = _clause_end(text, start, end)
    letter = _LETTER.match(text, start, stop)
    if letter is not None and not text[letter.end() : stop].strip(" .,:)*"):
        inner = 1 if letter[1] else 2
        return FoundAnswer(letter[inner], letter.start(inner), letter.end(inner), AnswerKind.CHOICE)
    span: tuple[int, int] | None = trimmed(text, start, stop)
    if span is None or span[0] >= span[1]:
        return None
    if not is_answer(text[span[0] : span[1]], _MAX_WORDS):
        span = _value_in(text, *span)
    if span is None or not is_answer(text[span[0] : span[1]]):
        return None
    return FoundAnswer(text[span[0] : span[1]], *span, kind)


def _value_in(text: str, start: int, stop: int) -> tuple[int, int] | None:
    """The formula that a sentence opens with, or the last value in it."""
    spans = formula_spans(text, start, stop)
    if spans and spans[0].start == start and not spans[0].is_name(text):
        last = spans[0]
        for span in spans[1:]:
            if with_joined(text, spans, span, start, stop)[0] != start:
                break
            last = span
        return with_joined(text, spans, last, start, stop)
    value = last_value(text, start, stop)
    return value[:2] if value else None


def _clause_end(text: str, start: int, end: int) -> int:
    """Where the statement ends: its sentence or clause, no end being looked for inside a formula."""
    closer = next((closer for opener, closer in _CLOSERS.items() if text.startswith(opener, start)), None)
    search_from = start
    if closer is not None and (closing := text.find(closer, start + len(closer), end)) >= 0:
        search_from = closing + len(closer)
    line_end = text.find("\n", search_from, end)
    line_end = end if line_end < 0 else line_end
    formulas = formula_spans(text, start, line_end)
    sentence_end = _first_outside(_SENTENCE_END, text, start, line_end, formulas)
    clause_end = _first_outside(_CLAUSE_END, text, start, sentence_end, formulas)
    # "The largest number that works is 5": the value stands after the clause.
    value = _HAS_VALUE.search(text, start, sentence_end)
    return sentence_end if value is not None and value.start() >= clause_end else clause_end


def _first_outside(pattern: re.Pattern[str], text: str, start: int, end: int, formulas: list[Span]) -> int:
    for found in pattern.finditer(text, start, end):
        if not any(span.start < found.start() < span.end - 1 for span in formulas):
            return found.start()
    return end
