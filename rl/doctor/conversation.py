"""Two exchanges rendered through a model's own chat template: what the checks of pad, BOS, EOS and template look at.

In: a tokenizer. Out: texts and token ids, as they are made everywhere here: rendered as text, then encoded without
the tokenizer's own special tokens (see mathpipe.generate.templates).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Turn = dict[str, str]

TURNS: tuple[Turn, ...] = (
    {"role": "user", "content": "What is 12 + 34?\n\nShow  two steps:\n    a) tens\n\tb) ones"},
    {
        "role": "assistant",
        "content": "10 + 30 = 40\n\n    2 + 4 = 6\n\n\nSo $12 + 34 = \\frac{92}{2}$,  and the answer is \\boxed{46}.",
    },
    {"role": "user", "content": "And half of it?"},
    {"role": "assistant", "content": "Half of 46:\n\n\\[ \\frac{46}{2} = 23. \\]\n\nThe answer is \\boxed{23}."},
)


@dataclass(frozen=True, slots=True)
class Part:
    """A text and its token ids."""

    text: str
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The prompts before each of the assistant's turns, and the conversations up to their ends."""

    first_prompt: Part
    first_whole: Part
    second_prompt: Part
    second_whole: Part

    @property
    def answer_ids(self) -> list[int]:
        """What follows the first prompt in the first conversation: the assistant's words and the end of its turn."""
        return self.first_whole.ids[len(self.first_prompt.ids) :]


def render_text(tokenizer: Any, turns: Sequence[Turn], *, generation: bool) -> str:
    """The text of the turns, with where the assistant speaks at its end for generation."""
    return str(tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=generation))


def render(tokenizer: Any) -> Rendered:
    """Both exchanges; whatever the template raises is raised here."""

    def part(count: int, *, generation: bool) -> Part:
        text = render_text(tokenizer, TURNS[:count], generation=generation)
        return Part(text, [int(one) for one in tokenizer.encode(text, add_special_tokens=False)])

    return Rendered(
        part(1, generation=True), part(2, generation=False), part(3, generation=True), part(4, generation=False)
    )


def try_render(tokenizer: Any | None) -> Rendered | str:
    """Both exchanges, or in words why there are none."""
    from jinja2 import TemplateError

    if tokenizer is None:
        return "there is no tokenizer"
    if not tokenizer.chat_template:
        return "the tokenizer has no chat template of its own"
    try:
        return render(tokenizer)
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        return f"the template fails: {type(error).__name__}: {' '.join(str(error).split())[:160]}"


def special_ids(tokenizer: Any) -> set[int]:
    """Ids of control tokens: named ones, and those that the vocabulary marks as special."""
    marked = {int(number) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return marked | {int(number) for number in tokenizer.all_special_ids}


def added_ids(tokenizer: Any) -> set[int]:
    """Ids of all tokens that are cut out of a text before it is split: control tokens, and others added later."""
    return {int(number) for number in tokenizer.added_tokens_decoder} | special_ids(tokenizer)


def end_of_turn(tokenizer: Any, rendered: Rendered) -> int | None:
    """The control token by which the template ends the assistant's turn: the first after its words."""
    special = special_ids(tokenizer)
    return next((token for token in rendered.answer_ids if token in special), None)
