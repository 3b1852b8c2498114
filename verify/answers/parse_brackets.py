r"""The third rung: everything between brackets and bars, and the environments of LaTeX.

`(1, 2]` becomes a `Bracketed`, `(x)` just x, `\{…\}` a set or a set-builder, `|x|` a modulus, `\begin{pmatrix}` a
matrix, `\begin{cases}` a function by cases or a system of equations, `[[1,2],[3,4]]` a matrix as programs print it.
"""

from __future__ import annotations

from abc import abstractmethod

from verify.answers.latex_commands import OTHERWISE, Kind
from verify.answers.parse_error import ParseReason
from verify.answers.parse_functions import Functions
from verify.answers.tree import (
    Bracketed,
    Call,
    Listing,
    Matrix,
    Node,
    Piecewise,
    Relation,
    SetBuilder,
    SetOf,
)

_MATRICES = frozenset("pmatrix bmatrix Bmatrix matrix smallmatrix vmatrix Vmatrix array tabular".split())
_LAYOUTS = frozenset(
    "align aligned alignat flalign equation gather gathered split eqnarray multline displaymath math center".split()
)
_ROUND = {
    "lfloor": ("rfloor", "floor"),
    "lceil": ("rceil", "ceil"),
    "lvert": ("rvert", "abs"),
    "lVert": ("rVert", "norm"),
}
_BARS = {"|": "abs", "||": "norm"}
# Behind a square bracket that opens outwards, as in [0, 1[, no value can stand.
_AFTER_CLOSING = frozenset(
    {Kind.END, Kind.CLOSE, Kind.SEPARATOR, Kind.SET_OPERATOR, Kind.RELATION, Kind.JOIN, Kind.FINISH}
)


