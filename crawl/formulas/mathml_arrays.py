r"""Tables of MathML as LaTeX environments: matrices, cases, aligned equations, arrays with lines.

In: an mtable with its rows already converted. Out: an ARRAY `Piece`; `fenced_array` joins it with its delimiters,
`whole_formula` writes one that is the whole formula, with its equation numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from crawl.dom import Element
from crawl.formulas.mathml_pieces import NOTHING, Layout, Piece, Role, Stretch, braced
from crawl.formulas.mathml_tables import DELIMITERS
from crawl.formulas.mathml_tokens import length_in_em

_MATRICES = {
    ("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix", ("∣", "∣"): "vmatrix",
    ("‖", "‖"): "Vmatrix", ("∥", "∥"): "Vmatrix",
}  # fmt: skip
_TEXT_ALIGN = re.compile(r"text-align\s*:\s*(?:-webkit-|-moz-)?(left|right|center)")
_ALIGNED = re.compile(r"(?:rl)+r?\Z")
_CLASS_ALIGN = {"tml-left": "l", "tml-right": "r"}
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_FENCED_LABEL = re.compile(r"(?:\\text\{\(\}|\()(.*?)(?:\\text\{\)\}|\))", re.DOTALL)
_SIMPLE_LABEL = re.compile(r"[\w.* -]*")
_NUMBER = re.compile(r"\((.*)\)\Z", re.DOTALL)
_MANY = 200  # columns; no author writes that many, and each is a pass over all rows
# Columns whose gap is under this many em stand together as one equation: LaTeX's array puts 1em between columns.
_TIGHT_GAP_EM = 0.3
_WITH_OPTION = ("aligned", "gathered")
_DRAWN = frozenset(["solid", "dashed"])
_ALL_SIDES = frozenset(["top", "bottom", "left", "right"])
# KaTeX names the sides of a partly framed array by the other axis: `{|c|c|}` comes as "top bottom".
_KATEX_SIDES = {"top": "left", "bottom": "right", "left": "top", "right": "bottom"}
_KATEX_ROW_SPACING = "0.16em"
_NEAR = 6  # elements between <menclose> and its table: menclose > mrow > mstyle > mtable


def cell(node: Element, content: Piece) -> Piece:
    """<mtd>: its content, and where it asks to stand."""
    align = node.get("columnalign")[:1]
    if not align:
        match = _TEXT_ALIGN.search(node.get("style"))
        align = match[1][:1] if match else ""
    if not align:
        align = next((_CLASS_ALIGN[name] for name in node.classes if name in _CLASS_ALIGN), "")
    body = "glue" if "mtr-glue" in node.classes or "mml-eqn-num" in node.classes else ""
    return Piece(tex=content.tex.strip(), role=Role.CELL, char=align, body=body, tall=content.tall, parts=(content,))


def array_row(node: Element, parts: Sequence[Piece], *, labeled: bool) -> Piece:
    """<mtr> and <mlabeledtr>; children that are no <mtd> count as cells, as MathML 1 allowed."""
    cells = [part if part.role is Role.CELL else Piece(tex=part.tex, role=Role.CELL) for part in parts]
    label = ""
    if labeled and cells:
        label = cells.pop(0).tex
    elif _is_numbered(node) and len(cells) > 2:
        label = cells.pop().tex  # Temml: glue, equation, number
        cells.pop(0)
    cells = [part for part in cells if not part.body]
    aligns = "".join(word[0] for word in node.get("columnalign").split())
    return Piece(role=Role.ARRAY_ROW, parts=tuple(cells), label=label, char=aligns)


def _is_numbered(node: Element) -> bool:
    """Temml keeps a column of half the width on each side for equation numbers."""
    first = next(node.elements(), None)
    return first is not None and "width:50%" in first.get("style").replace(" ", "")


def array(node: Element, parts: Sequence[Piece]) -> Piece:
    """<mtable>"""
    rows = [part if part.role is Role.ARRAY_ROW else _lone_row(part) for part in parts if part.role is not Role.EMPTY]
    if not rows:
        return NOTHING
    single = rows[0].parts
    if (
        node.get("width") == "100%"
        and len(rows) == 1
        and len(single) == 4
        and not single[0].tex
        and not single[2].tex
    ):
        # KaTeX sets a tagged formula as: glue, formula, glue, number.
        rows = [Piece(role=Role.ARRAY_ROW, parts=(single[1],), label=single[3].tex)]
    layout = _layout(node, rows)
    piece = Piece(role=Role.ARRAY, parts=tuple(rows), layout=layout, tall=True)
    return _written(piece, _environment(layout, rows))


def _lone_row(part: Piece) -> Piece:
    return Piece(role=Role.ARRAY_ROW, parts=(part,))


def _layout(node: Element, rows: Sequence[Piece]) -> Layout:
    count = max(len(row.parts) for row in rows)
    words = "".join(word[0] for word in node.get("columnalign").split() if word[0] in "lcr")
    if words:
        columns = (words + words[-1] * count)[:count]
    else:
        columns = "".join(_column_align(rows, index) for index in range(count)) if count <= _MANY else "c" * count
    gaps = [length_in_em(word) for word in node.get("columnspacing").split()]
    tight = bool(gaps) and gaps[0] is not None and gaps[0] < _TIGHT_GAP_EM
    sides = _ALL_SIDES if node.get("frame") in _DRAWN else frozenset[str]()
    return Layout(
        columns=columns,
        vertical_lines=_with_frame(_lines(node.get("columnlines"), count), count, sides & {"left", "right"}),
        horizontal_lines=_with_frame(_lines(node.get("rowlines"), len(rows)), len(rows), sides & {"top", "bottom"}),
        tight=tight or node.get("displaystyle") == "true" or "tml-jot" in node.classes,
        small=node.get("data-mjx-smallmatrix") == "true" or "tml-small" in node.classes,
    )


def _column_align(rows: Sequence[Piece], index: int) -> str:
    """Where most cells of the column stand; cells that say nothing count as centred."""
    votes = [row.parts[index].char or row.char[index : index + 1] or "c" for row in rows if index < len(row.parts)]
    return max("lcr", key=votes.count) if votes else "c"


def _lines(words: str, count: int) -> tuple[int, ...]:
    """Gaps (after the i-th row or column, from 1) that hold a line."""
    marks = words.split()
    if not _DRAWN.intersection(marks):
        return ()
    marks += [marks[-1]] * (count - 1 - len(marks))
    return tuple(index + 1 for index, mark in enumerate(marks[: count - 1]) if mark in _DRAWN)


def _with_frame(lines: tuple[int, ...], count: int, sides: frozenset[str]) -> tuple[int, ...]:
    """The lines between rows or columns, and those before the first (0) and after the last (their count)."""
    before, after = (0,) if sides & {"left", "top"} else (), (count,) if sides & {"right", "bottom"} else ()
    return before + lines + after


def framed(node: Element, piece: Piece) -> Piece | None:
    r"""An array inside <menclose>, whose sides are \hline and |; None where it is enclosed otherwise."""
    sides = frozenset(node.get("notation").split())
    layout = piece.layout
    if piece.role is not Role.ARRAY or layout is None or not sides or not sides <= _ALL_SIDES:
        return None
    table = next((inner for inner in islice(node.walk(), _NEAR) if inner.tag == "mtable"), node)
    if table.get("rowspacing") == _KATEX_ROW_SPACING:
        sides = frozenset(_KATEX_SIDES[side] for side in sides)
    layout = replace(
        layout,
        vertical_lines=_with_frame(layout.vertical_lines, len(layout.columns), sides & {"left", "right"}),
        horizontal_lines=_with_frame(layout.horizontal_lines, len(piece.parts), sides & {"top", "bottom"}),
    )
    return _written(replace(piece, layout=layout), "array")


def _environment(layout: Layout, rows: Sequence[Piece]) -> str:
    """The environment of an array without delimiters."""
    columns = layout.columns
    if layout.vertical_lines or layout.horizontal_lines:
        return "array"
    if layout.small:
        return "smallmatrix"
    if len(columns) == 1:
        if columns == "r" or (columns == "l" and layout.tight):
            return "aligned"
        return "gathered" if layout.tight and len(rows) > 1 else ("matrix" if columns == "c" else "array")
    if _ALIGNED.match(columns):
        return "aligned"
    return "matrix" if set(columns) == {"c"} else "array"


def _written(piece: Piece, environment: str, *, numbered: bool = False) -> Piece:
    """The array as LaTeX in that environment."""
    layout = piece.layout or Layout()
    lines = []
    for index, row in enumerate(piece.parts):
        cells = " & ".join(part.tex for part in row.parts)
        if cells.startswith("[") and (index or environment in _WITH_OPTION):
            cells = "{}" + cells  # else LaTeX takes it for the option of what stands before
        tag = _tag(row.label) if numbered and row.label else ""
        rule = r"\hline " if index in layout.horizontal_lines else ""
        lines.append(rule + cells + tag)
    if len(piece.parts) in layout.horizontal_lines:
        lines.append(r"\hline")
    spec = braced(_column_spec(layout)) if environment == "array" else ""
    body = r" \\ ".join(lines)
    space = " " if body[:1].isalpha() or body[:1] == "[" else ""
    tex = rf"\begin{{{environment}}}{spec}{space}{body}\end{{{environment}}}"
    return Piece(tex=tex, role=Role.ARRAY, parts=piece.parts, layout=layout, tall=True, char=environment)


def _column_spec(layout: Layout) -> str:
    first = "|" if 0 in layout.vertical_lines else ""
    return first + "".join(
        align + ("|" if index + 1 in layout.vertical_lines else "") for index, align in enumerate(layout.columns)
    )


def _tag(label: str) -> str:
    r"""An equation number as `\tag`; its parentheses are LaTeX's own, what is no text is mathematics in a text."""
    words = _TEXT.fullmatch(label)
    if words is not None:
        number = _NUMBER.match(words[1])
        return rf" \tag{{{number[1]}}}" if number else rf" \tag*{{{words[1]}}}"
    fenced = _FENCED_LABEL.fullmatch(label)
    inner = fenced[1] if fenced else label
    if not _SIMPLE_LABEL.fullmatch(inner):
        inner = rf"\({inner}\)"
    return rf" \tag{{{inner}}}" if fenced else rf" \tag*{{{inner}}}"


