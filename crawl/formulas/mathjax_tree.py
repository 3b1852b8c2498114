"""Glyphs that MathJax laid out as MathML elements again: what its CHTML and SVG output have in common.

In: character codes and font names as MathJax writes them (versions 3 and 4). Out: MathML `Element`s that
`mathml_to_latex` reads. Source: MathJax's output as rendered; no part of it is documented for readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crawl.dom import Element

# Parts from which tall and wide delimiters are assembled, and what they make up.
_PARTS = {
    **dict.fromkeys("⎛⎜⎝", "("), **dict.fromkeys("⎞⎟⎠", ")"), **dict.fromkeys("⎡⎢⎣", "["),
    **dict.fromkeys("⎤⎥⎦", "]"), **dict.fromkeys("⎧⎨⎩", "{"), **dict.fromkeys("⎫⎬⎭", "}"),
    **dict.fromkeys("\ue150\ue151\ue152\ue153\ue154\ue155\ue156", "⏞"),
}  # fmt: skip
_FILLERS = frozenset("⎪⎮\ue000\ue001\ue154")
_DELIMITERS = frozenset("()[]{}⟨⟩⌈⌉⌊⌋|‖∣∥/\\⟮⟯⎰⎱↑↓⇑⇓↕⇕")
# Font names (after TEX- or NCM-) of letters in an alphabet that their character code does not tell.
_VARIANTS = {
    "C": "-tex-calligraphic", "CB": "-tex-calligraphic", "SC": "script", "S": "script", "FR": "fraktur",
    "F": "fraktur",
    "SS": "sans-serif", "T": "monospace", "M": "monospace", "B": "bold", "BI": "bold-italic",
    "MI": "-tex-mathit",
    "A": "double-struck", "D": "double-struck", "DS": "double-struck",
}  # fmt: skip
# Sizes of a delimiter's glyph as \big and its kin, in em; S1 to S4 are MathJax's sizes, SO and LO those of operators.
_SIZES = {"S1": "1.2em", "SO": "1.2em", "S2": "1.8em", "LO": "1.8em", "S3": "2.4em", "S4": "3em", "S5": "3em"}


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character as it was drawn; `font` is MathJax's short name, `stretched` when assembled from parts."""

    char: str
    font: str = ""
    stretched: bool = False


def glyph_of_code(code: str, font: str = "", *, stretched: bool = False) -> Glyph | None:
    """The glyph of a hexadecimal code point as MathJax writes it; None where it is no code point."""
    try:
        char = chr(int(code, 16))
    except (ValueError, OverflowError):
        return None
    return None if "\ud800" <= char <= "\udfff" else Glyph(char, font, stretched)


def token(name: str, glyphs: list[Glyph]) -> Element:
    """The MathML token that MathJax drew as these glyphs."""
    chars = [glyph.char for glyph in glyphs]
    parts = {_PARTS[char] for char in chars if char in _PARTS}
    stretched = any(glyph.stretched for glyph in glyphs)
    if name == "mo" and parts:
        chars, stretched = [parts.pop()], True
    elif name == "mo" and stretched and glyphs:
        chars = [char for char in chars if char not in _FILLERS][:1]
    text = "".join(chars)
    node = Element(name, {}, [text] if text else [])
    fonts = {glyph.font for glyph in glyphs}
    if name == "mo":
        _mark_operator(node, text, fonts, stretched=stretched)
    elif name in ("mi", "mn", "mtext") and len(fonts) == 1:
        _mark_letters(node, text, fonts.pop())
    return node


def _mark_operator(node: Element, text: str, fonts: set[str], *, stretched: bool) -> None:
    size = next((font for font in fonts if font in _SIZES), "")
    if stretched:
        node.attrs["data-mjx-drawn"] = "stretched"
    elif size:
        node.attrs["data-mjx-drawn"] = size
    if text in _DELIMITERS:
        node.attrs["stretchy"] = "false"
    elif text:
        node.attrs["stretchy"] = "true" if stretched or size in ("S1", "S2", "S3", "S4", "LO") else "false"


