"""A `math` element's representations: its TeX annotation, its `alttext`, its markup converted.

In: a `math` element, or MathML as text (`data-mathml`, `script[type="math/mml"]`). Out: candidates, best first.
"""

from __future__ import annotations

import re

from crawl.dom import Element, parse_html
from crawl.formulas.image_urls import Candidate
from crawl.formulas.likeness import Likeness, likeness
from crawl.formulas.mathml import mathml_to_latex
from crawl.limits import ExtractionError
from mathpipe.core.records import FormulaSource

_TEX = re.compile(r"tex", re.IGNORECASE)
_WIRIS = str.maketrans({"«": "<", "»": ">", "¨": '"', "§": "&", "´": "'"})
"""Wiris keeps MathML in attributes with these signs in place of markup."""


def math_candidates(math: Element) -> list[Candidate]:
    """The element's representations, best first; the last one is converted only where it is needed."""
    display = math.get("display") == "block" or math.get("mode") == "display" or math.get("displaystyle") == "true"
    display = display or "tml-display" in math.classes or "ltx_displaymath" in math.classes
    found: list[Candidate] = []
    annotation = tex_annotation(math)
    if annotation:
        found.append(Candidate(annotation, FormulaSource.MATHML_ANNOTATION, display))
    alttext = math.get("alttext").strip()
    if alttext and _is_tex(alttext):
        found.append(Candidate(alttext, FormulaSource.MATHML_ALTTEXT, display))
    if not found:
        found.append(Candidate(mathml_to_latex(math) or "", FormulaSource.MATHML, display))
    return found


def tex_annotation(math: Element) -> str:
    """The text of the annotation whose encoding names TeX."""
    for node in math.walk():
        if node.tag == "annotation" and _TEX.search(node.get("encoding")):
            return node.text().strip()
    return ""


def _is_tex(alttext: str) -> bool:
    """`alttext` is TeX in LaTeXML and MediaWiki, and words to be read aloud elsewhere."""
    return likeness(alttext) is not Likeness.PROSE or "\\" in alttext


def mathml_from_text(markup: str) -> list[Candidate]:
    """The representations of the first `math` element in a piece of markup."""
    if "«" in markup:
        markup = markup.translate(_WIRIS)
    if "<math" not in markup and "<mml:math" not in markup:
        return []
    markup = re.sub(r"<(/?)(?:mml|m):", r"<\1", markup)
    try:
        root = parse_html(markup)
    except ExtractionError:
        return []
    math = next((node for node in root.walk() if node.tag == "math"), None)
    return math_candidates(math) if math is not None else []
