r"""MathJax's SVG output without its source, to LaTeX.

In: an mjx-container (or its svg) `Element` of MathJax 3 or 4. Out: LaTeX, or None where nothing can be recovered.
Method: groups carry MathML's names (data-mml-node) and glyphs their code points (data-c); which script is the upper
one is told by its place. The MathML tree is rebuilt children first and goes through `mathml_to_latex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice, pairwise

from crawl.dom import Element
from crawl.formulas import mathjax_tree as tree
from crawl.formulas.mathml import MAX_DEPTH, MAX_NODES, mathml_to_latex

_FONT = re.compile(r"-([A-Z]{1,2}[0-9]?)-[0-9A-F]+\Z")
_TRANSLATE = re.compile(r"translate\(\s*(-?[0-9]*\.?[0-9]+)(?:[ ,]+(-?[0-9]*\.?[0-9]+))?")
_COORDINATE = re.compile(r"-?[0-9]*\.?[0-9]+")
_TOKENS = frozenset({"mi", "mn", "mo", "mtext", "ms"})
_SKIPPED = frozenset({"defs", "mjx-assistive-mml", "mjx-speech", "title", "desc", "style"})
_UNITS_PER_EM = 1000.0
_NEAR = 8  # elements between a <menclose> and the table it frames
_LINE_WIDTH = 68.0  # a line on the left stands at half its width of 67
_X, _Y = "data-x", "data-y"


def svg_to_latex(container: Element) -> str | None:
    """LaTeX of a formula that MathJax drew with SVG; None where its characters cannot be told."""
    nodes: list[Element] = []
    grouped: set[int] = set()
    stack = [(container, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > 3 * MAX_DEPTH or len(nodes) > 4 * MAX_NODES:
            return None
        nodes.append(node)
        if node.get("data-mml-node") in ("msqrt", "mroot"):
            grouped.update(id(child) for child in node.elements() if not child.get("data-mml-node"))
        if node.tag.lower() not in _SKIPPED and node.get("data-mml-node") not in _TOKENS:
            stack.extend((child, depth + 1) for child in node.elements())
    built: dict[int, list[Element]] = {}
    for node in reversed(nodes):
        children = [made for child in node.elements() for made in built.pop(id(child), [])]
        made = _rebuild(node, children)
        built[id(node)] = [tree.group(made)] if id(node) in grouped and node.tag == "g" else made
    return mathml_to_latex(Element("math", {"data-mjx-texclass": "ORD"}, list(built[id(container)])))


def _rebuild(node: Element, children: list[Element]) -> list[Element]:
    if node.tag.lower() in _SKIPPED:
        return []
    name = node.get("data-mml-node")
    if name in _TOKENS:
        made = tree.token(name, _glyphs(node))
    elif name in _HANDLERS:
        made = _HANDLERS[name](node, children)
    elif node.get("data-labels") == "true" and node.tag == "g":
        made = Element("slot-labels", {}, list(children))
    elif name in ("math", ""):
        return _shifted(_sized_spaces(children), node)
    else:
        made = Element("mrow", {}, list(children))
    _place(made, node)
    return [made]


def _place(made: Element, node: Element) -> None:
    match = _TRANSLATE.search(node.get("transform"))
    made.attrs[_X] = match[1] if match else "0"
    made.attrs[_Y] = (match[2] or "0") if match else "0"


def _shifted(children: list[Element], node: Element) -> list[Element]:
    """Children of a group without a name, in their parent's coordinates."""
    match = _TRANSLATE.search(node.get("transform"))
    if match is not None:
        for child in children:
            child.attrs[_X] = str(_position(child, _X) + float(match[1]))
            child.attrs[_Y] = str(_position(child, _Y) + float(match[2] or 0))
    return children


def _position(node: Element, axis: str) -> float:
    return float(node.get(axis, "0") or "0")


def _coordinate(shape: Element, name: str) -> float:
    match = _COORDINATE.match(shape.get(name))
    return float(match[0]) if match else 0.0


