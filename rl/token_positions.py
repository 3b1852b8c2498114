"""Which token ends a stretch of a completion's text.

In: token ids, the text that the sampler made of them, ends of stretches as places in that text. Out: the place of the
token with which each stretch is whole. Found by decoding prefixes, so that it holds for every tokenizer: byte-level
ones, where a character may be of several tokens, and SentencePiece, whose first word loses its blank.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

Decode = Callable[[Sequence[int]], str]


def decoder_of(tokenizer: Any) -> Decode:
    """Ids to text as samplers do it: special tokens left out, nothing tidied."""
    return lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def last_tokens(ids: Sequence[int], text: str, ends: Sequence[int], decode: Decode) -> list[int] | None:
    """For each end the place of the first token with which all characters before it are there; ends must rise.

    Two ends may fall into one token. None where the ids are not the text's (one that a stop text has shortened is).
    """
    whole = decode(ids)
    # The sampler decodes after the prompt, we from the completion's start: blanks in front may differ.
    shift = (len(whole) - len(whole.lstrip())) - (len(text) - len(text.lstrip()))
    if not whole.lstrip().startswith(text.strip().rstrip("\ufffd")):  # a character that was cut in the middle
        return None
    found: list[int] = []
    for end in ends:
        wanted = whole[: end + shift]

        def is_there(count: int, wanted: str = wanted) -> bool:
            return decode(ids[:count]).startswith(wanted)

        first = found[-1] + 1 if found else 1
        count = bisect_left(range(first, len(ids)), True, key=is_there) + first
        found.append(count - 1)
    return found
