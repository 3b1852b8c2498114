r"""Boxes in a solution: `\boxed{…}`, `\fbox{…}`, `\boxed 5`, also with doubled backslashes.

In: the solution. Out: the answer that its last box, or its last run of boxes, gives. One pass over the text with a
stack of braces: linear however they are nested or left open.

- The last box counts. A box that holds nothing but a box is that inner box.
- A box that is never closed counts only where it is the last one; it ends at its formula's or line's end.
- Boxes with nothing between them but separators, or a conjunction and a few words, are one list. A word of correction
  or conclusion ("no", "wait", "so", "is") or a sign such as `=` between them ends the run.
- An empty last box is no answer, and no earlier box takes its place: a model that emptied its box has not answered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from verify.answers.extract_blocks import program_spans
from verify.answers.extract_found import AnswerKind, FoundAnswer

_TOKEN = re.compile(r"\\{1,2}(?:boxed|fbox)(?![A-Za-z])(\s{0,8}\{)?|\\.|[{}]", re.DOTALL)
_UNBRACED = re.compile(r"\s*((?:[^\s{}$]|\{[^{}]*\})+)")
_UNBRACED_START = re.compile(r"\s*(?:[-+\\(\[\d]|[A-Za-z](?![A-Za-z]))")
_FORMULA_END = re.compile(r"\$|\\\)|\\\]|\n")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z{}%$,;:! ])")
_SINGLE = re.compile(r"(?<!\\)\\(?=[A-Za-z])")

# What may stand between the boxes of one list, once delimiters and spacing commands are gone.
_MARKUP = re.compile(
    r"\\(?:text|textrm|mbox|mathrm)\s*\{|\\q?quad|\\left|\\right|\\(?:displaystyle|newline|n)(?![A-Za-z])"
    r"|\\[\[\]()\\,;:! ]|[$&{}~*]"
)
_CONJUNCTION = re.compile(r"(?:and|or|und|oder|et|ou|y|o|e)\Z|[和或及與与]")
_SEPARATORS = re.compile(r"(?:[,;.、，；|\s]|\+{3,}|-{3,}|={3,})*\Z")
_LABEL_BEFORE = re.compile(r"(?:\([\w, ]{1,20}\)|[A-Za-z](?:_\{?\w{1,3}\}?|\(\w\)|')?)\s*=\s*\Z")
_GLUE_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_GLUE_SIGNS = re.compile(r"[=<>+*/^→⇒≈\\]|\d{2,}")
_ENDS_A_RUN = frozenset(
    "no not nope wait but however actually instead rather sorry wrong incorrect mistake correction corrected then so "
    "thus hence therefore because since which gives giving is are was were answer final solution check verify".split()
)
_MAX_GLUE_CHARACTERS = 120
_MAX_GLUE_WORDS = 5
_MAX_FILLING = 8


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where its command starts, the span of what it holds, and where it ends."""

    start: int
    content_start: int
    content_end: int
    end: int

    def content(self, text: str) -> str:
        """What the box holds, without blanks around it."""
        return text[self.content_start : self.content_end].strip()


def find_boxes(text: str) -> list[Box]:
    """Every box outside program blocks, inner ones too, by the position of their command."""
    if "boxed" not in text and "fbox" not in text:
        return []
    boxes: list[Box] = []
    open_braces: list[tuple[int, int] | None] = []  # (command, content) of a box, None for any other brace
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}":
            opened = open_braces.pop() if open_braces else None
            if opened is not None:
                boxes.append(Box(*opened, token.start(), token.end()))
        elif token[1] is not None:
            open_braces.append((token.start(), token.end()))
        elif len(token[0]) > 2 and (bare := _unbraced(text, token)) is not None:
            boxes.append(bare)
    boxes.sort(key=lambda box: box.start)
    never_closed = [opened for opened in open_braces if opened is not None]
    if never_closed and (not boxes or boxes[-1].start < never_closed[-1][0]):
        command, content = never_closed[-1]
        end = _FORMULA_END.search(text, content)
        stop = end.start() if end else len(text)
        boxes.append(Box(command, content, stop, stop))
    return _outside_programs(text, boxes)


