"""KaTeX's visual output without its MathML: LaTeX rebuilt from the class names of its boxes.

In: a `span.katex-html`. Out: LaTeX, or None where nothing can be read. Method: the boxes are turned into a
MathML tree,
which has a converter already. What KaTeX's classes say is enough for scripts (`msupsub`), fractions (`mfrac`),
roots, accents,
limits (`op-limits`), tables (`mtable`), fonts and fences; what it draws as a picture (wide accents,
arrows and bars made of SVG)
is guessed by its class or left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from crawl.dom import Element
from crawl.formulas.mathml import mathml_to_latex

_Builder = Callable[[Element, int], list[Element]]
_MAX_DEPTH = 60
"""Formulas inside formulas; deeper boxes were drawn by nobody."""
_SKIPPED = frozenset(
    "strut pstrut vlist-s nulldelimiter mspace frac-line hide-tail overline-line underline-line tag "
    "eqn-num arraycolsep "
    "vertical-separator hline struts rule smash".split()
)
_FONTS = {
    "mathbf": "bold", "mathbb": "double-struck", "mathcal": "script", "mathscr": "script", "mathfrak": "fraktur",
    "mathsf": "sans-serif", "mathtt": "monospace", "mathrm": "normal", "boldsymbol": "bold-italic",
    "textrm": "normal",
    "textbf": "bold", "mathboldsf": "bold-sans-serif", "mathbfit": "bold-italic",
}  # fmt: skip
_OPERATORS = frozenset(["mbin", "mrel", "mopen", "mclose", "mpunct"])
_FENCES = {"⎝⎜⎛": "(", "⎞⎟⎠": ")", "⎡⎢⎣": "[", "⎤⎥⎦": "]", "⎧⎨⎩⎪": "{", "⎫⎬⎭": "}", "∣⏐": "|", "∥": "‖"}
_FENCE_PIECES = {ord(piece): sign for pieces, sign in _FENCES.items() for piece in pieces}
_TOP = re.compile(r"(?:^|;)\s*top\s*:\s*(-?[\d.]+)em")
_STROKE = "\ue020"
"""KaTeX's font has the slash of `\\not` here."""
_ACCENTS = {"⃗": "→", "ˉ": "¯", "ˆ": "^", "˜": "~"}


class _TooDeep(Exception):  # noqa: N818  (a signal, not an error)
    """Boxes are nested beyond any formula."""


def katex_html_to_latex(root: Element) -> str | None:
    """The formula that the boxes draw; None where nothing can be read."""
    try:
        row = _row(root, 0)
    except _TooDeep:
        return None
    latex = mathml_to_latex(Element("math", {}, [Element("mrow", {}, list(row))])) if row else None
    tag = next((child for child in root.walk() if "tag" in _classes(child)), None)
    number = "".join(tag.text().split()).replace("\u200b", "") if tag and latex else ""
    if number.startswith("(") and number.endswith(")"):
        return f"{latex} \\tag{{{number[1:-1]}}}"
    return f"{latex} \\tag*{{{number}}}" if number else latex


def _classes(node: Element) -> list[str]:
    """The class names; newer KaTeX writes `katex-accent` where older wrote `accent`."""
    return [name.removeprefix("katex-") for name in node.attrs.get("class", "").split()]


def _row(node: Element, depth: int) -> list[Element]:
    """The MathML of an element's children; scripts go to what stands before them."""
    if depth > _MAX_DEPTH:
        raise _TooDeep
    found: list[Element] = []
    for child in node.children:
        if isinstance(child, str):
            found.extend(_tokens(child, _classes(node)))
            continue
        names = set(_classes(child))
        if "msupsub" in names:
            base = found.pop() if found else Element("mrow")
            found.append(_scripted(base, child, depth))
        elif "mspace" in names:
            found.extend(_space(child))
        elif names.isdisjoint(_SKIPPED):
            found.extend(_box(child, names, depth + 1))
    return _struck(found)


def _space(node: Element) -> list[Element]:
    """Spaces of a quad and more are content; the thin ones follow from the operators."""
    match = re.search(r"margin-right:\s*(\d*\.?\d+)em", node.get("style"))
    return [Element("mspace", {"width": "1em"})] if match and float(match[1]) >= 0.9 else []


def _struck(row: list[Element]) -> list[Element]:
    """`\\not`: a private character drawn over the sign that follows."""
    if not any(node.children == [_STROKE] for node in row):
        return row
    found: list[Element] = []
    for node in row:
        sign = node.children[0] if len(node.children) == 1 else None
        if found and found[-1].children == [_STROKE] and isinstance(sign, str):
            found[-1] = Element("mo", {}, [unicodedata.normalize("NFC", sign + "\u0338")])
        else:
            found.append(node)
    return found


