"""TeX between delimiters in running text: what the page enables, what looks like TeX, and what is neither."""

from __future__ import annotations

import pytest

from crawl import extract_page
from crawl.dom import parse_html
from crawl.formulas.likeness import Likeness, is_citation, is_price_start, likeness
from crawl.formulas.page_config import PageMath, read_page_math

LOADER = '<script src="https://cdn.example/MathJax.js"></script>'
MATHJAX2 = """<script type="text/x-mathjax-config">
MathJax.Hub.Config({
  tex2jax: {inlineMath: [['$','$'], ["\\\\(","\\\\)"]], processEscapes: true, ignoreClass: "quiet|silent"},
  TeX: {Macros: {RR: "{\\\\bf R}", abs: ["\\\\left|#1\\\\right|", 1]}}
});
</script>"""
MATHJAX3 = """<script>
window.MathJax = {
  tex: {inlineMath: {'[+]': [['$', '$']]}, macros: {RR: '{\\\\mathbb R}', bold: ['{\\\\bf #1}', 1]}},
  options: {ignoreHtmlClass: 'no-tex'}
};
</script>"""
KATEX = """<script>
document.addEventListener("DOMContentLoaded", function() { renderMathInElement(document.body, {
  delimiters: [{left: "$$", right: "$$", display: true}, {left: "$", right: "$", display: false}] }); });
</script>"""


def formulas(body: str, head: str = "") -> list[tuple[str, bool]]:
    page = extract_page(f"<html><head>{head}</head><body><p>Some words.</p>{body}</body></html>")
    return [(formula.latex, formula.display) for formula in page.formulas]


def text(body: str, head: str = "") -> str:
    return extract_page(f"<html><head>{head}</head><body>{body}</body></html>").text


def config(head: str) -> PageMath:
    return read_page_math(parse_html(f"<html><head>{head}</head><body></body></html>").walk())


# --- the page's configuration


def test_mathjax2_config_enables_dollars_and_defines_macros() -> None:
    page = config(MATHJAX2)
    assert (page.has_loader, page.configured, page.dollar_inline) == (True, True, True)
    assert page.macros["RR"].body == "{\\bf R}"
    assert (page.macros["abs"].body, page.macros["abs"].arguments) == ("\\left|#1\\right|", 1)
    assert {"quiet", "silent", "tex2jax_ignore"} <= page.ignore_classes


def test_mathjax3_config_enables_dollars_and_defines_macros() -> None:
    page = config(MATHJAX3)
    assert (page.configured, page.dollar_inline) == (True, True)
    assert page.macros["RR"].body == "{\\mathbb R}"
    assert page.macros["bold"].arguments == 1
    assert "no-tex" in page.ignore_classes


def test_katex_auto_render_list_enables_dollars() -> None:
    assert config(KATEX).dollar_inline


def test_config_without_dollars_leaves_them_off() -> None:
    page = config("<script>MathJax = {tex: {inlineMath: [['\\\\(', '\\\\)']]}};</script>")
    assert (page.configured, page.dollar_inline) == (True, False)


def test_page_without_scripts_has_no_configuration() -> None:
    page = config("")
    assert (page.has_loader, page.configured, page.dollar_inline, page.backquotes) == (False, False, False, False)


def test_own_delimiters_of_the_page_are_used() -> None:
    head = "<script>MathJax = {tex: {inlineMath: [['@@', '@@']]}};</script>"
    assert formulas("<p>Let @@x + 1@@ be.</p>", head) == [("x + 1", False)]


def test_macros_of_the_configuration_are_expanded() -> None:
    assert formulas("<p>Let $x \\in \\RR$ and $\\abs{y}$.</p>", MATHJAX2) == [
        ("x \\in {\\bf R}", False),
        ("\\left|y\\right|", False),
    ]


# --- delimiters


