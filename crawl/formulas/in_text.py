"""The formulas of an extracted text, read back from it: the inverse of `crawl.render`.

In: `Page.text`. Out: every formula with its kind, in order. What stands in fenced or inline code is no
formula; `\\$` and
`` \\` `` are signs. A display formula's lines are freed from the indentation or quotation marks of what it stands in.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"\\[$`]"  # an escaped sign
    r"|(?<![^\n])(?P<indent>[ >]*(?:(?:-|\d+\.) +)*)(?P<fence>`{3,})\n.*?\n[ >]*(?P=fence)(?!`)"  # a fenced block
    r"|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)"  # inline code
    r"|\$\$(?P<display>(?:\\.|[^\\])+?)\$\$"
    r"|\$(?P<inline>(?:\\[^\n]|[^\n$\\])+)\$",
    re.DOTALL,
)


def formulas_in_text(text: str) -> list[tuple[str, bool]]:
    """The formulas between dollars, each with whether it is a display formula."""
    found: list[tuple[str, bool]] = []
    for match in _PIECE.finditer(text):
        if match["display"] is not None:
            found.append((_freed(match, text), True))
        elif match["inline"] is not None:
            found.append((match["inline"], False))
    return found


def _freed(match: re.Match[str], text: str) -> str:
    """A display formula without the prefix its lines share with the line that opens it."""
    latex = match["display"]
    if not latex.startswith("\n"):
        return latex.strip()
    width = match.start() - (text.rfind("\n", 0, match.start()) + 1)
    lines = (line[width:] if not line[:width].strip(" >") else line for line in latex.split("\n"))
    return "\n".join(lines).strip("\n")