def _box(node: Element, names: set[str], depth: int) -> list[Element]:
    """One box by its classes."""
    if "text" in names:
        bold = {"mathvariant": "bold"} if "textbf" in _all_classes(node) else {}
        return [Element("mtext", bold, [node.text()])] if node.text() else []
    if not names.isdisjoint(("delimsizing", "delimcenter")):
        return _fence(node)
    for name, build in _BUILDERS:
        if name in names:
            return build(node, depth)
    if "mop" in names and node.text().isalpha() and not any("op-symbol" in _classes(child) for child in node.walk()):
        return [Element("mi", {}, [node.text()])]
    row = _row(node, depth)
    return [_mrow(row)] if "minner" in names and len(row) > 1 else row


def _fence(node: Element) -> list[Element]:
    """A delimiter: a character, a stack of pieces, or a picture known by its width."""
    text = "".join(node.text().split()).replace("\u200b", "").translate(_FENCE_PIECES)
    sign = text[:1] or _drawn_fence(node)
    return [Element("mo", {"fence": "true", "stretchy": "true"}, [sign])] if sign else []


def _drawn_fence(node: Element) -> str:
    """KaTeX draws tall delimiters: 0.333em wide a bar, 0.556 two, 0.667 a bracket, 0.875 a parenthesis."""
    svg = next((child for child in node.walk() if child.tag == "svg"), None)
    if svg is None:
        return ""
    path = next((child.get("d") for child in svg.walk() if child.tag == "path"), "")
    closing = "mclose" in node.get("class") or not _opens(path)
    width = svg.get("width")
    if width.startswith("0.556"):
        return "‖"
    if width.startswith("0.875"):
        return ")" if closing else "("
    if width.startswith("0.667"):
        kind = 1 if path.startswith("M319 602") else 0 if re.search(r"v84 ?h347|H0 v84 H347", path) else 2
        return "[⌊⌈"[kind] if not closing else "]⌋⌉"[kind]
    return "|"


def _opens(path: str) -> bool:
    """Left brackets are drawn with their strokes to the right."""
    return path.startswith(("M403", "M863")) or "h263" in path


def _tokens(text: str, classes: list[str]) -> list[Element]:
    """Characters as MathML leaves, by the class of the box they stand in."""
    text = text.replace("\u200b", "").replace("\xa0", " ").strip()
    if not text:
        return []
    names = set(classes)
    variant = next((_FONTS[name] for name in classes if name in _FONTS), "")
    attrs = {"mathvariant": variant} if variant else {}
    if names & _OPERATORS or ("mop" in names and not text.isalpha()):
        return [Element("mo", {}, [char]) for char in text if not char.isspace()]
    if text.isalpha() and len(text) > 1 and (variant == "normal" or "mop" in names):
        return [Element("mi", dict(attrs), [text])]
    leaves: list[Element] = []
    for piece in re.findall(r"[\d.]*\d|\s+|.", text):
        if piece[0].isdigit() or (len(piece) > 1 and piece[-1].isdigit()):
            leaves.append(Element("mn", dict(attrs), [piece]))
        elif piece.isalpha() or piece in "∞∅∂∇ℓℏ":
            leaves.append(Element("mi", dict(attrs), [piece]))
        elif not piece.isspace():
            leaves.append(Element("mo", {}, [piece]))
    return leaves


def _entries(node: Element) -> list[tuple[float, Element]]:
    """The rows of the first `vlist` below a box, lowest first, each with its height."""
    stack = [node]
    while stack:
        item = stack.pop()
        if "vlist" in _classes(item):
            rows = [child for child in item.elements() if child.children]
            return sorted(((_top(row), row) for row in rows), key=lambda pair: -pair[0])
        if item is node or not set(_classes(item)).isdisjoint(("vlist-t", "vlist-r")):
            stack.extend(reversed(list(item.elements())))
    return []


def _top(node: Element) -> float:
    match = _TOP.search(node.get("style"))
    return float(match[1]) if match and match[1].count(".") <= 1 and match[1] not in ("-", ".", "-.") else 0.0


def _mrow(row: list[Element]) -> Element:
    return row[0] if len(row) == 1 else Element("mrow", {}, list(row))


def _scripted(base: Element, node: Element, depth: int) -> Element:
    rows = [(top, _mrow(_row(row, depth + 1))) for top, row in _entries(node)]
    if not rows:
        return base
    if len(rows) >= 2:
        return Element("msubsup", {}, [base, rows[0][1], rows[-1][1]])
    below = any("vlist-t2" in _classes(child) for child in node.elements()) and rows[0][0] > -2.8
    return Element("msub" if below else "msup", {}, [base, rows[0][1]])


