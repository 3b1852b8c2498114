r"""Rewards for the form of a completion: one box at its end, its length, its repetitions.

In: completions. Out: scores that need no reference.
- Format: one box, in the last line, thoughts closed before it.
- Overlong: DAPO's soft overlong punishment (Yu et al., arXiv 2503.14476, equation 13), in tokens.
- Repetition: the share of repeated n-grams, as in "Demystifying Long Chain-of-Thought Reasoning in LLMs"
  (Yeo et al., arXiv 2502.03373), which gives each repeated one a penalty.
"""

from __future__ import annotations

import re
from collections.abc import Sized
from dataclasses import dataclass
from enum import StrEnum

from mathpipe.core.errors import InputError
from verify.answers.extract_blocks import THOUGHT_END
from verify.answers.extract_boxes import find_boxes, has_content, outermost
from verify.rewards.reward import Batch, Reward, Score

_THOUGHT_START = "<think>"
_AFTER_BOX = re.compile(r"(?:[\s$.,;!*}]|\\\]|\\\)|\\end\{[\w*]{1,20}\})*\Z")
_MAX_CHARACTERS_AFTER_BOX = 200


class Thinking(StrEnum):
    """Where a completion's thoughts stand."""

    OPTIONAL = "optional"  # none, or `<think>…</think>` in front
    REQUIRED = "required"
    OPENED = "opened"  # the prompt ends with `<think>`: the completion only closes it


def format_reward(*, thinking: Thinking = Thinking.OPTIONAL) -> Reward:
    """1.0 for well-formed thoughts and, after them, exactly one box that holds something and ends the text."""
    return Reward("format", _Format(thinking))


def overlong_penalty(*, max_tokens: int, soft_tokens: int) -> Reward:
    """0 up to `max_tokens - soft_tokens`, then falling to -1 at `max_tokens`; -1 beyond. Reads `completion_ids`."""
    if not 0 < soft_tokens <= max_tokens:
        raise InputError(
            f"soft_tokens={soft_tokens}", f"a number from 1 to max_tokens={max_tokens}", "DAPO takes 4,096 of 20,480"
        )
    return Reward("overlong", _Overlong(max_tokens, soft_tokens))


def repetition_penalty(*, words: int = 20, maximum: float = 1.0) -> Reward:
    """-`maximum` times the share of n-grams of `words` words that have occurred before."""
    if words < 1:
        raise InputError(f"words={words}", "a positive number", "20 catches loops and spares formulas")
    return Reward("repetition", _Repetition(words, maximum))


@dataclass(frozen=True, slots=True)
class _Format:
    thinking: Thinking

    def __call__(self, batch: Batch) -> list[Score]:
        return [float(text is not None and is_well_formed(text, self.thinking)) for text in batch.texts]


def is_well_formed(text: str, thinking: Thinking) -> bool:
    """Whether thoughts are closed as they should be and one box ends the text."""
    answer = after_thoughts(text, thinking)
    if answer is None:
        return False
    boxes = outermost(answer, find_boxes(answer))
    if len(boxes) != 1 or not has_content(boxes[0].content(answer)):
        return False
    rest = answer[boxes[0].end :]
    return len(rest) <= _MAX_CHARACTERS_AFTER_BOX and _AFTER_BOX.match(rest) is not None


def after_thoughts(text: str, thinking: Thinking) -> str | None:
    """What stands after well-formed thoughts; None where they are not."""
    opened, closed = text.count(_THOUGHT_START), text.count(THOUGHT_END)
    if thinking is Thinking.OPTIONAL and opened == closed == 0:
        return text
    if closed != 1 or opened != (0 if thinking is Thinking.OPENED else 1):
        return None
    thoughts, _, answer = text.partition(THOUGHT_END)
    if thinking is not Thinking.OPENED and not thoughts.lstrip().startswith(_THOUGHT_START):
        return None
    return answer


@dataclass(frozen=True, slots=True)
class _Overlong:
    max_tokens: int
    soft_tokens: int

    def __call__(self, batch: Batch) -> list[Score]:
        return [self._score(tokens) for tokens in batch.column("completion_ids")]

    def _score(self, tokens: object) -> Score:
        if not isinstance(tokens, Sized):
            return None
        over = len(tokens) - (self.max_tokens - self.soft_tokens)
        return -min(1.0, over / self.soft_tokens) if over > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Repetition:
    words: int
    maximum: float

    def __call__(self, batch: Batch) -> list[Score]:
        return [-self.maximum * repeated_share(text, self.words) if text else 0.0 for text in batch.texts]


def repeated_share(text: str, words: int) -> float:
    """The share of the text's n-grams that have occurred before in it; 0 for a text without any."""
    said = text.split()
    count = len(said) - words + 1
    if count < 1:
        return 0.0
    seen = {hash(tuple(said[at : at + words])) for at in range(count)}
    return 1.0 - len(seen) / count
