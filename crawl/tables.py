"""Tables: which ones hold data, and how rows become a pipe table.

In: a `table` element, or rows of cell texts. Out: a verdict, or Markdown. A table that only places things on the page
(one row or column, tables or headings or code inside, `role="presentation"`) is no data table and is read cell
after cell.
"""

from __future__ import annotations

from crawl.dom import Element
from crawl.formulas.node import FORMULA

_LAYOUT_INSIDE = frozenset("table pre h1 h2 h3 h4 blockquote form article section ul ol iframe textarea".split())
_MAX_CELL_CHARS = 600
"""A cell longer than this is prose; such tables read better as paragraphs."""


def is_data_table(table: Element) -> bool:
    """Does this table hold data in rows and columns?"""
    if table.get("role") in ("presentation", "none"):
        return False
    rows = columns = cells = 0
    for node in table.walk():
        if node.tag == "tr":
            rows += 1
            here = sum(1 for cell in node.elements() if cell.tag in ("td", "th"))
            columns = max(columns, here)
        elif node.tag in ("td", "th"):
            cells += 1
            if len(node.text()) > _MAX_CELL_CHARS:
                return False
        elif (node.tag in _LAYOUT_INSIDE and node is not table) or (
            node.tag == FORMULA and node.get("display") and "\n" in node.get("latex")
        ):
            return False
    return rows >= 2 and columns >= 2


def pipe_table(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table, the first row its head; empty rows and columns left out."""
    rows = [row for row in rows if any(row)]
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    padded = [row + [""] * (width - len(row)) for row in rows]
    used = [index for index in range(width) if any(row[index] for row in padded)]
    if len(used) == 1:
        return "\n".join(row[used[0]] for row in padded)
    lines = ["| " + " | ".join(row[index] for index in used) + " |" for row in padded]
    lines.insert(1, "|" + " --- |" * len(used))
    return "\n".join(lines)