def outermost(text: str, boxes: list[Box]) -> list[Box]:
    """Boxes that stand in no other, each replaced by the one it holds while it holds nothing else."""
    outer: list[Box] = []
    holder_end = -1
    for box in boxes:
        if box.start >= holder_end:
            outer.append(box)
            holder_end = box.end
        elif box.start < outer[-1].content_end and _holds_only(text, outer[-1], box):
            outer[-1] = box
    return outer


def answer_in_boxes(text: str) -> tuple[FoundAnswer | None, int]:
    """The answer of the last box or run of boxes, and where the last box ends (-1 without any box)."""
    outer = outermost(text, find_boxes(text))
    if not outer:
        return None, -1
    last = outer[-1]
    if not has_content(last.content(text)):
        return None, last.end
    run = [last]
    for box in reversed(outer[:-1]):
        if not (has_content(box.content(text)) and joins(text[box.end : run[-1].start])):
            break
        run.append(box)
    run.reverse()
    return _answer_of(text, run), last.end


def joins(glue: str) -> bool:
    """Whether what stands between two answers makes them one list."""
    if len(glue) > _MAX_GLUE_CHARACTERS:
        return False
    plain = _LABEL_BEFORE.sub("", _MARKUP.sub(" ", glue))
    if _SEPARATORS.match(plain):
        return True
    if _GLUE_SIGNS.search(plain):
        return False
    words = [word.casefold() for word in _GLUE_WORD.findall(plain)]
    if len(words) > _MAX_GLUE_WORDS or not _ENDS_A_RUN.isdisjoint(words):
        return False
    return any(map(_CONJUNCTION.match, words))


def has_content(content: str) -> bool:
    """Whether a box holds more than blanks, spacing and grouping braces; `\\{\\}` is the empty set."""
    return "\\{" in content or any(character not in "{}\\,;:!~$. \t\n" for character in content)


def _answer_of(text: str, run: list[Box]) -> FoundAnswer:
    contents = [_plain(text, box) for box in run]
    first, last = run[0], run[-1]
    if len(set(contents)) > 1:
        return FoundAnswer(", ".join(contents), first.content_start, last.content_end, AnswerKind.SEVERAL_BOXES)
    held = text[last.content_start : last.content_end]
    start = last.content_start + len(held) - len(held.lstrip())
    return FoundAnswer(contents[-1], start, start + len(held.strip()), AnswerKind.BOXED)


def _plain(text: str, box: Box) -> str:
    """The content; with single backslashes where the box and all its commands were escaped twice."""
    content = box.content(text)
    if text.startswith("\\\\", box.start) and not _SINGLE.search(content):
        return _DOUBLED.sub(r"\\", content)
    return content


def _holds_only(text: str, holder: Box, inner: Box) -> bool:
    # Long fillings are something else; to read the rest of each of thousands of nested boxes would be quadratic.
    if inner.start - holder.content_start > _MAX_FILLING or holder.content_end - inner.end > _MAX_FILLING:
        return False
    before, after = text[holder.content_start : inner.start], text[inner.end : holder.content_end]
    return not has_content(before) and not has_content(after)


def _unbraced(text: str, token: re.Match[str]) -> Box | None:
    r"""`\boxed 5`; not the bare command's name in prose."""
    if not _UNBRACED_START.match(text, token.end()):
        return None
    argument = _UNBRACED.match(text, token.end(), token.end() + _MAX_GLUE_CHARACTERS)
    if argument is None:
        return None
    content = re.split(r"\\[)\]]", argument[1])[0].rstrip(".,;:")
    return Box(token.start(), argument.start(1), argument.start(1) + len(content), argument.end())


def _outside_programs(text: str, boxes: list[Box]) -> list[Box]:
    """Without the boxes that a program's text holds: those are code, not answers."""
    spans = program_spans(text) if boxes else []
    if not spans:
        return boxes
    starts = [start for start, _ in spans]

    def in_program(box: Box) -> bool:
        at = bisect_right(starts, box.start) - 1
        return at >= 0 and box.start < spans[at][1]

    return [box for box in boxes if not in_program(box)]
