"""A statement and a proof as text: what is a header, what is stated, and the ways a proof can be meant.

In: texts as benchmarks and models write them. Out: header lines, the statement without its `:=`, and readings of the
proof to be tried one after the other. Nothing is judged here: Lean parses both, and only it decides.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_END = re.compile(r"\s*:=\s*(?:by)?\s*(?:sorry)?\s*\Z")
_HEADER = re.compile(
    r"\s*(?!.*\bin\b)"
    r"(?:import|open|set_option|namespace|universe|universes|variable|noncomputable section|section)\b.*"
)
_COMMENT = re.compile(r"\A\s*(?:/-.*?-/|--[^\n]*\n)", re.DOTALL)
_MATHLIB = re.compile(r"\b(?:Mathlib|Aesop)\b|[ℝℂ]|\bReal\.|\bFinset\b|\bMathlib\b")
_FENCE = re.compile(r"\A\s*```[a-z0-9]*\n(.*?)\n?```\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """Commands that come before (imports apart), and the theorem up to its `:=`."""

    imports: tuple[str, ...]
    header: str
    text: str

    @property
    def wants_mathlib(self) -> bool:
        """Whether it says so, or uses what only Mathlib has."""
        return any(name.startswith(("Mathlib", "Aesop")) for name in self.imports) or bool(_MATHLIB.search(self.text))


def read_statement(text: str, header: str = "") -> Statement:
    """Split a statement as benchmarks write it; `header` comes before its own."""
    imports: list[str] = []
    commands: list[str] = []
    rest = header.strip() + "\n" + text if header.strip() else text
    while True:
        comment = _COMMENT.match(rest)
        if comment is not None:
            rest = rest[comment.end() :]
            continue
        line, newline, after = rest.lstrip().partition("\n")
        if not _HEADER.fullmatch(line):
            break
        if line.split()[0] == "import":
            imports += line.split()[1:]
        else:
            commands.append(line.rstrip())
        rest = after
        if not newline:
            break
    return Statement(tuple(imports), "\n".join(commands), _END.sub("", rest.strip()))


def readings(proof: str) -> list[str]:
    """The texts that may stand behind the statement, the likeliest first."""
    fenced = _FENCE.match(proof)
    body = textwrap.dedent(fenced[1] if fenced else proof).strip("\n").rstrip()
    start = body.lstrip()
    if start.startswith(":="):
        return [" " + start]
    if re.match(r"by\b", start):
        return [" := " + start]
    script = " := by\n" + textwrap.indent(body, "  ")
    return [script, " := " + start]
