"""Which of llama.cpp's ways of cutting text is a tokenizer's own, found by cutting the same texts with both.

In: a `tokenizers` tokenizer for byte-level BPE. Out: a `Choice`: a name for `tokenizer.ggml.pre`, and on how many of
the texts of pre_tokenizers.yaml it cuts alike. A GGUF file cannot carry a regular expression of its own, so that a
tokenizer which cuts like none of those llama.cpp knows gets the nearest, and its user must be told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from mathpipe.core.config import Config


class PreTokenizer(Config):
    """One of llama.cpp's: patterns in order, and whether a piece that is a token is taken without merges."""

    name: str
    patterns: tuple[str, ...] = Field(min_length=1)
    whole_words: bool = False


class _Known(Config):
    pre_tokenizers: tuple[PreTokenizer, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The nearest; `alike` of `texts` are cut as by the tokenizer, `tokens_alike` become its very tokens."""

    name: str
    alike: int
    tokens_alike: int
    texts: int

    def note(self) -> str | None:
        """What to tell the user, or None where nothing differs."""
        if self.alike == self.texts == self.tokens_alike:
            return None
        return (
            f"no pre-tokenizer of llama.cpp cuts text as this tokenizer does: the nearest, {self.name!r}, cuts "
            f"{self.alike} of {self.texts} test texts alike and gives the same tokens on {self.tokens_alike}; "
            "other text will reach the model as tokens it was not trained on"
        )


@cache
def known() -> _Known:
    """The file beside this one."""
    path = Path(__file__).with_name("pre_tokenizers.yaml")
    return _Known.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def choose(backend: Any) -> Choice:
    """The pre-tokenizer that cuts most texts as `backend` does; among equals the one that gives its tokens."""
    model = json.loads(backend.to_str())["model"]
    texts = known().texts
    own_pieces = [_pieces(backend.pre_tokenizer, text) for text in texts]
    own_tokens = [backend.encode(text, add_special_tokens=False).ids for text in texts]
    choices = []
    for candidate in known().pre_tokenizers:
        other = _with(backend, candidate)
        alike = sum(_pieces(other.pre_tokenizer, text) == own for text, own in zip(texts, own_pieces, strict=True))
        tokens = [other.encode(text, add_special_tokens=False).ids for text in texts]
        same = sum(ids == own for ids, own in zip(tokens, own_tokens, strict=True))
        agrees = candidate.whole_words == bool(model.get("ignore_merges", False))
        choices.append((alike, same, agrees, Choice(candidate.name, alike, same, len(texts))))
    return max(choices, key=lambda row: row[:3])[3]  # the first of equals


def splitter(candidate: PreTokenizer) -> Any:
    """The pre-tokenizer as the `tokenizers` package runs it."""
    from tokenizers import Regex, pre_tokenizers

    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in candidate.patterns]
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*cuts, letters])


def _with(backend: Any, candidate: PreTokenizer) -> Any:
    from tokenizers import Tokenizer

    state = json.loads(backend.to_str())
    state["normalizer"] = None  # llama.cpp has none for byte-level BPE
    state["model"]["ignore_merges"] = candidate.whole_words
    other = Tokenizer.from_str(json.dumps(state))
    other.pre_tokenizer = splitter(candidate)
    return other


def _pieces(pre_tokenizer: Any, text: str) -> list[str]:
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)]
