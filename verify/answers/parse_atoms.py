r"""The first rung: numerals, names with their marks and subscripts, groups in braces, arguments as TeX takes them.

In: tokens. Out: nodes. `x_{max}` is one Symbol, `204_5` a numeral in base five, `x'` another variable than x.
"""

from __future__ import annotations

from abc import abstractmethod

from flint import fmpq

from verify.answers.latex_commands import Kind
from verify.answers.lexer import Token
from verify.answers.numerals import exact
from verify.answers.parse_error import ParseReason
from verify.answers.parse_reader import Reader
from verify.answers.parse_words import number_word
from verify.answers.tree import (
    Apply,
    BaseNumeral,
    Bracketed,
    Call,
    Constant,
    Divide,
    Listing,
    Multiply,
    Name,
    Node,
    Number,
    NumberSet,
    SetOf,
    Symbol,
)

_CONSTANTS = {"pi": Constant(Name.PI), "infinity": Constant(Name.INFINITY)}
_LETTERS = {"e": Constant(Name.E), "i": Constant(Name.IMAGINARY)}
_SYMBOLS = {letter: Symbol(letter) for letter in "abcdfghjklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_MAX_BASE = 36


class Atoms(Reader):
    """Values that are one sign, or signs put together into one name."""

    # --- numbers ---------------------------------------------------------------------------------------------------

    def number(self) -> Node:
        """A numeral, with its base or as the whole part of a mixed number."""
        token = self.take()
        following = self.token
        if token.text.isdigit():
            if following.kind is Kind.FRACTION and following.text == "frac":
                return self._mixed(token) or self._value(token)
            if following.kind is Kind.NUMBER and following.spaced:
                return self._plain_mixed(token) or self._value(token)
        if following.kind is Kind.OPERATOR and following.text == "_":
            return self._numeral_with_base(token.text)
        if following.kind is Kind.WORD and following.text == "base" and self.peek().kind is Kind.NUMBER:
            self.take()
            return self._in_base(token.text, self.take().text)
        return self._value(token)

    def _value(self, token: Token) -> Node:
        if token.node is None:
            raise self.error(ParseReason.BAD_NUMBER, "expected a numeral")
        return token.node

    def _mixed(self, whole: Token) -> Node | None:
        r"""`1\frac{1}{10}`: a proper fraction of two numerals right behind a whole number."""
        start = self.index
        self.take()
        above, below = self._digits_argument(), self._digits_argument()
        if above and below and int(above) < int(below):
            return Number(exact(whole.text) + fmpq(int(above), int(below)))
        self.index = start
        return None

    def _digits_argument(self) -> str:
        """A short numeral of digits as the next argument, or nothing."""
        if self.at(Kind.OPEN, "{") and self.peek().kind is Kind.NUMBER and self.peek(2).text == "}":
            self.take()
            digits = self.take().text
            self.take()
        elif self.at(Kind.NUMBER):
            digits = self.token.text
            if len(digits) > 1:  # \frac12
                self._split_number(self.token)
            self.take()
            digits = digits[:1]
        else:
            return ""
        return digits if digits.isdigit() and len(digits) < 10 else ""

    def _split_number(self, token: Token) -> None:
        r"""Puts the first digit of a numeral apart: TeX reads `\frac12` as 1 over 2."""
        rest = token.text[1:]
        if not token.text.isdigit():
            raise self.error(ParseReason.BAD_NUMBER, "expected an argument of one digit or in braces")
        first = Token(Kind.NUMBER, token.text[0], token.spaced, Number(exact(token.text[0])))
        self.tokens[self.index : self.index + 1] = [first, Token(Kind.NUMBER, rest, False, Number(exact(rest)))]

    def _plain_mixed(self, whole: Token) -> Node | None:
        """`1 1/2`, with a blank between."""
        above, slash, below = self.token, self.peek(), self.peek(2)
        if slash[:2] != (Kind.OPERATOR, "/") or below.kind is not Kind.NUMBER:
            return None
        if not (above.text.isdigit() and below.text.isdigit() and len(above.text + below.text) < 20):
            return None
        if not 0 < int(above.text) < int(below.text):
            return None
        self.index += 3
        return Number(exact(whole.text) + fmpq(int(above.text), int(below.text)))

    def _numeral_with_base(self, digits: str) -> Node:
        self.take()
        return self._in_base(digits, self.subscript())

    def _in_base(self, digits: str, base: str) -> Node:
        word = number_word(base.removeprefix("base").strip()) if not base.isdigit() else None
        number = int(base) if base.isdigit() and len(base) < 3 else word or 0
        digits = digits.upper()
        if not 2 <= number <= _MAX_BASE or not digits.replace(".", "", 1).isalnum():
            raise self.error(ParseReason.BAD_NUMBER, f"no numeral in base {base[:10]}")
        if any(int(digit, _MAX_BASE) >= number for digit in digits.replace(".", "")):
            raise self.error(ParseReason.BAD_NUMBER, f"a digit too large for base {number}")
        return BaseNumeral(digits, number)

    def based(self, value: Node) -> Node | None:
        """`(204)_5`: the numeral, where the value in parentheses is one of digits."""
        if not isinstance(value, Number) or value.places is not None or value.value.q != 1 or value.value.p < 0:
            return None
        self.take()
        return self._in_base(str(value.value.p), self.subscript())

    # --- names -----------------------------------------------------------------------------------------------------

    def name(self) -> Node:
        """A letter with primes and a subscript; `e` and `i` alone are constants."""
        token = self.take()
        following = self.token
        plain = token.node or self._letter(token.text)
        if following.kind is not Kind.OPERATOR or following.text not in "_'^":
            return plain
        marked = self.marked(token.text)
        return plain if marked == token.text else Symbol(marked)

    def _letter(self, letter: str) -> Node:
        if letter in _LETTERS and letter not in self.bound:
            return _LETTERS[letter]
        return _SYMBOLS.get(letter) or Symbol(letter)

    def marked(self, name: str) -> str:
        """The name with the primes and the subscript that follow."""
        primes = 0
        while True:
            if raised := int(self.accept(Kind.OPERATOR, "'")) or self._raised_primes():
                primes += raised
            elif self.at(Kind.OPERATOR, "_") and "_" not in name:
                self.take()
                name = f"{name}_{self.subscript()}"
            else:
                return name + "'" * primes

    def _raised_primes(self) -> int:
        r"""How many primes come next as `^\prime`, `^{\prime\prime}`; moves past them."""
        if not self.at(Kind.OPERATOR, "^"):
            return 0
        braced = int(self.peek().text == "{")
        count = 0
        while self.peek(1 + braced + count)[:2] == (Kind.OPERATOR, "'"):
            count += 1
        if not count or (braced and self.peek(2 + count).text != "}"):
            return 0
        self.index += 1 + count + 2 * braced
        return count

    def subscript(self) -> str:
        """What stands below, as text: one sign or a group."""
        if not self.accept(Kind.OPEN, "{"):
            token = self.take()
            if token.kind not in (Kind.NUMBER, Kind.NAME, Kind.WORD, Kind.CONSTANT):
                raise self.error(ParseReason.INCOMPLETE, "expected a subscript")
            return token.text
        start, depth = self.index, 1
        while depth:
            token = self.take()
            if token.kind is Kind.END:
                raise self.error(ParseReason.UNBALANCED, "expected the end of a subscript")
            depth += (token.text == "{") - (token.text == "}")
        inside = "".join(token.text for token in self.tokens[start : self.index - 1] if token.text not in "{}")
        if not inside:
            raise self.error(ParseReason.INCOMPLETE, "expected a subscript")
        return inside

    def word(self) -> Node:
        """A word in the place of a value: a number word, or the name of something (`speed = 5`)."""
        number = self.number_words()
        if number is not None:
            return number
        token = self.take()
        if token.worded and self.at(Kind.OPEN, "(") and not self.token.spaced:
            return Apply(token.text, self.unpacked(self.parenthesised()))
        alone = self.token.kind in (Kind.RELATION, Kind.END, Kind.CLOSE, Kind.SEPARATOR, Kind.OPERATOR)
        if not (token.worded or (self.token.kind is Kind.RELATION and self.token.text == "=")) or not alone:
            self.index -= 1
            raise self.error(ParseReason.NOT_MATHEMATICS, "expected a value")
        return Symbol(self.marked(token.text))

    def number_words(self) -> Node | None:
        """Spelled-out numbers: see `parse_words`."""
        return None

    def shape(self) -> Node:
        """An angle or a triangle with the letters of its corners."""
        sign = self.take().text
        braced = self.accept(Kind.OPEN, "{")
        letters = ""
        while self.at(Kind.NAME) or self.at(Kind.WORD):
            letters += self.take().text
        if braced:
            self.expect(Kind.CLOSE, "}")
        return Symbol(self.marked(sign + letters))

    def accent(self) -> Node:
        r"""`\overline{AB}` is a segment, `\overline{z}` a conjugate, `\vec{v}` a variable."""
        mark = self.take().text
        value = self.argument()
        letters = _letters_of(value)
        if letters is None or (mark in ("overline", "bar") and letters in ("z", "w")):
            if mark not in ("overline", "bar"):
                raise self.error(ParseReason.NOT_MATHEMATICS, f"expected a name under \\{mark}")
            return Call("conjugate", (value,))
        if mark in ("dot", "ddot"):
            return Symbol(self.marked(letters) + ("'" if mark == "dot" else "''"))
        if mark in ("bar", "hat", "tilde") or (mark == "overline" and len(letters) == 1):
            letters = f"{'bar' if mark == 'overline' else mark} {letters}"
        return Symbol(self.marked(letters))

    def number_set(self) -> Node:
        r"""`\mathbb{R}` and its parts: `^+`, `_{>0}`, `_{\ge 0}`, `^*`; a power is a power."""
        name = {"P": "primes"}.get(self.token.text, self.token.text)
        self.take()
        for mark in ("^", "_"):
            if self.at(Kind.OPERATOR, mark) and (part := self._part_of_set()) is not None:
                return NumberSet(name + part)
        return NumberSet(name)

    def _part_of_set(self) -> str | None:
        signs = []
        ahead = 1
        if self.peek().text == "{":
            ahead = 2
            while self.peek(ahead).text not in "}" and ahead < 5:
                signs.append(self.peek(ahead).text)
                ahead += 1
        else:
            signs.append(self.peek().text)
        part = _PARTS.get("".join(signs))
        if part is not None:
            self.index += ahead + 1
        return part

    def constant(self) -> Node:
        """pi or infinity."""
        token = self.take()
        if self.at(Kind.OPERATOR, "_"):
            return Symbol(self.marked(token.text))
        return _CONSTANTS[token.text]

    def empty_set(self) -> Node:
        """The empty set."""
        self.take()
        return SetOf(())

    # --- groups and arguments --------------------------------------------------------------------------------------

    def group(self) -> Node:
        """What stands between braces."""
        inside = self.peek()
        if inside.kind is Kind.NUMBER and inside.node is not None and self.peek(2).text == "}":
            self.index += 3  # the common case, at a third of the time
            return inside.node
        self.expect(Kind.OPEN, "{")
        with self.deeper():
            value = self.over()
        self.expect(Kind.CLOSE, "}")
        return value

    def over(self) -> Node:
        r"""An answer, or two around `\over` or `\choose`."""
        value = self.answer()
        if not self.at(Kind.OVER):
            return value
        sign = self.take().text
        below = self.answer()
        return Divide(value, below) if sign == "over" else Call("binomial", (value, below))

    def argument(self) -> Node:
        """What a command takes as TeX does: a group or one sign (a digit, not a numeral)."""
        token = self.token
        if token.kind is Kind.OPEN and token.text == "{":
            return self.group()
        if token.kind is Kind.NUMBER:
            if len(token.text) > 1:
                self._split_number(token)
            return self._value(self.take())
        if token.kind is Kind.NAME:
            self.take()
            return token.node or self._letter(token.text)
        with self.deeper(self.waiting):
            return self.operand()

    @abstractmethod
    def operand(self) -> Node:
        """One value without postfixes, of any kind."""

    @abstractmethod
    def parenthesised(self) -> Node:
        """A bracket and what is in it."""

    def unpacked(self, value: Node) -> tuple[Node, ...]:
        """The arguments that one bracket holds."""
        if isinstance(value, Bracketed | SetOf | Listing):
            return value.items
        return (value,)


_PARTS = {
    "+": "+",
    "-": "-",
    "*": "*",
    ">0": "+",
    "<0": "-",
    ">=0": ">=0",
    "<=0": "<=0",
    "0": ">=0",
    "!=0": "*",
    "0+": ">=0",
}


def _letters_of(value: Node) -> str | None:
    """The letters of a name or of a product of names."""
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, Constant) and len(value.name) == 1:
        return str(value.name)
    if isinstance(value, Multiply):
        letters = [_letters_of(factor) for factor in value.factors]
        return "".join(letter or "" for letter in letters) if all(letters) else None
    return None