def _mark_letters(node: Element, text: str, font: str) -> None:
    if text.isascii():
        if font in _VARIANTS:
            node.attrs["data-mjx-variant" if font in ("C", "CB") else "mathvariant"] = _VARIANTS[font]
        elif len(text) == 1 and text.isalpha() and node.tag == "mi":
            node.attrs["mathvariant"] = "normal"
    elif len(text) == 1 and font in ("SC", "S"):
        node.attrs["mathvariant"] = "script"


def atom(children: list[Element], texclass: str) -> Element:
    """A group in braces; a lone delimiter of a size chosen by hand is \\big's, a lone upright name \\mathrm's."""
    node = Element("mrow", {"data-mjx-texclass": texclass}, list(children))
    for child in children:
        if child.tag == "mi":
            child.attrs["data-mjx-auto-op"] = "false"
    if len(children) == 1:
        only = children[0]
        if only.tag == "mo" and only.get("data-mjx-drawn") in _SIZES and only.text() in _DELIMITERS:
            only.attrs["minsize"] = _SIZES[only.get("data-mjx-drawn")]
            only.attrs.pop("stretchy", None)
            if texclass in ("OPEN", "CLOSE"):
                only.attrs["form"] = "prefix" if texclass == "OPEN" else "postfix"
    return node


def row(children: list[Element]) -> Element:
    """An mrow; one that begins and ends with a delimiter, drawn or left out, came from \\left … \\right."""
    node = Element("mrow", {}, list(children))
    if len(children) >= 2 and _encloses(children):
        node.attrs["data-mjx-texclass"] = "INNER"
        for child, texclass, form in ((children[0], "OPEN", "prefix"), (children[-1], "CLOSE", "postfix")):
            child.attrs.update({"data-mjx-texclass": texclass, "fence": "true", "stretchy": "true", "form": form})
        for child in children[1:-1]:
            if child.tag == "mo" and child.get("data-mjx-drawn") and child.text() in ("|", "∣", "‖", "∥"):
                child.attrs.update({"fence": "true", "stretchy": "true", "form": "infix"})
    return node


def _encloses(children: list[Element]) -> bool:
    """Whether the first and last child are a pair of delimiters that grew, or of which one is left out."""
    first, last = children[0], children[-1]
    if not _is_fence(first) or not _is_fence(last):
        return False
    if first.text() and last.text() and not (first.get("data-mjx-drawn") or last.get("data-mjx-drawn")):
        return False
    depth = 0
    for child in children[:-1]:
        if child.tag == "mo":
            depth += {first.text(): 1, last.text(): -1}.get(child.text(), 0) if first.text() != last.text() else 0
            if depth < 0 or (depth == 0 and child is not first and child.text() == last.text() != ""):
                return False
    return True


def _is_fence(node: Element) -> bool:
    return node.tag == "mo" and (not node.text() or node.text() in _DELIMITERS)


def group(children: list[Element]) -> Element:
    """One element for the children: the only one, or a row of them."""
    return children[0] if len(children) == 1 else Element("mrow", {}, list(children))


def mark_aligned(rows: Sequence[Element], table: Element) -> None:
    """Columns of aligned equations: MathJax begins every second cell with an empty <mi>."""
    cells = [list(row.elements()) for row in rows]
    pairs = [row for row in cells if len(row) > 1]
    left_empty = len(pairs) > 1 and all(len(row) == 2 for row in pairs) and any(not row[0].text() for row in pairs)
    if left_empty or any(_starts_empty(row[1]) for row in pairs):
        table.attrs["columnalign"] = "right left " * ((max(map(len, cells)) + 1) // 2)
        table.attrs["columnspacing"] = "0em"


def _starts_empty(cell: Element) -> bool:
    node = cell
    for _ in range(4):  # mtd > mstyle > mrow > mi
        first = next(node.elements(), None)
        if first is None:
            return node.tag == "mi" and not node.text()
        node = first
    return False
