"""The place of a formula in a page's tree: an `Element` whose tag no HTML page can hold.

In and out: trees of `crawl.dom`. What recognises formulas replaces their elements by such nodes; what removes
boilerplate and writes text sees one node a formula, whatever the page had there.
"""

from __future__ import annotations

from crawl.dom import Element
from mathpipe.core.records import FormulaSource

FORMULA = "#formula"


def formula_node(latex: str, source: FormulaSource, *, display: bool) -> Element:
    """A formula as a leaf of the tree."""
    return Element(FORMULA, {"latex": latex, "source": source.value, "display": "1" if display else ""})


def is_formula(node: Element | str) -> bool:
    """Is this child a formula's leaf?"""
    return isinstance(node, Element) and node.tag == FORMULA
