r"""What a part of a formula has become on its way from MathML to LaTeX: a `Piece`, and how pieces are joined.

A piece keeps, beside its LaTeX, what its neighbours and parents must know to write what a person would have
written: `(` + table + `)` is a `pmatrix`, a prime in a superscript is `'`, `lim` takes limits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from crawl.formulas.mathml_tables import Font

_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+\Z")


class Role(StrEnum):
    """What a piece is to its neighbours."""

    EMPTY = "empty"
    LETTER = "letter"  # a symbol or number, perhaps in an alphabet of its own
    FUNCTION = "function"  # a name set upright
    OPERATOR = "operator"  # an <mo>
    TEXT = "text"
    SPACE = "space"
    ROW = "row"  # several pieces, not grouped by anything visible
    FENCED = "fenced"  # \left … \right, or an environment that brings its delimiters
    SCRIPTED = "scripted"
    LARGE = "large"  # an operator with its limits
    STACK = "stack"  # a fraction without a bar: half a binomial
    ARRAY = "array"
    ARRAY_ROW = "array-row"
    CELL = "cell"
    MARK = "mark"  # <mprescripts/>
    OTHER = "other"


class Side(StrEnum):
    """Which side of what it encloses a delimiter stands on."""

    OPEN = "open"
    CLOSE = "close"
    EITHER = "either"


class Stretch(StrEnum):
    """Whether a delimiter grows with what it encloses."""

    NEVER = "never"
    DEFAULT = "default"  # nothing said: MathML grows it
    ALWAYS = "always"  # said by the generator: \left and \right
    FIXED = "fixed"  # one size chosen by hand: \big and its kin


@dataclass(frozen=True, slots=True)
class Delimiter:
    """What an <mo> is as a fence; `size` is the command of a fixed size."""

    side: Side
    stretch: Stretch
    size: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the columns of an array stand: one of l, c, r a column; lines as LaTeX writes them."""

    columns: str = ""
    vertical_lines: tuple[int, ...] = ()
    horizontal_lines: tuple[int, ...] = ()
    tight: bool = False  # no space between columns: aligned equations
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """LaTeX of one node, and what the nodes around it must know."""

    tex: str = ""
    role: Role = Role.OTHER
    char: str = ""  # the characters of an operator or name as they stood
    font: Font = Font.PLAIN
    body: str = ""  # what stands inside the font's or text's braces
    delimiter: Delimiter | None = None
    spaced: bool = False  # an infix operator that people set off with spaces
    tall: bool = False  # more than one line high: its fences are worth \left and \right
    parts: tuple[Piece, ...] = ()  # of a ROW, ARRAY (rows), ARRAY_ROW (cells)
    layout: Layout | None = None
    label: str = ""  # an ARRAY_ROW's equation number
    base: str = ""  # of SCRIPTED: what the scripts hang on
    subscript: str = ""
    superscript: str = ""
    grouped: bool = False  # a SCRIPTED piece that its author put in braces
    limits: bool = False  # scripts go above and below
    apply: bool = False  # the invisible "function application"


NOTHING = Piece(role=Role.EMPTY)


def join(texts: Sequence[str]) -> str:
    r"""Concatenate LaTeX so that `\alpha` and `x` do not become `\alphax`."""
    out: list[str] = []
    last = ""
    for text in texts:
        if not text:
            continue
        if text[0].isalpha() and _ENDS_IN_COMMAND.search(last):
            out.append(" ")
        out.append(text)
        last = text
    return "".join(out)


def braced(text: str) -> str:
    """The text as an argument of a command."""
    return "{" + text + "}"


def script(piece: Piece) -> str:
    """The piece as an argument, its operators without spaces."""
    if piece.role is Role.ROW:
        return join([part.tex for part in piece.parts]).strip()
    return piece.tex.strip()


def script_braced(text: str) -> str:
    """A sub- or superscript: braces around all but a single letter or digit, and the sign of degrees."""
    return text if text == r"\circ" or (len(text) == 1 and text.isalnum() and text.isascii()) else braced(text)


def flat(parts: Sequence[Piece]) -> list[Piece]:
    """Children of a row in order, those of plain inner rows in their place."""
    out: list[Piece] = []
    for part in parts:
        if part.role is Role.ROW:
            out.extend(part.parts)
        elif part.role is not Role.EMPTY or part.apply:
            out.append(part)
    return out
