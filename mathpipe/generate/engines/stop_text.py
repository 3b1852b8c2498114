"""Text that grows token by token, and where a stop text ends it.

In: sampled token ids. Out: the text so far, without special tokens. A character of several bytes appears with its
last token. The tokenizer sees the prompt's last tokens first, because some write a word differently at the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers.decoders import DecodeStream

_CONTEXT_TOKENS = 6


class GrowingText:
    """The text of one sample; `stop` is the stop text that ended it."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], stops: Sequence[str]) -> None:
        self._backend = tokenizer.backend_tokenizer
        self._stream = DecodeStream(ids=list(prompt[-_CONTEXT_TOKENS:]), skip_special_tokens=True)
        self._stops = tuple(stops)
        self._longest = max(map(len, stops), default=0)
        self.text = ""
        self.stop: str | None = None

    def push(self, token_id: int) -> bool:
        """Append a token; true when a stop text is complete (the text then ends before it)."""
        piece = self._stream.step(self._backend, token_id)
        if not piece:
            return False
        begin = max(0, len(self.text) - self._longest + 1)
        self.text += piece
        found = [(at, stop) for stop in self._stops if (at := self.text.find(stop, begin)) >= 0]
        if not found:
            return False
        at, self.stop = min(found)
        self.text = self.text[:at]
        return True
