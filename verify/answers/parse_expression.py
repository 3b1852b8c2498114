r"""The fifth rung: sums, products, powers, factorials, and values with units.

Rules: a minus binds weaker than a power (`-2^2` is -4); products without a sign and quotients bind alike, from left
to right (`1/2x` is half of x); a unit takes the whole product before it (`2\pi \text{ cm}`).
"""

from __future__ import annotations

from collections.abc import Callable

from verify.answers.labels import symbols_of
from verify.answers.latex_commands import Kind
from verify.answers.lexer import Token
from verify.answers.parse_error import ParseReason
from verify.answers.parse_quantities import Quantities
from verify.answers.parse_vectors import read_vector
from verify.answers.tree import (
    Add,
    Call,
    Divide,
    Multiply,
    Negate,
    Node,
    Number,
    PlusMinus,
    Power,
    Quantity,
    Symbol,
)
from verify.answers.units import DEGREE, PERCENT, Unit, is_label, read_unit

_BEGINS_FACTOR = frozenset(
    {Kind.NUMBER, Kind.NAME, Kind.FUNCTION, Kind.CONSTANT, Kind.FRACTION, Kind.ROOT, Kind.BIG, Kind.ACCENT,
     Kind.SHAPE, Kind.BEGIN}
)  # fmt: skip
_UNIT_SIGNS = frozenset({Kind.WORD, Kind.NAME})
_MINUTES: Unit = (("arcminute", 1),)
_SECONDS: Unit = (("arcsecond", 1),)
_ANGLES = (DEGREE, _MINUTES, _SECONDS)