class Brackets(Functions):
    """Values with an opening and a closing sign."""

    @abstractmethod
    def items(self) -> tuple[Node, ...]:
        """Items between commas or semicolons, up to a closing sign."""

    def parenthesised(self) -> Node:
        """A bracket of any kind."""
        known = self.brackets_read.pop(self.index, None)
        if known is not None:
            self.index = known[1]
            return known[0]
        token = self.token
        if token.text == "\\{":
            return self.set()
        if token.text == "{":
            return self.group()
        if token.text in _ROUND:
            return self._rounded()
        if token.text == "<":
            return self._angled()
        return self.bracketed()

    def bracketed(self) -> Node:
        """Between round or square brackets, which need not match: an interval may be open on one side."""
        opening = self.take().text
        with self.deeper():
            items = self.items()
            closing = self._closing(opening)
        if len(items) == 1:
            return self._single(items[0], opening, closing)
        if not items:
            raise self.error(ParseReason.INCOMPLETE, "expected something between the brackets")
        rows = _rows(items) if opening == "[" and closing == "]" else None
        return Matrix(rows) if rows is not None else Bracketed(opening, closing, items)

    def _single(self, item: Node, opening: str, closing: str) -> Node:
        if (opening, closing) not in (("(", ")"), ("[", "]")):
            raise self.error(ParseReason.UNBALANCED, f"one value between {opening} and {closing}")
        if opening == "[" and isinstance(item, Bracketed) and item.opening == "[" and item.closing == "]":
            return Matrix((item.items,))
        return item

    def _closing(self, opening: str) -> str:
        if self.at(Kind.CLOSE, ")", "]") or (self.at(Kind.OPEN, "[") and opening in "[]("):
            return self.take().text
        raise self.error(ParseReason.UNBALANCED, f"expected the end of what {opening} opens")

    def closes_outwards(self) -> bool:
        """Whether a `[` comes next that closes an interval."""
        return self.at(Kind.OPEN, "[") and self.nesting > 0 and self.peek().kind in _AFTER_CLOSING

    def _rounded(self) -> Node:
        closing, name = _ROUND[self.take().text]
        with self.deeper():
            value = self.answer()
        self.expect(Kind.CLOSE, closing)
        return _modulus(name, value)

    def bar(self) -> Node:
        """A modulus or norm between bars."""
        sign = self.take().text
        with self.deeper(sign):
            value = self.expression()
        if not self.accept(Kind.RELATION, "divides"):
            self.expect(Kind.BAR, sign)
        return _modulus(_BARS[sign], value)

    def _angled(self) -> Node:
        """`\\langle 1, 2 \\rangle`, `<1, 2>`: no relation may stand inside."""
        self.take()
        with self.deeper(">"):
            items = [self.expression()]
            while self.accept(Kind.SEPARATOR, ",", ";"):
                items.append(self.expression())
        if not self.accept(Kind.RELATION, ">"):
            self.expect(Kind.CLOSE, ">")
        return Bracketed("<", ">", tuple(items)) if len(items) > 1 else items[0]

    # --- sets ------------------------------------------------------------------------------------------------------

    def set(self) -> Node:
        """A set by its members or by a condition."""
        self.take()
        if self.accept(Kind.CLOSE, "\\}"):
            return SetOf(())
        if self.at(Kind.BEGIN):
            return self.environment()
        with self.deeper("set"):
            items = self.items()
        if len(items) == 1 and (self._accept_such_that()):
            with self.deeper():
                condition = self.answer()
            self.expect(Kind.CLOSE, "\\}")
            return SetBuilder(items[0], condition)
        self.expect(Kind.CLOSE, "\\}")
        return SetOf(items)

    def _accept_such_that(self) -> bool:
        return self.accept(Kind.BAR, "|") or self.accept(Kind.COLON) or self.accept(Kind.RELATION, "divides")

    # --- environments ----------------------------------------------------------------------------------------------

    def environment(self) -> Node:
        """A matrix, cases, or a layout around an answer."""
        name = self.take().text
        if name in _MATRICES:
            value = self._matrix(name)
        elif name in ("cases", "dcases", "rcases"):
            value = self._cases()
        elif name in _LAYOUTS:
            with self.deeper():
                value = self.answer()
        else:
            raise self.error(ParseReason.NOT_MATHEMATICS, f"the environment {name[:40]}")
        self.expect(Kind.FINISH, name)
        return value

    def _matrix(self, name: str) -> Node:
        rows: list[tuple[Node, ...]] = []
        with self.deeper():
            while not self.at(Kind.FINISH):
                rows.append(self._row())
                if not self.accept(Kind.SEPARATOR, "row"):
                    break
        if rows and len(rows[0]) > 1 and name in ("array", "tabular") and self._conditional(rows):
            return Piecewise(tuple((row[0], row[1]) for row in rows))
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise self.error(ParseReason.INCOMPLETE, "expected rows of one length")
        return Matrix(tuple(rows), determinant=name == "vmatrix")

    def _conditional(self, rows: list[tuple[Node, ...]]) -> bool:
        return all(len(row) == 2 and isinstance(row[1], Relation) for row in rows)

    def _row(self) -> tuple[Node, ...]:
        cells = [self.relation()]
        while self.accept(Kind.CELL):
            cells.append(self.relation())
        return tuple(cells)

    def _cases(self) -> Node:
        """Values with conditions; rows that are relations without conditions are a system."""
        rows: list[tuple[Node, Node | None, bool]] = []
        with self.deeper():
            while not self.at(Kind.FINISH):
                rows.append(self._case())
                if not self.accept(Kind.SEPARATOR, "row"):
                    break
        if not rows:
            raise self.error(ParseReason.INCOMPLETE, "expected a case")
        if not any(conditional for _, _, conditional in rows):
            values = tuple(value for value, _, _ in rows)
            return Listing(values, "and") if len(values) > 1 else values[0]
        return Piecewise(tuple((value, condition) for value, condition, _ in rows))

    def _case(self) -> tuple[Node, Node | None, bool]:
        value = self.relation()
        marked = False
        while self.at(Kind.CELL) or self.at(Kind.SEPARATOR, ",", ";") or self.at(Kind.CONDITION):
            marked = True
            self.take()
        if not marked or self._ends_case():
            return value, None, False
        if self.at(Kind.WORD) and self.token.text.lower() in OTHERWISE:
            self.take()
            self.accept(Kind.SEPARATOR, ",", ";")
            return value, None, True
        condition = self.condition()
        return value, condition, True

    def _ends_case(self) -> bool:
        return self.at(Kind.SEPARATOR, "row") or self.at(Kind.FINISH)

    @abstractmethod
    def condition(self) -> Node:
        """Relations up to the end of a row."""


def _modulus(name: str, value: Node) -> Node:
    if name == "abs" and isinstance(value, Matrix):
        return Matrix(value.rows, determinant=True)
    return Call(name, (value,))


def _rows(items: tuple[Node, ...]) -> tuple[tuple[Node, ...], ...] | None:
    """Rows of equal length, where every item is a list in square brackets."""
    rows = [
        item.items for item in items if isinstance(item, Bracketed) and item.opening == "[" and item.closing == "]"
    ]
    if len(rows) != len(items) or any(len(row) != len(rows[0]) for row in rows):
        return None
    return tuple(rows)
