"""Fenced blocks in a model's text: which are programs, which one asks to be run, and the text as segments."""

from __future__ import annotations

from dataclasses import dataclass

from mathpipe.core.records import Segment, SegmentKind

CLOSING = "\n```\n"  # a stop text that an opening fence with its language never matches
OUTPUT = "```output"
_PROGRAM_LANGUAGES = {"python", "py", "python3", ""}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: `begin` and `end` cover the fences; `closed` is false where the text ends inside it."""

    language: str
    code: str
    begin: int
    end: int
    closed: bool


def find_blocks(text: str) -> list[Block]:
    """The fenced blocks in order. A fence is a line that begins with three backticks, blanks in front allowed."""
    blocks: list[Block] = []
    opened: tuple[str, int, int] | None = None  # language, begin of the fence, begin of the code
    at = 0
    for line in text.splitlines(keepends=True):
        end = at + len(line)
        mark = line.strip()
        if mark.startswith("```"):
            if opened is None:
                opened = (mark[3:].strip().lower(), at, end)
            elif mark == "```":
                language, begin, code = opened
                blocks.append(Block(language, text[code:at].removesuffix("\n"), begin, end, closed=True))
                opened = None
        at = end
    if opened is not None:
        language, begin, code = opened
        blocks.append(Block(language, text[code:], begin, len(text), closed=False))
    return blocks


def programs(text: str) -> list[Block]:
    """The blocks that hold Python, or name no language."""
    return [block for block in find_blocks(text) if block.language in _PROGRAM_LANGUAGES and block.code.strip()]


def waiting_program(text: str, stop: str | None) -> Block | None:
    """The program at the end of the text whose output is awaited, or None.

    It ends the text: closed, or left open because its closing fence (or a fence of output after it) was the stop.
    """
    found = [block for block in find_blocks(text) if block.code.strip()]
    if not found or found[-1].language not in {"python", "py", "python3"}:
        return None
    last = found[-1]
    if last.closed:
        return last if not text[last.end :].strip() else None
    return last if stop in {CLOSING, OUTPUT} else None


def segments_of(text: str) -> list[Segment]:
    """Prose and programs in order; a block of output that the model made up counts as its prose."""
    parts: list[Segment] = []
    at = 0
    for block in programs(text):
        parts.append(Segment(SegmentKind.TEXT, text[at : block.begin]))
        parts.append(Segment(SegmentKind.CODE, block.code))
        at = block.end
    parts.append(Segment(SegmentKind.TEXT, text[at:]))
    return [part for part in parts if part.text.strip()]
