"""The last number of a passage, with the arithmetic, list, sign and unit that it is part of.

In: a text and a span in it. Out: a span. Of "x = 2y + 5" it is the whole equation and not the 5, of "2 and 3" both:
a value torn out of what it stands in could be right by accident.
"""

from __future__ import annotations

import re

UNITS = frozenset(
    "% \\% percent pct ° degrees degree $ \\$ € £ ¥ dollars dollar cents euros mm cm km m m² m³ cm² cm³ kg g mg lb "
    "lbs oz ft inches feet miles meters metres hours hour minutes minute seconds days weeks years mph".split()
)
_OPERATOR = re.compile(r"(?:[-+*/^=<>≤≥≠≈×÷·−–]|<=|>=|!=|==|\\(?:times|cdot|div|leq?|geq?|neq?|approx|pm))\Z")
_TERM = re.compile(r"[^\w\s]*(?:\d|[A-Za-z](?![A-Za-z]))[\w.,^(){}\[\]|!%°√π\\*/+=<>-]*\Z")
_TERM_CALL = re.compile(r"-?\\?(?:sqrt|log|ln|sin|cos|tan|pi|frac)(?![A-Za-z])\S*\Z")
_NUMBER_TOKEN = re.compile(r"[-+−]?[$€£]?\d[\d.,/]*%?\Z")
_DIGIT = re.compile(r"\d")
TOKEN = re.compile(r"\S+")
_LEADING, TRAILING = "\"'“”‘’*_`:;,", ".,;:?\"'“”‘’*_`…"  # no "!": it may be a factorial
_MAX_TERMS = 40
_MAX_REACH = 1_000


def last_number(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The last number of text[start:end] with its sign, unit, and the arithmetic or list that it is part of."""
    at = max(text.rfind(digit, start, end) for digit in "0123456789")
    if at < 0:
        return None
    first = max(text.rfind("\n", start, at) + 1, start, at - _MAX_REACH)
    line_end = text.find("\n", at, end)
    last = min(line_end if line_end >= 0 else end, at + _MAX_REACH)
    tokens = [token.span() for token in TOKEN.finditer(text, first, last)]
    holder = next(index for index, token in enumerate(tokens) if token[0] <= at < token[1])
    return _number_at(text, tokens, holder)


def _number_at(text: str, tokens: list[tuple[int, int]], at: int) -> tuple[int, int]:
    first = _leftmost(text, tokens, at)
    last = _rightmost(text, tokens, at)
    start, end = tokens[first][0], tokens[last][1]
    calculator = text.rfind(">>", start, end)  # GSM8K's <<2*3=6>>6
    if calculator >= 0 and _DIGIT.search(text, calculator, end):
        start = calculator + 2
    while start < end and text[start] in _LEADING:
        start += 1
    while start < end and text[end - 1] in TRAILING:
        end -= 1
    return _without_odd_brackets(text, start, end)


def _leftmost(text: str, tokens: list[tuple[int, int]], last: int) -> int:
    """The first token of the arithmetic, the list or the brackets that end with token `last`."""
    at, floor = last, max(0, last - _MAX_TERMS)
    while at > floor:
        here, before = _word(text, tokens[at]), _word(text, tokens[at - 1])
        two_before = _word(text, tokens[at - 2]) if at - 2 >= floor else ""
        if _is_operator(before):
            if not _is_term(two_before):
                return at - 1 if before in "-+−$€£" else at
            at -= 2
        elif before in ("and", "or", "et", "und", "y") and _NUMBER_TOKEN.match(two_before.rstrip(",;")):
            at -= 2
        elif _belongs(before, here) or _closes(text, tokens, at, last):
            at -= 1
        else:
            break
    return at


def _belongs(before: str, here: str) -> bool:
    """`2, 3`, `$ 5`, `1 000` and `2 1/3`."""
    if before in ("$", "€", "£") or (before.endswith((",", ";")) and _NUMBER_TOKEN.match(before[:-1])):
        return True
    if not before.lstrip("-−+$€£").isdigit():
        return False
    plain = here.rstrip(TRAILING)
    return "/" in plain[1:-1] or (len(before.lstrip("-+$")) <= 3 and re.match(r"\d{3}(?!\d)", plain) is not None)


def _closes(text: str, tokens: list[tuple[int, int]], at: int, last: int) -> bool:
    """Whether a bracket that tokens `at` to `last` close was opened a little further left."""
    held = text[tokens[at][0] : tokens[last][1]]
    if sum(map(held.count, ")]}")) <= sum(map(held.count, "([{")):
        return False
    further = text[tokens[max(0, at - 8)][0] : tokens[at][0]]
    return any(bracket in further for bracket in "([{")


def _rightmost(text: str, tokens: list[tuple[int, int]], at: int) -> int:
    ceiling = min(len(tokens) - 1, at + _MAX_TERMS)
    while at < ceiling:
        if _word(text, tokens[at])[-1] in ".;,?":
            break
        after = _word(text, tokens[at + 1])
        if after.rstrip(TRAILING) in UNITS:
            return at + 1
        if not _is_operator(after) or at + 2 > ceiling or not _is_term(_word(text, tokens[at + 2]).rstrip(TRAILING)):
            break
        at += 2
    return at


def _word(text: str, token: tuple[int, int]) -> str:
    return text[token[0] : token[1]][:80]


def _is_operator(token: str) -> bool:
    return _OPERATOR.match(token) is not None


def _is_term(token: str) -> bool:
    return _TERM.match(token) is not None or _TERM_CALL.match(token) is not None


def _without_odd_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """`(or 5)` and `5)` lose the bracket whose partner is not in the span; `[0, 1)` keeps both."""
    held = text[start:end]
    opening, closing = sum(map(held.count, "([{")), sum(map(held.count, ")]}"))
    while closing > opening and start < end and text[end - 1] in ")]}.,;":
        end -= 1
        closing = sum(map(text[start:end].count, ")]}"))
    while opening > closing and start < end and text[start] in "([{":
        start += 1
        opening = sum(map(text[start:end].count, "([{"))
    return start, end
