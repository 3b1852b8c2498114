r"""`extract_answer`: the answer that a solution gives; `find_answer`: where it stands and by which rule it was found.

In: a solution of any length. Out: a `FoundAnswer`, or None where it gives none. Linear in the text, total for any
string. The rules in their order; the first that finds something decides:

1. A solution ends before the first chat-template token that ends a turn. What stands after the last `</think>` is
   read first; only where that holds nothing is the whole read.
2. Boxes (`extract_boxes`): the last, or the last run of boxes that separators join (`\boxed{1}, \boxed{2}` is the
   list `1, 2`). An empty last box answers nothing. Text around a box in the same formula (`x \in \boxed{…}`) is not
   part of the answer. Only "final answer is …" or `####` with a value after the last box overrides it.
3. Statements (`extract_stated`): the last of `#### 18`, "the answer is 5", "Answer: 5", "A: 5" and their like in
   other languages. A letter that is all of the statement is a choice: "the answer is (C)" gives `C`.
4. A text that is nothing but an answer, such as `x = 42`, `(C) 36`, `2 or 3`: the whole of it.
5. The last line that a program printed (```output), where prose follows that has no box and no statement.
6. The last formula or number of the text (`extract_prose`), whichever comes later, with what is joined to it; a
   formula that only names something (`$n$`) gives way to a value. Numbers in programs do not count.
7. One short line of words that is no speech ("no such number exists"): the whole of it.
"""

from __future__ import annotations

from verify.answers.extract_blocks import end_of_turn, last_output_line, program_spans, start_after_thoughts
from verify.answers.extract_boxes import answer_in_boxes
from verify.answers.extract_found import AnswerKind, FoundAnswer
from verify.answers.extract_prose import is_answer, is_short_statement, last_value, trimmed
from verify.answers.extract_stated import final_answer, stated_answer

__all__ = ["AnswerKind", "FoundAnswer", "extract_answer", "find_answer"]


def extract_answer(solution: str) -> str | None:
    """The answer that a solution gives, as its text; None where it gives none."""
    found = find_answer(solution)
    return found.text if found is not None else None


def find_answer(solution: str) -> FoundAnswer | None:
    """The answer that a solution gives, its span, and the rule that found it."""
    text = str.__str__(solution)
    text = text[: end_of_turn(text)]
    after = start_after_thoughts(text)
    found = _find_in(text[after:])
    if after == 0 or found is None:
        return found if after == 0 else _find_in(text)
    return FoundAnswer(found.text, found.start + after, found.end + after, found.kind)


def _find_in(text: str) -> FoundAnswer | None:
    boxed, last_end = answer_in_boxes(text)
    if last_end >= 0:
        return final_answer(text, last_end, len(text)) or boxed
    return stated_answer(text, 0, len(text)) or _whole(text) or _printed(text) or _last(text) or _words(text)


def _whole(text: str) -> FoundAnswer | None:
    if "```" in text:
        return None
    start, end = trimmed(text, 0, len(text))
    return _found(text, start, end, AnswerKind.WHOLE) if is_answer(text[start:end]) else None


def _printed(text: str) -> FoundAnswer | None:
    line = last_output_line(text)
    return _found(text, *line, AnswerKind.OUTPUT) if line is not None else None


def _last(text: str) -> FoundAnswer | None:
    programs = program_spans(text)
    value = last_value(text, programs[-1][1] if programs else 0, len(text))  # numbers in code are no answers
    if value is None:
        return None
    start, end, is_formula = value
    return _found(text, start, end, AnswerKind.FORMULA if is_formula else AnswerKind.NUMBER)


def _words(text: str) -> FoundAnswer | None:
    start, end = trimmed(text, 0, len(text))
    return _found(text, start, end, AnswerKind.WHOLE) if is_short_statement(text[start:end]) else None


def _found(text: str, start: int, end: int, kind: AnswerKind) -> FoundAnswer | None:
    start, end = trimmed(text, start, end)
    return FoundAnswer(text[start:end], start, end, kind) if start < end else None