DELIMITED = [
    ("\\(a\\)", "a", False),
    ("\\[a\\]", "a", True),
    ("$$a$$", "a", True),
    ("\\( x < y \\)".replace("<", "&lt;"), "x < y", False),
    ("\\(\\text{if } \\{x\\}\\)", "\\text{if } \\{x\\}", False),
    ("\\(\\mbox{a \\) b}\\)", "\\mbox{a \\) b}", False),
    ("\\[\nx\n=\ny\n\\]", "x\n=\ny", True),
    ("\\[<br>a = b<br>\\]", "a = b", True),
    ("\\(a<em>1 + b</em>2\\)", "a_1 + b_2", False),
    ("\\(x<sup>2</sup>\\)", "x^{2}", False),
    ("[itex]y_1[/itex]", "y_1", False),
    ("\\(a<b\\)", "a<b", False),
    ("\\(0<x^2<y_1\\)", "0<x^2<y_1", False),
    ("[mathjaxinline]y_1[/mathjaxinline]", "y_1", False),
    ("\\\\(k^2\\\\)", "k^2", False),
    ("$latex x^2$", "x^2", False),
]


@pytest.mark.parametrize(("markup", "latex", "display"), DELIMITED)
def test_delimiters_make_a_formula_of_their_kind(markup: str, latex: str, display: bool) -> None:
    assert formulas(f"<p>Let {markup} be.</p>", LOADER) == [(latex, display)]


@pytest.mark.parametrize("name", ["align", "align*", "equation", "gather", "eqnarray", "multline*"])
def test_environment_by_itself_is_a_display_formula(name: str) -> None:
    found = formulas(f"<div>So \\begin{{{name}}}a &amp;= b\\end{{{name}}} holds</div>", LOADER)
    inner = "a &= b"
    expected = inner if name == "equation" else f"\\begin{{{name}}}{inner}\\end{{{name}}}"
    assert found == [(expected, True)]


def test_environment_of_text_is_no_formula() -> None:
    assert formulas("<p>\\begin{itemize}\\item a\\end{itemize}</p>", LOADER) == []


def test_inline_and_display_are_not_swapped() -> None:
    assert formulas("<p>\\(a\\) then \\[b\\]</p>", LOADER) == [("a", False), ("b", True)]


def test_double_escaped_comparison_is_one_sign() -> None:
    assert formulas("<p>\\(a &amp;lt; b\\)</p>", LOADER) == [("a < b", False)]


def test_block_inside_delimiters_is_no_formula() -> None:
    assert formulas("<div>\\(a <p>new paragraph</p> b\\)</div>", LOADER) == []


def test_unclosed_delimiter_stays_text() -> None:
    assert text("<p>an open \\(x + 1 here</p>", LOADER) == "an open \\(x + 1 here"


def test_one_formula_after_another_are_kept_apart() -> None:
    assert text("<p>\\(x\\)\\(y\\)</p>", LOADER) == "$x$ $y$"


# --- dollars


def test_enabled_dollars_take_plain_letters_and_numbers() -> None:
    assert formulas("<p>If $n$ is $5$ and $ab = 3$ then $ \\alpha $.</p>", MATHJAX2) == [
        ("n", False),
        ("5", False),
        ("ab = 3", False),
        ("\\alpha", False),
    ]


@pytest.mark.parametrize("head", ["", LOADER, MATHJAX2, MATHJAX3, KATEX])
def test_prices_are_no_formulas(head: str) -> None:
    body = "<p>It costs $5 and $10, or US$7 in all.</p><p>A $100 bill and a $20 bill.</p>"
    assert formulas(body, head) == []


@pytest.mark.parametrize("head", ["", LOADER])
def test_shell_and_php_variables_are_no_formulas(head: str) -> None:
    assert formulas("<p>Set $HOME and $PATH, or $foo_bar and $baz_qux there.</p>", head) == []


def test_dollars_count_where_tex_is_beyond_doubt() -> None:
    assert formulas("<p>Here $f(x) = \\sum_i a_i$ and $x$ is real.</p>") == [
        ("f(x) = \\sum_i a_i", False),
        ("x", False),
    ]


def test_single_letters_between_dollars_need_other_evidence() -> None:
    assert formulas("<p>Replace $x$ by hand.</p>") == []


def test_escaped_dollar_stays_literal() -> None:
    assert text("<p>Pay \\$5 for $x$ and \\$6.</p>", MATHJAX2) == "Pay \\$5 for $x$ and \\$6."


def test_double_dollars_around_words_are_no_formula() -> None:
    assert text("<p>var $$ = 5; $$ and so on</p>") == "var \\$\\$ = 5; \\$\\$ and so on"
    assert formulas("<p>one $$ and $$ two</p>", LOADER) == []


