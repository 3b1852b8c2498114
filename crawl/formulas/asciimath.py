r"""AsciiMath to LaTeX.

In: the text between AsciiMath's delimiters. Out: LaTeX, or None for an empty one. Source: the grammar published at
asciimath.org,

    v ::= letter | number | constant          u ::= unary symbol       b ::= binary symbol
    l ::= left bracket   r ::= right bracket   S ::= v | l E r | u S | b S S     I ::= S_S | S^S | S_S^S | S
    E ::= I E | I / I

read by recursive descent with the depth of brackets and operators capped; matrices are brackets of bracketed rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from crawl.formulas.asciimath_tables import (
    BINARY,
    ESCAPED,
    FUNCTIONS,
    LEFT,
    NAMED_FUNCTIONS,
    RIGHT,
    TEXT_WORDS,
    UNARY,
    constants,
    words,
)
from crawl.formulas.mathml_pieces import join, script_braced

MAX_DEPTH = 100
"""Brackets within brackets; each costs five Python frames of the interpreter's thousand."""
MAX_LENGTH = 20_000

_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_QUOTED = re.compile(r'"([^"]*)"')
_TEXT_ARGUMENT = re.compile(r"\s*(?:\(([^()]*)\)|\{([^{}]*)\}|\[([^\[\]]*)\])")
_LIMITS = ("lim", "Lim", "min", "max")
_MATRICES = {
    ("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix",
    ("{:", ":}"): "matrix", ("{", ":}"): "cases", ("|:", ":|"): "vmatrix",
}  # fmt: skip
_TEXT_ESCAPES = {"\\": r"\textbackslash{}", **{char: ESCAPED[char] for char in "#$%&_{}"}}


class _TooDeep(Exception):  # noqa: N818  (a signal within this module)
    """Brackets are nested deeper than MAX_DEPTH."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the grammar; `kind` is one of number, text, word, letter, other, space."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Term:
    """A simple expression: its LaTeX, and that without the brackets where the grammar would strip them."""

    tex: str
    stripped: str
    word: str = ""
    items: tuple[tuple[str, ...], ...] = ()  # a bracket's comma-separated rows, if all its items are brackets
    cells: tuple[str, ...] = ()


def asciimath_to_latex(source: str) -> str | None:
    """LaTeX of an AsciiMath formula; None where it is empty, too long or nested too deep."""
    if not source.strip() or len(source) > MAX_LENGTH:
        return None
    try:
        return _Reader(_tokens(source)).whole().strip() or None
    except _TooDeep:
        return None


def _tokens(source: str) -> list[_Token]:
    known, longest = words()
    tokens: list[_Token] = []
    at = 0
    while at < len(source):
        if source[at].isspace():
            at += 1
            continue
        if source[at] == "\\" and at + 1 < len(source) and source[at + 1].isspace():
            tokens.append(_Token("word", "\\ "))
            at += 2
            continue
        token, at = _token(source, at, known, longest)
        tokens.append(token)
    return tokens


def _token(source: str, at: int, known: dict[str, None], longest: int) -> tuple[_Token, int]:
    if (match := _QUOTED.match(source, at)) is not None:
        return _Token("text", match[1]), match.end()
    if (match := _NUMBER.match(source, at)) is not None:
        return _Token("number", match[0]), match.end()
    for length in range(min(longest, len(source) - at), 0, -1):
        word = source[at : at + length]
        if word not in known:
            continue
        if word in TEXT_WORDS:
            match = _TEXT_ARGUMENT.match(source, at + length)
            if match is None:
                break
            return _Token("text", match[1] or match[2] or match[3] or ""), match.end()
        return _Token("word", word), at + length
    char = source[at]
    if char == "\\" and (match := re.compile(r"\\([A-Za-z]+)").match(source, at)) is not None:
        return _Token("word", match[1]) if match[1] in known else _Token("command", match[0]), match.end()
    return _Token("letter" if char.isalpha() else "other", char), at + 1


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bar_ends = _paired_bars(tokens)
        self.closing_bars = frozenset(self.bar_ends.values())

    def peek(self) -> str:
        """The next token's text; empty at the end and for texts, which close and bind nothing."""
        if self.at >= len(self.tokens) or self.tokens[self.at].kind == "text":
            return ""
        return self.tokens[self.at].text

    def whole(self) -> str:
        """All tokens; a right bracket without a left one is an ordinary character."""
        pieces: list[str] = []
        while self.at < len(self.tokens):
            pieces.append(self.expression())
            if self.at < len(self.tokens):
                closing = self.tokens[self.at].text
                pieces.append({".": ""}.get(RIGHT.get(closing, closing), RIGHT.get(closing, closing)))
                self.at += 1
        return join(pieces)

    def expression(self) -> str:
        """E: intermediate expressions and fractions up to a right bracket."""
        pieces: list[str] = []
        while self.at < len(self.tokens) and not self.closes():
            pieces.append(self.fraction())
        return join(pieces)

    def closes(self) -> bool:
        """Whether a right bracket, or a bar that is one, is next."""
        return (self.tokens[self.at].kind == "word" and self.peek() in RIGHT) or self.at in self.closing_bars

    def fraction(self) -> str:
        """I, or I / I."""
        top = self.intermediate()
        if self.peek() != "/":
            return top.tex
        self.at += 1
        if self.at >= len(self.tokens) or self.closes():
            return join([top.tex, "/"])
        bottom = self.signed(self.intermediate)
        return rf"\frac{{{top.stripped}}}{{{bottom.stripped}}}"

    def intermediate(self) -> _Term:
        """I: a simple expression with its scripts."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep
        term = self.with_scripts()
        self.depth -= 1
        return term

    def signed(self, read: Callable[[], _Term]) -> _Term:
        """What follows `_`, `^` or `/`: there a minus sign belongs to the expression after it."""
        if self.peek() != "-":
            return read()
        self.at += 1
        term = read()
        return _Term(join(["-", term.tex]), join(["-", term.tex]))

    def with_scripts(self) -> _Term:
        """I, uncounted."""
        hangs_on_nothing = self.peek() in ("_", "^") and self.at + 1 < len(self.tokens)
        base = _Term("{}", "{}") if hangs_on_nothing else self.simple()
        below, above = self.scripts()
        if not below and not above:
            return base
        scripts = ("_" + script_braced(below) if below else "") + ("^" + script_braced(above) if above else "")
        tex = join([base.tex or "{}", scripts])
        if base.word in FUNCTIONS and base.word not in _LIMITS:
            tex = join([tex, " ", self.argument_of_function()])
        return _Term(tex, tex)

    def scripts(self) -> tuple[str, str]:
        """The sub- and superscript that come next, each stripped of its brackets."""
        below = above = ""
        if self.peek() == "_" and self.at + 1 < len(self.tokens):
            self.at += 1
            below = self.signed(self.simple).stripped
        if self.peek() == "^" and self.at + 1 < len(self.tokens):
            self.at += 1
            above = self.signed(self.simple).stripped
        return below.strip(), above.strip()

    def argument_of_function(self) -> str:
        """What a function with scripts applies to; nothing where the expression ends."""
        if self.at >= len(self.tokens) or self.closes() or self.peek() in ("/", "_", "^", "=", "+", "-", ","):
            return ""
        return self.intermediate().tex

    def simple(self) -> _Term:
        """S."""
        if self.at >= len(self.tokens):
            return _Term("", "")
        if self.closes():
            return _Term("", "")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep
        term = self.dispatched()
        self.depth -= 1
        return term

    def dispatched(self) -> _Term:
        """S by what its first token is."""
        token = self.tokens[self.at]
        self.at += 1
        if token.kind != "word":
            tex = _plain(token)
            return _Term(tex, tex)
        word = token.text
        if word in LEFT:
            return self.bracket(word)
        if word == "|":
            return self.bracket(word) if self.at - 1 in self.bar_ends else _Term("|", "|")
        if word in UNARY:
            return self.unary(word)
        if word in BINARY:
            return self.binary(word)
        tex = NAMED_FUNCTIONS.get(word, "\\" + word) if word in FUNCTIONS else constants()[word]
        return self.function(word, tex) if word in FUNCTIONS else _Term(tex, tex, word)

    def function(self, word: str, tex: str) -> _Term:
        """A function with its argument, kept in its brackets; with scripts the argument follows them."""
        if self.peek() in ("_", "^") or word in _LIMITS:
            return _Term(tex, tex, word)
        argument = self.argument_of_function()
        whole = join([tex, " " if argument[:1] == "\\" else "", argument])
        return _Term(whole, whole)

    def unary(self, word: str) -> _Term:
        """u S."""
        before, after = UNARY[word]
        argument = self.simple().stripped
        tex = join([before, argument]) + after
        return _Term(tex, tex)

    def binary(self, word: str) -> _Term:
        """b S S."""
        first = self.simple().stripped
        tex = BINARY[word] % (first, self.simple().stripped)
        return _Term(tex, tex)

    def bracket(self, opening: str) -> _Term:
        """l E r, and bars; a bracket of bracketed rows is a matrix. A missing right bracket closes at the end."""
        rows: list[_Term] = []
        cells: list[str] = [""]
        only_rows = True
        while self.at < len(self.tokens) and not self.closes():
            if self.peek() == ",":
                self.at += 1
                cells.append("")
                continue
            started = self.at
            is_row = self.tokens[started].kind == "word" and self.tokens[started].text in ("(", "[")
            term = self.intermediate_or_fraction()
            only_rows = only_rows and is_row and not cells[-1] and bool(term.cells)
            rows.append(term)
            cells[-1] = join([cells[-1], term.tex])
        closing = self.peek() if self.at < len(self.tokens) else ""
        self.at += 1
        if only_rows and len(rows) == len(cells) and rows and _is_matrix(rows):
            tex = _matrix(opening, closing, rows)
            return _Term(tex, tex)
        body = join(_with_commas(cells))
        tex = _fenced(opening, closing, body)
        return _Term(tex, body if opening in ("(", "[", "{") else tex, cells=tuple(cells))

    def intermediate_or_fraction(self) -> _Term:
        """I with its cells kept, or a fraction without any."""
        term = self.intermediate()
        if self.peek() != "/":
            return term
        self.at += 1
        tex = rf"\frac{{{term.stripped}}}{{{self.signed(self.intermediate).stripped}}}"
        return _Term(tex, tex)


def _with_commas(cells: list[str]) -> list[str]:
    return [part for index, cell in enumerate(cells) for part in ((", ", cell) if index else (cell,))]


def _is_matrix(rows: list[_Term]) -> bool:
    """Two rows and more of equal length; a single row only if it has several cells."""
    lengths = {len(row.cells) for row in rows}
    return len(lengths) == 1 and (len(rows) > 1 or lengths.pop() > 1)


def _matrix(opening: str, closing: str, rows: list[_Term]) -> str:
    """The matrix's environment; a column of bars is a line between the columns beside it."""
    cells = [[cell.strip() for cell in row.cells] for row in rows]
    lines = {index for index in range(1, len(cells[0]) - 1) if all(row[index] == "|" for row in cells)}
    body = r" \\ ".join(
        " & ".join(cell for index, cell in enumerate(row) if index not in lines) for row in cells
    ).replace(r"\\ [", r"\\ {}[")  # else LaTeX takes what begins so for the option of the line's end
    environment = _MATRICES.get((opening, closing or ":}"))
    if environment is not None and not lines:
        space = " " if body[:1].isalpha() or body[:1] == "[" else ""
        return rf"\begin{{{environment}}}{space}{body}\end{{{environment}}}"
    columns = "".join("|" if index in lines else "c" for index in range(len(cells[0])))
    environment, spec = ("array", f"{{{columns}}}") if lines else ("matrix", "")
    left, right = LEFT.get(opening, "|"), RIGHT.get(closing, "|" if closing == "|" else ".")
    return rf"\left{left}\begin{{{environment}}}{spec} {body}\end{{{environment}}}\right{right}"


_TALL = re.compile(r"\\(?:frac|sum|prod|int|begin|sqrt\[|over|under)")


def _fenced(opening: str, closing: str, body: str) -> str:
    """Brackets, which grow only around something tall: people write `(x)` and `\\left(\\frac{x}{y}\\right)`."""
    if opening == "|":
        return rf"\left|{body}\right|"
    left, right = LEFT[opening], RIGHT.get(closing, "")
    if left == "." and right in (".", ""):
        return body
    if left == "." or right == "." or _TALL.search(body):
        return join([r"\left", left, body, r"\right", right or "."])
    return join([left, body, right])


def _paired_bars(tokens: list[_Token]) -> dict[int, int]:
    """Where each opening `|` closes; bars pair within one bracket, a lone one with nothing."""
    pairs: dict[int, int] = {}
    open_: list[int] = []  # places of open bars and brackets
    for index, token in enumerate(tokens):
        if token.kind != "word":
            continue
        if token.text in LEFT:
            open_.append(index)
        elif token.text in RIGHT:
            while open_ and tokens[open_.pop()].text == "|":
                pass
        elif token.text == "|" and open_ and tokens[open_[-1]].text == "|" and open_[-1] < index - 1:
            pairs[open_.pop()] = index
        elif token.text == "|":
            open_.append(index)
    return pairs


def _plain(token: _Token) -> str:
    if token.kind == "text":
        return r"\text{" + "".join(_TEXT_ESCAPES.get(char, char) for char in token.text) + "}"
    if token.kind == "other":
        return ESCAPED.get(token.text, token.text)
    return token.text
