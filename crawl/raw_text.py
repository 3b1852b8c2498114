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
# most of them. Words in links of running text are lost too: they are few.
_MARGINS = (b"nav", b"aside", b"footer", b"header", b"select", b"button", b"title", b"a")
_AFTER_NAME = frozenset(b" \t\r\n\f/>")
_MARKUP = re.compile(rb"<[^<>]*>|&[a-zA-Z]{1,12};")
# Everything that is ASCII and no letter becomes a space, capitals become small, other bytes stay.
_FOLD = bytes(
    byte + 32 if 65 <= byte <= 90 else byte if 97 <= byte <= 122 or byte >= 128 else 32 for byte in range(256)
)


# Raw bytes looked at for the first words, piece by piece until there are enough: most pages need the first alone, but
# manuals put long lists of contents before their text.
_PIECES = ((0, 8_192), (8_192, 24_576))
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
    words: list[bytes] = []
    for first, last in _PIECES:
        piece = body[start + first : start + last]
        if not piece or len(words) >= count:
            break
        text = _MARKUP.sub(b" ", _without(piece, _CODE + _MARGINS))
        words += text.translate(_FOLD).split(None, count - len(words))[: count - len(words)]
    return b" " + b" ".join(words) + b" ", len(words)


@cache
def _main_part() -> BytesAhoCorasick:
    # Four patterns with four first bytes: fewer would be searched for without SIMD, at a third of the speed.
    return BytesAhoCorasick(
        [b"<main", b'="main"', b"main-content", b"role='main'"], matchkind=MatchKind.LeftmostFirst
    )


def _start_of_text(body: bytes) -> int:
    """Where the page says its main part starts, else its body: margins before it cost time and tell nothing."""
    found = _main_part().find_matches_as_indexes(memoryview(body)[:_HEAD_BYTES])
    return found[0][1] if found else max(body.find(b"<body", 0, _HEAD_BYTES), 0)


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
