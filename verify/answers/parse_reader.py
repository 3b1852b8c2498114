"""The reader under the grammar: where in the tokens it is, how deep, and what it may still spend.

The grammar is a ladder of classes, one a file, each knowing only those below it: `Reader`, `Atoms` (names, groups),
`Functions`, `Brackets`, `Expressions`, `Answers`. What a lower class needs of a higher one is abstract here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from verify.answers.latex_commands import Kind
from verify.answers.lexer import Token
from verify.answers.parse_error import ParseError, ParseReason
from verify.answers.tree import Node

MAX_NESTING = 36  # every level costs about ten Python frames, of a thousand


class Reader(ABC):
    """Tokens and a place among them."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.bars: list[str] = []  # what the innermost |…|, ‖…‖ or {…|…} waits for
        self.in_integral = False
        self.in_inequality = False
        self.brackets_read: dict[int, tuple[Node, int]] = {}  # what was read ahead, by where it begins
        self.bound: list[str] = []  # variables of sums: there `i` is no imaginary unit

    # --- what the rungs above provide ------------------------------------------------------------------------------

    @abstractmethod
    def expression(self) -> Node:
        """A sum: anything without relations, commas and set signs."""

    @abstractmethod
    def product(self) -> Node:
        """One term of a sum."""

    @abstractmethod
    def power(self) -> Node:
        """One factor with its exponents."""

    @abstractmethod
    def relation(self) -> Node:
        """A chain of relations, or a single side."""

    @abstractmethod
    def answer(self) -> Node:
        """A list of relations and values, up to a closing bracket or the end."""

    # --- moving ----------------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The next token; the last one is END."""
        return self.tokens[self.index]

    def peek(self, ahead: int = 1) -> Token:
        """The token after the next one, or further on."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, and moves past it."""
        token = self.tokens[self.index]
        if token.kind is not Kind.END:
            self.index += 1
        return token

    def at(self, kind: Kind, *texts: str) -> bool:
        """Whether the next token is of the kind, with one of the texts where some are given."""
        token = self.tokens[self.index]
        return token.kind is kind and (not texts or token.text in texts)

    def accept(self, kind: Kind, *texts: str) -> bool:
        """Moves past the next token if it is what is asked for."""
        if self.at(kind, *texts):
            self.index += 1
            return True
        return False

    def expect(self, kind: Kind, *texts: str) -> Token:
        """The next token, which must be what is asked for."""
        if not self.at(kind, *texts):
            closing = kind in (Kind.CLOSE, Kind.BAR, Kind.FINISH)
            reason = ParseReason.UNBALANCED if closing else ParseReason.INCOMPLETE
            raise self.error(reason, f"expected {' or '.join(texts) or kind.name.lower()}")
        return self.take()

    @property
    def waiting(self) -> str:
        """The bar that the innermost level waits for."""
        return self.bars[-1] if self.bars else ""

    def error(self, reason: ParseReason, what: str) -> ParseError:
        """An error that says where."""
        found = self.token.text[:40] or "the end"
        return ParseError(reason, f"{what}, found {found}")

    @property
    def nesting(self) -> int:
        """How many levels down."""
        return len(self.bars)

    def deeper(self, waiting: str = "") -> Reader:
        """One level down, for a `with`; `waiting` is the bar that ends it."""
        if len(self.bars) >= MAX_NESTING:
            raise self.error(ParseReason.TOO_DEEP, f"more than {MAX_NESTING} levels of nesting")
        self.bars.append(waiting)
        return self

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.pop()
