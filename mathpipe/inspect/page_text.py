r"""Page text as safe HTML: paragraphs, headings, code, and formulas drawn.

In: text as the crawl writes it: light Markdown with `$…$` inline and `$$…$$` display formulas, a literal dollar
as `\$` and a literal backquote as `` \` ``, code between backquotes or fences untouched. Out: `Markup`. Lists and
tables stay as they are written; only what would be hard to read in a sample is given form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup, escape

from mathpipe.inspect.formulas import render_formula
from mathpipe.inspect.safe_text import visible

# Dollars inside a display formula belong to its \text; possessive groups keep a hostile text linear.
_PIECE = re.compile(
    r"\\(?P<literal>[$`])"
    r"|(?P<fence>^`{3,})[^`\n]*\n(?P<block>.*?)(?:^(?P=fence)`*[ \t]*$|\Z)"
    r"|`(?P<code>[^`\n]++)`"
    r"|\$\$(?P<display>(?:[^$\\]++|\\.|\$(?!\$))++)\$\$"
    r"|\$(?P<inline>(?:[^$\\]++|\\.)++)\$",
    re.DOTALL | re.MULTILINE,
)
_PUNCTUATION = re.compile(r"\s*([.,;:])(?=\s|$)")
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_HEADING = re.compile(r"#{1,6} +")


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text, its literal dollars and backquotes unescaped."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Code as it stood in the page; `block` for code on lines of its own."""

    text: str
    block: bool


@dataclass(frozen=True, slots=True)
class Tex:
    """One formula's TeX without its delimiters."""

    text: str
    display: bool


Piece = Prose | Code | Tex


@dataclass(slots=True)
class _Paragraph:
    """Markup that stands together; a block of code is a paragraph of its own."""

    parts: list[Markup] = field(default_factory=list)
    heading: bool = False
    block: bool = False

    def render(self) -> Markup:
        inner = Markup("").join(self.parts)
        if self.block:
            return Markup("<pre>{}</pre>").format(inner)
        inner = inner.strip()
        if not inner:
            return inner
        return Markup('<p class="heading">{}</p>' if self.heading else "<p>{}</p>").format(inner)


def split_pieces(text: str) -> Iterator[Piece]:
    """The text's pieces in order; a dollar, backquote or fence that nothing closes stays text."""
    prose: list[str] = []
    at = 0
    for match in _PIECE.finditer(text):
        prose.append(text[at : match.start()])
        at = match.end()
        if literal := match["literal"]:
            prose.append(literal)
            continue
        if written := "".join(prose):
            yield Prose(written)
        prose.clear()
        yield _piece(match)
    if written := "".join(prose) + text[at:]:
        yield Prose(written)


def _piece(match: re.Match[str]) -> Piece:
    if match["block"] is not None:
        return Code(match["block"].rstrip("\n"), block=True)
    if match["code"] is not None:
        return Code(match["code"], block=False)
    display = match["display"] is not None
    return Tex(match["display" if display else "inline"].strip(), display)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Pieces of a page, and whether it has text before and after them."""

    pieces: tuple[Piece, ...]
    begins_later: bool
    goes_on: bool


def excerpt(text: str, limit: int) -> Excerpt:
    """About `limit` characters that hold a formula where the page has one, never half a formula.

    They start with the text, or near its first formula where that one stands too far down to be reached.
    """
    start = _start(text, limit)
    chosen: list[Piece] = []
    left = limit
    for piece in split_pieces(text[start:]):
        if left <= 0:
            return Excerpt(tuple(chosen), start > 0, goes_on=True)
        short = _clipped(piece, left)
        chosen.append(short)
        if short != piece:
            return Excerpt(tuple(chosen), start > 0, goes_on=True)
        left -= len(piece.text)
    return Excerpt(tuple(chosen), start > 0, goes_on=False)


def _start(text: str, limit: int) -> int:
    code_ends = 0
    for match in _PIECE.finditer(text):
        if match["block"] is not None:
            code_ends = match.end()
        if match["display"] is None and match["inline"] is None:
            continue
        place = match.start()
        if place < limit * 2 // 3:
            return 0
        earliest = max(place - limit // 2, code_ends)
        opening = text.rfind("\n\n", earliest, len(text[:place].rstrip()))
        if opening >= 0:
            return opening + 2
        return earliest if earliest == code_ends else text.find(" ", earliest, place) + 1 or earliest
    return 0


def _clipped(piece: Piece, limit: int) -> Piece:
    if isinstance(piece, Tex) or len(piece.text) <= limit:
        return piece
    if isinstance(piece, Code):
        return replace(piece, text=piece.text[:limit])
    cut = piece.text.rfind(" ", 0, limit)
    return Prose(piece.text[: cut if cut > limit // 2 else limit])


def render_pieces(pieces: Sequence[Piece], *, headings: bool = True) -> Markup:
    """Safe HTML: an empty line parts paragraphs, a display formula and a block of code stand on their own.

    `headings` tells whether `#` at the beginning of a paragraph makes it one.
    """
    paragraphs = [_Paragraph()]
    for piece, mark in _with_punctuation(pieces):
        if isinstance(piece, Tex):
            paragraphs[-1].parts.append(render_formula(piece.text, display=piece.display, after=mark))
        elif isinstance(piece, Code) and piece.block:
            paragraphs += [_Paragraph([escape(visible(piece.text))], block=True), _Paragraph()]
        elif isinstance(piece, Code):
            paragraphs[-1].parts.append(Markup("<code>{}</code>").format(visible(piece.text)))
        else:
            _add_prose(paragraphs, visible(piece.text), headings=headings)
    return Markup("").join(paragraph.render() for paragraph in paragraphs)


def _add_prose(paragraphs: list[_Paragraph], text: str, *, headings: bool) -> None:
    for place, part in enumerate(_PARAGRAPH_BREAK.split(text)):
        if place:
            paragraphs.append(_Paragraph())
        paragraph = paragraphs[-1]
        opens = headings and not Markup("").join(paragraph.parts).strip()
        mark = _HEADING.match(part) if opens else None
        paragraph.heading = paragraph.heading or mark is not None
        paragraph.parts.append(escape(part[mark.end() :] if mark else part))


def _with_punctuation(pieces: Sequence[Piece]) -> list[tuple[Piece, str]]:
    """Each piece with the full stop or comma after it: a display formula takes it on its own line."""
    paired: list[tuple[Piece, str]] = []
    for piece in pieces:
        before = paired[-1][0] if paired else None
        if not isinstance(piece, Prose) or not isinstance(before, Tex) or not before.display:
            paired.append((piece, ""))
            continue
        rest = piece.text.lstrip(" \t")
        if mark := _PUNCTUATION.match(rest):
            paired[-1] = (before, mark[1])
            rest = rest[mark.end() :].lstrip(" \t")
        paired.append((Prose(rest), ""))
    return paired
