"""A formula as MathML that a browser draws without any script.

In: TeX of pages nobody checked. Out: `Markup`. The TeX is converted by latex2mathml, whose own serialisation does
not escape (`\\text{<script>}` comes out as an element), so only its tree is used: tags and attributes outside
MathML Core's presentation elements are removed, and ElementTree escapes the rest. A formula that cannot be
converted stands as its TeX source in `<code>`.
"""

from __future__ import annotations

import html
import re
from functools import cache
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

from mathpipe.inspect.safe_text import visible

# Longer formulas are shown as source: conversion time grows with length, and nobody reads them in a sample.
MAX_TEX_CHARACTERS = 2_000
# latex2mathml recurses a few frames a level; 1,000 is Python's limit. Real formulas stay below 20.
MAX_TEX_DEPTH = 60

_TAGS = frozenset(
    "math mrow mi mn mo mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom "
    "msub msup msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd none".split()
)
_KEYWORDS = frozenset(
    "display displaystyle stretchy fence separator form accent accentunder movablelimits mathvariant "
    "columnalign rowalign scriptlevel symmetric largeop".split()
)
_LENGTHS = frozenset(
    ("linethickness", "lspace", "rspace", "minsize", "maxsize", "columnspacing", "rowspacing", "width")
)
_KEYWORD_VALUE = re.compile(r"[a-z0-9+ -]{1,60}")
_LENGTH_VALUE = re.compile(r"-?\d?(?:\.\d{1,4})?(?:em|ex|px|pt)(?: \d?(?:\.\d{1,4})?em){0,20}|[0-9]{1,2}(?:px|pt)?")
# Macros may expand without end; a page's own definitions are never needed to draw one formula.
_DEFINES = re.compile(r"\\(?:newcommand|renewcommand|providecommand|def|gdef|edef|let|DeclareMathOperator)\b")
# Names and numbers of equations: no part of what is drawn.
_UNDRAWN = re.compile(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag)\b")
_ALIGNED = re.compile(
    r"\\(begin|end)\s*\{(?:aligned|gathered|split|multline\*?|gather\*?|eqnarray\*?|flalign\*?|align"
    r"|(?:alignat\*?|alignedat)\}\s*\{[^{}]*|alignat\*?|alignedat)\}"
)
_LIMIT_OPERATORS = frozenset(("lim", "max", "min", "sup", "inf", "gcd", "det", "Pr", "lim\u2006sup", "lim\u2006inf"))
_UPRIGHT_LETTER = re.compile(r"&#x000[0-7][0-9A-F];")


BOXED = "boxed"  # the class of a row that TeX puts in a box


def render_formula(latex: str, *, display: bool, after: str = "") -> Markup:
    """MathML of one formula, or its source in `<code>` where it cannot be converted; `after` ends a display line."""
    tree = formula_tree(latex, display=display)
    if tree is None:
        drawn = Markup('<code class="tex" title="TeX source">{}</code>').format(visible(latex))
    else:
        drawn = Markup(tostring(tree, encoding="unicode"))  # safe: the tree was cleaned and tostring escapes
    return Markup('<span class="display">{}{}</span>').format(drawn, after) if display else drawn


def formula_tree(latex: str, *, display: bool) -> Element | None:
    """The formula's MathML, cleaned; None where the TeX cannot be converted."""
    if len(latex) > MAX_TEX_CHARACTERS or _depth(latex) > MAX_TEX_DEPTH or _DEFINES.search(latex):
        return None
    from latex2mathml.converter import Converter  # here: it loads its table of symbols when imported

    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(_prepared(latex))
    except _converter_faults():
        return None
    return _clean(tree, latex)


def _prepared(latex: str) -> str:
    """The TeX in the converter's dialect: it knows no `aligned` nor its kin, and drops columns outside of one."""
    drawn = _ALIGNED.sub(r"\\\1{align*}", visible(_UNDRAWN.sub("", latex)))
    return drawn if "&" not in drawn or "\\begin" in drawn else f"\\begin{{align*}}{drawn}\\end{{align*}}"


@cache
def _converter_faults() -> tuple[type[Exception], ...]:
    """The converter's own errors, and those that it lets through for TeX it did not expect."""
    from latex2mathml import exceptions

    own = (kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*own, AttributeError, IndexError, KeyError, RecursionError, StopIteration, TypeError, ValueError)


def _clean(tree: Element, latex: str) -> Element | None:
    for node in tree.iter():
        text = node.text or ""
        if node.tag == "mi" and (text.startswith("\\") or text == "&"):
            return None  # an unknown command would be drawn by its name, a stray column mark as a sign
        upright = node.tag == "mi" and bool(_UPRIGHT_LETTER.fullmatch(text))
        boxed = node.tag == "menclose" and node.get("notation") == "box"
        node.tag = node.tag if node.tag in _TAGS else "mrow"
        node.text = visible(html.unescape(text))
        node.tail = None
        kept = {name: value for name, value in node.attrib.items() if _allowed(name, value)}
        node.attrib.clear()
        node.attrib.update(kept)
        if upright:  # \mathrm{d}: a browser slants a lone letter in <mi> unless told not to
            node.set("mathvariant", "normal")
        if boxed:  # browsers know no menclose: the page's style draws the box
            node.set("class", BOXED)
    _put_limits_below(tree)
    _stretch_bars(tree)
    tree.set("aria-label", visible(latex))
    return tree


def _put_limits_below(tree: Element) -> None:
    """In a display formula the limits of lim, max and their like stand below; the converter sets them as indices."""
    if tree.get("display") != "block":
        return
    for node in tree.iter():
        first = node[0] if len(node) else None
        if first is None or first.tag != "mo" or node.tag not in ("msub", "msubsup"):
            continue
        if first.text in _LIMIT_OPERATORS or first.get("movablelimits") == "true":
            node.tag = "munder" if node.tag == "msub" else "munderover"


def _stretch_bars(tree: Element) -> None:
    """Bars beside a matrix grow with it; as they come they would be the sign between two terms."""
    for parent in tree.iter():
        children = list(parent)
        for left, table, right in zip(children, children[1:], children[2:], strict=False):
            if table.tag == "mtable":
                for bar, form in ((left, "prefix"), (right, "postfix")):
                    if bar.tag == "mo" and bar.text in ("|", "\u2016", "\u2225"):
                        bar.attrib.update(form=form, fence="true", stretchy="true")


def _allowed(name: str, value: str) -> bool:
    if name in _KEYWORDS:
        return bool(_KEYWORD_VALUE.fullmatch(value))
    return name in _LENGTHS and bool(_LENGTH_VALUE.fullmatch(value))


def _depth(latex: str) -> int:
    deepest = depth = 0
    for mark in re.findall(r"\\left\b|\\right\b|\\begin\b|\\end\b|\\[{}]|[{}]", latex):
        if mark in ("{", "\\left", "\\begin"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in ("}", "\\right", "\\end"):
            depth -= 1
    return deepest
