r"""Reads a numeral: separators of several locales, decimals, repeating decimals, e-notation. Values are exact.

In: a text and the place where a numeral may begin. Out: a `Numeral` (its node and where it ends), or None.
The rules for what is ambiguous:

- `1,222` and `12,34,567` are grouped thousands; so are `1 000`, `1\,000`, `1{,}000`, `1'000`, `1_000`, `1.000.000`.
- A single comma before other than three digits is a decimal comma where the two parts differ in length and the second
  has two digits or more, or the first has four or more, or the first is 0 (`1,22`, `1000,9`, `0,111`); else it
  separates the items of a list (`2,3`, `27,93`). `flipped` asks for the other reading.
- Between brackets, as in `(1,22)`, a comma separates, unless three digits that begin with 0 follow (`(10,000)`).
- Dots after a decimal (`0.333...`) mean that it repeats, if its last digits are one block three times over, or one
  block of two digits or more fills all places (`0.2727...`); else it is cut there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from flint import fmpq, fmpz

from verify.answers.parse_error import ParseError, ParseReason
from verify.answers.tree import Number

MAX_DIGITS = 20_000
_MAX_EXPONENT = 20_000
_MAX_BLOCK = 12
_GROUPED = re.compile(
    r"(?:[1-9]\d{0,2}(?:(?:\{,\}\d{3})+|(?:,\s?\\!\s?\d{3})+|(?:\\[,:; ]\d{3})+|(?:[ ~]\d{3})+"
    r"|(?:'\d{3})+|(?:_\d{3})+"
    r"|(?P<comma>(?:,\d{3})+)|(?P<dot>(?:\.\d{3})+(?=,\d)|(?:\.\d{3}){2,}))(?!\d)"
    r"|(?P<indian>[1-9]\d?(?:,\d\d){1,12},\d{3}(?!\d)))"
)
_PLAIN = re.compile(r"\d+")
_FRACTION = re.compile(r"\.(\d+)|\{,\}(\d+)|(?:\.(?![\d.a-zA-Z(\\]))")
_DECIMAL_COMMA = re.compile(r",(\d+)(?![\d]|,\d|\.\d)")
_EXPONENT = re.compile(r"[eE]([+-]?\d{1,6})(?![\w.{])")
_REPEATING = re.compile(
    r"\\(?:overline|bar|dot)\s*(?:\{(?P<over>\d+)\}|(?P<one>\d))(?P<rest>(?:\d*\\dot\s*(?:\{\d\}|\d))?)"
    r"|\((?P<round>\d+)\)"
)
_DOTS = re.compile(r"\s*(?:\.\.\.+|\\(?:ldots|dots|cdots|dotsc)(?![a-zA-Z]))")


class Numeral(NamedTuple):
    """A numeral that was read, and the index behind it."""

    node: Number
    end: int


class _Whole(NamedTuple):
    """The digits before the decimals, the index behind them, and which signs may begin decimals."""

    digits: str
    end: int
    marks: str
    grouped: bool


def read_numeral(
    text: str, start: int, *, bracketed: bool = False, money: bool = False, flipped: bool = False
) -> Numeral | None:
    """The longest numeral that begins at `start`, or None.

    `bracketed`: between brackets a comma separates. `money`: beside a sign of currency it is a decimal comma.
    """
    whole = _grouped(text, start, bracketed=bracketed) or _ungrouped(text, start, bracketed=bracketed)
    if len(whole.digits) > MAX_DIGITS:
        raise ParseError(ParseReason.TOO_LONG, f"a numeral of more than {MAX_DIGITS} digits")
    fraction, end = _fraction(text, whole, money=money, flipped=flipped)
    if end > whole.end or text.startswith(".", end):
        repeating = _repeating(text, max(end, whole.end + 1), whole.digits, fraction or "")
        if repeating is not None:
            return repeating
    return _with_exponent(text, end, whole.digits, fraction) if whole.digits or fraction else None


def exact(whole: str, fraction: str = "") -> fmpq:
    """The value of digits before and after the point."""
    if not fraction:
        return fmpq(fmpz(whole))
    return fmpq(fmpz(whole + fraction), fmpz(10) ** len(fraction))


def _ungrouped(text: str, start: int, *, bracketed: bool) -> _Whole:
    digits = _PLAIN.match(text, start)
    if digits is None:
        return _Whole("", start, ".", grouped=False)
    listed = bracketed or text.startswith(",", start - 1)
    return _Whole(digits[0], digits.end(), "." if listed else ".,", grouped=False)


def _grouped(text: str, start: int, *, bracketed: bool) -> _Whole | None:
    """Digits in groups by one kind of separator; what separates groups begins no decimals."""
    found = _GROUPED.match(text, start)
    if found is None:
        return None
    commas = found["comma"] or found["indian"]
    if bracketed and commas and not all(group[0] == "0" for group in commas.split(",")[1:]):
        return None
    marks = "".join(mark for mark in ".," if mark not in found[0])
    return _Whole("".join(filter(str.isdigit, found[0])), found.end(), marks, grouped=True)


def _fraction(text: str, whole: _Whole, *, money: bool, flipped: bool) -> tuple[str | None, int]:
    """The digits after the point or decimal comma (None: no such digits) and where they end."""
    found = _FRACTION.match(text, whole.end)
    if found is not None and text[whole.end] in whole.marks + "{":
        digits = found[1] or found[2]
        return (digits, found.end()) if digits or whole.digits else (None, whole.end)
    found = _DECIMAL_COMMA.match(text, whole.end) if "," in whole.marks else None
    if found is not None:
        decimal = whole.grouped or money or _is_decimal_comma(whole.digits, found[1])
        if decimal is not flipped:
            return found[1], found.end()
    return None, whole.end


def _is_decimal_comma(whole: str, fraction: str) -> bool:
    if whole == "0":
        return len(fraction) > 1
    if len(fraction) == 1:
        return len(whole) > 3
    return len(whole) != len(fraction)


def _repeating(text: str, end: int, whole: str, fraction: str) -> Numeral | None:
    r"""A repeating decimal by a line or dots over digits, by parentheses, or by dots behind it."""
    found = _REPEATING.match(text, end)
    if found is not None:
        block = found["over"] or found["one"] or found["round"]
        if found["round"] and not _may_repeat(text, found.end(), fraction):
            return None
        if found["rest"]:
            block += "".join(filter(str.isdigit, found["rest"]))
        return Numeral(Number(_repeated(whole, fraction, block)), found.end())
    found = _DOTS.match(text, end)
    if found is None or not fraction:
        return None
    period = _last_block(fraction)
    if period is None:
        return Numeral(Number(exact(whole, fraction), len(fraction)), found.end())
    return Numeral(Number(_repeated(whole, fraction, fraction[-period:])), found.end())


def _may_repeat(text: str, end: int, fraction: str) -> bool:
    """`0.(3)` repeats; `0.1(6)` does where nothing follows, else it may be a product."""
    return not fraction or end >= len(text.rstrip(" $.})"))


def _repeated(whole: str, fraction: str, block: str) -> fmpq:
    tail = fmpq(fmpz(block), (fmpz(10) ** len(block) - 1) * fmpz(10) ** len(fraction))
    return exact(whole or "0", fraction) + tail


def _last_block(fraction: str) -> int | None:
    """How many of the last digits repeat."""
    for length in range(1, min(_MAX_BLOCK, len(fraction) // 2) + 1):
        block = fraction[-length:]
        if fraction.endswith(block * 3) or (length > 1 and fraction == block * (len(fraction) // length)):
            return length
    return None


def _with_exponent(text: str, end: int, whole: str, fraction: str | None) -> Numeral:
    value = exact(whole or "0", fraction or "")
    places = None if fraction is None else len(fraction)
    found = _EXPONENT.match(text, end)
    if found is None:
        return Numeral(Number(value, places), end)
    exponent = int(found[1])
    if abs(exponent) > _MAX_EXPONENT:
        raise ParseError(ParseReason.BAD_NUMBER, f"an exponent beyond {_MAX_EXPONENT}")
    return Numeral(Number(value * fmpq(10) ** exponent, (places or 0) - exponent), found.end())
