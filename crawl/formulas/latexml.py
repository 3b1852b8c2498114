"""LaTeXML's equation groups (arXiv in HTML): one table, a row an equation, a cell a side of it.

In: a `table.ltx_eqn_table`. Out: one LaTeX alignment with the rows' numbers as `\\tag`, or None for a table
whose rows
hold one formula each: that formula is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from crawl.dom import Element


def equation_group(table: Element, tex_of: Callable[[Element], str]) -> str | None:
    """The group as an `aligned` (or, with numbers, `align`) environment; `tex_of` reads one `math` element."""
    rows: list[str] = []
    tagged = split = False
    for row in (node for node in table.walk() if node.tag == "tr"):
        cells = [_cell(cell, tex_of) for cell in row.elements() if cell.tag in ("td", "th")]
        sides = [cell for cell in cells if cell]
        if not sides:
            continue
        split = split or len(sides) > 1
        number = _number(row)
        tagged = tagged or bool(number)
        rows.append(" & ".join(sides) + (f" \\tag{{{number}}}" if number else ""))
    if not split:
        return None
    name = "align" if tagged else "aligned"
    return f"\\begin{{{name}}}\n" + " \\\\\n".join(rows) + f"\n\\end{{{name}}}"


def _cell(cell: Element, tex_of: Callable[[Element], str]) -> str:
    pieces = (tex_of(node).strip() for node in cell.walk() if node.tag == "math")
    return " ".join(piece.removeprefix("\\displaystyle").strip() for piece in pieces if piece)


def _number(row: Element) -> str:
    """The equation's number without its parentheses."""
    for node in row.walk():
        if "ltx_tag_equation" in node.classes:
            return node.text().strip().strip("()")
    return ""