class Expressions(Quantities):
    """Arithmetic."""

    # --- sums ------------------------------------------------------------------------------------------------------

    def expression(self) -> Node:
        """Terms between plus and minus signs."""
        terms: list[Node] = []
        if not self.at(Kind.OPERATOR, "pm", "mp"):
            terms.append(self.product())
        while self.token.kind is Kind.OPERATOR:
            sign = self.token.text
            if sign == "+":
                self.take()
                terms.append(self.product())
            elif sign == "-":
                self.take()
                terms.append(Negate(self.product()))
            elif sign in ("pm", "mp"):
                self.take()
                terms = [PlusMinus(_sum(terms) if terms else None, self.product(), sign == "mp")]
            else:
                break
        if len(terms) == 1:
            return terms[0]
        return read_vector(terms) or self._with_common_unit(terms) or Add(tuple(terms))

    def _with_common_unit(self, terms: list[Node]) -> Node | None:
        r"""`2 + \sqrt{3} \text{ cm}`: the unit of the last term is that of the sum, where no other term has one."""
        last = terms[-1].operand if isinstance(terms[-1], Negate) else terms[-1]
        if not isinstance(last, Quantity) or last.unit in (DEGREE, PERCENT):
            return None
        if any(isinstance(term.operand if isinstance(term, Negate) else term, Quantity) for term in terms[:-1]):
            return None
        if is_label(last.unit) and any(map(symbols_of, terms)):
            raise self.error(ParseReason.LEFTOVER, "a formula with words behind it")
        bare = Negate(last.value) if isinstance(terms[-1], Negate) else last.value
        return Quantity(Add((*terms[:-1], bare)), last.unit)

    def product(self) -> Node:
        """Factors with or without signs between them; a unit ends it."""
        token = self.token
        if token.kind is Kind.OPERATOR and token.text in "+-":
            return self._signed()
        if token.kind is Kind.CURRENCY:
            return self._money()
        value = self._factors()
        if self._begins_unit():
            value = self._with_unit(value)
            if isinstance(value, Quantity) and self.at(Kind.OPERATOR, "*", "/"):
                return self._product_of_quantities(value)
        return value

    def _product_of_quantities(self, first: Quantity) -> Node:
        """`4 ft × 12 ft`: the units of the factors stay with them."""
        sign = self.take().text
        with self.deeper(self.waiting):
            second = self.product()
        return Multiply((first, second)) if sign == "*" else Divide(first, second)

    def _signed(self) -> Node:
        signs = 0
        minus = False
        while self.at(Kind.OPERATOR, "+", "-"):
            minus ^= self.take().text == "-"
            signs += 1
            if signs > 3:
                raise self.error(ParseReason.NOT_MATHEMATICS, "a row of signs")
        value = self.product()
        return Negate(value) if minus else value

    def _factors(self) -> Node:
        factors = [self.power()]
        while True:
            token = self.token
            if token.kind is Kind.OPERATOR:
                if token.text == "*":
                    self.take()
                    factors.append(self._signed_factor())
                elif token.text == "/" and not self._per_unit():
                    self.take()
                    factors = [Divide(_product(factors), self._signed_factor())]
                elif token.text == "mod":
                    self.take()
                    factors = [Call("mod", (_product(factors), self._signed_factor()))]
                else:
                    break
            elif self.begins_factor() and not self._begins_unit():
                self._refuse_neighbours(token, factors[-1])
                factors.append(self.power())
            elif token.kind is Kind.PERCENT:
                self.take()
                factors = [Quantity(_product(factors), PERCENT)]
            else:
                break
        return _hoisted(factors)

    def _signed_factor(self) -> Node:
        if self.at(Kind.OPERATOR, "-", "+"):
            minus = self.take().text == "-"
            value = self.power()
            return Negate(value) if minus else value
        return self.power()

    def _refuse_neighbours(self, token: Token, before: Node) -> None:
        """Two numerals side by side are no product, in braces or without."""
        numeral = self.peek() if token.text == "{" else token
        ends_as_one = self.tokens[self.index - 1].kind is Kind.NUMBER or self.tokens[self.index - 1].text == "}"
        if numeral.kind is Kind.NUMBER and isinstance(before, Number) and ends_as_one:
            raise self.error(ParseReason.LEFTOVER, "expected a sign between two numerals")

    def begins_factor(self) -> bool:
        """Whether a factor may follow without a sign."""
        token = self.token
        kind = token.kind
        if kind in _BEGINS_FACTOR:
            return not (self.in_integral and self.at_differential())
        if kind is Kind.OPEN:
            return token.text != "<" and self.peek().text != "mod" and not self.closes_outwards()
        if kind is Kind.BAR:
            return self.waiting in ("", ">") and self._another_bar()
        return kind is Kind.OPERATOR and token.text == "_" and self._begins_choice()

    def _another_bar(self) -> bool:
        """Whether a bar that could close follows further on: else `3 | n` means "divides"."""
        sign = self.token.text
        depth = 0
        for token in self.tokens[self.index + 1 : self.index + 200]:
            if token.kind is Kind.OPEN:
                depth += 1
            elif token.kind is Kind.CLOSE:
                depth -= 1
            if depth < 0:
                return False
            if token.kind is Kind.BAR and token.text == sign and depth == 0:
                return True
        return False

    def _begins_choice(self) -> bool:
        return any(self.peek(ahead)[:2] in ((Kind.NAME, "C"), (Kind.NAME, "P")) for ahead in (2, 4))

    # --- powers ----------------------------------------------------------------------------------------------------

    def power(self) -> Node:
        """A value with factorials, exponents, degrees behind it."""
        value = self.operand()
        posts = 0
        while self.token.kind is Kind.OPERATOR or self.token.kind is Kind.DEGREE:
            text = self.token.text
            if text == "^":
                after = self._raised(value)
                if after is None:
                    break
                value = after
            elif text == "!":
                value = self._factorial(value)
            elif text == "_" and isinstance(value, Symbol):  # {x}_1
                value = Symbol(self.marked(value.name))
            elif text == "_" and (numeral := self.based(value)) is not None:
                value = numeral
            elif text == "'" and not isinstance(value, Quantity) and self._after_degrees():
                value = self._arc(value)
            elif self.token.kind is Kind.DEGREE:
                self.take()
                value = self._degrees(value)
            else:
                break
            posts += 1
            if posts > 8:
                raise self.error(ParseReason.TOO_DEEP, "a tower of powers or factorials")
        return value

    def _raised(self, value: Node) -> Node | None:
        """The value with what stands above it; None where that is the side of a limit."""
        following = self.peek()
        if self._after_degrees() and (primes := self._raised_primes()):
            return Quantity(value, _MINUTES if primes == 1 else _SECONDS)
        if following.kind is Kind.DEGREE or (following.text == "{" and self.peek(2).kind is Kind.DEGREE):
            self.index += 2
            if following.text == "{":
                self.take()
                self.expect(Kind.CLOSE, "}")
            return self._degrees(value)
        if self.one_sided():
            return None
        if following[:2] in ((Kind.NAME, "T"), (Kind.NAME, "top")) and not isinstance(value, Symbol | Number):
            self.index += 2
            return Call("transpose", (value,))
        self.take()
        with self.deeper():
            exponent = self.exponent()
            if self.at(Kind.OPERATOR, "^"):
                after = self._raised(exponent)
                exponent = after if after is not None else exponent
        return Power(value, exponent)

    def _factorial(self, value: Node) -> Node:
        self.take()
        if self.at(Kind.OPERATOR, "!") and not self.token.spaced:
            self.take()
            return Call("double_factorial", (value,))
        return Call("factorial", (value,))

    def _degrees(self, value: Node) -> Node:
        token = self.token
        if token.kind in _UNIT_SIGNS and token.text in ("C", "F") and not self._continues_name():
            self.take()
            unit = read_unit(f"°{token.text}")
            if unit is not None:
                return Quantity(value, unit)
        return Quantity(value, DEGREE)

    def _continues_name(self) -> bool:
        return self.peek().kind in (Kind.OPERATOR, Kind.NAME) and self.peek().text not in "+-"

    def _after_degrees(self) -> bool:
        return any(token.kind is Kind.DEGREE for token in self.tokens[max(0, self.index - 14) : self.index])

    def _arc(self, value: Node) -> Node:
        self.take()
        return Quantity(value, _SECONDS if self.accept(Kind.OPERATOR, "'") else _MINUTES)

    def operand(self) -> Node:
        """One value, by the kind of its first token."""
        read = _OPERANDS.get(self.token.kind)
        if read is None:
            return self._odd_operand()
        return read(self)

    def named(self) -> Node:
        """A name, or the name of a function with its arguments."""
        if self.at(Kind.NAME, "a") and self.peek().kind is Kind.WORD:
            number = self.number_words()
            if number is not None:
                return number
        name = self.name()
        if isinstance(name, Symbol):
            if (
                self.at(Kind.OPERATOR, "^")
                and name.name in _INVERTIBLE
                and (inverse := self._inverse(name)) is not None
            ):
                return inverse
            return self.applied(name) or name
        return name

    def _inverse(self, name: Symbol) -> Node | None:
        """`f^{-1}(x)`."""
        texts = [self.peek(ahead).text for ahead in (1, 2, 3, 4, 5)]
        if texts[:4] == ["{", "-", "1", "}"] and texts[4] == "(":
            self.index += 5
            return self.applied(Symbol(f"{name.name}^-1"))
        return None

    def _odd_operand(self) -> Node:
        token = self.token
        if token.kind is Kind.RELATION and token.text == "divides":
            return self._mid_bar()
        if token.kind is Kind.RELATION and token.text == "<":
            return self.parenthesised()
        if token.kind is Kind.CLOSE and token.text == "]":
            return self.bracketed()
        if token.kind is Kind.OPERATOR and token.text == "_" and self._begins_choice():
            return self.chosen()
        if token.kind is Kind.OPERATOR and token.text in ("pm", "mp"):
            with self.deeper(self.waiting):
                return self.expression()
        if token.kind is Kind.END:
            raise self.error(ParseReason.INCOMPLETE, "expected a value")
        reason = ParseReason.NOT_MATHEMATICS if token.kind is Kind.OTHER else ParseReason.INCOMPLETE
        raise self.error(reason, "expected a value")

    def _mid_bar(self) -> Node:
        r"""`\mid x \mid`."""
        self.take()
        with self.deeper("|"):
            value = self.expression()
        self.expect(Kind.RELATION, "divides")
        return Call("abs", (value,))

    def group_or_choice(self) -> Node:
        """A bracket; `{}_n C_k` begins with an empty group."""
        if self.at(Kind.OPEN, "{") and self.peek().text == "}":
            self.index += 2
            return self.chosen()
        return self.parenthesised()


