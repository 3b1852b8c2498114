"""Definitions are taken out of formulas and expanded where they are used."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl import extract_page
from crawl.formulas.clean import clean_latex, safe_dollars, strip_delimiters
from crawl.formulas.tex_macros import Macro, braced, expand, split_definitions

LOADER = '<script src="https://cdn.example/MathJax.js"></script>'

DEFINITIONS = [
    ("\\newcommand{\\R}{\\mathbb{R}}", "R", Macro("\\mathbb{R}")),
    ("\\newcommand\\R{\\mathbb{R}}", "R", Macro("\\mathbb{R}")),
    ("\\renewcommand{\\R}{\\mathbb{R}}", "R", Macro("\\mathbb{R}")),
    ("\\newcommand{\\abs}[1]{|#1|}", "abs", Macro("|#1|", 1)),
    ("\\newcommand{\\pd}[2][x]{\\partial_{#1} #2}", "pd", Macro("\\partial_{#1} #2", 2, "x")),
    ("\\def\\R{\\mathbb{R}}", "R", Macro("\\mathbb{R}")),
    ("\\def\\f#1#2{f(#1,#2)}", "f", Macro("f(#1,#2)", 2)),
    ("\\DeclareMathOperator{\\tr}{tr}", "tr", Macro("\\operatorname{tr}")),
    ("\\DeclareMathOperator*{\\argmin}{arg\\,min}", "argmin", Macro("\\operatorname{arg\\,min}")),
    ("\\let\\eps\\varepsilon", "eps", Macro("\\varepsilon")),
]


@pytest.mark.parametrize(("source", "name", "macro"), DEFINITIONS)
def test_definition_is_taken_out_and_read(source: str, name: str, macro: Macro) -> None:
    assert split_definitions(f"a {source} b") == ("a  b", {name: macro})


@pytest.mark.parametrize("source", ["\\newcommand", "\\newcommand{\\R}", "\\def\\R", "\\newcommand{\\R}{a", "\\let"])
def test_broken_definition_is_left_where_it_is(source: str) -> None:
    rest, macros = split_definitions(source)
    assert (rest, macros) == (source, {})


EXPANSIONS = [
    ("x \\in \\R", "x \\in \\mathbb{R}"),
    ("\\abs{x+1}", "|x+1|"),
    ("\\abs x", "|x|"),
    ("\\abs\\alpha", "|\\alpha|"),
    ("\\pd{f}", "\\partial_{x} f"),
    ("\\pd[y]{f}", "\\partial_{y} f"),
    ("\\eps x", "\\varepsilon x"),
    ("\\epsx", "\\epsx"),
    ("\\abs{\\abs{a}}", "||a||"),
    ("\\unknown{a}", "\\unknown{a}"),
]
MACROS = {
    "R": Macro("\\mathbb{R}"),
    "abs": Macro("|#1|", 1),
    "pd": Macro("\\partial_{#1} #2", 2, "x"),
    "eps": Macro("\\varepsilon"),
}


@pytest.mark.parametrize(("latex", "expected"), EXPANSIONS)
def test_macro_is_expanded_with_its_arguments(latex: str, expected: str) -> None:
    assert expand(latex, MACROS) == expected


def test_command_before_a_letter_keeps_its_end() -> None:
    assert expand("\\e b", {"e": Macro("\\eta")}) == "\\eta b"
    assert expand("\\e{}b", {"e": Macro("\\eta")}) == "\\eta{}b"


def test_endless_macro_is_left_undone() -> None:
    assert expand("\\a", {"a": Macro("\\a\\a")}) == "\\a"


def test_macro_that_grows_beyond_the_limit_is_left_undone() -> None:
    macros = {"a": Macro("\\b" * 50), "b": Macro("\\c" * 50), "c": Macro("x" * 50)}
    assert expand("\\a", macros, max_chars=1_000) == "\\a"


def test_standard_command_is_never_redefined() -> None:
    assert expand("\\frac{a}{b}", {"frac": Macro("boo")}) == "\\frac{a}{b}"


def test_definition_blocks_are_no_formulas_and_their_macros_are_applied() -> None:
    page = extract_page(
        f"<html><head>{LOADER}</head><body><p>Words.</p>"
        '<div style="display:none">\\(\\newcommand{\\R}{\\mathbb{R}} \\def\\f#1{f(#1)}\\)</div>'
        "<p>\\(x\\in\\R\\) and \\(\\f{x}\\)</p></body></html>"
    )
    assert [formula.latex for formula in page.formulas] == ["x\\in\\mathbb{R}", "f(x)"]
    assert [(count.found, count.emitted) for count in page.formula_counts] == [(2, 2)]


def test_definition_inside_a_formula_leaves_the_rest() -> None:
    page = extract_page(f"{LOADER}<p>So \\(\\def\\R{{\\mathbb R}} y \\in \\R\\) holds</p>")
    assert [formula.latex for formula in page.formulas] == ["y \\in \\mathbb R"]


def test_brace_that_closes_is_found_and_escaped_braces_do_not_count() -> None:
    assert braced("{a{b}c}d", 0) == 7
    assert braced("{a\\}b}", 0) == 6
    assert braced("{a", 0) is None


# --- cleaning


CLEANED = [
    ("  x ", "x"),
    ("$x$", "x"),
    ("$$x$$", "x"),
    ("\\(x\\)", "x"),
    ("\\[x\\]", "x"),
    ("{\\displaystyle x^{2}}", "x^{2}"),
    ("{\\textstyle \\sum}", "\\sum"),
    ("\\displaystyle x", "x"),
    ("\\displaystylex", "\\displaystylex"),
    ("{\\displaystyle a}b", "{\\displaystyle a}b"),
    ("\\begin{equation}x\\end{equation}", "x"),
    ("\\begin{equation*}\nx\n\\end{equation*}", "x"),
    ("a\n\nb", "a b"),
    ("a &lt; b", "a < b"),
    ("a & b", "a & b"),
    ("a % note\n+ b", "a + b"),
    ("a \\\\% note\nb", "a \\\\ b"),
    ("50\\%", "50\\%"),
    ("50%", "50\\%"),
    ("a\xa0b", "a b"),
    ("a\u200bb", "ab"),
    ("\\text{if $y$}", "\\text{if \\(y\\)}"),
    ("\\text{\\$5}", "\\text{\\$5}"),
    ("a $ b", "a \\$ b"),
    ("x\\", "x"),
    ("x\\\\", "x"),
    ("x \\\\ \\\\ ", "x"),
    ("{x}", "x"),
    ("{a}{b}", "{a}{b}"),
    ("{\\displaystyle} x", "x"),
    ("{}", ""),
    ("{}_2F_1", "{}_2F_1"),
    ("\\documentclass[12pt]{minimal}\n\\begin{document}$$\\alpha$$\\end{document}", "\\alpha"),
    ("% <![CDATA[\nx %]]>", "x"),
    ("", ""),
    ("$$", "\\(\\)".replace("\\(\\)", "")),
]


@pytest.mark.parametrize(("latex", "expected"), CLEANED)
def test_formula_is_cleaned(latex: str, expected: str) -> None:
    assert clean_latex(latex) == expected


def test_display_formula_keeps_its_lines_but_no_blank_ones() -> None:
    assert clean_latex("a\n\n  b  c\n", display=True) == "a\nb c"


def test_delimiters_say_the_kind() -> None:
    assert strip_delimiters("\\[x\\]") == ("x", True)
    assert strip_delimiters("$x$") == ("x", False)
    assert strip_delimiters("x") == ("x", None)
    assert strip_delimiters("$a$ and $b$") == ("$a$ and $b$", None)
    assert strip_delimiters("\\begin{displaymath}x\\end{displaymath}") == ("x", True)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$\\{}ab %\n&<", max_size=30))
def test_cleaned_formula_has_no_bare_dollar_and_no_open_end(latex: str) -> None:
    cleaned = clean_latex(latex)
    assert "$" not in cleaned.replace("\\\\", "").replace("\\$", "")
    assert "\n" not in cleaned
    assert (len(cleaned) - len(cleaned.rstrip("\\"))) % 2 == 0
    assert cleaned == cleaned.strip()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$\\ab", max_size=20))
def test_dollars_are_safe_whatever_stands_around_them(latex: str) -> None:
    assert "$" not in safe_dollars(latex).replace("\\\\", "").replace("\\$", "")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="\\newcomadf{}#1[]x ", max_size=60))
def test_any_text_can_be_split_and_expanded(latex: str) -> None:
    rest, macros = split_definitions(latex)
    assert len(rest) <= len(latex)
    assert len(expand(rest, macros)) <= max(10_000, len(rest))
