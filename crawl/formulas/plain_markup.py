"""HTML that spells a formula with `em`, `sub` and `sup` (pandoc's plain output), as LaTeX.

In: an element known to be a formula. Out: LaTeX, or None where other markup stands in it.
"""

from __future__ import annotations

from crawl.dom import Element

_OPEN = {"sub": "_{", "sup": "^{", "strong": "\\mathbf{", "b": "\\mathbf{"}
_TRANSPARENT = frozenset("em i span var a code".split())


def markup_to_latex(element: Element) -> str | None:
    """The element's content as LaTeX; italics are LaTeX's own default for letters."""
    pieces: list[str] = []
    stack: list[Element | str] = list(reversed(element.children))
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif node.tag in _OPEN:
            pieces.append(_OPEN[node.tag])
            stack.append("}")
            stack.extend(reversed(node.children))
        elif node.tag in _TRANSPARENT:
            stack.extend(reversed(node.children))
        elif node.tag != "br":
            return None
    return " ".join("".join(pieces).split()) or None
