"""The running text of a page: what is left when code and formulas are taken out of it.

In: `Page.text` (light Markdown: fenced code, `$…$` inline, `$$…$$` display, a literal dollar as `\\$`).
Out: the text with code removed, or with each formula replaced by what the caller wants in its place.
Every pattern is linear in the text: pages are hostile, and may hold megabytes of unclosed marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# An escaped dollar is taken first so that it can never open a formula. A display formula may span lines but not
# hold `$$`; an inline one stays within its line, as the extractor writes it.
_FORMULA = re.compile(r"\\\$|\$\$(?P<display>[^$]++(?:\$[^$]++)*+)\$\$|\$(?P<inline>(?:[^$\\\n]|\\.)++)\$")
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_LINK_TARGET = re.compile(r"\]\([^()\s]*\)|https?://\S+")
_FENCES = ("```", "~~~")


def replace_formulas(text: str, put: Callable[[str], str]) -> str:
    """The text with `put(latex)` in each formula's place and literal dollars unescaped."""

    def place(match: re.Match[str]) -> str:
        latex = match["display"] or match["inline"]
        return "$" if latex is None else put(latex)

    return _FORMULA.sub(place, text)


def without_code(text: str) -> str:
    """The text without fenced blocks; a fence that is never closed runs to the end, as in CommonMark."""
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        stripped = line.lstrip()
        if fence:
            if stripped.startswith(fence) and not stripped.strip(fence[0]).strip():
                fence = ""
        elif stripped.startswith(_FENCES):
            mark = stripped[0]
            fence = mark * (len(stripped) - len(stripped.lstrip(mark)))
        else:
            kept.append(line)
    return "\n".join(kept)


def prose_of(text: str, formula: str = " ") -> str:
    """Running text: no fenced or inline code, no addresses, `formula` in the place of each formula."""
    prose = _INLINE_CODE.sub(" ", without_code(text))
    return _LINK_TARGET.sub(" ", replace_formulas(prose, lambda _: formula))
