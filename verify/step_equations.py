r"""A step of a solution by the equations that it states: `3 + 4 = 7`, `12 \times 3 = 36`, chains `a = b = c`.

In: the step's text. Out: a `Verdict`: CORRECT where all equations hold, WRONG where one fails, NO_ANSWER where there
is none that can be checked. An equation can be checked alone if both of its sides are values: those with letters
(`x = 5`, `2x + 3 = 7`), units or percent, lists, and a bare number on both sides say something about the problem.
A side is rounded as far as it is written: `10 / 3 = 3.33` holds, `10 / 3 = 3` does not. What stands in programs is
not looked at.

Prose is read with care, as a wrong blame teaches more harm than a missed fault: a side that words carry on
(`8 apples + 2 apples`, `half of 6 + 4`, `17 / 5 = 3 remainder 2`, `7 + 8 = 3 mod 12`) or that is part of a time
(`10:30`) is left out with its equations.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import pairwise

from mathpipe.core.records import Outcome, Verdict
from verify.answers.check import check_answer
from verify.answers.extract_blocks import program_spans
from verify.answers.extract_formulas import formula_spans
from verify.answers.forms import map_children
from verify.answers.judgement import Reason
from verify.answers.parse import ParseError, parse_answer
from verify.answers.traits import traits_of
from verify.answers.tree import Apply, Constant, Negate, Node, Number

MAX_EQUATIONS = 50  # of one step; further ones are not looked at
_MAX_SIDE_CHARACTERS = 500
_HIDDEN = "\x00"  # stands for a formula or a program in the prose around it

_RUN = re.compile(
    r"(?:[\d.,;()+\-*/×÷·^−–=%$ \t]|(?<=[\d)] )x(?= [\d(])|\\[%$ ]|\\(?:times|cdot|div|left|right)(?![A-Za-z])"
    r"|\\[dt]?frac\{[\d.,]+\}\{[\d.,]+\}|\\sqrt\{[\d.,]+\})+"
)
_BREAK = re.compile(
    r"\\(?:text\w*|mbox|mathrm)\s*\{[^{}]*\}|\\(?:implies|Rightarrow|Longrightarrow|iff|Leftrightarrow|q?quad)(?![A-Za-z])"
    r"|[.,;](?=\s|$)|\n"
)
_BULLET = re.compile(r"\A[ \t]*(?:[-*•]|\d+[.)])[ \t]+")
_INNER = re.compile(r"\{[^{}]*\}")  # `k = 1` in `\sum_{k = 1}` is no equation of its own
_INNER_SIGN = "\x01"
_CROSS = re.compile(r"(?<=[\d)] )x(?= [\d(])")
_NUMBER = re.compile(r"-?[\d.,]+")
_TEXT_GROUP = re.compile(r"\\\w+\s*\{\s*")
_MARKUP = re.compile(r"\\(?:begin|end)\s*\{[a-z]+\*?\}|&|\\(?:displaystyle|left|right|[,!;: ])|\*\*|\\?\$")
_NEW_LINE = re.compile(r"\\\\(?:\[[^\]]*\])?")
_CARRIED_ON = re.compile(r"\n\s*+(?==)")
_OPERATOR = re.compile(r"\s*(?:[+*/×÷·^]|[-−–]\s|\\(?:times|cdot|div)(?![A-Za-z]))")
_TAKES_WHAT_FOLLOWS = re.compile(
    r"(?:\b(?:x|times|plus|minus|by|over|than|twice|half|sqrt|log|ln|sin|cos|tan|root|mod|modulo)"
    rf"|(?:[\d%)]|\b(?:percent|half|third|quarter|fourth|fifth)) of|{_HIDDEN})\Z",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\s*(?:(?:[^\W\d_]+\s+){1,3}[-+*/×÷·−–]\s*\$?[\d(]|\\|"
    r"\(?(?:hundred|thousand|million|billion|dozen|percent|cents?|times|of|half|with|remainder|r|mod(?:ulo)?)\b"
    rf"|{_HIDDEN})",
    re.IGNORECASE,
)
_CARRIES_ON = re.compile(r"\s*\(?(?:mod(?:ulo)?|remainder)\b")  # what stands behind it, a formula
_CONGRUENT = re.compile(r"\\[bp]?mod(?![a-zA-Z])")
# Two readings: `2^43^4` (in TeX 2^4 times 3^4), `0.05(12)` (a product, or a decimal that repeats), an operator that
# the problem may define.
_TWO_READINGS = re.compile(r"\^\d\d+\^|\d\.\d+\s*\(|\\ast(?![a-zA-Z])")
_TIME_BEFORE, _TIME_BEHIND = re.compile(r"\d:\Z"), re.compile(r":\d")
_TABLE = re.compile(
    r"\\begin\{(?!align|gather|split|equation|eqnarray|multline)|\\(?:matrix|cases|pmatrix)(?![a-zA-Z])"
)
_DIGITS_APART = re.compile(r"(?<![\^_\d.])[\d.]+\s+\d")  # `1 1/2`: a mixed number, or two numbers
_HOLDS = {Reason.SAME_TEXT, Reason.EQUAL, Reason.ROUNDED, Reason.ROUNDED_CANDIDATE}


def check_step(step: str) -> Verdict:
    """Whether the equations that the step states hold. Total: any text gives a verdict."""
    started = time.perf_counter()
    checked = 0
    for left, right in stated_equations(step):
        holds = _holds(left, right)
        if holds is False:
            detail = f"{left} = {right} does not hold"
            return Verdict(Outcome.WRONG, detail, time.perf_counter() - started, "equation-fails")
        checked += holds is True
    seconds = time.perf_counter() - started
    if not checked:
        return Verdict(Outcome.NO_ANSWER, "no equation that could be checked", seconds, "no-equation")
    return Verdict(Outcome.CORRECT, f"{checked} equations hold", seconds, "equations-hold")


def stated_equations(step: str) -> list[tuple[str, str]]:
    """The two sides of each equation, in order; a chain of three sides is two equations."""
    found: list[tuple[str, str]] = []
    for piece in _pieces(str.__str__(step)):
        first, *others = [_tidy(side) for side in piece.split("=")]
        if others:
            found += _of_chain([_opened(first), *others[:-1], _closed(others[-1])])
        if len(found) >= MAX_EQUATIONS:
            break
    return found[:MAX_EQUATIONS]


def _of_chain(sides: list[str]) -> Iterator[tuple[str, str]]:
    """Each side with the one before it; or with an earlier one, where that is a number: `3 * 4 = 12 = 13`."""
    left = ""
    for before, right in pairwise(sides):
        left = before if not (before and left) or not _NUMBER.fullmatch(before) else left
        if left and right:
            yield left, right


def _holds(left: str, right: str) -> bool | None:
    """None where that cannot be said of the two sides alone."""
    if max(len(left), len(right)) > _MAX_SIDE_CHARACTERS or _DIGITS_APART.search(left + ";" + right):
        return None
    if _CONGRUENT.search(right):  # at the end of a line it says of the whole equation what it is true by
        return None
    trees = _value(left), _value(right)
    if None in trees or trees[0] == trees[1] or all(map(_is_bare, trees)):
        return None
    verdict = check_answer(f"\\boxed{{{left}}}", f"\\boxed{{{right}}}")
    if verdict.reason in _HOLDS:
        return True
    blamed = verdict.reason == Reason.DIFFERENT and not _TWO_READINGS.search(f"{left} {right}")
    return False if blamed else None


def _value(side: str) -> Node | None:
    try:
        tree = parse_answer(side)
    except ParseError:
        return None
    traits = traits_of(tree)
    # A function that the problem defines, or a letter that also names a constant (`e = 16/5`), says nothing alone.
    known = not (traits.not_value or traits.symbols or _applies(tree) or isinstance(tree, Constant))
    return tree if known else None


def _applies(tree: Node) -> bool:
    """Whether a function without a meaning of its own is applied, such as `f(3)`."""
    found = [isinstance(tree, Apply)]

    def look(node: Node) -> Node:
        found.append(isinstance(node, Apply))
        return map_children(node, look)

    map_children(tree, look)
    return any(found)


def _is_bare(tree: Node | None) -> bool:
    return isinstance(tree.operand if isinstance(tree, Negate) else tree, Number)


# --- where equations stand -----------------------------------------------------------------------------------------


def _pieces(step: str) -> Iterator[str]:
    """Stretches of mathematics; a first or last side that is not whole is left empty."""
    prose, formulas = _taken_apart(step)
    for formula in formulas:
        if _TABLE.search(formula):
            continue  # a comma or a line in it ends no equation
        yield from _of_formula(_NEW_LINE.sub("\n", formula.replace(r",\!", ",")))
    for line in _CARRIED_ON.sub(" ", prose).split("\n"):
        if "=" in line:
            yield from _of_line(_BULLET.sub("", line, count=1))


def _taken_apart(step: str) -> tuple[str, list[str]]:
    """The prose with formulas and programs hidden, and the formulas."""
    hidden = [(start, end, "") for start, end in program_spans(step)]
    programs = len(hidden)
    for span in formula_spans(step):
        if not any(start < span.end and span.start < end for start, end, _ in hidden[:programs]):
            words = r"\text{ remainder}" if _CARRIES_ON.match(step, span.end) else ""
            hidden.append((span.start, span.end, step[span.inner_start : span.inner_end] + words))
    hidden.sort()
    prose, at = [], 0
    for start, end, _ in hidden:
        prose += [step[at:start], _HIDDEN]
        at = end
    return "".join([*prose, step[at:]]), [formula for _, _, formula in hidden if "=" in formula]


def _of_formula(formula: str) -> Iterator[str]:
    formula = _INNER.sub(
        lambda group: group[0].replace("=", _INNER_SIGN), _CARRIED_ON.sub(" ", _MARKUP.sub(" ", formula))
    )
    at = 0
    for end in [*_BREAK.finditer(formula), None]:
        piece = formula[at : end.start() if end else len(formula)]
        at = end.end() if end else len(formula)
        words = _TEXT_GROUP.sub("", end[0]) if end else ""
        ends = _OPERATOR.match(formula, at) is None and _GOES_ON.match(words) is None
        yield _whole_sides(piece, begins=_OPERATOR.match(piece) is None, ends=ends)


def _of_line(line: str) -> Iterator[str]:
    for run in _RUN.finditer(line):
        if "=" not in run[0]:
            continue
        *first, last = _BREAK.split(run[0])
        begins, ends = _begins(line, run), _ends(line, run)
        for piece in first:
            yield _whole_sides(piece, begins=begins, ends=True)
            begins = True
        yield _whole_sides(last, begins=begins, ends=ends)


def _begins(line: str, run: re.Match[str]) -> bool:
    """Whether the run's first side begins with the run."""
    if _OPERATOR.match(run[0]):
        return False
    before = line[: run.start()]
    if _TIME_BEFORE.search(before[-2:]) and run[0][0].isdigit():
        return False
    if before and not run[0][0].isspace() and not before[-1].isspace() and before[-1] not in ":;,.<>([*|":
        return False
    return _TAKES_WHAT_FOLLOWS.search(before.rstrip()[-40:]) is None


