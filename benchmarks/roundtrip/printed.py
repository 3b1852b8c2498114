r"""What a formula prints, as a string to compare: KaTeX's MathML reduced to its ink.

In: MathML that KaTeX wrote, without the source. Out: a string; two formulas whose strings are equal print the same
signs in the same places. Gone are grouping elements, spaces, the growth of delimiters and colours; `\text{if}`,
`\mathrm{if}` and a function's name are the same upright letters, and differ from italic ones. The parts of
fractions, roots and scripts stay apart: without that `\frac{ab}{c}` and `\frac{a}{bc}` would be one.
"""

from __future__ import annotations

from xml.etree import ElementTree

_ROWS = frozenset(["mrow", "mstyle", "mpadded", "semantics", "math", "span", "mtd"])
_TOKENS = frozenset(["mi", "mo", "mn", "mtext", "ms"])
_GLUE = frozenset(["mtr-glue", "mml-eqn-num"])  # KaTeX's room for equation numbers
_INVISIBLE = frozenset("\u2061\u2062\u2063\u2064\u200b")
_PLAIN = frozenset(["normal", "italic"])
_LARGE = frozenset("∑∏∐∫∬∭∮⋃⋂⋁⋀⨁⨂⨀⨄⨆")
_AT_THE_SIDE = {"munder": "msub", "mover": "msup", "munderover": "msubsup"}


def printed(mathml: str) -> str:
    """The string to compare; what is no XML is compared as it stands."""
    try:
        root = ElementTree.fromstring(mathml)
    except ElementTree.ParseError:
        return mathml
    return " ".join(_row(root))


def _row(node: ElementTree.Element) -> list[str]:
    """The signs and built parts of a node, in order."""
    tag = _tag(node)
    if tag in _TOKENS and not len(node):  # \bmod stands as letters in an operator
        return _token(node, tag)
    if tag in _ROWS or tag in _TOKENS:
        return [piece for child in node for piece in _row(child)]
    if tag == "mspace":
        return ["newline"] if node.get("linebreak") == "newline" else []
    return _table(node) if tag == "mtable" else [_built(node, tag)]


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _token(node: ElementTree.Element, tag: str) -> list[str]:
    """One sign a character, letters with their style."""
    text = [char for char in node.text or "" if not char.isspace() and char not in _INVISIBLE]
    style = node.get("mathvariant", "italic" if tag == "mi" and len(text) == 1 else "normal")
    return [f"{char}:{style}" if char.isalpha() or style not in _PLAIN else char for char in text]


def _table(node: ElementTree.Element) -> list[str]:
    """Rows of cells; a table of one entry prints as the entry, an empty last cell not at all."""
    rows = []
    for line in node:
        cells = [" ".join(_row(cell)) for cell in line if cell.get("class") not in _GLUE]
        while cells and not cells[-1]:
            cells.pop()
        rows.append(cells)
    while rows and not rows[-1]:
        rows.pop()
    if not rows or (len(rows) == 1 and len(rows[0]) == 1):
        return rows[0] if rows else []
    return ["table{" + " // ".join(" & ".join(cells) for cells in rows) + "}"]


def _built(node: ElementTree.Element, tag: str) -> str:
    """A fraction, root, script or box with its parts apart; limits of large operators as if at the side."""
    parts = [_row(child) for child in node]
    if tag in _AT_THE_SIDE and parts and _takes_limits(parts[0]):
        tag = _AT_THE_SIDE[tag]
    if tag in ("msqrt", "menclose", "mphantom"):
        parts = [[piece for part in parts for piece in part]]
    thickness = node.get("linethickness", "")
    kind = tag + ("-0" if thickness.startswith("0") else "") + node.get("notation", "")
    return kind + "".join("{" + " ".join(part) + "}" for part in parts)


def _takes_limits(base: list[str]) -> bool:
    """A large operator, or an upright word of several letters."""
    if len(base) == 1:
        return base[0] in _LARGE
    return len(base) > 1 and all(piece.endswith(":normal") for piece in base)
