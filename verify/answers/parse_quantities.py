r"""The fourth rung: units behind and before a value, scale words, numbers in words.

Rules: a unit takes the whole product before it (`2\pi \text{ cm}`); what `read_unit` does not know is refused, never
dropped; `5 feet 6 inches` is a sum; `2.5 million` is one number; in `30 pieces of candy` the noun before "of" counts.
"""

from __future__ import annotations

import re

from flint import fmpq

from verify.answers.labels import symbols_of
from verify.answers.latex_commands import OTHERWISE, Kind
from verify.answers.parse_brackets import Brackets
from verify.answers.parse_error import ParseReason
from verify.answers.parse_words import NUMBER_WORDS, SCALES, read_number_words
from verify.answers.tree import Add, Multiply, Negate, Node, Number, Quantity
from verify.answers.units import Unit, is_label, read_unit

_MAX_WORDS = 12
_HYPHEN = re.compile(r"(?<=[a-zA-Z])-(?=[a-zA-Z])")
_UNIT_SIGNS = frozenset({Kind.WORD, Kind.NAME})


class Quantities(Brackets):
    """Values that are so many of something."""

    # --- units -----------------------------------------------------------------------------------------------------

    def _per_unit(self) -> bool:
        """Whether the slash belongs to a unit: money per hour."""
        return self.peek().kind is Kind.WORD and self.peek().worded

    def _begins_unit(self) -> bool:
        token = self.token
        if token.kind is Kind.WORD and token.text.lower() in OTHERWISE:
            return False
        if token.kind is Kind.FRACTION:  # 36 \frac{\text{km}}{\text{h}}
            return self.peek(2).kind is Kind.WORD and self.peek(2).worded
        return token.kind in (Kind.WORD, Kind.CURRENCY) or (token[:2] == (Kind.OPERATOR, "/") and self._per_unit())

    def _money(self) -> Node:
        """An amount with its currency in front; what follows may say per what."""
        unit = read_unit(self.take().text) or ()
        with self.deeper(self.waiting):
            value = self.product()
        minus = isinstance(value, Negate)
        amount = value.operand if isinstance(value, Negate) else value
        if isinstance(amount, Quantity):
            if amount.unit != unit and any(power > 0 for _, power in amount.unit):
                raise self.error(ParseReason.NOT_MATHEMATICS, "an amount of money with another unit")
            unit = unit if amount.unit == unit else tuple(sorted((*unit, *amount.unit)))
            amount = amount.value
        return Negate(Quantity(amount, unit)) if minus else Quantity(amount, unit)

    def _with_unit(self, value: Node) -> Node:
        """The value with the unit that follows; `5 feet 6 inches` is a sum."""
        value = self._scaled(value)
        if self.at(Kind.CURRENCY):
            return Quantity(value, ((self.take().text, 1),))
        if not self._begins_unit():
            return value
        if self.token.text in ("to", "is", "be"):
            return value
        start = self.index
        phrase = self._whole_phrase()
        unit = _unit(phrase)
        if unit is None or (is_label(unit) and symbols_of(value)):
            self.index = start
            raise self.error(ParseReason.LEFTOVER, f"expected a unit, found {phrase[:40]}: no unit")
        quantity = Quantity(value, unit)
        if self.at(Kind.NUMBER):
            with self.deeper(self.waiting):
                rest = self.product()
            if not isinstance(rest, Quantity):
                raise self.error(ParseReason.LEFTOVER, "expected a unit behind the second value")
            return Add((quantity, rest))
        return quantity

    def _scaled(self, value: Node) -> Node:
        """A value times thousand, million, … written as a word."""
        if not self.at(Kind.WORD) or self.token.text.lower() not in SCALES:
            return value
        scale = SCALES[self.take().text.lower()]
        if isinstance(value, Number):
            zeros = len(str(scale)) - 1
            return Number(value.value * scale, None if value.places is None else value.places - zeros)
        return Multiply((value, Number(fmpq(scale))))

    def _whole_phrase(self) -> str:
        """A unit, or a fraction of two."""
        if self.accept(Kind.FRACTION):
            self.expect(Kind.OPEN, "{")
            above = self._phrase()
            self.expect(Kind.CLOSE, "}")
            self.expect(Kind.OPEN, "{")
            below = self._phrase()
            self.expect(Kind.CLOSE, "}")
            return f"{above} / {below}"
        return self._phrase()

    def _phrase(self) -> str:
        """The words of a unit as plain text, up to a sign that cannot be part of one."""
        parts: list[str] = []
        while True:
            token = self.token
            if token.kind is Kind.WORD or (token.kind is Kind.NAME and parts and parts[-1] in ("/", "·", "-")):
                parts.append(self.take().text)
            elif token.kind is Kind.OPERATOR and token.text in ("/", "*", "^", "-"):
                if token.text == "^":
                    parts.append("^" + self._unit_exponent())
                elif self.peek().kind in _UNIT_SIGNS:
                    parts.append("·" if self.take().text == "*" else "/" if token.text == "/" else "-")
                else:
                    break
            elif token.kind is Kind.OTHER and token.text == "." and parts:
                self.take()
            else:
                break
        return " ".join(parts).replace(" - ", "-").replace(" ^", "^")

    def _unit_exponent(self) -> str:
        self.take()
        braced = self.accept(Kind.OPEN, "{")
        sign = "-" if self.accept(Kind.OPERATOR, "-") else ""
        digits = self.expect(Kind.NUMBER).text
        if braced:
            self.expect(Kind.CLOSE, "}")
        return sign + digits

    # --- number words ----------------------------------------------------------------------------------------------

    def number_words(self) -> Node | None:
        """A number spelled out, or None."""
        token = self.token
        if token.text.lower() not in NUMBER_WORDS and token.text != "a":
            return None
        words, ends = self._run_of_words()
        spelled = read_number_words(words)
        if spelled is None:
            return None
        self.index = ends[spelled.words - 1]
        return spelled.node

    def _run_of_words(self) -> tuple[list[str], list[int]]:
        words: list[str] = []
        ends: list[int] = []
        place = self.index
        while len(words) < _MAX_WORDS:
            token = self.tokens[place]
            hyphen = token[:2] == (Kind.OPERATOR, "-") and words and self.tokens[place + 1].kind is Kind.WORD
            if hyphen:
                place += 1
                token = self.tokens[place]
            if token.kind not in (Kind.WORD, Kind.JOIN) and token.text != "a":
                break
            words.append(token.text.lower())
            place += 1
            ends.append(place)
        return words, ends


def _unit(phrase: str) -> Unit | None:
    """The unit of a phrase: `N-m` is a product, in `pieces of gum` the first noun counts."""
    product = read_unit(_HYPHEN.sub("·", phrase))
    if product is not None and not is_label(product):
        return product
    return read_unit(phrase) or read_unit(phrase.partition(" of ")[0])
