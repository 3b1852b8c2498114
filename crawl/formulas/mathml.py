r"""Presentation MathML to LaTeX.

In: a <math> `Element`. Out: LaTeX as people write it, or None where nothing can be recovered. Method: the project's
own; nodes are converted children first without recursion, each into a `Piece` that tells its parent what it is.
Reference: MathML 3, chapter 3, and what KaTeX, MathJax, Temml, pandoc, LaTeXML and Word write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crawl.dom import Element
from crawl.formulas import mathml_arrays as arrays
from crawl.formulas import mathml_tokens as tokens
from crawl.formulas.mathml_content import CONTENT
from crawl.formulas.mathml_pieces import NOTHING, Delimiter, Piece, Role, Side, Stretch, braced, flat, join, script
from crawl.formulas.mathml_rows import row
from crawl.formulas.mathml_scripts import multiscripts, scripted, under_over
from crawl.formulas.mathml_tables import Font

# A formula deeper or larger than this is no formula: the deepest of 4,000 rendered ones had depth 60.
MAX_DEPTH = 400
MAX_NODES = 50_000
# Inner rows are spliced into outer ones: what a page may ask for by nesting long rows, about a second of work.
MAX_SPLICED = 200_000

_TOKENS: dict[str, Callable[[Element], Piece]] = {
    "mi": tokens.identifier,
    "mn": tokens.number,
    "mo": tokens.operator,
    "mtext": tokens.text,
    "ms": tokens.quoted,
    "mspace": tokens.space,
}
_DROPPED = frozenset({"annotation", "annotation-xml", "none", "malignmark", "maligngroup", "script", "style"})


def mathml_to_latex(math: Element) -> str | None:
    """LaTeX of a formula in MathML; None for one that is empty, an error message, or too deep."""
    nodes = _nodes_in_order(math)
    if nodes is None:
        return None
    mathjax = any(key.startswith("data-mjx-") for node in nodes for key in node.attrs)
    pieces: dict[int, Piece] = {}
    spliced = 0
    for node in reversed(nodes):
        name = local_name(node)
        if name == "merror":
            return None
        parts = [pieces[id(child)] for child in node.elements() if id(child) in pieces]
        piece = _convert(node, name, parts)
        pieces[id(node)] = _as_mathjax_means(node, piece) if mathjax else piece
        spliced += len(piece.parts)
        if spliced > MAX_SPLICED:
            return None
    latex = arrays.whole_formula(pieces[id(math)]).strip()
    return latex or None


def local_name(node: Element) -> str:
    """The tag without a namespace prefix (`mml:mi`)."""
    return node.tag.rpartition(":")[2].lower()


def _nodes_in_order(math: Element) -> list[Element] | None:
    """Parents before children; tokens' inner mark-up and annotations left out; None where there is too much."""
    nodes: list[Element] = []
    stack: list[tuple[Element, int]] = [(math, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH or len(nodes) >= MAX_NODES:
            return None
        nodes.append(node)
        name = local_name(node)
        if name not in _DROPPED and (name not in _TOKENS or _is_layout_token(node)):
            stack.extend((child, depth + 1) for child in node.elements())
    return nodes


def _as_mathjax_means(node: Element, piece: Piece) -> Piece:
    r"""MathJax marks \\mathrm, so that a bare upright name is an operator name; its script is not calligraphic."""
    if piece.role is Role.LETTER and local_name(node) == "mi":
        if piece.font is Font.ROMAN and len(piece.body) > 1 and node.get("data-mjx-auto-op") != "false":
            return tokens.named_operator(piece)
        if node.get("mathvariant") == "script" and not node.get("data-mjx-variant"):
            return tokens.styled(piece.body, Font.SCRIPT)
    return piece


def _is_layout_token(node: Element) -> bool:
    """KaTeX puts whole rows into <mi> and <mo> to give them the spacing of one symbol."""
    return any(local_name(child).startswith("m") and local_name(child) != "mglyph" for child in node.elements()) and (
        local_name(node) != "mtext"
    )


def _convert(node: Element, name: str, parts: list[Piece]) -> Piece:
    if name in _TOKENS:
        return _TOKENS[name](node) if not parts else row(parts)
    if name in _DROPPED:
        return NOTHING
    handler = _LAYOUTS.get(name)
    if name in _LIMITS:
        parts = [part for part in parts if not part.apply]  # KaTeX: \overline{\lim} is <mover>lim, apply, line
    return handler(node, parts) if handler else row(parts)


def _at(parts: Sequence[Piece], index: int) -> Piece:
    return parts[index] if index < len(parts) else NOTHING


def _mrow(node: Element, parts: list[Piece]) -> Piece:
    piece = row(parts)
    if "border:" in node.get("style"):
        return Piece(tex=r"\boxed" + braced(piece.tex), tall=piece.tall)  # Temml's \boxed
    if node.get("data-mjx-texclass") == "OP" and piece.role is Role.LETTER and piece.font is Font.ROMAN:
        return tokens.named_operator(piece)
    return piece


def _fraction(node: Element, parts: list[Piece]) -> Piece:
    top, bottom = _at(parts, 0), _at(parts, 1)
    thickness = node.get("linethickness")
    if thickness and tokens.length_in_em(thickness) == 0.0:
        tex = r"\genfrac{}{}{0pt}{}" + braced(top.tex) + braced(bottom.tex)
        return Piece(tex=tex, role=Role.STACK, parts=(top, bottom), tall=True)
    if node.get("bevelled") == "true":
        return Piece(tex=join([_operand(top), "/", _operand(bottom)]), role=Role.OTHER)
    return Piece(tex=r"\frac" + braced(top.tex.strip()) + braced(bottom.tex.strip()), tall=True, char="frac")


def _operand(piece: Piece) -> str:
    return braced(piece.tex) if piece.role is Role.ROW else piece.tex


def _sqrt(_: Element, parts: list[Piece]) -> Piece:
    body = row(parts)
    return Piece(tex=r"\sqrt" + braced(body.tex.strip()), tall=body.tall)


def _root(_: Element, parts: list[Piece]) -> Piece:
    index = script(_at(parts, 1))
    optional = f"[{braced(index) if ']' in index else index}]" if index else ""
    body = _at(parts, 0)
    return Piece(tex=r"\sqrt" + optional + braced(body.tex.strip()), tall=body.tall)


def _style(node: Element, parts: list[Piece]) -> Piece:
    """<mstyle>: only a fraction in another style than its place gives is worth a command."""
    variant = tokens.variant_of(node)
    if variant:
        parts = [_restyled(part, variant) for part in flat(parts)]
    piece = row(parts)
    display = node.get("displaystyle")
    if piece.char == "frac" and display in ("true", "false"):
        command = r"\dfrac" if display == "true" else r"\tfrac"
        return replace(piece, tex=command + piece.tex.removeprefix(r"\frac"), char="styled-frac")
    return piece


def _restyled(piece: Piece, font: Font) -> Piece:
    """A plain letter in the alphabet of the <mstyle> around it."""
    return tokens.styled(piece.body, font) if piece.role is Role.LETTER and not piece.font and piece.body else piece


def _phantom(_: Element, parts: list[Piece]) -> Piece:
    body = row(parts)
    return Piece(tex=r"\phantom" + braced(body.tex), role=Role.SPACE) if body.tex else NOTHING


def _fenced(node: Element, parts: list[Piece]) -> Piece:
    """<mfenced>: its delimiters and separators become operators of a row."""
    separators = "".join(node.get("separators", ",").split())
    inner: list[Piece] = []
    for index, part in enumerate(parts):
        if index and separators:
            inner.append(tokens.operator_piece(separators[min(index - 1, len(separators) - 1)]))
        inner.append(part)
    opening = tokens.operator_piece(node.get("open", "(").strip(), Delimiter(Side.OPEN, Stretch.DEFAULT))
    closing = tokens.operator_piece(node.get("close", ")").strip(), Delimiter(Side.CLOSE, Stretch.DEFAULT))
    return row([opening, *inner, closing])


_ENCLOSURES = (
    ("box", r"\boxed"), ("roundedbox", r"\boxed"), ("circle", r"\boxed"), ("radical", r"\sqrt"),
    ("top", r"\overline"),
    ("bottom", r"\underline"), ("horizontalstrike", r"\sout"), ("updiagonalstrike", r"\cancel"),
    ("downdiagonalstrike", r"\bcancel"), ("actuarial", r"\angl"), ("phasorangle", r"\angle "),
)  # fmt: skip


def _enclosed(node: Element, parts: list[Piece]) -> Piece:
    body = row(parts)
    table = arrays.framed(node, body)
    if table is not None:
        return table
    notations = node.get("notation", "longdiv").split()
    if {"updiagonalstrike", "downdiagonalstrike"} <= set(notations):
        return Piece(tex=r"\xcancel" + braced(body.tex), tall=body.tall)
    command = next((name for notation, name in _ENCLOSURES if notation in notations), None)
    return Piece(tex=command + braced(body.tex), tall=body.tall) if command else body


def _action(node: Element, parts: list[Piece]) -> Piece:
    places = {str(index + 1): part for index, part in enumerate(parts[:9])}
    return places.get(node.get("selection"), _at(parts, 0))


def _glyph(node: Element, _: list[Piece]) -> Piece:
    return tokens.text_piece(node.get("alt")) if node.get("alt") else NOTHING


_LIMITS = frozenset(["munder", "mover", "munderover"])
_LAYOUTS: dict[str, Callable[[Element, list[Piece]], Piece]] = {
    **CONTENT,
    "mrow": _mrow,
    "mfrac": _fraction,
    "msqrt": _sqrt,
    "mroot": _root,
    "mstyle": _style,
    "mphantom": _phantom,
    "mfenced": _fenced,
    "menclose": _enclosed,
    "maction": _action,
    "mglyph": _glyph,
    "semantics": lambda _, parts: _at(parts, 0),
    "msub": lambda _, parts: scripted(_at(parts, 0), _at(parts, 1), NOTHING),
    "msup": lambda _, parts: scripted(_at(parts, 0), NOTHING, _at(parts, 1)),
    "msubsup": lambda _, parts: scripted(_at(parts, 0), _at(parts, 1), _at(parts, 2)),
    "munder": lambda node, parts: under_over(node, _at(parts, 0), _at(parts, 1), NOTHING),
    "mover": lambda node, parts: under_over(node, _at(parts, 0), NOTHING, _at(parts, 1)),
    "munderover": lambda node, parts: under_over(node, _at(parts, 0), _at(parts, 1), _at(parts, 2)),
    "mmultiscripts": lambda _, parts: multiscripts(parts),
    "mprescripts": lambda *_: Piece(role=Role.MARK),
    "mtable": arrays.array,
    "mtr": lambda node, parts: arrays.array_row(node, parts, labeled=False),
    "mlabeledtr": lambda node, parts: arrays.array_row(node, parts, labeled=True),
    "mtd": lambda node, parts: arrays.cell(node, row(parts)),
}
