"""The parts of a solution that are not its prose: thoughts, fenced blocks, a chat template's tokens.

In: the solution. Out: spans. ToRA (Gou et al., arXiv 2309.17452) writes programs as ```python and what they printed
as ```output; reasoning models end their thoughts with `</think>`. Linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t]*```+[ \t]*([\w+#.-]*)[^\n`]*$", re.MULTILINE)
_PROGRAMS = frozenset(
    {"python", "py", "python3", "sympy", "cpp", "c++", "c", "java", "javascript", "js", "lean", "lean4"}
)
_OUTPUTS = frozenset({"output", "out", "stdout", "result"})
_END_OF_TURN = re.compile(r"<\|(?:im_end|im_start|endoftext|eot_id|end_of_text)\|>")
THOUGHT_END = "</think>"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language in lower case and the span of its lines; a block left open ends with the text."""

    language: str
    start: int
    end: int

    @property
    def is_program(self) -> bool:
        """Whether it holds a program."""
        return self.language in _PROGRAMS

    @property
    def is_output(self) -> bool:
        """Whether it holds what a program printed."""
        return self.language in _OUTPUTS


def fenced_blocks(text: str) -> list[Block]:
    """Fenced blocks in order. A fence that names a language opens a block even where another is open."""
    if "```" not in text:
        return []
    blocks: list[Block] = []
    opened: tuple[str, int] | None = None
    for fence in _FENCE.finditer(text):
        if opened is not None:
            blocks.append(Block(opened[0], opened[1], fence.start()))
        language = fence[1].lower()
        opened = (language, min(fence.end() + 1, len(text))) if opened is None or language else None
    if opened is not None:
        blocks.append(Block(opened[0], opened[1], len(text)))
    return blocks


def program_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the programs in the text."""
    return [(block.start, block.end) for block in fenced_blocks(text) if block.is_program]


def last_output_line(text: str) -> tuple[int, int] | None:
    """The span of the last line that is not blank in the last ```output block."""
    outputs = [block for block in fenced_blocks(text) if block.is_output]
    if not outputs:
        return None
    block = outputs[-1]
    end = block.start + len(text[block.start : block.end].rstrip())
    start = text.rfind("\n", block.start, end) + 1 or block.start
    return (start, end) if start < end else None


def end_of_turn(text: str) -> int:
    """Where the solution ends: before the first chat-template token that ends a turn, if anything stands before."""
    found = _END_OF_TURN.search(text) if "<|" in text else None
    return len(text) if found is None or not text[: found.start()].strip() else found.start()


def start_after_thoughts(text: str) -> int:
    """Where the text after the last `</think>` starts; 0 without one."""
    at = text.rfind(THOUGHT_END)
    return 0 if at < 0 else at + len(THOUGHT_END)