def _glyphs(node: Element) -> list[tree.Glyph]:
    glyphs: list[tree.Glyph] = []
    stack: list[tuple[Element, bool]] = [(node, False)]
    while stack:
        child, stretched = stack.pop()
        code = child.get("data-c")
        if code:
            reference = child.get("xlink:href") or child.get("href") or child.get("id")
            match = _FONT.search(reference)
            glyph = tree.glyph_of_code(code, match[1] if match else "", stretched=stretched)
            if glyph is not None:
                glyphs.append(glyph)
            continue  # a group with a code of its own draws one character from several
        if child.tag == "text":
            glyphs.extend(tree.Glyph(char) for char in child.text())
            continue
        inner = stretched or child.tag == "svg"
        stack.extend((grandchild, inner) for grandchild in reversed(list(child.elements())))
    return glyphs


def _sized_spaces(children: list[Element]) -> list[Element]:
    """Give spaces their width: the way to the next sibling's place."""
    for space, after in pairwise(children):
        only = space
        while only.tag in ("mstyle", "mrow") and len(only.children) == 1 and isinstance(only.children[0], Element):
            only = only.children[0]
        if only.tag == "mspace":
            only.attrs["width"] = f"{(_position(after, _X) - _position(space, _X)) / _UNITS_PER_EM:.3f}em"
    return children


def _row(_: Element, children: list[Element]) -> Element:
    return tree.row(_sized_spaces(children))


def _fraction(node: Element, children: list[Element]) -> Element:
    made = Element("mfrac", {}, [*children[:1], *children[1:2]])
    if not any(child.tag == "rect" for child in node.elements()):
        made.attrs["linethickness"] = "0"
    return made


def _root(node: Element, children: list[Element]) -> Element:
    """The surd is an operator of its own; what stands in a group without a name is under it."""
    named: list[Element] = []
    body: list[Element] = []
    remaining = list(children)
    for child in node.elements():
        if child.tag != "g" or not remaining:
            continue
        if child.get("data-mml-node"):
            named.append(remaining.pop(0))
        else:
            body.append(remaining.pop(0))
    index = [child for child in named if child.text() != "√" or child.tag != "mo"]
    index = [child for child in index if not (child.tag == "mo" and set(child.text()) <= set("√⎷\ue000\ue001"))]
    if node.get("data-mml-node") == "mroot" and index:
        return Element("mroot", {}, [tree.group(body), index[0]])
    return Element("msqrt", {}, list(body))


def _scripts(node: Element, children: list[Element]) -> Element:
    """Base first; of two scripts the one placed higher is the upper one."""
    name = node.get("data-mml-node")
    base, scripts = children[:1] or [Element("mrow")], sorted(children[1:3], key=lambda child: _position(child, _Y))
    if name in ("munder", "mover") and scripts and scripts[0].text() == "⏞":
        scripts[0].children = ["⏟" if name == "munder" else "⏞"]  # one set of parts draws both braces
    if len(scripts) == 2 or name in ("msub", "msup", "munder", "mover"):
        return Element(name, {}, [*base, *scripts])
    return Element("mrow", {}, list(children))


def _multiscripts(_: Element, children: list[Element]) -> Element:
    """Groups of scripts left and right of the base, told by their place relative to it."""
    base = next((child for child in children if _position(child, _Y) == 0.0), None)
    made = Element("mmultiscripts", {}, [base or Element("mrow")])
    x = _position(base, _X) if base else 0.0
    for side in ("post", "pre"):
        chosen = [child for child in children if child is not base and (_position(child, _X) < x) == (side == "pre")]
        if side == "pre" and chosen:
            made.children.append(Element("mprescripts"))
        above = [child for child in chosen if _position(child, _Y) > 0]
        below = [child for child in chosen if _position(child, _Y) <= 0]
        for index in range(max(len(above), len(below))):
            made.children.extend(side_[index] if index < len(side_) else Element("none") for side_ in (below, above))
    return made