def test_dollars_need_no_space_around_them_in_chinese() -> None:
    assert formulas("<p>设$x>0$，则\\(x^2\\)。</p>", LOADER) == [("x>0", False), ("x^2", False)]


def test_price_before_a_formula_does_not_swallow_it() -> None:
    assert formulas("<p>For $100 we get $x^2$ units.</p>", MATHJAX2) == [("x^2", False)]


def test_literal_dollar_is_escaped_in_the_text() -> None:
    assert text("<p>This costs $100 per unit.</p>") == "This costs \\$100 per unit."


# --- what is no formula


@pytest.mark.parametrize("head", ["", LOADER, MATHJAX2])
def test_escaped_citations_are_no_formulas(head: str) -> None:
    assert formulas("<p>As in \\[1\\] and \\[2, 3\\], and \\[4–7\\].</p>", head) == []


def test_escaped_brackets_around_prose_are_no_formulas() -> None:
    assert formulas("<p>He said \\[sic\\] that \\(as we know\\) it is so.</p>") == []


@pytest.mark.parametrize("tag", ["pre", "code", "textarea", "kbd", "samp"])
def test_code_is_not_looked_into(tag: str) -> None:
    assert formulas(f"<p>a</p><{tag}>\\(x^2\\) and $$y$$</{tag}>", MATHJAX2) == []


def test_ignored_class_is_not_looked_into_and_processed_class_is() -> None:
    body = '<div class="tex2jax_ignore">\\(a\\) <span class="tex2jax_process">\\(b\\)</span></div>'
    assert formulas(body, LOADER) == [("b", False)]


def test_comparison_in_prose_keeps_its_underscores() -> None:
    assert text("<p>We have a_1 &lt; a_2 * b.</p>") == "We have a_1 < a_2 * b."


@pytest.mark.parametrize(
    "content",
    ["x^2", "\\alpha", "a_i + b_i", "f(x) = \\int_0^1 t\\,dt", "x_1", "e^{-x}", "\\text{for all } x \\in X", "2^n"],
)
def test_tex_looks_strongly_like_a_formula(content: str) -> None:
    assert likeness(content) is Likeness.STRONG


@pytest.mark.parametrize("content", ["x", "n+1", "f(x)", "(a, b)", "ABC", "x = y", "sin x", "3.14", "a < b", "≤ ∞"])
def test_letters_and_operators_look_weakly_like_a_formula(content: str) -> None:
    assert likeness(content) is Likeness.WEAK


@pytest.mark.parametrize(
    "content",
    [
        "",
        "5 and ",
        "HOME and ",
        "foo_bar and",
        "the quick brown fox",
        "see above",
        "sic",
        "per unit, or so it is said",
    ],
)
def test_words_look_like_prose(content: str) -> None:
    assert likeness(content) is Likeness.PROSE


def test_citation_is_numbers_only() -> None:
    assert [is_citation(content) for content in ("1", "2, 3", "4–7", "x", "1+1")] == [True, True, True, False, False]


def test_price_starts_with_an_amount_and_goes_on_in_words() -> None:
    starts = ("5 and more", "100 per unit", "5", "3x + 1", "20 bill.")
    assert [is_price_start(content) for content in starts] == [True, True, False, False, False]


# --- hostile pages: linear in their size


HOSTILE = {
    "openings without an end": "\\(" * 100_000,
    "brackets without an end": "\\[ a " * 40_000,
    "environments without an end": "\\begin{align}" * 20_000,
    "braces without an end": "\\(" + "{" * 200_000,
    "dollars": "$" * 200_000,
    "spaced dollars": "$x " * 60_000,
    "backslashes": "\\" * 200_000,
    "forum tags": "[tex]" * 40_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_no_more_than_linear_time(name: str) -> None:
    page = extract_page(f"<html><head>{LOADER}</head><body><p>Words.</p>{HOSTILE[name]}</body></html>")
    assert page.formulas == []


def test_hostile_configuration_is_read_in_bounded_time() -> None:
    head = "<script>MathJax " + "inlineMath:[" * 20_000 + "</script>"
    assert formulas("<p>\\(x\\)</p>", head) == [("x", False)]
