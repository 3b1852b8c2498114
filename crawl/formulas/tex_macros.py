"""Macro definitions inside a page (`\\newcommand`, `\\def`, `\\DeclareMathOperator`, `\\let`) and their expansion.

Definitions are taken out of the formulas they stand in, so that a block of them is never counted as a formula;
the formulas that use them get them expanded, so that every formula that is kept can be read by itself. An
expansion that grows beyond the limit is left undone. Only names that the page itself defines are expanded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_ROUNDS = 8
"""Macros that use macros: pages nest them two or three deep; a cycle stops here."""


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro's body with `#1` … for its arguments; `default` is the optional first argument's value."""

    body: str
    arguments: int = 0
    default: str | None = None


_DEFINITION = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareMathOperator|def|gdef|let|require|newenvironment|DeclarePairedDelimiter|renewenvironment)(?![a-zA-Z])\*?"
)
_NAME = re.compile(r"\s*(?:\{\s*\\([a-zA-Z@]+|.)\s*\}|\\([a-zA-Z@]+|.))")
_COUNT = re.compile(r"\s*\[(\d)\]")
_DEFAULT = re.compile(r"\s*\[([^\]]*)\]")
_PARAMETERS = re.compile(r"((?:#\d)*)\s*(?=\{)")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_LET_TARGET = re.compile(r"\s*=?\s*(\\[a-zA-Z@]+|\\.|\S)")


def braced(text: str, start: int) -> int | None:
    """The index after the brace that closes the one at `start`; None where it never closes."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    return None


def split_definitions(latex: str) -> tuple[str, dict[str, Macro]]:
    """The formula without the definitions in it, and those definitions."""
    if "\\" not in latex or not _DEFINITION.search(latex):
        return latex, {}
    macros: dict[str, Macro] = {}
    kept: list[str] = []
    at = 0
    for match in _DEFINITION.finditer(latex):
        if match.start() < at:
            continue
        end = _read_definition(match[1], latex, match.end(), macros)
        if end is not None:
            kept.append(latex[at : match.start()])
            at = end
    kept.append(latex[at:])
    return "".join(kept), macros


def _read_definition(kind: str, latex: str, at: int, macros: dict[str, Macro]) -> int | None:
    """Read one definition after its command; the index after it, or None where it is not well formed."""
    if kind in ("require", "newenvironment", "renewenvironment"):
        return _skipped_groups(latex, at, 1 if kind == "require" else 3)
    name = _NAME.match(latex, at)
    if name is None:
        return None
    at = name.end()
    if kind == "let":
        target = _LET_TARGET.match(latex, at)
        if target:
            macros[name[1] or name[2]] = Macro(target[1])
        return target.end() if target else None
    if kind == "DeclarePairedDelimiter":
        return _skipped_groups(latex, at, 2)
    return _read_body(kind, latex, at, name[1] or name[2], macros)


def _read_body(kind: str, latex: str, at: int, name: str, macros: dict[str, Macro]) -> int | None:
    """Arguments and body of `\\newcommand` and its kin."""
    count, default = 0, None
    if kind in ("def", "gdef"):
        parameters = _PARAMETERS.match(latex, at)
        if parameters is None:
            return None
        count, at = len(parameters[1]) // 2, parameters.end()
    else:
        number = _COUNT.match(latex, at)
        if number:
            count, at = int(number[1]), number.end()
            optional = _DEFAULT.match(latex, at)
            if optional:
                default, at = optional[1], optional.end()
    while at < len(latex) and latex[at].isspace():
        at += 1
    if at >= len(latex):
        return None
    end = braced(latex, at) if latex[at] == "{" else None
    if end is None:
        return None
    body = latex[at + 1 : end - 1]
    if kind == "DeclareMathOperator":
        body = f"\\operatorname{{{body}}}"
    macros[name] = Macro(body, count, default)
    return end


def _skipped_groups(latex: str, at: int, groups: int) -> int | None:
    for _ in range(groups):
        while at < len(latex) and latex[at].isspace():
            at += 1
        end = braced(latex, at) if latex[at : at + 1] == "{" else None
        if end is None:
            return None
        at = end
    return at


_STANDARD = frozenset("frac sqrt text left right begin end mathbf mathbb mathcal mathrm sum int".split())
"""Never expanded, whatever a page says: a wrong reading would ruin every formula."""


def expand(latex: str, macros: Mapping[str, Macro], max_chars: int = 10_000) -> str:
    """The formula with the page's macros written out; as it was where that does not end or grows too long."""
    if not macros or "\\" not in latex:
        return latex
    used = {name: macro for name, macro in macros.items() if name not in _STANDARD}
    current = latex
    for _ in range(_MAX_ROUNDS):
        following = _expanded_once(current, used)
        if len(following) > max_chars:
            return latex
        if following == current:
            return current
        current = following
    return latex


_COMMAND = re.compile(r"\\([a-zA-Z@]+|.)", re.DOTALL)


def _expanded_once(latex: str, macros: Mapping[str, Macro]) -> str:
    pieces: list[str] = []
    at = 0
    for match in _COMMAND.finditer(latex):
        if match.start() < at or match[1] not in macros:
            continue
        read = _arguments(macros[match[1]], latex, match.end())
        if read is None:
            continue
        values, end = read
        pieces.append(latex[at : match.start()])
        body = re.sub(r"#(\d)", lambda found, values=values: _nth(values, int(found[1])), macros[match[1]].body)  # type: ignore[misc]
        glue = " " if re.search(r"\\[a-zA-Z@]+$", body) and latex[end : end + 1].isalpha() else ""
        pieces.append(body + glue)
        at = end
    pieces.append(latex[at:])
    return "".join(pieces)


def _nth(values: list[str], index: int) -> str:
    return values[index - 1] if 0 < index <= len(values) else ""


def _arguments(macro: Macro, latex: str, at: int) -> tuple[list[str], int] | None:
    """The macro's arguments from `at` on, and where they end."""
    values: list[str] = []
    for index in range(macro.arguments):
        if index == 0 and macro.default is not None:
            optional = re.compile(r"\[([^\]]*)\]").match(latex, at)
            values.append(optional[1] if optional else macro.default)
            at = optional.end() if optional else at
            continue
        while at < len(latex) and latex[at].isspace():
            at += 1
        if at >= len(latex) or latex[at] == "}":
            return None
        if latex[at] == "{":
            end = braced(latex, at)
            if end is None:
                return None
            values.append(latex[at + 1 : end - 1])
            at = end
        else:
            match = _COMMAND.match(latex, at)
            values.append(match[0] if match else latex[at])
            at += len(values[-1])
    return values, at