def _table(node: Element, children: list[Element]) -> Element:
    labels = [label for child in children if child.tag == "slot-labels" for label in child.elements()]
    rows = [child for child in children if child.tag in ("mtr", "mlabeledtr")]
    for row in rows:
        if row.tag == "mlabeledtr":
            row.children.insert(0, labels.pop(0) if labels else Element("mtd"))
    table = Element("mtable", {}, list(rows))
    if all(len(row.children) == 1 for row in rows):
        table.attrs["displaystyle"] = "true"  # without delimiters a column of formulas, not a matrix
    tree.mark_aligned([_without_label(row) for row in rows], table)
    _mark_lines(node, rows, table)
    return table


def _without_label(row: Element) -> Element:
    return Element("mtr", {}, list(row.children[row.tag == "mlabeledtr" :]))


def _mark_lines(node: Element, rows: list[Element], table: Element) -> None:
    columns = [_position(cell, _X) for cell in _without_label(rows[0]).elements()] if rows else []
    heights = [_position(row, _Y) for row in rows]
    vertical, horizontal = set(), set()
    for line in node.elements():
        if line.get("data-line") == "v":
            vertical.add(sum(x < _coordinate(line, "x1") for x in columns))
        elif line.get("data-line") == "h":
            horizontal.add(sum(y > _coordinate(line, "y1") for y in heights))
        elif line.get("data-frame"):
            table.attrs["frame"] = "solid"
    for name, places, count in (("columnlines", vertical, len(columns)), ("rowlines", horizontal, len(rows))):
        if places:
            table.attrs[name] = " ".join("solid" if index in places else "none" for index in range(1, count))


def _enclosed(node: Element, children: list[Element]) -> Element:
    of_table = any(inner.get("data-mml-node") == "mtable" for inner in islice(node.walk(), _NEAR))
    notations = []
    for shape in node.elements():
        if shape.tag == "rect" and shape.get("fill") == "none":
            notations.append("box")
        elif shape.tag == "line":
            notations.append(_side(shape) if of_table else _strike(shape))
    return Element("menclose", {"notation": " ".join(notations)}, list(children))


def _strike(line: Element) -> str:
    rises = _coordinate(line, "y2") - _coordinate(line, "y1")
    return "updiagonalstrike" if rises > 0 else "downdiagonalstrike" if rises < 0 else "horizontalstrike"


def _side(line: Element) -> str:
    """Where a line stands that partly frames an array: MathJax strikes no array through."""
    x, y = _coordinate(line, "x1"), _coordinate(line, "y1")
    if x == _coordinate(line, "x2"):
        return "left" if x < _LINE_WIDTH else "right"
    return "top" if y > 0 else "bottom"


_HANDLERS: dict[str, Callable[[Element, list[Element]], Element]] = {
    "mrow": _row,
    "TeXAtom": lambda node, children: tree.atom(_sized_spaces(children), node.get("data-mjx-texclass")),
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msub": _scripts,
    "msup": _scripts,
    "msubsup": _scripts,
    "munder": _scripts,
    "mover": _scripts,
    "munderover": _scripts,
    "mmultiscripts": _multiscripts,
    "mtable": _table,
    "mtr": lambda _, children: Element("mtr", {}, list(children)),
    "mlabeledtr": lambda _, children: Element("mlabeledtr", {}, list(children)),
    "mtd": lambda _, children: Element("mtd", {}, list(_sized_spaces(children))),
    "menclose": _enclosed,
    "mspace": lambda *_: Element("mspace"),
    "mstyle": lambda _, children: Element("mstyle", {}, list(_sized_spaces(children))),
    "mpadded": lambda _, children: Element("mpadded", {}, list(children)),
    "mphantom": lambda _, children: Element("mphantom", {}, list(children)),
    "merror": lambda _, children: Element("merror", {}, list(children)),
}
