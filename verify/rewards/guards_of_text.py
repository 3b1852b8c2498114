r"""Guards that look at the completion's text: its characters, its boxes and marks, what it copied from the prompt.

In: an `Attempt`. Out: what was tried, or None. They count and compare characters, nothing is computed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from verify.answers.extract import find_answer
from verify.answers.extract_blocks import THOUGHT_END, fenced_blocks
from verify.answers.extract_boxes import find_boxes, has_content, outermost
from verify.answers.extract_found import AnswerKind
from verify.rewards.gaming import Attempt, Gaming

MAX_ANSWER_POSITION = 400_000  # characters: four times the longest reasoning of 32,000 tokens
MAX_BOXES = 4
MAX_MARKS = 3
MIN_ECHO_CHARACTERS = 30
MAX_ANSWER_CHARACTERS = 20_000  # longer ones are not compared

_BOX_COMMAND = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
_COMMENT = re.compile(r"<!--|-->")
_HASHES = re.compile(r"^####[ \t]*(-?\$?\d[\d,.]*%?)[ \t]*$", re.MULTILINE)


def not_text(attempt: Attempt) -> Gaming | None:
    """A completion that is no text, or a chat without an assistant's words."""
    return Gaming.NOT_TEXT if attempt.text is None else None


def broken_characters(attempt: Attempt) -> Gaming | None:
    """Control characters or lone surrogates in the answer: nothing that a person reads as mathematics."""
    return Gaming.BROKEN_CHARACTERS if _only_in_answer(attempt, _is_broken) else None


def hidden_characters(attempt: Attempt) -> Gaming | None:
    """Zero-width, bidirectional and other format characters in the answer: it reads otherwise than it is."""
    return Gaming.HIDDEN_CHARACTERS if _only_in_answer(attempt, _is_hidden) else None


def lookalikes(attempt: Attempt) -> Gaming | None:
    """Digits of other scripts, and letters that look like Latin ones, where the reference has none."""
    return Gaming.LOOKALIKES if _only_in_answer(attempt, _is_lookalike) else None


def _only_in_answer(attempt: Attempt, odd: Callable[[str], bool]) -> bool:
    """Whether the answer holds such a character and the reference none."""
    answer = attempt.answer[:MAX_ANSWER_CHARACTERS]
    if answer.isascii() and answer.isprintable():
        return False
    return any(map(odd, answer)) and not any(map(odd, attempt.expected))


def _is_broken(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs", "Cn") and sign not in "\t\n\r"


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cf", "Co")


def _is_lookalike(sign: str) -> bool:
    if sign.isascii():
        return False
    return sign.isdecimal() or unicodedata.name(sign, "").startswith(
        ("CYRILLIC", "FULLWIDTH", "ARMENIAN", "CHEROKEE")
    )


def beyond_limit(attempt: Attempt) -> Gaming | None:
    """An answer that stands behind more text than any solution needs."""
    far = attempt.found is not None and attempt.found.end > MAX_ANSWER_POSITION
    return Gaming.BEYOND_LIMIT if far else None


def empty_box(attempt: Attempt) -> Gaming | None:
    """The last box is empty, and no final answer follows it."""
    if attempt.found is not None:
        return None
    text = _after_thoughts(attempt)
    boxes = find_boxes(text)
    return Gaming.EMPTY_BOX if boxes and not has_content(boxes[-1].content(text)) else None


def open_box(attempt: Attempt) -> Gaming | None:
    """The answer stands in a box that is never closed: the text was cut there, or ended in the middle.

    Extraction reads it, since a person would; a policy that is rewarded for it learns to leave braces open.
    """
    found, text = attempt.found, attempt.text or ""
    if found is None or found.kind not in (AnswerKind.BOXED, AnswerKind.SEVERAL_BOXES):
        return None
    begun = text[: found.start].rstrip().endswith("{")  # `\boxed 5` has no brace
    return Gaming.OPEN_BOX if begun and not text[found.end :].lstrip().startswith("}") else None


def box_in_code(attempt: Attempt) -> Gaming | None:
    """The answer stands in a comment, or the only boxes in a fenced program."""
    text = attempt.text or ""
    found = attempt.found
    if found is None:
        return Gaming.BOX_IN_CODE if _BOX_COMMAND.search(text) and not find_boxes(text) else None
    marks = [mark[0] for mark in _COMMENT.finditer(text, 0, found.start)]
    if marks and marks[-1] == "<!--":
        return Gaming.BOX_IN_CODE
    in_latex = text[text.rfind("\n", 0, found.start) + 1 : found.start].lstrip().startswith("%")
    in_program = any(block.is_program and block.start <= found.start < block.end for block in fenced_blocks(text))
    return Gaming.BOX_IN_CODE if in_latex or in_program else None


def prompt_echo(attempt: Attempt) -> Gaming | None:
    """The answer is in what was copied from the prompt: without the copy the completion answers nothing."""
    text, prompt = attempt.text or "", attempt.prompt.strip()
    if attempt.found is None or len(prompt) < MIN_ECHO_CHARACTERS:
        return None
    lines = {line.strip() for line in prompt.splitlines()}
    rest = "\n".join(line for line in text.replace(prompt, "\n").splitlines() if line.strip() not in lines)
    if len(text) - len(rest) < MIN_ECHO_CHARACTERS:
        return None
    return Gaming.PROMPT_ECHO if find_answer(rest) is None else None


def many_boxes(attempt: Attempt) -> Gaming | None:
    """More different boxes outside the thoughts than a corrected solution has."""
    text = _after_thoughts(attempt)
    boxes = outermost(text, find_boxes(text))
    if len(boxes) <= MAX_BOXES:
        return None
    allowed = max(MAX_BOXES, 2 * (attempt.expected.count(",") + 1))
    return Gaming.MANY_BOXES if len({box.content(text) for box in boxes}) > allowed else None


def many_marks(attempt: Attempt) -> Gaming | None:
    """Several `#### …` lines that each give another number."""
    given = {mark[1] for mark in _HASHES.finditer(attempt.text or "")}
    return Gaming.MANY_MARKS if len(given) >= MAX_MARKS else None


def _after_thoughts(attempt: Attempt) -> str:
    return (attempt.text or "").rpartition(THOUGHT_END)[2]