_INVERTIBLE = frozenset("fghFGHT")
_OPERANDS: dict[Kind, Callable[[Expressions], Node]] = {
    Kind.NUMBER: Expressions.number,
    Kind.NAME: Expressions.named,
    Kind.WORD: Expressions.word,
    Kind.FUNCTION: Expressions.function,
    Kind.CONSTANT: Expressions.constant,
    Kind.FRACTION: Expressions.fraction,
    Kind.ROOT: Expressions.root,
    Kind.BIG: Expressions.big,
    Kind.ACCENT: Expressions.accented,
    Kind.SHAPE: Expressions.shape,
    Kind.OPEN: Expressions.group_or_choice,
    Kind.BAR: Expressions.bar,
    Kind.BEGIN: Expressions.environment,
    Kind.NUMBER_SET: Expressions.number_set,
    Kind.EMPTY_SET: Expressions.empty_set,
}


def _sum(terms: list[Node]) -> Node:
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Multiply(tuple(factors))


def _hoisted(factors: list[Node]) -> Node:
    r"""`2x^\circ` is 2x degrees: the unit of the last factor is that of the product, where no other has one."""
    last = factors[-1]
    if len(factors) > 1 and all(isinstance(factor, Quantity) and factor.unit in _ANGLES for factor in factors):
        return Add(tuple(factors))  # 45° 30'
    bare = not any(isinstance(factor, Quantity | Divide) for factor in factors[:-1])
    if len(factors) > 1 and bare and isinstance(last, Quantity) and last.unit == DEGREE:
        return Quantity(Multiply((*factors[:-1], last.value)), DEGREE)
    return _product(factors)
