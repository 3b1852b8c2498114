"""The last touch on a formula before it stands in the text: no delimiters, no bare `$`, no blank lines.

In: LaTeX as found in a page, with whatever wraps it there. Out: LaTeX that can be put between dollars and read
back, or an empty string where nothing is left.
"""

from __future__ import annotations

import html
import re

from crawl.formulas.tex_macros import braced

_CDATA = re.compile(r"%?\s*<!\[CDATA\[|%?\s*\]\]>")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|nbsp|minus|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad\x00-\x08\x0b-\x1f\x7f]")
_EMPTY_STYLE = re.compile(r"^(?:\{\s*\\(?:displaystyle|textstyle|scriptstyle)\s*\}\s*)+")
_LAST_BREAK = re.compile(r"(?:(?<!\\)(?:\\\\)+\s*)+$")
"""A line break after the last line prints nothing (Zhihu writes one to mark a display formula)."""
_STYLE_GROUP = re.compile(r"\{\s*\\(?:displaystyle|textstyle|scriptstyle)(?![a-zA-Z])\s*")
_STYLE = re.compile(r"\\(?:displaystyle|textstyle)(?![a-zA-Z])\s*")
_DELIMITERS = (("\\[", "\\]"), ("\\(", "\\)"), ("$$", "$$"), ("$", "$"))
_DOCUMENT = re.compile(r"\\documentclass.*?\\begin\{document\}(.*)\\end\{document\}", re.DOTALL)
"""Publishers keep each formula as a LaTeX document of its own (JATS `tex-math`)."""
_WRAPPER = re.compile(r"\\begin\{(equation\*?|displaymath|math)\}(.*)\\end\{\1\}", re.DOTALL)


def clean_latex(latex: str, *, display: bool = False) -> str:
    """The formula, ready to stand between dollars."""
    if "&" in latex and _ENTITY.search(latex):
        latex = html.unescape(latex)
    if "CDATA" in latex or "]]>" in latex:
        latex = _CDATA.sub("", latex)
    latex = _INVISIBLE.sub("", latex.replace("\xa0", " ").replace("\r", "\n"))
    if "%" in latex:
        latex = _without_comments(latex)
    latex = strip_delimiters(latex.strip())[0]
    latex = _without_style(latex)
    latex = _LAST_BREAK.sub("", latex).rstrip()
    latex = safe_dollars(latex)
    latex = _spaced(latex, display=display)
    while latex.endswith("\\") and (len(latex) - len(latex.rstrip("\\"))) % 2:
        latex = latex[:-1].rstrip()
    return latex


def _without_comments(latex: str) -> str:
    """TeX comments go up to the end of their line; a percent sign on a last line is kept as a sign."""
    lines = latex.split("\n")
    kept = [re.sub(r"((?<!\\)(?:\\\\)*)%.*", r"\1", line) for line in lines[:-1]]
    last = re.sub(r"((?<!\\)(?:\\\\)*)%", r"\1\\%", lines[-1])
    return "\n".join([*kept, last])


def strip_delimiters(latex: str) -> tuple[str, bool | None]:
    """The formula without the delimiters around it, and what they said: display, inline or nothing."""
    said: bool | None = None
    if "\\documentclass" in latex and (document := _DOCUMENT.search(latex)):
        latex = document[1].strip()
    for _ in range(4):
        for opening, closing in _DELIMITERS:
            if len(latex) > len(opening) + len(closing) and latex.startswith(opening) and latex.endswith(closing):
                inner = latex[len(opening) : -len(closing)]
                if closing in inner or inner.endswith("\\"):
                    continue
                latex, said = inner.strip(), opening in ("\\[", "$$") if said is None else said
                break
        else:
            match = _WRAPPER.fullmatch(latex)
            if match is None or "\\begin{" + match[1] in match[2]:
                break
            latex = match[2].strip()
            said = match[1] != "math" if said is None else said
    return latex, said


def _without_style(latex: str) -> str:
    """Drop a `{\\displaystyle ...}` that holds the whole formula, and a leading `\\displaystyle`."""
    for _ in range(3):
        latex = _EMPTY_STYLE.sub("", latex)
        if latex.startswith("{") and not _STYLE_GROUP.match(latex) and braced(latex, 0) == len(latex):
            latex = latex[1:-1].strip()
            continue
        match = _STYLE_GROUP.match(latex)
        if match and braced(latex, 0) == len(latex):
            latex = latex[match.end() : -1].strip()
            continue
        match = _STYLE.match(latex)
        if match is None or "\\textstyle" in latex[match.end() :]:
            break
        latex = latex[match.end() :]
    return latex


_DOLLAR = re.compile(r"\\.|\$", re.DOTALL)


def safe_dollars(latex: str) -> str:
    """`$x$` inside `\\text{...}` becomes `\\(x\\)`; a dollar without its partner becomes `\\$`."""
    if "$" not in latex:
        return latex
    places = [match.start() for match in _DOLLAR.finditer(latex) if match[0] == "$"]
    if not places:
        return latex
    pairs = len(places) - len(places) % 2
    pieces: list[str] = []
    at = 0
    for index, place in enumerate(places):
        pieces.append(latex[at:place])
        pieces.append(("\\(", "\\)")[index % 2] if index < pairs else "\\$")
        at = place + 1
    pieces.append(latex[at:])
    return "".join(pieces).replace("\\(\\)", "")


def _spaced(latex: str, *, display: bool) -> str:
    """One line for an inline formula; lines without blank ones for a display formula."""
    if not display:
        return " ".join(latex.split())
    lines = (" ".join(line.split()) for line in latex.split("\n"))
    return "\n".join(line for line in lines if line)
