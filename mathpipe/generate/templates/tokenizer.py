"""What is needed of a tokenizer, BOS once in front of a text, and special tokens kept out of what people wrote.

A page may hold the letters `<s>` or `<|im_end|>`; a tokenizer would read them as the control tokens themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from mathpipe.core.errors import InputError


class Tokenizer(Protocol):
    """The part of transformers' tokenizers that generation uses."""

    bos_token_id: int | None
    eos_token_id: int | None
    chat_template: str | None
    all_special_tokens: list[str]
    all_special_ids: list[int]
    added_tokens_decoder: dict[int, Any]

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> list[int]:
        """Token ids of a text."""

    def convert_tokens_to_ids(self, tokens: str) -> int | None:
        """The id of one token, or None or the unknown token's."""

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any:
        """The rendered conversation."""


def special_tokens(tokenizer: Tokenizer) -> dict[int, str]:
    """Control tokens by their id. transformers 5 names only some of those that tokenizer.json marks as special."""
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    marked = {number: token.content for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return marked | dict(named)


def defuse(text: str, tokenizer: Tokenizer) -> str:
    """The text with a blank inside every special token's spelling, so that it is read as letters: `< s>`."""
    for token in sorted(special_tokens(tokenizer).values(), key=len, reverse=True):
        if len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def writes_bos(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer puts BOS in front of a plain text by itself."""
    bos = tokenizer.bos_token_id
    return bos is not None and tokenizer.encode("a", add_special_tokens=True)[:1] == [bos]


def check_bos(ids: Sequence[int], tokenizer: Tokenizer, what: str) -> None:
    """Refuse BOS that is lost, doubled or not in front; a tokenizer that writes none by itself may do without."""
    bos = tokenizer.bos_token_id
    if bos is None:
        return
    count = list(ids).count(bos)
    # Some models use one token as BOS and as the end of a turn: then only the beginning can be judged.
    doubled = ids[:2] == [bos, bos] if bos == tokenizer.eos_token_id else count > 1
    if doubled:
        raise InputError(what, f"BOS once, not {count} times", "write bos_token once, at the template's beginning")
    if count and ids[0] != bos:
        raise InputError(what, "BOS in front", "move bos_token to the template's beginning")
    if not count and writes_bos(tokenizer):
        raise InputError(what, "BOS in front, as the tokenizer writes it", "begin the template with {{ bos_token }}")


def encode_text(text: str, tokenizer: Tokenizer) -> list[int]:
    """Token ids of a plain prompt, with BOS in front where the tokenizer's model has seen one."""
    ids = tokenizer.encode(defuse(text, tokenizer), add_special_tokens=False)
    if writes_bos(tokenizer):
        ids = [tokenizer.bos_token_id or 0, *ids]
    check_bos(ids, tokenizer, "prompt")
    return ids
