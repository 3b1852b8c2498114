"""A page's prose straight from its bytes, without parsing: good enough to decide whether parsing pays.

In: a body in any encoding that extends ASCII. Out: its bytes outside scripts, styles and code; its first words.
Linear in the body whatever it holds.
"""

from __future__ import annotations

import re
from functools import cache

from ahocorasick_rs import BytesAhoCorasick, MatchKind

# Elements whose text no reader sees as prose; formulas are not looked for in them (MathJax skips the same ones).
_CODE = (b"script", b"style", b"pre", b"code", b"textarea", b"template")
# Margins and links: a manual's table of contents stands on all its pages, and holds more words of mathematics than
# most of them. Words in links of running text are lost too; on the judged pages that costs nothing.
_MARGINS = (b"nav", b"aside", b"footer", b"header", b"select", b"button", b"title", b"a")
_AFTER_NAME = frozenset(b" \t\r\n\f/>")
_TAG = re.compile(rb"<[^<>]*>")
_ENTITY = re.compile(rb"&[a-zA-Z]{1,12};")
# Everything that is ASCII and no letter becomes a space, capitals become small, other bytes stay.
_FOLD = bytes(
    byte + 32 if 65 <= byte <= 90 else byte if 97 <= byte <= 122 or byte >= 128 else 32 for byte in range(256)
)


# Raw bytes looked at for the first words: the larger window only where the smaller holds too few.
_FIRST_WINDOW_BYTES = 8_192
_LAST_WINDOW_BYTES = 24_576
_HEAD_BYTES = 131_072


@cache
def _tags(names: tuple[bytes, ...]) -> BytesAhoCorasick:
    """Openings and closings of the elements: index 2i opens, 2i + 1 closes, capitals behind all small ones."""
    forms = [form + name for name in (*names, *(name.upper() for name in names)) for form in (b"<", b"</")]
    return BytesAhoCorasick(forms, matchkind=MatchKind.LeftmostLongest)


def prose_of(body: bytes) -> bytes:
    """The body without scripts, styles and code blocks; an element that is never closed stays."""
    return _without(body, _CODE)


def first_words(body: bytes, count: int) -> tuple[bytes, int]:
    """The first `count` words outside code, margins and links, lower case, a space around each; and their number."""
    start = _start_of_text(body)
    size = _FIRST_WINDOW_BYTES
    while True:
        text = _TAG.sub(b" ", _without(body[start : start + size], _CODE + _MARGINS))
        words = _ENTITY.sub(b" ", text).translate(_FOLD).split(None, count)
        if len(words) >= count or start + size >= len(body) or size >= _LAST_WINDOW_BYTES:
            words = words[:count]
            return b" " + b" ".join(words) + b" ", len(words)
        size = _LAST_WINDOW_BYTES


def _start_of_text(body: bytes) -> int:
    """Where the page says its main part starts, else its body: margins before it cost time and tell nothing."""
    for mark in (b'role="main"', b"<main", b"<article", b"<body"):
        start = body.find(mark, 0, _HEAD_BYTES)
        if start >= 0:
            return start
    return 0


def _without(body: bytes, names: tuple[bytes, ...]) -> bytes:
    tags = _tags(names).find_matches_as_indexes(body)
    if not tags:
        return body
    padded = body + b" "  # so that every tag has a byte behind its name
    kinds = len(names)
    next_close = [-1] * kinds
    ends = [-1] * len(tags)
    for place in range(len(tags) - 1, -1, -1):
        index, start, end = tags[place]
        if padded[end] in _AFTER_NAME:
            if index & 1:
                next_close[(index >> 1) % kinds] = start
            else:
                ends[place] = next_close[(index >> 1) % kinds]
    pieces: list[bytes] = []
    position = 0
    for (_, start, _), close in zip(tags, ends, strict=True):
        if close >= 0 and start >= position:
            pieces.append(body[position:start])
            position = close
    if not pieces:
        return body
    pieces.append(body[position:])
    return b" ".join(pieces)
