r"""Cuts a cleaned answer into tokens: LaTeX and plain text in one alphabet of kinds.

In: text from `latex_clean.clean`. Out: a list of tokens that ends with `Kind.END`; each knows whether a blank stood
before it. One pass with one compiled expression and no look back: time and memory are linear in the text.

What only sets type is dropped here (`\left`, `\displaystyle`, `\,`, `$`); `\text{…}` is opened and its letters become
words. A run of letters elsewhere becomes the name of a function, a word, or single letters (`latex_letters`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from flint import fmpq, fmpz

from verify.answers.latex_commands import (
    COMMANDS,
    ESCAPES,
    IGNORED,
    MATH_WRAPPERS,
    ROMAN,
    SPACES,
    SYMBOLS,
    TEXT_WRAPPERS,
    VOCABULARY,
    WIDE_SPACES,
    Kind,
)
from verify.answers.latex_letters import Before, is_word, split_letters
from verify.answers.numerals import read_numeral
from verify.answers.parse_error import ParseError, ParseReason
from verify.answers.parse_vectors import UNIT_VECTORS
from verify.answers.tree import MAX_NODES, Node, Number

MAX_TOKENS = MAX_NODES
_TOKEN = re.compile(
    r"(?P<lettered>(?:\d{1,40}[A-F]|[A-F]{1,40}\d|[a-f]{1,40}\d)[0-9A-Fa-f]{0,40}(?=_\{?(?:1[1-9]|2\d|3[0-6])(?!\d))"
    r"|[A-F]{2,40}(?=_\{?16))"
    r"|(?P<digits>\d{1,300}(?![\d.,'_{~ \\eE]))"
    r"|(?P<command>\\[a-zA-Z]+)"
    r"|(?P<letters>[^\W\d_]+)"
    r"|(?P<numeral>\d|\.(?=[\d\\(]))"
    r"|(?P<space>\s+)"
    r"|(?P<lone>\{\s?[-+=<>:,;]\s?\})"
    r"|(?P<escape>\\.)"
    r"|(?P<symbol>\*\*|<=|>=|=>|=<|<>|!=|==|:=|->|\.\.\.+|\S|\\)",
    re.DOTALL,
)
_GROUP = re.compile(r"\s*\{")
_ARGUMENT = re.compile(r"\*?\s*\{[^{}]*\}")
_ENVIRONMENT = re.compile(r"\s*\{\s*([a-zA-Z]+)\*?\s*\}")
_COLUMNS = re.compile(r"\s*\{[^{}]*\}")
_ROW_SPACE = re.compile(r"\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|cm|mm)\s*\]")
_VECTOR = re.compile(r"\s*\{?\s*(?:\\hat\s*)?\{?\s*(?:\\?([ijk])(?:math)?)(?![a-zA-Z])\s*\}?")
_NOUN = re.compile(r"\s?([a-zA-Z][a-zA-Z'.-]+(?: [a-zA-Z'.-]+){0,5})\s?\)")
_PRICE = re.compile(r"[0-9]+,[0-9]{2}\s?[€£¥₹₽]")
_LETTER = re.compile(r"\s*\{\s*([a-zA-Z])\s*\}")
_WITH_ARGUMENT = frozenset("color textcolor hspace vspace phantom hphantom tag label".split())
_SPLITTABLE = ("qquad", "quad", "cdot", "times", "left", "right")
_BOLD = frozenset("mathbf boldsymbol bm hat vec".split())


class Token(NamedTuple):
    """A piece of an answer. `node` is set for numerals and unit vectors."""

    kind: Kind
    text: str
    spaced: bool = False
    node: Node | None = None
    worded: bool = False  # it stood in \text{…}
    wide: bool = False  # a line break or \quad stood before it, outside of all braces


class _Scope(NamedTuple):
    """What an open brace has to restore."""

    silent: bool  # the braces of \text{…} are no tokens
    worded: bool
    roman: bool
    brackets: int


def tokenize(text: str, *, flipped: bool = False) -> list[Token]:
    """The tokens of a cleaned text; `flipped` reads an ambiguous comma the other way (see `numerals`)."""
    return _Lexer(text, flipped).run()


class _Lexer:
    """State of one pass."""

    def __init__(self, text: str, flipped: bool) -> None:
        self.text = text
        self.flipped = flipped
        self.tokens: list[Token] = []
        self.position = 0
        self.spaced = False
        self.wide = False
        self.negated = False
        self.worded = False  # inside \text{…}, outside its $…$
        self.roman = False
        self.in_dollars = False  # inside the $…$ of a \text{…}
        self.brackets = 0
        self.scopes: list[_Scope] = []
        self.currency = _currency_dollar(text) if "$" in text else -1

    def run(self) -> list[Token]:
        """All tokens."""
        text, tokens, match = self.text, self.tokens, _TOKEN.match
        length = len(text)
        while self.position < length:
            found = match(text, self.position)
            if found is None:  # a lone surrogate or the like
                raise ParseError(ParseReason.NOT_MATHEMATICS, "a sign that is no text")
            self.position = found.end()
            group = found.lastgroup
            if group == "digits":
                self._add(Kind.NUMBER, found[0], Number(fmpq(fmpz(found[0]))))
            elif group == "space":
                self.spaced = True
                self._widen("\n" in found[0])
            elif group == "lettered":
                self._add(Kind.NUMBER, found[0])
            else:
                _READERS[group or ""](self, found[0])
            if len(tokens) > MAX_TOKENS:
                raise ParseError(ParseReason.TOO_MANY_NODES, f"more than {MAX_TOKENS} signs")
        if self.scopes:
            raise ParseError(ParseReason.UNBALANCED, "a brace that is never closed")
        self._trim()
        tokens.append(Token(Kind.END, "", spaced=True))
        return tokens

    def _add(self, kind: Kind, text: str, node: Node | None = None) -> None:
        self.tokens.append(Token(kind, text, self.spaced, node, self.worded, self.wide))
        self.spaced = self.wide = False

    def _widen(self, wide: bool) -> None:
        """A wide space within a group parts nothing."""
        self.wide = self.wide or (wide and not self.scopes)

    def _trim(self) -> None:
        """Drops full stops and commas at the end of the whole or of a group."""
        tokens = self.tokens
        while tokens and (tokens[-1].kind is Kind.SEPARATOR or tokens[-1][:2] == (Kind.OTHER, ".")):
            tokens.pop()

    # --- what a match is -------------------------------------------------------------------------------------------

    def _numeral(self, _: str) -> None:
        start = self.position - 1
        money = (
            bool(self.tokens and self.tokens[-1].kind is Kind.CURRENCY) or _PRICE.match(self.text, start) is not None
        )
        bracketed = self.brackets > 0
        numeral = read_numeral(self.text, start, bracketed=bracketed, money=money, flipped=self.flipped)
        if numeral is None:
            self._add(Kind.OTHER, self.text[start])
            return
        self.position = numeral.end
        self._add(Kind.NUMBER, self.text[start : numeral.end], numeral.node)

    def _letters(self, run: str) -> None:
        last = self.tokens[-1].kind if self.tokens else None
        before = Before(last, self.spaced, self.worded, self.roman)
        pieces = split_letters(self.text, self.position - len(run), self.position, before)
        for piece in pieces:
            self._add(piece.kind, piece.text)
            self.position = piece.end

    def _lone(self, group: str) -> None:
        """`{-}`: braces that only set the spacing of a sign."""
        self._symbol(group[1:-1].strip())

    def _symbol(self, sign: str) -> None:
        if sign == "\\":  # the end of a text that ended in a control space
            self.spaced = True
        elif sign == "(" and self._noun():
            pass
        elif sign == "{":
            # {1,2}, typeset as a list, is one; the braces of \frac{1,000}{2} hold none.
            listed = not self.tokens or self.tokens[-1].kind in (Kind.SEPARATOR, Kind.RELATION)
            self._open_brace(silent=False, worded=self.worded, listed=listed)
        elif sign == "}":
            self._close_brace()
        elif sign == "$":
            self._dollar()
        elif sign == "~":
            self.spaced = True
        elif sign == "!=" and not self.spaced and self.tokens and self.tokens[-1].kind is Kind.NUMBER:
            self._add(Kind.OPERATOR, "!")  # 5!=120
            self._add(Kind.RELATION, "=")
        else:
            self._known(*SYMBOLS.get(sign[:3], (Kind.OTHER, sign)))

    def _noun(self) -> bool:
        """`9 (red apples)`: words in parentheses behind a number name what is counted."""
        if not (self.spaced and self.tokens and self.tokens[-1].kind is Kind.NUMBER):
            return False
        found = _NOUN.match(self.text, self.position)
        words = found[1].split() if found else []
        if found is None or words[0] in VOCABULARY or not any(map(is_word, words)):
            return False
        self.position = found.end()
        self._add(Kind.WORD, found[1].replace(".", ""))
        return True

    def _escape(self, sign: str) -> None:
        sign = sign[1]
        if sign in "()[]" or sign in ",;: \n\t!>":
            if sign in "()[]":
                self._dollar()
            self.spaced = self.spaced or sign != "!"
            return
        if sign == "\\":
            spacing = _ROW_SPACE.match(self.text, self.position)
            self.position = spacing.end() if spacing else self.position
        self._known(*ESCAPES.get(sign, (Kind.OTHER, sign)))

    def _command(self, command: str) -> None:
        name = command[1:]
        if name in _BOLD and (vector := _VECTOR.match(self.text, self.position)):
            self.position = vector.end()
            self._add(Kind.NAME, vector[1], UNIT_VECTORS[vector[1]])
        elif name in COMMANDS:
            self._known(*COMMANDS[name])
        elif name in IGNORED:
            self._layout(name)
        elif name in TEXT_WRAPPERS:
            self._open_wrapper(silent=True, worded=True, roman=name in ROMAN)
        elif name in ("begin", "end"):
            self._environment(name)
        elif name in _WITH_ARGUMENT:
            argument = _ARGUMENT.match(self.text, self.position)
            self.position = argument.end() if argument else self.position
        elif name in MATH_WRAPPERS:
            letter = _LETTER.match(self.text, self.position)
            if letter is not None:
                self.position = letter.end()
                self._add(Kind.NAME, letter[1])
            else:
                self._open_wrapper(silent=False, worded=False, roman=False)
        elif name in ("mathbb", "Bbb"):
            self._number_set()
        else:
            self._run_on(name)

    def _run_on(self, name: str) -> None:
        r"""`\quadx` was meant to be `\quad x`."""
        head = next((head for head in _SPLITTABLE if name.startswith(head)), None)
        if head is None:
            raise ParseError(ParseReason.NOT_MATHEMATICS, f"the command \\{name[:40]}")
        self.position -= len(name) - len(head)
        self._command("\\" + head)

    def _known(self, kind: Kind, text: str) -> None:
        if kind is Kind.OPEN:
            self.brackets += 1
        elif kind is Kind.CLOSE:
            self.brackets -= 1
        elif kind is Kind.NEGATION:
            self.negated = True
            return
        elif self.negated:
            text = _NEGATIONS.get(text, text) if kind is Kind.RELATION else text
            self.negated = False
        self._add(kind, text)

    # --- braces and delimiters -------------------------------------------------------------------------------------

    def _open_brace(self, *, silent: bool, worded: bool, roman: bool = False, listed: bool = False) -> None:
        self.scopes.append(_Scope(silent, self.worded, self.roman, self.brackets))
        if not silent:
            self._add(Kind.OPEN, "{")
            self.brackets = int(listed)
        self.worded, self.roman = worded, roman

    def _close_brace(self) -> None:
        if not self.scopes:
            raise ParseError(ParseReason.UNBALANCED, "a closing brace without an opening one")
        scope = self.scopes.pop()
        self._trim_group()
        if not scope.silent:
            self._add(Kind.CLOSE, "}")
        self.worded, self.roman, self.brackets = scope.worded, scope.roman, scope.brackets
        self.spaced = self.spaced and not scope.silent

    def _trim_group(self) -> None:
        if self.tokens and self.tokens[-1].kind is not Kind.SEPARATOR:
            self._trim()

    def _open_wrapper(self, *, silent: bool, worded: bool, roman: bool) -> None:
        brace = _GROUP.match(self.text, self.position)
        if brace is not None:
            self.position = brace.end()
            self._open_brace(silent=silent, worded=worded, roman=roman)

    def _dollar(self) -> None:
        if self.position - 1 == self.currency:
            self._add(Kind.CURRENCY, "dollar")
        elif self.worded or self.in_dollars:
            self.worded, self.in_dollars = self.in_dollars, self.worded
        self.spaced = True

    def _layout(self, name: str) -> None:
        if name in ("left", "right") and self.text.startswith(".", self.position):
            self.position += 1
        elif name == "rm":
            self.worded = self.roman = True
        self.spaced = self.spaced or name in SPACES
        self._widen(name in WIDE_SPACES)

    def _environment(self, name: str) -> None:
        found = _ENVIRONMENT.match(self.text, self.position)
        if found is None:
            raise ParseError(ParseReason.INCOMPLETE, f"\\{name} without the name of its environment")
        self.position = found.end()
        if name == "begin" and found[1] in ("array", "tabular"):
            columns = _COLUMNS.match(self.text, self.position)
            self.position = columns.end() if columns else self.position
        if name == "end" and self.tokens and self.tokens[-1].text in (".", ",", ";"):
            self.tokens.pop()
        self._add(Kind.BEGIN if name == "begin" else Kind.FINISH, found[1])

    def _number_set(self) -> None:
        found = _NUMBER_SET.match(self.text, self.position)
        if found is None:
            raise ParseError(ParseReason.NOT_MATHEMATICS, "a blackboard letter that names no set")
        self.position = found.end()
        self._add(Kind.NUMBER_SET, found[1])


_NUMBER_SET = re.compile(r"\s*\{?\s*([RQZNCP])\s*\}?")
_NEGATIONS = {"=": "!=", "in": "notin", "<": ">=", ">": "<=", "equiv": "notequiv", "divides": "notdivides"}
_READERS = {
    "numeral": _Lexer._numeral,
    "letters": _Lexer._letters,
    "lone": _Lexer._lone,
    "symbol": _Lexer._symbol,
    "escape": _Lexer._escape,
    "command": _Lexer._command,
}


def _currency_dollar(text: str) -> int:
    """Where a `$` stands that means dollars: delimiters come in pairs, so it is the one too many."""
    places = [found.start() for found in re.finditer(r"(?<!\\)\$", text)]
    if len(places) % 2 == 0:
        return -1
    before_digits = [place for place in places if re.compile(r"\$\s?[\d.]").match(text, place)]
    return before_digits[-1] if before_digits else -1
