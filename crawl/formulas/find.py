"""Find every formula of a page that stands in markup, and put one node in its place.

In: the page's tree. Out: the same tree with `crawl.formulas.node` leaves, and how many representations of each
source were seen. A formula often stands several times in one container (preview, picture, MathML, annotation,
script): the container is replaced once, by its best representation. Runs before anything hidden is pruned, because
Wikipedia and others hide the very element that holds the source. Delimiters in text are another module's work
(`tex_delimiters`), done after this one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from crawl.dom import Element
from crawl.formulas.asciimath import asciimath_to_latex
from crawl.formulas.clean import strip_delimiters
from crawl.formulas.image_urls import Candidate, image_formulas
from crawl.formulas.katex_html import katex_html_to_latex
from crawl.formulas.latexml import equation_group
from crawl.formulas.likeness import Likeness, likeness
from crawl.formulas.math_elements import math_candidates, mathml_from_text
from crawl.formulas.mathjax_chtml import chtml_to_latex
from crawl.formulas.mathjax_svg import svg_to_latex
from crawl.formulas.node import FORMULA, formula_node
from crawl.formulas.page_config import PageMath
from crawl.formulas.plain_markup import markup_to_latex
from mathpipe.core.records import FormulaSource

Found = list[Candidate]
_BLOCKS = frozenset("p div center dd figure li td section article blockquote".split())


@dataclass(slots=True)
class MarkupFormulas:
    """What the search keeps: the page's rules, and counts of representations by source."""

    page: PageMath
    found: Counter[FormulaSource] = field(default_factory=Counter)


def mark_markup_formulas(root: Element, page: PageMath) -> Counter[FormulaSource]:
    """Replace the formulas in markup below `root` by nodes, in place; the representations seen, by source."""
    state = MarkupFormulas(page)
    stack = [root]
    while stack:
        parent = stack.pop()
        changed = False
        children: list[Element | str] = []
        for index, child in enumerate(parent.children):
            if isinstance(child, str) or not (child.attrs or child.tag in _BY_TAG):
                children.append(child)
                if not isinstance(child, str) and child.children:
                    stack.append(child)
                continue
            replaced = _recognised(child, parent, index, state)
            if replaced is None:
                children.append(child)
                stack.append(child)
            else:
                changed = True
                children.extend(replaced)
        if changed:
            parent.children = children
    return state.found


Recogniser = Callable[[Element, Element, int, MarkupFormulas], "Found | None"]


def _recognised(node: Element, parent: Element, index: int, state: MarkupFormulas) -> list[Element] | None:
    """The nodes that stand for this element; None where it is no formula and must be looked into."""
    if node.tag == FORMULA:
        return None
    candidates = _candidates(node, parent, index, state)
    if candidates is None:
        return None
    state.found.update(candidate.source for candidate in candidates)
    best = next((candidate for candidate in candidates if candidate.latex.strip()), None)
    if best is None:
        return []
    display = best.display if best.display is not None else False
    return [formula_node(best.latex, best.source, display=display)]