def _fraction(node: Element, depth: int) -> list[Element]:
    entries = _entries(node)
    ruled = any("frac-line" in _classes(child) for _, row in entries for child in row.elements())
    rows = [_mrow(_row(row, depth + 1)) for _, row in entries if not _is_line(row)]
    if len(rows) < 2:
        return rows
    attrs = {} if ruled else {"linethickness": "0"}
    return [Element("mfrac", dict(attrs), [rows[-1], rows[0]])]


def _is_line(row: Element) -> bool:
    return any(not set(_classes(child)).isdisjoint(("frac-line", "hide-tail")) for child in row.elements())


def _root(node: Element, depth: int) -> list[Element]:
    index = next((child for child in node.elements() if "root" in _classes(child)), None)
    inner = Element("span", {}, [child for child in node.children if child is not index])
    rows = [row for _, row in _entries(inner) if not _is_line(row)]
    body = _mrow(_row(rows[0], depth + 1)) if rows else Element("mrow")
    if index is None:
        return [Element("msqrt", {}, [body])]
    degrees = [row for _, row in _entries(index)]
    degree = _mrow(_row(degrees[0], depth + 1)) if degrees else Element("mrow")
    return [Element("mroot", {}, [body, degree])]


def _accent(node: Element, depth: int) -> list[Element]:
    base: list[Element] = []
    sign = ""
    for _, row in _entries(node):
        body = next((child for child in row.elements() if "accent-body" in _classes(child)), None)
        if body is None and "svg-align" not in _classes(row):
            base = base or _row(row, depth + 1)
        elif not sign:
            text = "".join(body.text().split()).replace("\u200b", "") if body else ""
            sign = _ACCENTS.get(text, text) or ("→" if _all_classes(row) & {"overlay", "hide-tail"} else "^")
    return [Element("mover", {"accent": "true"}, [_mrow(base), Element("mo", {}, [sign or "^"])])]


def _all_classes(node: Element) -> set[str]:
    return {name for child in node.walk() for name in _classes(child)}


def _line(kind: str, sign: str) -> _Builder:
    def build(node: Element, depth: int) -> list[Element]:
        rows = [row for _, row in _entries(node) if f"{_classes(node)[-1]}-line" not in _all_classes(row)]
        body = _mrow(_row(rows[0], depth + 1)) if rows else Element("mrow")
        return [Element(kind, {"accent": "true"}, [body, Element("mo", {}, [sign])])]

    return build


def _limits(node: Element, depth: int) -> list[Element]:
    entries = [row for _, row in _entries(node)]
    base = next((index for index, row in enumerate(entries) if not _all_classes(row).isdisjoint(("mop",)) and
    "mtight" not in
                 {name for child in row.elements() for name in _classes(child)}), 0)  # fmt: skip
    if not entries:
        return _row(node, depth + 1)
    rows = [_mrow(_row(row, depth + 1)) for row in entries]
    body, below, above = rows[base], rows[:base], rows[base + 1 :]
    if below and above:
        return [Element("munderover", {}, [body, below[0], above[-1]])]
    if below:
        return [Element("munder", {}, [body, below[0]])]
    return [Element("mover", {}, [body, above[-1]])] if above else [body]


def _table(node: Element, depth: int) -> list[Element]:
    """Columns of rows, as KaTeX lays them out, turned into rows of cells."""
    columns: list[list[Element]] = []
    aligns: list[str] = []
    for child in node.elements():
        align = next((name[-1] for name in _classes(child) if name.startswith("col-align-")), "")
        if align:
            entries = sorted(_entries(child), key=lambda pair: pair[0])
            columns.append([_mrow(_row(row, depth + 1)) for _, row in entries])
            aligns.append({"r": "right", "l": "left"}.get(align, "center"))
    height = max((len(column) for column in columns), default=0)
    rows: list[Element | str] = []
    for index in range(height):
        cells = [Element("mtd", {}, [column[index]] if index < len(column) else []) for column in columns]
        rows.append(Element("mtr", {}, list(cells)))
    return [Element("mtable", {"columnalign": " ".join(aligns)}, rows)] if rows else []


_BUILDERS: tuple[tuple[str, _Builder], ...] = (
    ("mfrac", _fraction), ("sqrt", _root), ("accent", _accent), ("overline", _line("mover", "¯")),
    ("underline", _line("munder", "_")), ("op-limits", _limits), ("mtable", _table),
)  # fmt: skip
