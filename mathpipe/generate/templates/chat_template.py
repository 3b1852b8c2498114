"""Messages to tokens through one template: the tokenizer's own, or a data file of this folder.

In: messages. Out: token ids, for generation (up to where the assistant speaks) or for training (with a mask of the
assistant's tokens). A template is tried when it is loaded: one that loses or doubles BOS is refused, and so is one
whose prompt for generation is not the beginning of the conversation it trains on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from mathpipe.core.config import Config
from mathpipe.core.errors import ConfigError, InputError
from mathpipe.generate.templates.tokenizer import Tokenizer, check_bos, defuse, special_tokens

OWN = "tokenizer"  # the name of the tokenizer's own template


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; `role` is system, user or assistant."""

    role: str
    content: str


class TemplateFile(Config):
    """A template as a data file: Jinja in transformers' form, and the tokens a tokenizer must have for it."""

    description: str
    requires: tuple[str, ...] = ()
    jinja: str


def load_template_file(name: str) -> TemplateFile:
    """The file of that path, or the shipped template of that name."""
    folder = Path(__file__).parent
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ConfigError(f"template {name!r}", f"{OWN}, {known}, or a path that ends in .yaml", "name one of them")
    try:
        return TemplateFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(str(path), f"a template ({' '.join(str(error).split())})", "see chatml.yaml") from None


class ChatTemplate:
    """A tokenizer's one template, tried on a small conversation before it is used.

    `stop_token_ids` are the special tokens by which it ends the assistant's turn.
    """

    def __init__(self, tokenizer: Tokenizer, name: str = OWN) -> None:
        self.name = name
        self._tokenizer = tokenizer
        self._jinja = self._find(tokenizer, name)
        self.stop_token_ids = self._try_out()

    @staticmethod
    def _find(tokenizer: Tokenizer, name: str) -> str:
        if name == OWN:
            if not tokenizer.chat_template:
                raise InputError("tokenizer", "a chat template of its own", "name one of ours: chatml, plain")
            return tokenizer.chat_template
        file = load_template_file(name)
        for token in file.requires:
            if token not in tokenizer.all_special_tokens:
                raise InputError(f"template {name!r}", f"a tokenizer with the special token {token}", "use plain")
        return file.jinja

    def render(self, messages: Sequence[Message]) -> list[int]:
        """Token ids up to where the assistant speaks; a last message of the assistant's is left open to go on."""
        if not messages:
            raise InputError("conversation", "at least one message", "add the user's question")
        opened = messages[-1].content if messages[-1].role == "assistant" else ""
        turns = messages[:-1] if messages[-1].role == "assistant" else messages
        ids = self._ids(turns, generation=True)
        if opened:
            ids += self._tokenizer.encode(defuse(opened, self._tokenizer), add_special_tokens=False)
        check_bos(ids, self._tokenizer, f"template {self.name!r}")
        return ids

    def render_example(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """A whole conversation for training, and which tokens are the assistant's (its end of turn included).

        The tokens before each of the assistant's turns are those that `render` gives for generation.
        """
        whole = self._ids(messages, generation=False)
        mask = [False] * len(whole)
        for turn, message in enumerate(messages):
            if message.role != "assistant":
                continue
            start = len(self._ids(messages[:turn], generation=True))
            end = len(self._ids(messages[: turn + 1], generation=False))
            mask[start:end] = [True] * (end - start)
        check_bos(whole, self._tokenizer, f"template {self.name!r}")
        return whole, mask

    def _ids(self, messages: Sequence[Message], *, generation: bool) -> list[int]:
        turns = [{"role": turn.role, "content": defuse(turn.content, self._tokenizer)} for turn in messages]
        text = self._tokenizer.apply_chat_template(
            turns, chat_template=self._jinja, tokenize=False, add_generation_prompt=generation
        )
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _try_out(self) -> tuple[int, ...]:
        question, reply = Message("user", "1 + 1?"), "2"
        prompt = self.render([question])
        whole, _ = self.render_example([question, Message("assistant", reply)])
        if whole[: len(prompt)] != prompt:
            raise InputError(
                f"template {self.name!r}",
                "a prompt for generation that begins the conversation it trains on",
                "write the same text before the assistant's words in both",
            )
        special = special_tokens(self._tokenizer)
        ends = [token for token in whole[len(prompt) :] if token in special]
        return tuple(ends[:1])


def render(messages: Sequence[Message], template: ChatTemplate) -> list[int]:
    """Token ids of the messages up to where the assistant speaks."""
    return template.render(messages)
