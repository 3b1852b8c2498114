r"""The last rung: relations, ratios, sets joined by ∪, remainders, and lists of all of them.

Rules: a list in braces that are not escaped is a list, not a set; `;` separates lists of `,`; "and" and "or" join
like commas, except between equations that are themselves lists (`x=1, y=2 or x=3, y=4`); `where`, `if`, `for` stand
for a comma; a congruence takes all residues before its `(mod n)`.
"""

from __future__ import annotations

from verify.answers.latex_commands import Kind
from verify.answers.parse_error import ParseReason
from verify.answers.parse_expression import Expressions
from verify.answers.parse_words import read_number_words
from verify.answers.tree import (
    Add,
    Call,
    Congruence,
    Listing,
    Node,
    Number,
    Quantity,
    Ratio,
    Relation,
    SetOf,
    SetOperation,
    Symbol,
    Text,
)
from verify.answers.units import factor_between

_ORDER = frozenset({"<", "<=", ">", ">="})
_DOTS = Symbol("…")


class Answers(Expressions):
    """Whole answers."""

    # --- relations -------------------------------------------------------------------------------------------------

    def relation(self) -> Node:
        """Sides between relation signs."""
        if self.at(Kind.RELATION, "=", "~"):  # `= 5`: what it equals was left out
            self.take()
        if self.at(Kind.WORD) and self.peek().kind is Kind.COLON and self.waiting != "set":
            name = Symbol(self.take().text)
            self.take()
            with self.deeper(self.waiting):
                return Relation(("=",), (name, self.relation()))  # radius: 5
        outer, self.in_inequality = self.in_inequality, False
        sides = [self.side()]
        operators: list[str] = []
        while self._at_relation():
            operators.append(self.take().text)
            self.in_inequality = self.in_inequality or operators[-1] in _ORDER
            side = self.side()
            sides.append(_as_set(side) if operators[-1] in ("in", "notin") else side)
        self.in_inequality = outer
        value: Node = Relation(tuple(operators), tuple(sides)) if operators else sides[0]
        return _congruence(value)

    def _at_relation(self) -> bool:
        token = self.token
        if token.kind is Kind.SEPARATOR and token.text == "row" and self._continues_chain():
            self.take()
            self.accept(Kind.CELL)
            return True
        if token.kind is Kind.CELL and self.peek().kind is Kind.RELATION:
            self.take()
            return True
        if token.kind is Kind.RELATION:
            if token.text == ">" and self.waiting == ">":
                return False
            return not (token.text == "divides" and self.waiting in ("set", "|"))
        if token.kind is Kind.BAR and token.text == "|" and not self.waiting:
            self.tokens[self.index] = token._replace(kind=Kind.RELATION, text="divides")
            return True
        return False

    def _continues_chain(self) -> bool:
        """A row that begins with a relation goes on with the chain above it."""
        if self.peek().kind is Kind.RELATION and self.peek().text == "=":
            return True
        return self.peek().kind is Kind.CELL and self.peek(2).kind is Kind.RELATION

    def side(self) -> Node:
        """A ratio or a set expression; words where nothing else stands."""
        if self.at(Kind.DOTS):
            self.take()
            return _DOTS
        if self.at(Kind.WORD) and (words := self._words()) is not None:
            return words
        parts = [self._intersections()]
        kind = ""
        while self._at_set_operator("union", "difference"):
            kind = self._set_operator(kind, parts)
            parts.append(self._intersections())
        return SetOperation(kind, tuple(map(_as_set, parts))) if kind else parts[0]

    def _set_operator(self, kind: str, parts: list[Node]) -> str:
        sign = self.take().text
        sign = "union" if sign == "U" else sign
        if (kind and sign != kind) or (sign == "difference" and len(parts) > 1):
            parts[:] = [SetOperation(kind, tuple(parts))]
        return sign

    def _intersections(self) -> Node:
        parts = [self._ratio()]
        while self._at_set_operator("intersection"):
            self.take()
            parts.append(self._ratio())
        return SetOperation("intersection", tuple(map(_as_set, parts))) if len(parts) > 1 else parts[0]

    def _at_set_operator(self, *kinds: str) -> bool:
        if self.at(Kind.SET_OPERATOR, *kinds):
            return True
        return "union" in kinds and self.at(Kind.NAME, "U") and self.peek().kind is Kind.OPEN

    def _ratio(self) -> Node:
        items = [self.expression()]
        while self._continues_ratio():
            self.take()
            items.append(self.expression())
        return Ratio(tuple(items)) if len(items) > 1 else items[0]

    def _continues_ratio(self) -> bool:
        if self.at(Kind.COLON):
            return self.waiting != "set" and not (self.in_inequality and self.peek().kind is Kind.OPEN)
        return self.at(Kind.WORD, "to")

    def _words(self) -> Node | None:
        """A side of words alone: `x = \\text{odd}`."""
        start = self.index
        words: list[str] = []
        while self.at(Kind.WORD) and self.token.worded:
            words.append(self.take().text)
        ends = self.token.kind in (Kind.END, Kind.CLOSE, Kind.SEPARATOR, Kind.JOIN, Kind.FINISH)
        if words and ends and read_number_words([word.lower() for word in words]) is None:
            return Text(" ".join(words))
        self.index = start
        return None

    # --- lists -----------------------------------------------------------------------------------------------------

    def items(self) -> tuple[Node, ...]:
        """Items between commas or semicolons; a list that "and" joins is one too."""
        value = self.answer()
        return value.items if isinstance(value, Listing) else (value,)

    def condition(self) -> Node:
        """Relations up to the end of a row."""
        return self._list(rows=False)

    def answer(self) -> Node:
        """A list, or its only item."""
        return self._list(rows=True)

    def _list(self, *, rows: bool) -> Node:
        items: list[Node] = []
        joiners: list[str] = []
        while True:
            items.append(self.relation())
            if self._at_modulus():
                items, joiners = self._residues(items, joiners)
            joiner = self._joiner(rows=rows)
            if not joiner:
                break
            joiners.append(joiner)
        return _listing(items, joiners)

    def _joiner(self, *, rows: bool) -> str:
        """Commas and words between two items, as one sign; nothing where the list ends."""
        found: list[str] = []
        while sign := self._separator(rows=rows):
            found.append(sign)
        if self._ends_list() or (not rows and self.at(Kind.SEPARATOR)):
            if not {",", ";"}.issuperset(found):
                raise self.error(ParseReason.INCOMPLETE, "expected another item")
            return ""
        if ";" in found:
            return ";"
        for word in ("or", "and"):
            if word in found:
                return f",{word}" if "," in found else word
        return "," if found else ""

    def _separator(self, *, rows: bool) -> str:
        """Moves past one sign or word between items, and says which; nothing where none comes next."""
        token = self.token
        if token.kind is Kind.SEPARATOR and (rows or token.text != "row"):
            sign = ";" if token.text == "row" else token.text
        elif token.kind is Kind.JOIN or token.kind is Kind.CONDITION:
            sign = token.text
        elif token.kind is Kind.CELL and self.tokens[self.index - 1].kind is Kind.SEPARATOR:
            sign = ","
        elif token.kind is Kind.COLON and self.waiting != "set" and self.peek().kind is Kind.OPEN:
            sign = ";"  # x < 1 : (-∞, 1), said twice
        else:
            return ""
        self.take()
        return sign

    def _ends_list(self) -> bool:
        return self.token.kind in (Kind.END, Kind.CLOSE, Kind.FINISH)

    # --- remainders ------------------------------------------------------------------------------------------------

    def _at_modulus(self) -> bool:
        if self.at(Kind.MODULUS):
            return True
        return self.at(Kind.OPEN, "(") and self.peek()[:2] == (Kind.OPERATOR, "mod")

    def _residues(self, items: list[Node], joiners: list[str]) -> tuple[list[Node], list[str]]:
        """Joins the items before `(mod n)` that are no relations of their own into one congruence."""
        modulus = self._modulus()
        first = len(items) - 1
        while first and not isinstance(items[first], Relation | Congruence):
            first -= 1
        if isinstance(items[first], Congruence) or (first and not isinstance(items[first], Relation)):
            first += 1
        head = items[first]
        left: Node | None = None
        residues = items[first:]
        if isinstance(head, Relation):
            if head.operators not in (("equiv",), ("=",)):
                raise self.error(ParseReason.NOT_MATHEMATICS, "a modulus without a congruence")
            left = head.sides[0]
            residues = [head.sides[1], *items[first + 1 :]]
        right = residues[0] if len(residues) == 1 else Listing(tuple(residues))
        return [*items[:first], Congruence(left, right, modulus)], joiners[:first]

    def _modulus(self) -> Node:
        if self.accept(Kind.MODULUS):
            with self.deeper():
                return self.number() if self.at(Kind.NUMBER) else self.argument()
        self.take()
        self.take()
        with self.deeper():
            modulus = self.expression()
        self.expect(Kind.CLOSE, ")")
        return modulus