def _candidates(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:
    """Ask the recognisers in turn: by tag, by class, by attribute."""
    recogniser = _BY_TAG.get(node.tag)
    if recogniser is not None:
        found = recogniser(node, parent, index, state)
        if found is not None:
            return found
    if "class" in node.attrs:
        for name in node.classes:
            by_class = _BY_CLASS.get(name)
            if by_class is not None:
                found = by_class(node, parent, index, state)
                if found is not None:
                    return found
    return None if _DATA_NAMES.isdisjoint(node.attrs) else _from_data(node)


# --- by tag ---------------------------------------------------------------------------------------------------


def _script(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    kind = node.get("type").lower().strip()
    if not kind.startswith("math/"):
        return None
    display = bool(re.search(r"mode\s*=\s*display", kind))
    code = node.text()
    if kind.startswith("math/tex"):
        return [Candidate(code, FormulaSource.TEX_SCRIPT, display)]
    if kind.startswith("math/asciimath"):
        return [Candidate(asciimath_to_latex(code) or "", FormulaSource.ASCIIMATH, display)]
    if kind.startswith("math/mml"):
        return mathml_from_text(code)
    return None


def _math(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    return math_candidates(node)


def _image(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    found = [*(_from_data(node) or ()), *image_formulas(node)]
    mathml = node.get("data-mathml")
    if mathml:
        found = [*mathml_from_text(mathml), *found]
    if not found:
        return None
    broken = "eeimg" in node.attrs and found[0].latex.endswith("\\\\")  # Zhihu's mark of a display formula
    if found[0].display is None and (broken or _stands_alone(node, parent)):
        found = [Candidate(found[0].latex, found[0].source, True), *found[1:]]
    return found


def _stands_alone(node: Element, parent: Element) -> bool:
    """Is this the only thing in its block? A picture says nothing else about its kind."""
    if parent.tag not in _BLOCKS:
        return False
    for child in parent.children:
        if isinstance(child, str):
            if child.strip(" \n\t\r\xa0.,;:"):
                return False
        elif child is not node and not ({"eqno", "headerlink"} & set(child.classes)) and child.tag != "br":
            return False
    return True


def _container(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """MathJax 3 and 4: `mjx-container`; dropped where its TeX follows (Typora)."""
    display = node.get("display") in ("true", "block") or node.get("width") == "full"
    if _next_is_script(parent, index):
        return [Candidate("", FormulaSource.MATHJAX_SVG if _is_svg(node) else FormulaSource.MATHJAX_CHTML, display)]
    found: Found = []
    latex = node.get("data-latex") or _mathjax4_latex(node)
    if latex:
        found.append(Candidate(latex, FormulaSource.DATA_ATTRIBUTE, display))
    for child in node.walk():
        if child.tag == "math":
            found.extend(_relabelled(math_candidates(child), FormulaSource.MATHJAX_ASSISTIVE, display=display))
            break
    source = FormulaSource.MATHJAX_SVG if _is_svg(node) else FormulaSource.MATHJAX_CHTML
    convert = svg_to_latex if source is FormulaSource.MATHJAX_SVG else chtml_to_latex
    drawn = "" if found else (convert(node) or "")
    found.append(Candidate(drawn, source, display))
    return found


def _mathjax4_latex(node: Element) -> str:
    """MathJax 4 puts `data-latex` on every node it draws; the formula's own stands on the outermost one."""
    for child in node.walk():
        if child.tag == "mjx-math" or child.get("data-mml-node") == "math":
            inner = list(child.elements())
            return child.get("data-latex") or (inner[0].get("data-latex") if len(inner) == 1 else "")
    return ""


def _is_svg(node: Element) -> bool:
    return node.get("jax").upper() == "SVG" or any(child.tag == "svg" for child in node.elements())


def _relabelled(found: Found, source: FormulaSource, *, display: bool) -> Found:
    return [Candidate(candidate.latex, source, candidate.display or display) for candidate in found]


def _raw_tag(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """Elements whose text is TeX by definition: GitHub's `math-renderer`, JATS `tex-math`, Distill's `d-math` …"""
    text = node.text()
    latex, said = strip_delimiters(text.strip())
    if not latex or _holds_formula(node):
        return None
    names = node.get("class")
    display = (
        said if said is not None else "display" in names or "block" in node.attrs or node.get("display") == "block"
    )
    return [Candidate(latex, FormulaSource.MATH_CLASS, display)]


def _alternatives(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """JATS in HTML: the same formula as TeX, as MathML and as a picture."""
    found: Found = []
    for child in node.walk():
        recogniser = {"tex-math": _raw_tag, "math": _math, "img": _image}.get(child.tag)
        if recogniser is not None:
            found.extend(recogniser(child, node, 0, state) or ())
    around = parent.get("class") + parent.tag
    display = "inline" not in around and ("disp" in around or any(candidate.display for candidate in found))
    return [Candidate(one.latex, one.source, display) for one in found] or None


def _amp(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    latex, said = strip_delimiters(node.get("data-formula").strip())
    return [Candidate(latex, FormulaSource.DATA_ATTRIBUTE, said is not False and "inline" not in node.attrs)]


def _holds_formula(node: Element) -> bool:
    return any(
        child.tag in ("math", "mjx-container", "img", "script", FORMULA)
        or "katex" in child.classes
        or "MathJax" in child.get("class")
        for child in node.walk()
    )


# --- by class -------------------------------------------------------------------------------------------------


def _katex(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """KaTeX output: the annotation, else its MathML, else the layout."""
    if "katex-error" in node.classes:
        return [
            Candidate(strip_delimiters(node.text().strip())[0], FormulaSource.KATEX, "display" in node.get("class"))
        ]
    display = "katex-display" in node.classes or "katex-display" in parent.classes
    inner = [child for child in node.walk() if child.tag == "math"]
    if len(inner) > 1 and "katex" not in node.classes:
        return None
    found: Found = []
    for child in inner[:1]:
        found.extend(_relabelled(math_candidates(child), FormulaSource.KATEX, display=display))
    if found and any(candidate.latex for candidate in found):
        return found[:1]
    drawn = next((child for child in node.walk() if "katex-html" in child.classes), None)
    if drawn is None:
        return None
    return [Candidate(katex_html_to_latex(drawn) or "", FormulaSource.KATEX, display)]


def _mediawiki(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """`span.mwe-math-element`: hidden MathML with its annotation, and a picture with the same TeX."""
    found: Found = []
    display = any("display" in child.get("class") for child in node.walk())
    for child in node.walk():
        if child.tag == "math":
            found.extend(math_candidates(child))
    for child in node.walk():
        if child.tag == "img":
            found.extend(image_formulas(child))
    found.sort(key=lambda candidate: candidate.source is FormulaSource.MATHML)
    return [Candidate(one.latex, one.source, one.display or display) for one in found] or None


def _mathjax2(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:
    """MathJax 2 output: dropped where its script is in the page, else its MathML, else the layout."""
    source = FormulaSource.MATHJAX_SVG if "SVG" in node.get("class") else FormulaSource.MATHJAX_CHTML
    display = "isplay" in node.get("class")
    if _has_script(node, parent, index, state):
        return [Candidate("", source, display)]
    found: Found = []
    for child in node.walk():
        if child.get("data-mathml"):
            found.extend(
                _relabelled(
                    mathml_from_text(child.get("data-mathml")), FormulaSource.MATHJAX_ASSISTIVE, display=display
                )
            )
        elif child.tag == "math":
            found.extend(_relabelled(math_candidates(child), FormulaSource.MATHJAX_ASSISTIVE, display=display))
    if found:
        return [found[0], Candidate("", source, display)]
    script = next(
        (child for child in node.walk() if child.tag == "script" and child.get("type").startswith("math/")), None
    )
    if script is not None:
        return _script(script, node, 0, state)
    if "MathJax_Display" in node.classes and not node.text().strip():
        return []
    return [Candidate(_layout_text(node), source, display)] if node.text().strip() else None


def _layout_text(node: Element) -> str:
    """The characters of a layout without a source: no structure is left in MathJax 2's boxes."""
    text = " ".join(node.text().split())
    return text if likeness(text) is not Likeness.PROSE else ""


def _has_script(node: Element, parent: Element, index: int, state: MarkupFormulas) -> bool:
    """Is the TeX of this output kept in a script of the page (by its id, or as the next sibling)?"""
    for child in node.walk():
        name = child.get("id")
        if name.endswith("-Frame") and name[: -len("-Frame")] in state.page.script_ids:
            return True
    return _next_is_script(parent, index)


def _next_is_script(parent: Element, index: int) -> bool:
    for sibling in parent.children[index + 1 : index + 6]:
        if isinstance(sibling, str):
            if sibling.strip():
                return False
        elif sibling.tag == "script" and sibling.get("type").startswith("math/"):
            return True
        elif not sibling.get("class").startswith(("MathJax", "mjx")):
            return False
    return False


def _preview(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """`MathJax_Preview`: dropped where the formula itself follows."""
    if not node.children:
        return []
    for sibling in parent.children[index + 1 : index + 4]:
        if isinstance(sibling, Element):
            follows = sibling.tag == "script" or "MathJax" in sibling.get("class") or "mjx" in sibling.get("class")
            return [] if follows else None
    return None


def _math_class(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """`span.math`, `div.math` and kin: raw TeX without delimiters (pandoc, Discourse), or plain HTML markup."""
    if node.tag in ("script", "style", "table", "ul", "ol", "section", "article", "body", "math", "img", "main"):
        return None
    text = node.text().strip()
    if not text or len(text) > 10_000 or re.search(r"\\\(|\\\[|\$|`", text):
        return None
    names = set(node.classes)
    if _holds_formula(node):
        return None
    certain = (bool(names & {"inline", "display"}) and "math" in names) or "js-render-math" in names
    display = (
        "display" in names or node.get("data-math-style") == "display" or (node.tag == "div" and "math" in names)
    )
    if any(True for _ in node.elements()):
        latex = markup_to_latex(node) if certain else None
        return [Candidate(latex, FormulaSource.MATH_CLASS, display)] if latex else None
    look = likeness(text)
    accepted = certain or look is Likeness.STRONG or (look is Likeness.WEAK and "math" in names)
    return [Candidate(text, FormulaSource.MATH_CLASS, display)] if accepted else None


def _remark_math(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """Code that a script typesets (remark-math, GitLab), and Mathpix's formula with a hidden `latex` element."""
    names = set(node.classes)
    display = "math-display" in names or "math-block" in names or parent.tag == "pre"
    if node.tag == "code":
        return [Candidate(node.text().strip(), FormulaSource.MATH_CLASS, display)]
    hidden = next((child for child in node.elements() if child.tag == "latex"), None)
    return [Candidate(hidden.text().strip(), FormulaSource.MATH_CLASS, display)] if hidden is not None else None


def _latexml(node: Element, parent: Element, index: int, state: MarkupFormulas) -> Found | None:  # noqa: ARG001
    """LaTeXML's alignments, which lay one formula out in the cells of a table."""
    latex = equation_group(node, lambda math: math_candidates(math)[0].latex)
    return [Candidate(latex, FormulaSource.MATHML_ALTTEXT, True)] if latex else None


# --- by attribute ---------------------------------------------------------------------------------------------

_DATA = (
    "data-latex", "data-tex", "data-math", "data-formula", "data-equation", "data-katex", "data-original-tex",
    "data-latex-source", "data-tex-source", "data-math-tex", "data-expr", "data-math-content", "data-raw-tex",
    "data-mathml", "data-asciimath", "data-am", "data-latex-code", "data-texcode", "data-equation-content",
)  # fmt: skip
_DATA_NAMES = frozenset([*_DATA, "data-value", "data-attrs"])
_EXPRESSION = re.compile(r'"persistentExpression"\s*:\s*("(?:[^"\\]|\\.)*")')
"""Substack keeps its formulas in a JSON attribute."""
_DATA_FLAGS = frozenset(["", "true", "false", "1", "0", "inline", "block", "display", "math", "latex", "tex"])


def _from_data(node: Element) -> Found | None:
    """`data-latex="..."` and kin on an element that shows nothing but that formula."""
    for name in _DATA:
        value = node.attrs.get(name, "")
        if value.strip().lower() in _DATA_FLAGS:
            continue
        found = _data_value(node, name, value.strip())
        if found:
            return found
    expression = _EXPRESSION.search(node.get("data-attrs"))
    if expression:
        return [Candidate(_json_string(expression[1]), FormulaSource.DATA_ATTRIBUTE, True)]
    if "ql-formula" in node.get("class") and node.get("data-value"):
        return [Candidate(node.get("data-value"), FormulaSource.DATA_ATTRIBUTE, False)]
    return None


def _json_string(quoted: str) -> str:
    """A JSON string's text; empty where it is not valid JSON."""
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


def _data_value(node: Element, name: str, value: str) -> Found | None:
    if node.tag in ("html", "body", "main", "article", "section", "table") or len(node.text()) > 400 + 20 * len(
        value
    ):
        return None
    display = None if node.tag == "img" else _says_display(node)
    if name == "data-mathml":
        return [Candidate(one.latex, one.source, one.display or bool(display)) for one in mathml_from_text(value)]
    if name in ("data-asciimath", "data-am"):
        return [Candidate(asciimath_to_latex(value) or "", FormulaSource.ASCIIMATH, display)]
    latex, said = strip_delimiters(value)
    if likeness(latex) is Likeness.PROSE:
        return None
    return [Candidate(latex, FormulaSource.DATA_ATTRIBUTE, display if said is None else said)]


def _says_display(node: Element) -> bool:
    if "inline" in (names := node.get("class").lower()) or "inline" in node.get("data-type"):
        return False
    said = (
        node.get("data-display").lower()
        or node.get("data-displaymode").lower()
        or node.get("data-display-mode").lower()
    )
    if said:
        return said in ("true", "1", "block", "display", "")
    if any(child for child in node.walk() if "katex-display" in child.classes or child.get("display") == "true"):
        return True
    return bool(re.search(r"display|block", names + node.get("data-type"))) or node.tag in ("div", "p", "figure")


_RAW_TAGS = (
    "math-renderer",
    "tex-math",
    "d-math",
    "math-field",
    "la-tex",
    "k-tex",
    "x-tex",
    "latex-js",
    "tex",
    "katex",
)
_BY_TAG: dict[str, Recogniser] = {
    "script": _script, "math": _math, "img": _image, "mjx-container": _container, "alternatives": _alternatives,
    "amp-mathml": _amp, **dict.fromkeys(_RAW_TAGS, _raw_tag),
}  # fmt: skip
_BY_CLASS: dict[str, Recogniser] = {
    "katex-display": _katex, "katex": _katex, "katex-error": _katex, "mwe-math-element": _mediawiki,
    "MathJax": _mathjax2, "MathJax_Display": _mathjax2, "MathJax_SVG": _mathjax2, "MathJax_SVG_Display": _mathjax2,
    "MathJax_CHTML": _mathjax2, "MathJax_MathML": _mathjax2, "mjx-chtml": _mathjax2, "MathJax_PlainSource": _mathjax2,
    "MathJax_Preview": _preview, "math": _math_class, "tex": _math_class, "latex": _math_class,
    "ltx_eqn_table": _latexml, "js-render-math": _math_class, "equation": _math_class, "formula": _math_class,
    "mathjax": _math_class, "math-inline": _remark_math, "math-block": _remark_math, "math-display": _remark_math,
    "language-math": _remark_math,
}  # fmt: skip
