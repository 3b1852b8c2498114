"""Code that stands in blocks: which elements hold it, and its lines as they were.

In: an element. Out: a verdict, or the code as text. Besides `pre`, Doxygen's `div.fragment` (a `div.line` a line)
and editors' lists of lines hold code; line numbers are left out.
"""

from __future__ import annotations

import re

from crawl.dom import Element

_LINE_NUMBERS = frozenset("lineno linenos linenodiv lineno-col line-number line-numbers gutter ln".split())
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad\ufffc\x00-\x08\x0b-\x1f\x7f]")


def is_code_block(node: Element) -> bool:
    """Does this element, which is no `pre`, hold lines of code?"""
    return (
        node.tag == "div" and "fragment" in node.classes and any("line" in child.classes for child in node.elements())
    )


def _is_line_number(node: Element) -> bool:
    """Named so, or kept from being selected with the code (Hugo's highlighter)."""
    return not _LINE_NUMBERS.isdisjoint(node.classes) or "user-select:none" in node.get("style").replace(" ", "")


def code_of(node: Element) -> str:
    """The code with its line breaks, those of `<br>` and of line elements too."""
    pieces: list[str] = []
    stack: list[Element | str] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
        elif item.tag == "br":
            pieces.append("\n")
        elif item.tag in ("button", "style", "script") or _is_line_number(item):
            continue
        else:
            if item.tag in ("div", "li", "tr", "p") and pieces and not pieces[-1].endswith("\n"):
                pieces.append("\n")
            stack.extend(reversed(item.children))
    code = "".join(pieces).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    lines = _INVISIBLE.sub("", code).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines).strip("\n"))
