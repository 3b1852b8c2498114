r"""`parse_answer`: the text of an answer as a tree. The entry of the parser; the parts are

    latex_clean      Unicode and double backslashes into plain LaTeX
    lexer            tokens (latex_commands: the vocabulary, latex_letters: runs of letters, numerals: numbers)
    parse_reader … parse_atoms … parse_functions … parse_brackets … parse_expression … parse_answer
                     a recursive descent, one class a rung, each knowing the rungs below it
    parse_gaps       two equations with only a wide space between them
    parse_words      number words, and answers that are nothing but words

In: any text, in any delimiters. Out: a `Node`, or `ParseError` and no other exception. Time and memory are linear in
the text; nesting, tokens and nodes are bounded. The whole text is read or none of it.
"""

from __future__ import annotations

import re

from flint import fmpq, fmpz

from verify.answers.labels import unbracketed
from verify.answers.latex_clean import clean
from verify.answers.latex_commands import Kind
from verify.answers.lexer import Token, tokenize
from verify.answers.parse_answer import Answers
from verify.answers.parse_error import ParseError, ParseReason
from verify.answers.parse_gaps import part_equations
from verify.answers.parse_words import fixed_phrase, number_word, read_words
from verify.answers.tree import MAX_DEPTH, MAX_NODES, Negate, Node, Number, Text

__all__ = ["MAX_CHARACTERS", "ParseError", "ParseReason", "other_reading", "parse_answer"]

MAX_CHARACTERS = 20_500  # the longest numeral and its delimiters
_PLAIN_NUMBER = re.compile(r"(-?)(\d{1,300})(?:\.(\d{1,300}))?", re.ASCII)
_LETTERED = frozenset({"m", "M", "AM", "PM", "R", "r"})
_AMBIGUOUS = re.compile(r"[^\d,]*(\d+),(\d+)[^\d,]*", re.ASCII)


def parse_answer(text: str) -> Node:
    """The tree of an answer; raises only `ParseError`."""
    number = _PLAIN_NUMBER.fullmatch(text)
    if number is not None:
        return _plain_number(*number.groups())
    return _parse(text, flipped=False)


def other_reading(text: str) -> Node | None:
    """The second reading of a text whose only comma may separate items or be a decimal comma (`5,15`), or None.

    One digit behind the comma is one decimal only after a zero: `0,5` may be a half, `2,3` is two numbers.
    """
    found = _AMBIGUOUS.fullmatch(text) if len(text) <= 200 else None
    if found is None or (len(found[2]) == 1 and (found[1] != "0" or found[2] == "0")):
        return None
    try:
        first, second = _parse(text, flipped=False), _parse(text, flipped=True)
    except ParseError:
        return None
    return None if first == second else second


def _plain_number(sign: str, whole: str, decimals: str | None) -> Node:
    if decimals is None:
        number = Number(fmpq(fmpz(whole)))
    else:
        number = Number(fmpq(fmpz(whole + decimals), fmpz(10) ** len(decimals)), len(decimals))
    return Negate(number) if sign else number


def _parse(text: str, *, flipped: bool) -> Node:
    if len(text) > MAX_CHARACTERS:
        raise ParseError(ParseReason.TOO_LONG, f"{len(text)} characters, at most {MAX_CHARACTERS} are read")
    cleaned = clean(text)
    try:
        return _read(cleaned, flipped=flipped)
    except RecursionError as error:  # the caller itself stands deep
        raise ParseError(ParseReason.TOO_DEEP, "no room on the stack") from error


def _read(cleaned: str, *, flipped: bool) -> Node:
    try:
        tokens = part_equations(tokenize(cleaned, flipped=flipped))
        return _phrase(tokens, cleaned) or _mathematics(tokens)
    except ParseError as error:
        if error.reason in (ParseReason.EMPTY, ParseReason.TOO_DEEP, ParseReason.TOO_MANY_NODES):
            raise
        words = read_words(cleaned)
        if words is None:
            raise
        return words


def _phrase(tokens: list[Token], cleaned: str) -> Node | None:
    r"""`1st`; a number with letters behind it that is none; words in text that a hyphen joins (`\text{x-axis}`)."""
    if _first(tokens):
        return Text("1st")
    if tokens[0].worded and any(_hyphen(tokens, place) for place in range(1, min(len(tokens), 12) - 1)):
        return read_words(cleaned) if number_word(tokens[0].text) is None else None
    lettered = any(token.kind is Kind.WORD or token.text in _LETTERED for token in tokens[-4:-1])
    return fixed_phrase(cleaned) if lettered and tokens[0].kind is Kind.NUMBER else None


def _first(tokens: list[Token]) -> bool:
    """`1st`: nobody writes the coefficient 1, and as a product it would be `st`."""
    letters = tokens[1:-1]
    return (
        tokens[0].kind is Kind.NUMBER
        and tokens[0].text == "1"
        and "".join(token.text for token in letters) == "st"
        and not any(token.spaced for token in letters)
    )


def _hyphen(tokens: list[Token], place: int) -> bool:
    before, sign, after = tokens[place - 1 : place + 2]
    joined = sign[:3] == (Kind.OPERATOR, "-", False) and not after.spaced
    return joined and before.worded and after.worded and {before.kind, after.kind} == {Kind.WORD}


def _mathematics(tokens: list[Token]) -> Node:
    if all(token.text in ("{", "}", "") for token in tokens):
        raise ParseError(ParseReason.EMPTY, "nothing to read")
    answers = Answers(tokens)
    node = answers.over()
    if answers.token.kind is not Kind.END:
        closing = answers.token.kind is Kind.CLOSE
        raise answers.error(ParseReason.UNBALANCED if closing else ParseReason.LEFTOVER, "expected the end")
    if len(tokens) > MAX_DEPTH:
        _measure(node)
    return unbracketed(node)


def _measure(root: Node) -> None:
    """Refuses a tree that is too deep or too large."""
    count = 0
    level: list[object] = [root]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ParseError(ParseReason.TOO_DEEP, f"more than {MAX_DEPTH} levels")
        below: list[object] = []
        for node in level:
            below.extend(_children(node))
        count += len(level)
        if count > MAX_NODES:
            raise ParseError(ParseReason.TOO_MANY_NODES, f"more than {MAX_NODES} parts")
        level = below


def _children(node: object) -> list[Node]:
    """The nodes right below a node."""
    children: list[Node] = []
    waiting = [getattr(node, name) for name in getattr(node, "__dataclass_fields__", ())]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Node):
            children.append(value)
        elif isinstance(value, tuple):
            waiting.extend(value)
    return children
