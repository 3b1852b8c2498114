"""A Modelfile for Ollama, with the chat template as a Go template where it can be put so.

In: the tokenizer's way of rendering a conversation, and the settings for sampling. Out: text. Ollama does not run
the Jinja template that lies in the GGUF file. Most templates only put words before and after each turn, by its role:
those words are found by rendering conversations, put together again for others, and where the outcome is what the
tokenizer renders, they are written as TEMPLATE. Where it is not, the file says so and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

Turn = tuple[str, str]  # role and content
Render = Callable[[Sequence[Turn], bool], str]  # turns, and whether the assistant is to speak next
_S, _U, _A = "Words of the system.", "Words of the user.", "Words of the assistant."
_TRIALS: tuple[tuple[Turn, ...], ...] = (
    (("user", "1 + 1?"),),
    (("system", "Be brief."), ("user", "What is 2x if x = 3?")),
    (("user", "a\nb"), ("assistant", "It is 6.\nThe answer is 6."), ("user", "And 4x?")),
    (("system", "S"), ("user", "u"), ("assistant", "a"), ("user", "v"), ("assistant", "b"), ("user", "w")),
)
# Ollama holds the cache for the whole of num_ctx in memory: 8,192 tokens of a 7B are 1 GB or less.
_MOST_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Wrapping:
    """Words around the turns of each role; `head` opens every conversation, `opening` lets the assistant speak."""

    head: str
    around: dict[str, tuple[str, str]]
    opening: str
    default_system: str | None = None

    def render(self, turns: Sequence[Turn], speak: bool) -> str:
        """The conversation as Ollama would render it."""
        if self.default_system is not None and turns[0][0] != "system":
            turns = [("system", self.default_system), *turns]
        middle = "".join(f"{self.around[role][0]}{content}{self.around[role][1]}" for role, content in turns)
        return self.head + middle + (self.opening if speak else "")


def find_wrapping(render: Render, bos: str = "") -> Wrapping | None:
    """The words around turns, if the template is no more than that; `bos` is taken off where it opens them all."""
    try:
        found = _take_apart(render, bos)
        if found is None or any(found.render(turns, True) != render(turns, True) for turns in _TRIALS):
            return None
    except (TemplateError, TypeError, ValueError, KeyError, IndexError):  # a template that refuses a conversation
        return None
    return found


def modelfile(
    file: str,
    wrapping: Wrapping | None,
    *,
    stops: Sequence[str],
    sampling: dict[str, float],
    context_tokens: int,
    skip_head: str = "",
) -> str:
    """The text; `skip_head` is what llama.cpp itself puts in front (BOS)."""
    lines = [f"FROM ./{file}", ""]
    template = go_template(wrapping, skip_head) if wrapping else None
    if template is None:
        lines += [
            "# The chat template, if any, lies in the GGUF file (tokenizer.chat_template), where llama.cpp finds it.",
            "# No Ollama template could be made of it with certainty: write TEMPLATE by hand.",
        ]
    else:
        lines.append(f'TEMPLATE """{template}"""')
        if wrapping and wrapping.default_system:
            lines.append(f'SYSTEM """{wrapping.default_system}"""')
    lines += ["", *(f"PARAMETER stop {_quoted(stop)}" for stop in stops)]
    lines += [f"PARAMETER {name} {value:g}" for name, value in sampling.items()]
    lines.append(f"PARAMETER num_ctx {min(context_tokens, _MOST_TOKENS)}")
    return "\n".join(lines) + "\n"


def sampling_of(generation: Any) -> dict[str, float]:
    """The model's own settings, and neutral ones for what Ollama would else cut (top_k 40, top_p 0.9).

    A penalty for repetition would be paid by every digit that comes twice.
    """
    temperature = generation.temperature
    if temperature is None:
        temperature = 1.0
    if generation.do_sample is False:
        temperature = 0.0
    return {
        "temperature": float(temperature),
        "top_p": float(generation.top_p if generation.top_p is not None else 1.0),
        "top_k": float(generation.top_k or 0),
        "repeat_penalty": float(generation.repetition_penalty or 1.0),
    }


def go_template(wrapping: Wrapping, skip_head: str = "") -> str | None:
    """The words around turns in Go's template language, or None where they hold its own signs."""
    words = [wrapping.head, wrapping.opening, *(word for pair in wrapping.around.values() for word in pair)]
    if any(sign in word for word in [*words, wrapping.default_system or ""] for sign in ("{{", "}}", '"""')):
        return None
    turns = "{{ range .Messages }}"
    for number, (role, (before, after)) in enumerate(wrapping.around.items()):
        turns += f'{{{{ {"else if" if number else "if"} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
    return f"{wrapping.head.removeprefix(skip_head)}{turns}{{{{ end }}}}{{{{ end }}}}{wrapping.opening}"


def _take_apart(render: Render, bos: str) -> Wrapping | None:
    first = bos if render([("user", _U)], False).startswith(bos) else ""
    one = render([("user", _U)], False).removeprefix(first)
    two = render([("user", _U), ("assistant", _A)], False).removeprefix(first)
    three = render([("user", _U), ("assistant", _A), ("user", _U)], False).removeprefix(first)
    asked = render([("user", _U)], True).removeprefix(first)
    with_system = render([("system", _S), ("user", _U)], False).removeprefix(first)
    user = three[len(two) :]
    if not (two.startswith(one) and three.startswith(two) and asked.startswith(one)):
        return None
    if not (user and one.endswith(user) and with_system.endswith(user)):
        return None
    head, system = one.removesuffix(user), with_system.removesuffix(user)
    default = None
    if not system.startswith(head):  # the template speaks for a system where none is given
        default, head = _default_system(head, *_split(system, _S)), ""
    around = {
        "system": _split(system.removeprefix(head), _S),
        "user": _split(user, _U),
        "assistant": _split(two.removeprefix(one), _A),
    }
    return Wrapping(first + head, around, asked.removeprefix(one), default)


def _split(text: str, content: str) -> tuple[str, str]:
    before, after = text.split(content)  # ValueError where it is not there once
    return before, after


def _default_system(text: str, before: str, after: str) -> str:
    if not (text.startswith(before) and text.endswith(after)):
        raise ValueError(text)
    return text[len(before) : len(text) - len(after)]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