def _ends(line: str, run: re.Match[str]) -> bool:
    """Whether the run's last side ends with the run."""
    after = line[run.end() : run.end() + 80]
    if _TIME_BEHIND.match(after):
        return False
    if after and not run[0][-1].isspace() and (after[0].isalnum() or after[0] in "_{^!\\²³" + _HIDDEN):
        return False
    return _GOES_ON.match(after) is None


def _whole_sides(piece: str, *, begins: bool, ends: bool) -> str:
    start = 0 if begins else max(0, piece.find("="))
    return piece[start:] if ends else piece[start : piece.rfind("=") + 1]


def _tidy(side: str) -> str:
    """Less markup and the marks around it."""
    plain = _MARKUP.sub(" ", side.replace(_INNER_SIGN, "="))
    return _CROSS.sub(r"\\times", re.sub("[−–]", "-", plain)).strip().lstrip(",;").rstrip(".,;").strip()


def _opened(side: str) -> str:
    """Less a bracket that is opened before the equation: `(3 + 4 = 7)`."""
    return side[1:].strip() if side.startswith("(") and side.count("(") == side.count(")") + 1 else side


def _closed(side: str) -> str:
    """Less a bracket that is closed behind it."""
    return side[:-1].strip() if side.endswith(")") and side.count(")") == side.count("(") + 1 else side
