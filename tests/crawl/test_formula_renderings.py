"""What KaTeX, MathJax 3 and 4, Temml and pandoc really write, read back: 24 formulas in eight forms without a source.

tests/cases/formulas/rendered.jsonl holds the renderers' output, one formula a line; the round-trip benchmark does the
same on thousands of formulas where the renderers can be installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crawl.dom import Element, parse_html
from crawl.formulas.mathjax_chtml import chtml_to_latex
from crawl.formulas.mathjax_svg import svg_to_latex
from crawl.formulas.mathml import mathml_to_latex
from crawl.formulas.normal_form import normal_form

CASES = Path(__file__).parent.parent / "cases" / "formulas" / "rendered.jsonl"
CONVERTERS: dict[str, tuple[str, Callable[[Element], str | None]]] = {
    "katex mathml, no source": ("math", mathml_to_latex),
    "mathjax3 mathml, no source": ("math", mathml_to_latex),
    "temml, no source": ("math", mathml_to_latex),
    "pandoc mathml, no source": ("math", mathml_to_latex),
    "mathjax3 chtml, bare": ("mjx-container", chtml_to_latex),
    "mathjax4 chtml, bare": ("mjx-container", chtml_to_latex),
    "mathjax3 svg, bare": ("mjx-container", svg_to_latex),
    "mathjax4 svg, bare": ("mjx-container", svg_to_latex),
}


def cases() -> list[dict[str, object]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def recovered(form: str, rendering: str) -> str | None:
    tag, convert = CONVERTERS[form]
    tree = parse_html(f"<p>{rendering}</p>")
    return convert(next(node for node in tree.walk() if node.tag == tag))


@pytest.mark.parametrize("form", CONVERTERS)
def test_every_rendering_comes_back_equal_under_the_normal_form(form: str) -> None:
    lost = []
    for case in cases():
        latex, forms = case["latex"], case["forms"]
        assert isinstance(latex, str)
        assert isinstance(forms, dict)
        back = recovered(form, forms[form])
        if back is None or normal_form(back) != normal_form(latex):
            lost.append((latex, back))
    assert lost == []


def test_the_same_rendering_gives_the_same_bytes_twice() -> None:
    for case in cases():
        forms = case["forms"]
        assert isinstance(forms, dict)
        assert [recovered(form, forms[form]) for form in CONVERTERS] == [
            recovered(form, forms[form]) for form in CONVERTERS
        ]