def _as_set(part: Node) -> Node:
    """Bare braces beside a set sign hold a set: `{1, 3} ∪ {2}`."""
    if isinstance(part, Listing):
        return SetOf(part.items)
    return SetOf((part,)) if isinstance(part, Number) else part


def _congruence(value: Node) -> Node:
    r"""`x \equiv 3 \bmod 7` is a congruence."""
    if isinstance(value, Relation) and value.operators == ("equiv",):
        right = value.sides[1]
        if isinstance(right, Call) and right.function == "mod":
            return Congruence(value.sides[0], right.arguments[0], right.arguments[1])
    return value


def _listing(items: list[Node], joiners: list[str]) -> Node:
    """One list from items and what stands between them."""
    if len(items) == 1:
        return items[0]
    if ";" in joiners and any(joiner != ";" for joiner in joiners):
        return Listing(tuple(_split(items, joiners, (";",))), ";")
    for word in ("or", "and"):
        if word in joiners and "," in joiners and all(isinstance(item, Relation) for item in items):
            return Listing(tuple(_split(items, joiners, (word,))), word)
    joiner = joiners[-1].lstrip(",") or ","
    if joiner == "and" and len(items) == 2 and (total := _compound(items[0], items[1])) is not None:
        return total
    return Listing(tuple(items), joiner)


def _split(items: list[Node], joiners: list[str], at: tuple[str, ...]) -> list[Node]:
    """The items in lists between the given joiners."""
    groups: list[Node] = []
    start = 0
    for place in range(len(items)):
        if place == len(joiners) or joiners[place] in at:
            groups.append(_listing(items[start : place + 1], joiners[start:place]))
            start = place + 1
    return groups


def _compound(first: Node, second: Node) -> Node | None:
    """`2 hours and 30 minutes` is a sum: two units of one kind, the larger first."""
    if not isinstance(first, Quantity) or not isinstance(second, Quantity) or first.unit == second.unit:
        return None
    factor = factor_between(first.unit, second.unit)
    return Add((first, second)) if factor is not None and factor > 1 else None
