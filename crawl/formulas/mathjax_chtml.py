r"""MathJax's CHTML output without its source, to LaTeX.

In: an mjx-container (or mjx-math) `Element` of MathJax 3 or 4. Out: LaTeX, or None where nothing can be recovered.
Method: the elements keep MathML's names (mjx-mfrac, mjx-msup …) and each mjx-c its code point in the class name;
the MathML tree is rebuilt children first, without recursion, and goes through `mathml_to_latex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from crawl.dom import Element
from crawl.formulas import mathjax_tree as tree
from crawl.formulas.mathml import MAX_DEPTH, MAX_NODES, mathml_to_latex

_CODE = re.compile(r"mjx-c([0-9A-F]{1,6})\Z")
_FONT = re.compile(r"(?:TEX|NCM|[A-Z]{2,})-([A-Z]{1,2}[0-9]?)\Z")
_WIDTH = re.compile(r"(?:^|[;\s])width\s*:\s*(-?[0-9.]+)em")
_MARGIN = re.compile(r"margin-(?:left|right)\s*:\s*(-[0-9.]+)em")
_TOKENS = frozenset({"mi", "mn", "mo", "mtext", "ms"})
_NEAR = 4  # mjx-mtable > mjx-table > mjx-itable, which draws the frame
_GLYPH_TAGS = frozenset({"mjx-c", "mjx-utext", "mjx-stretchy-v", "mjx-stretchy-h"})
_SLOTS = frozenset({"base", "over", "under", "num", "den", "root", "surd", "sqrt", "script", "prescripts",
                    "postscripts", "labels"})  # fmt: skip
_SKIPPED = frozenset({"mjx-assistive-mml", "mjx-speech", "mjx-nstrut", "mjx-dstrut", "mjx-tstrut",
                      "mjx-line", "mjx-mark",
                      "mjx-help", "mjx-spacer"})  # fmt: skip


def chtml_to_latex(container: Element) -> str | None:
    """LaTeX of a formula that MathJax drew with HTML; None where its characters cannot be told."""
    nodes: list[Element] = []
    stack = [(container, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > 3 * MAX_DEPTH or len(nodes) > 4 * MAX_NODES:
            return None
        nodes.append(node)
        tag = node.tag.lower()
        if tag not in _SKIPPED and tag.removeprefix("mjx-") not in _TOKENS:
            stack.extend((child, depth + 1) for child in node.elements())
    built: dict[int, list[Element]] = {}
    for node in reversed(nodes):
        children = [made for child in node.elements() for made in built.pop(id(child), [])]
        built[id(node)] = _rebuild(node, children)
    return mathml_to_latex(Element("math", {"data-mjx-texclass": "ORD"}, list(built[id(container)])))


def _rebuild(node: Element, children: list[Element]) -> list[Element]:
    tag = node.tag.lower()
    if tag in _SKIPPED or tag in _GLYPH_TAGS or not tag.startswith("mjx-"):
        return [] if tag in _SKIPPED or tag in _GLYPH_TAGS else children
    name = tag.removeprefix("mjx-")
    if name in _TOKENS:
        return [tree.token(name, _glyphs(node))]
    if name in _SLOTS:
        return [Element("slot-" + name, dict(node.attrs), list(children))]
    handler = _HANDLERS.get(name)
    if handler is not None:
        return [handler(node, children)]
    return children


def _glyphs(node: Element) -> list[tree.Glyph]:
    glyphs: list[tree.Glyph] = []
    for child in node.walk():
        tag = child.tag.lower()
        if tag == "mjx-utext":
            glyphs.extend(tree.Glyph(char) for char in child.text())
        elif tag in _GLYPH_TAGS:
            font = next((match[1] for name in child.classes if (match := _FONT.match(name))), "")
            code = next((match[1] for name in child.classes if (match := _CODE.match(name))), "")
            glyph = tree.glyph_of_code(code, font, stretched=tag.startswith("mjx-stretchy"))
            if glyph is not None:
                glyphs.append(glyph)
            elif tag == "mjx-c" and child.classes:
                glyphs.extend(tree.Glyph(char, font) for char in child.text())
    return glyphs


def _slot(children: list[Element], name: str) -> list[Element]:
    for child in children:
        if child.tag == "slot-" + name:
            return list(child.elements())
    return []


def _rest(children: list[Element]) -> list[Element]:
    return [child for child in children if not child.tag.startswith("slot-")]


def _fraction(node: Element, children: list[Element]) -> Element:
    made = Element("mfrac", {}, [tree.group(_slot(children, "num")), tree.group(_slot(children, "den"))])
    if any(child.get("atop") == "true" for child in node.elements()):
        made.attrs["linethickness"] = "0"
    if not _slot(children, "num") and not _slot(children, "den"):
        made = Element("mfrac", {"bevelled": "true"}, list(_rest(children)[::2]))
    return made


def _root(_: Element, children: list[Element]) -> Element:
    body = _rest(_slot(children, "sqrt")) or _rest(children)
    index = _slot(children, "root")
    if index:
        return Element("mroot", {}, [tree.group(body), tree.group(index)])
    return Element("msqrt", {}, list(body))


def _scripts(node: Element, children: list[Element]) -> Element:
    """msub, msup, msubsup, and munderover drawn with its limits at the side."""
    name = node.tag.lower().removeprefix("mjx-")
    base, scripts = tree.group(_rest(children)), _slot(children, "script")
    if name in ("msub", "munder"):
        return Element("msub", {}, [base, tree.group(scripts)])
    if name in ("msup", "mover"):
        return Element("msup", {}, [base, tree.group(scripts)])
    return Element("msubsup", {}, [base, *(scripts[1:2] or [Element("none")]), *(scripts[:1] or [Element("none")])])


def _limits(node: Element, children: list[Element]) -> Element:
    if any(child.tag == "slot-script" for child in children):
        return _scripts(node, children)
    under, over = _slot(children, "under"), _slot(children, "over")
    base = _slot(children, "base")
    inner = next((child for child in children if child.tag in ("munder", "mover")), None)
    if inner is not None and not base:
        parts = list(inner.elements())
        base = parts[:1]
        under, over = (parts[1:], over) if inner.tag == "munder" else (under, parts[1:])
    if under and over:
        return Element("munderover", {}, [tree.group(base), tree.group(under), tree.group(over)])
    if under:
        return Element("munder", {}, [tree.group(base), tree.group(under)])
    return Element("mover", {}, [tree.group(base), tree.group(over)])


def _multiscripts(_: Element, children: list[Element]) -> Element:
    """Columns of scripts: each slot holds its superscripts, then its subscripts."""
    made = Element("mmultiscripts", {}, [tree.group(_rest(children))])
    for slot in ("postscripts", "prescripts"):
        scripts = _slot(children, slot)
        if slot == "prescripts" and scripts:
            made.children.append(Element("mprescripts"))
        half = (len(scripts) + 1) // 2
        for index in range(half):
            made.children.extend([*(scripts[half + index : half + index + 1] or [Element("none")]), scripts[index]])
    return made


def _table(node: Element, children: list[Element]) -> Element:
    rows = _rest(children)
    labels = [list(row.elements()) for row in _slot(children, "labels")]
    for row in rows:
        if row.tag == "mlabeledtr":
            label = labels.pop(0) if labels else []
            row.children.insert(0, tree.group(label) if label else Element("mtd"))
    table = Element("mtable", {}, list(rows))
    first = list(rows[0].elements())[rows[0].tag == "mlabeledtr" :] if rows else []
    lines = ["solid" if "border-left" in cell.get("style") else "none" for cell in first[1:]]
    if "solid" in lines:
        table.attrs["columnlines"] = " ".join(lines)
    rules = [
        "solid" if any("border-top" in cell.get("style") for cell in row.elements()) else "none" for row in rows[1:]
    ]
    if "solid" in rules:
        table.attrs["rowlines"] = " ".join(rules)
    if any(inner.tag == "mjx-itable" and "border:" in inner.get("style") for inner in islice(node.walk(), _NEAR)):
        table.attrs["frame"] = "solid"
    if len(first) > 1 and re.search(r"padding-right:\s*0(?:em)?\s*;", first[0].get("style") + ";"):
        table.attrs["columnspacing"] = "0em"
    return table


def _enclosed(node: Element, children: list[Element]) -> Element:
    tags = {child.tag.lower() for child in node.elements()}
    notations = [name for tag, name in (("mjx-ustrike", "updiagonalstrike"), ("mjx-dstrike", "downdiagonalstrike"),
                                        ("mjx-hstrike", "horizontalstrike")) if tag in tags]  # fmt: skip
    styles = " ".join(child.get("style") for child in node.elements())
    if not notations and "border:" in styles.replace(" :", ":"):
        notations = ["box"]
    elif not notations:
        notations = [side for side in ("top", "bottom", "left", "right") if f"border-{side}" in styles]
    return Element("menclose", {"notation": " ".join(notations)}, list(children))


def _space(node: Element, _: list[Element]) -> Element:
    style = node.get("style")
    match = _MARGIN.search(style) or _WIDTH.search(style)
    return Element("mspace", {"width": match[1] + "em"} if match else {})


def _cell(node: Element, children: list[Element]) -> Element:
    return Element("mtd", {"style": node.get("style")}, list(children))


_HANDLERS: dict[str, Callable[[Element, list[Element]], Element]] = {
    "mrow": lambda _, children: tree.row(children),
    "inferredmrow": lambda _, children: Element("mrow", {}, list(children)),
    "texatom": lambda node, children: tree.atom(children, node.get("texclass")),
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msub": _scripts,
    "msup": _scripts,
    "msubsup": _scripts,
    "munder": _limits,
    "mover": _limits,
    "munderover": _limits,
    "mmultiscripts": _multiscripts,
    "mtable": _table,
    "mtr": lambda _, children: Element("mtr", {}, list(children)),
    "mlabeledtr": lambda _, children: Element("mlabeledtr", {}, list(children)),
    "mtd": _cell,
    "menclose": _enclosed,
    "mspace": _space,
    "mstyle": lambda _, children: Element("mstyle", {}, list(children)),
    "mpadded": lambda _, children: Element("mpadded", {}, list(children)),
    "mphantom": lambda _, children: Element("mphantom", {}, list(children)),
    "merror": lambda _, children: Element("merror", {}, list(children)),
}
