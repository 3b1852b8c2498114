"""Reading what a page says of its own mathematics, image URLs one by one, and small readers of markup."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.dom import Element, parse_html
from crawl.formulas.image_urls import image_formulas, latex_from_url
from crawl.formulas.latexml import equation_group
from crawl.formulas.math_elements import math_candidates, mathml_from_text, tex_annotation
from crawl.formulas.node import FORMULA, formula_node, is_formula
from crawl.formulas.page_config import PageMath, read_page_math
from crawl.formulas.plain_markup import markup_to_latex
from crawl.formulas.tex_delimiters import TextRules, mark_text_formulas
from crawl.tables import is_data_table, pipe_table
from mathpipe.core.records import FormulaSource


def first(html: str, tag: str) -> Element:
    return next(node for node in parse_html(html).walk() if node.tag == tag)


def config(script: str, attributes: str = "") -> PageMath:
    return read_page_math(parse_html(f"<head><script {attributes}>{script}</script></head>").walk())


# --- configurations


DOLLARS = [
    "MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$']]}});",
    "MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$'], ['\\\\(','\\\\)']]}});",
    'MathJax.Hub.Config({"tex2jax": {"inlineMath": [["$", "$"]]}});',
    "MathJax = {tex: {inlineMath: [['$', '$'], ['\\\\(', '\\\\)']]}}",
    'window.MathJax = {\n  tex: {\n    inlineMath: [ ["$", "$"] ],\n  },\n};',
    "MathJax = {tex: {inlineMath: {'[+]': [['$', '$']]}}}",
    "renderMathInElement(document.body, {delimiters: [{left: '$', right: '$', display: false}]})",
    'renderMathInElement(document.body, {"delimiters": [{"left": "$", "right": "$", "display": false}]})',
    "MathJax = { tex: { inlineMath: [[`$`, `$`]] } }",
]


@pytest.mark.parametrize("script", DOLLARS)
def test_single_dollars_are_enabled(script: str) -> None:
    assert config(script).dollar_inline


NO_DOLLARS = [
    "MathJax = {tex: {inlineMath: [['\\\\(', '\\\\)']]}}",
    "MathJax.Hub.Config({tex2jax: {displayMath: [['$$','$$']]}});",
    "renderMathInElement(document.body, {delimiters: [{left: '$$', right: '$$', display: true}]})",
    "var price = '$' + amount + '$';",
    "$('#math').click(function() { $(this).hide(); });",
    "MathJax.Hub.Config({showMathMenu: false});",
]


@pytest.mark.parametrize("script", NO_DOLLARS)
def test_single_dollars_are_not_enabled(script: str) -> None:
    assert not config(script).dollar_inline


LOADERS = [
    "https://cdn.example/mathjax/2.7.5/MathJax.js?config=TeX-AMS",
    "https://cdn.example/npm/mathjax@3/es5/tex-mml-chtml.js",
    "https://cdn.example/npm/katex@0.16.9/dist/katex.min.js",
    "/js/ASCIIMathML.js",
    "https://cdn.example/temml/temml.min.js",
]


@pytest.mark.parametrize("source", LOADERS)
def test_renderer_is_known_by_its_address(source: str) -> None:
    assert config("", f'src="{source}"').has_loader


@pytest.mark.parametrize("source", ["/js/jquery.js", "/js/app.js", "https://cdn.example/analytics.js"])
def test_other_script_is_no_renderer(source: str) -> None:
    assert not config("", f'src="{source}"').has_loader


def test_style_sheet_of_katex_says_that_the_page_has_tex() -> None:
    page = read_page_math(parse_html('<head><link rel="stylesheet" href="/katex/katex.min.css"></head>').walk())
    assert page.has_loader


ASCIIMATH = [
    ("", 'src="/ASCIIMathML.js"', True),
    ("", 'src="/MathJax.js?config=AM_HTMLorMML"', True),
    ("", 'src="/MathJax.js?config=TeX-MML-AM_CHTML"', True),
    ("MathJax = {loader: {load: ['input/asciimath', 'output/chtml']}}", "", True),
    ("MathJax.Hub.Config({jax: ['input/TeX']})", "", False),
    ("", 'src="/MathJax.js?config=TeX-AMS_HTML"', False),
]


@pytest.mark.parametrize(("script", "attributes", "expected"), ASCIIMATH)
def test_backquotes_are_enabled_by_asciimath_only(script: str, attributes: str, expected: bool) -> None:
    assert config(script, attributes).backquotes is expected


def test_own_delimiters_are_read_beside_the_usual_ones() -> None:
    page = config("MathJax = {tex: {inlineMath: [['$', '$'], ['((', '))']], displayMath: [['[[', ']]']]}}")
    assert page.inline == [("((", "))")]
    assert page.display == [("[[", "]]")]


def test_macros_of_every_form_are_read() -> None:
    page = config("MathJax = {tex: {macros: {a: 'A', 'b': \"{\\\\bf B}\", c: ['C#1', 1], \"\\\\d\": 'D'}}}")
    assert {name: (macro.body, macro.arguments) for name, macro in page.macros.items()} == {
        "a": ("A", 0),
        "b": ("{\\bf B}", 0),
        "c": ("C#1", 1),
        "d": ("D", 0),
    }


def test_ids_of_formula_scripts_are_kept() -> None:
    assert config("x", 'type="math/tex" id="MathJax-Element-4"').script_ids == frozenset(["MathJax-Element-4"])


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="MathJax{}[]:'\"$\\, inlineMath", max_size=120))
def test_any_script_can_be_read(script: str) -> None:
    assert isinstance(config("MathJax" + script.replace("<", "")), PageMath)


# --- image URLs


URLS = [
    ("https://latex.codecogs.com/gif.latex?x%5E2", "x^2"),
    ("https://latex.codecogs.com/svg.latex?%5Cinline%20%5Calpha", "\\alpha"),
    ("https://latex.codecogs.com/gif.latex?\\alpha&space;+&space;1", "\\alpha + 1"),
    ("//s0.wp.com/latex.php?latex=a_1+%2B+b&bg=fff", "a_1 + b"),
    ("/latex.php?latex=%5Calpha", "\\alpha"),
    ("/cgi-bin/mimetex.cgi?x_1", "x_1"),
    ("/cgi-bin/mathtex.cgi?formdata=%5Cpi", "\\pi"),
    ("http://chart.googleapis.com/chart?cht=tx&chl=e%5E%7Bx%7D", "e^{x}"),
    ("https://render.githubusercontent.com/render/math?math=%5Cpi", "\\pi"),
    ("https://www.zhihu.com/equation?tex=%5Cpi", "\\pi"),
    ("https://i.upmath.me/svg/%5Cfrac%7B1%7D%7B2%7D", "\\frac{1}{2}"),
    ("https://tex.s2cms.ru/svg/%5Calpha_1", "\\alpha_1"),
    ("https://example.com/render?tex=%5Cint_0%5E1+x", "\\int_0^1 x"),
    ("https://math.vercel.app/?from=%5Cpi", "\\pi"),
]


@pytest.mark.parametrize(("url", "latex"), URLS)
def test_latex_is_read_from_the_url(url: str, latex: str) -> None:
    assert latex_from_url(url) == latex


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "https://example.com/photo.jpg?w=300&h=200",
        "https://example.com/a%20b/c%20d.png",
        "https://chart.googleapis.com/chart?cht=bar&chl=a|b",
        "https://example.com/?from=home&in=menu&code=1234",
        "https://example.com/formula/one.png",
        "https://wikimedia.example/api/rest_v1/media/math/render/svg/0123abcd",
    ],
)
def test_other_urls_hold_no_formula(url: str) -> None:
    assert latex_from_url(url) is None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="?&=/%5Clatexmh:.+0", max_size=60))
def test_any_url_can_be_read(url: str) -> None:
    assert latex_from_url(url) is None or isinstance(latex_from_url(url), str)


def test_representations_of_an_image_come_best_first() -> None:
    image = first('<img class="latex" alt="\\alpha" src="/latex.php?latex=%5Calpha">', "img")
    assert [one.source for one in image_formulas(image)] == [FormulaSource.IMAGE_URL, FormulaSource.IMAGE_ALT]


# --- readers of markup


PLAIN = [
    ("<span><em>x</em><sup>2</sup></span>", "x^{2}"),
    ("<span><em>a</em><sub><em>i</em> + 1</sub> = <strong>v</strong></span>", "a_{i + 1} = \\mathbf{v}"),
    ("<span><em>f</em>(<em>x</em>)</span>", "f(x)"),
    ("<span>a <img src=x> b</span>", None),
    ("<span> </span>", None),
]


@pytest.mark.parametrize(("html", "latex"), PLAIN)
def test_plain_markup_is_read_as_latex(html: str, latex: str | None) -> None:
    assert markup_to_latex(first(html, "span")) == latex


def test_annotation_is_the_one_that_names_tex() -> None:
    math = first(
        '<math><semantics><mi>x</mi><annotation encoding="StarMath 5.0">no</annotation>'
        '<annotation encoding="application/x-tex"> yes </annotation></semantics></math>',
        "math",
    )
    assert tex_annotation(math) == "yes"


def test_markup_is_converted_only_where_no_source_stands() -> None:
    with_source = first('<math alttext="x"><mi>y</mi></math>', "math")
    assert [one.source for one in math_candidates(with_source)] == [FormulaSource.MATHML_ALTTEXT]


TEXTS = [
    ("<math><mi>x</mi></math>", ["x"]),
    ("<mml:math><mml:mi>x</mml:mi></mml:math>", ["x"]),
    ("«math xmlns=¨http://www.w3.org/1998/Math/MathML¨»«mi»x«/mi»«/math»", ["x"]),
    ("x + y", []),
    ("", []),
]


@pytest.mark.parametrize(("markup", "latex"), TEXTS)
def test_mathml_in_an_attribute_is_read(markup: str, latex: list[str]) -> None:
    assert [one.latex for one in mathml_from_text(markup)] == latex


def test_group_with_one_formula_a_row_is_left_to_its_cells() -> None:
    table = first("<table><tr><td><math alttext='a'></math></td><td></td></tr></table>", "table")
    assert equation_group(table, lambda math: math.get("alttext")) is None


def test_group_without_numbers_is_aligned() -> None:
    table = first(
        "<table><tr><td><math alttext='a'></math></td><td><math alttext='=b'></math></td></tr></table>", "table"
    )
    assert equation_group(table, lambda math: math.get("alttext")) == "\\begin{aligned}\na & =b\n\\end{aligned}"


def test_formula_node_is_a_leaf_with_its_kind() -> None:
    node = formula_node("x", FormulaSource.KATEX, display=True)
    assert (node.tag, node.get("latex"), node.get("display"), node.children) == (FORMULA, "x", "1", [])
    assert is_formula(node)
    assert not is_formula("x")


def test_new_nodes_come_back_in_document_order() -> None:
    root = parse_html("<body><p>\\(a^2\\) <b>\\(b^2\\)</b></p><p>\\[c^2\\]</p></body>")
    nodes = mark_text_formulas(root, TextRules(PageMath(has_loader=True)))
    assert [node.get("latex") for node in nodes] == ["a^2", "b^2", "c^2"]


# --- tables


TABLES = [
    ("<tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr>", True),
    ("<tr><td>a</td><td>b</td></tr>", False),
    ("<tr><td>a</td></tr><tr><td>b</td></tr>", False),
    ("<tr><td>a</td><td><pre>b</pre></td></tr><tr><td>c</td><td>d</td></tr>", False),
    ("<tr><td>a</td><td>" + "b" * 700 + "</td></tr><tr><td>c</td><td>d</td></tr>", False),
]


@pytest.mark.parametrize(("rows", "expected"), TABLES)
def test_data_table_is_told_from_layout(rows: str, expected: bool) -> None:
    assert is_data_table(first(f"<table>{rows}</table>", "table")) is expected


PIPES = [
    ([], ""),
    ([["", ""]], ""),
    ([["a", "b"], ["c"]], "| a | b |\n| --- | --- |\n| c |  |"),
    ([["a", "", "b"], ["c", "", "d"]], "| a | b |\n| --- | --- |\n| c | d |"),
    ([["a", ""], ["b", ""]], "a\nb"),
]


@pytest.mark.parametrize(("rows", "expected"), PIPES)
def test_rows_become_a_pipe_table(rows: list[list[str]], expected: str) -> None:
    assert pipe_table(rows) == expected
