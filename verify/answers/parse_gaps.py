r"""Two equations with nothing but a wide space between them: `x = 2 \quad y = 3`, or one a line.

In: the tokens of an answer. Out: the tokens, with the end of a row in each gap that parts two equations. Elsewhere a
gap is a blank: in `x = 2 \quad (x > 0)`, and where a line goes on with the last one (`x = 2 +`, `= 5`).
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.answers.latex_commands import Kind
from verify.answers.lexer import Token

_GOES_ON = frozenset({Kind.OPERATOR, Kind.RELATION, Kind.SEPARATOR, Kind.JOIN, Kind.CONDITION, Kind.COLON, Kind.WORD})
_ROW = Token(Kind.SEPARATOR, "row")


@dataclass(slots=True)
class _Stretch:
    """What stands between two partings, as far as it was read."""

    first: Token
    last: Token
    depth: int = 0
    equals: bool = False  # outside of all brackets

    @classmethod
    def of(cls, tokens: list[Token]) -> _Stretch:
        """The stretch of these tokens, of which there is one at least."""
        stretch = cls(tokens[0], tokens[0])
        stretch.extend(tokens)
        return stretch

    def extend(self, tokens: list[Token]) -> None:
        """Goes on with these."""
        for token in tokens:
            self.depth += (token.kind in (Kind.OPEN, Kind.BEGIN)) - (token.kind in (Kind.CLOSE, Kind.FINISH))
            self.equals |= self.depth == 0 and token.kind is Kind.RELATION and token.text == "="
        self.last = tokens[-1]

    @property
    def is_equation(self) -> bool:
        """Whether it has an equals sign, and nothing is left open at either end."""
        open_ended = self.last.kind in _GOES_ON and self.last.text not in ("!", "'")
        return self.equals and self.depth == 0 and self.first.kind not in _GOES_ON and not open_ended


def part_equations(tokens: list[Token]) -> list[Token]:
    """The tokens with a row's end in each gap that has an equation on both sides."""
    gaps = [place for place, token in enumerate(tokens) if token.wide and place]
    if not gaps:
        return tokens
    parted = tokens[: gaps[0]]
    before = _Stretch.of(parted)
    for gap, following in zip(gaps, [*gaps[1:], len(tokens)], strict=True):
        line = tokens[gap:following]
        after = _Stretch.of(line)
        if before.is_equation and after.is_equation:
            parted.append(_ROW)
            before = after
        else:
            before.extend(line)
        parted += line
    return parted