def fenced_array(piece: Piece, before: Piece | None, after: Piece | None) -> Piece | None:
    """The array with the delimiters right before and after it; None where they are not its own."""
    layout = piece.layout or Layout()
    sides = [side.delimiter for side in (before, after) if side is not None and side.delimiter is not None]
    if not sides or any(side.stretch is Stretch.NEVER for side in sides):
        return None
    left, right = before.char if before else "", after.char if after else ""
    environment = _with_delimiters(layout, left, right)
    if environment is not None:
        written = _written(piece, environment)
        return Piece(tex=written.tex, role=Role.FENCED, tall=True)
    if before is None or (after is None and left != "{"):
        return None
    opening, closing = DELIMITERS.get(left, "."), DELIMITERS.get(right, ".")
    return Piece(tex=rf"\left{opening}{piece.tex}\right{closing}", role=Role.FENCED, tall=True)


def _with_delimiters(layout: Layout, left: str, right: str) -> str | None:
    """The environment that brings these delimiters, where the array is of its kind."""
    columns = set(layout.columns)
    if layout.vertical_lines or layout.horizontal_lines or layout.small:
        return None
    if (left, right) in _MATRICES:
        return _MATRICES[left, right] if columns <= {"c"} else None
    few = len(layout.columns) <= 2
    if left == "{" and not right and columns <= {"l", "c"} and few:
        return "cases"
    if right == "}" and not left and columns <= {"l"} and few:
        return "rcases"
    return None


def entry(piece: Piece) -> list[Piece]:
    r"""An array that stands without delimiters: one of one entry is what `split` and `equation` make of a line."""
    if (
        piece.role is not Role.ARRAY
        or len(piece.parts) != 1
        or len(piece.parts[0].parts) != 1
        or piece.parts[0].label
    ):
        return [piece]
    return list(piece.parts[0].parts[0].parts) or [piece]


def whole_formula(piece: Piece) -> str:
    """LaTeX of a piece that is all of a formula: here equation numbers can be kept."""
    if piece.role is not Role.ARRAY or not any(row.label for row in piece.parts):
        return "".join(part.tex for part in entry(piece))
    if len(piece.parts) == 1:
        row = piece.parts[0]
        return "".join(part.tex for part in row.parts) + _tag(row.label)
    layout = piece.layout or Layout()
    return _written(piece, "gather" if len(layout.columns) == 1 else "align", numbered=True).tex
