"""The normal form: equal where LaTeX prints alike, different where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.formulas.normal_form import normal_form

EQUAL = [
    ("x ^ 2", "x^{2}"),
    ("x_i^2", "x^2_i"),
    ("\\frac ab", "\\dfrac{a}{b}"),
    ("{a \\over b}", "\\frac{a}{b}"),
    ("{n \\choose k}", "\\binom nk"),
    ("{\\displaystyle x^{2}}", "x^2"),
    ("\\left( a \\right)", "(a)"),
    ("\\left. a \\right|", "a|"),
    ("\\bigl( a \\bigr)", "(a)"),
    ("f'(x)", "f^{\\prime}(x)"),
    ("f''", "f^{\\prime\\prime}"),
    ("a\\,b\\;c\\quad d", "abcd"),
    ("a\\lt b", "a<b"),
    ("a \\le b", "a \\leq b"),
    ("a \\le b", "a ≤ b"),
    ("\\alpha", "α"),
    ("a − b", "a - b"),
    ("\\sin x", "\\operatorname{sin}x"),
    ("\\sin x", "\\mathrm{sin} x"),
    ("\\text{if }x", "\\mbox{if} x"),
    ("\\mathbf{V}_1", "{\\bf V}_{1}"),
    ("\\mathbf{AB}", "\\mathbf{A}\\mathbf{B}"),
    ("\\mathbb R", "ℝ"),
    ("\\mathbf{x}", "𝐱"),
    ("\\overset{\\cdot}{x}", "\\dot x"),
    ("\\overset{\\rightarrow}{x}", "\\vec x"),
    ("\\bar x", "\\overline{x}"),
    ("\\sum\\limits_{i}^n", "\\sum_i^n"),
    ("\\sqrt[3]{x}", "\\sqrt[3] x"),
    ("x \\label{eq:1}", "x"),
    ("x \\nonumber", "x"),
    ("a = b \\tag{3}", "a = b (3)"),
    ("a = b \\tag*{(3)}", "a = b (3)"),
    ("\\ldots", "\\dots"),
    ("a \\not= b", "a \\neq b"),
    ("a \\not\\in b", "a \\notin b"),
    ("\\{x\\}", "\\lbrace x \\rbrace"),
    ("\\|x\\|", "\\Vert x \\Vert"),
    ("|x|", "\\lvert x\\rvert"),
    ("\\genfrac{}{}{0pt}{}{n}{k}", "{n \\atop k}"),
    ("\\left(\\right. \\genfrac{}{}{0pt}{}{n}{k} \\left.\\right)", "\\binom{n}{k}"),
    ("\\begin{align*}x&=y\\\\u&=v\\\\\\end{align*}", "\\begin{aligned}x & = & y \\\\ u & = & v\\end{aligned}"),
    ("\\begin{align}x&=y\\end{align}", "x=y"),
    ("\\begin{split}x=\\begin{cases}a\\\\b\\end{cases}\\end{split}", "x=\\begin{cases}a\\\\b\\end{cases}"),
    ("a \\gt b", "a > b"),
    ("a \\ast b", "a * b"),
    ("\\begin{matrix}a\\end{matrix}", "a"),
    ("\\varnothing", "\\emptyset"),
    ("f \\colon A", "f : A"),
    ("\\begin{equation}x\\end{equation}", "x"),
    ("\\begin{vmatrix}a&b\\\\c&d\\end{vmatrix}", "\\left|\\begin{array}{cc}a&b\\\\c&d\\end{array}\\right|"),
    ("\\begin{pmatrix}a&b\\end{pmatrix}", "(\\begin{matrix}a&b\\end{matrix})"),
    ("\\begin{cases}a&b\\end{cases}", "\\left\\{\\begin{array}{ll}a&b\\end{array}\\right."),
    ("\\color{red}{x}", "x"),
    ("\\hspace{1em}x", "x"),
    ("\\pmod{n}", "(\\bmod n)"),
    ("{{x}}", "x"),
    ("a % note\nb", "ab"),
    ("\\mathrm{d}x", "\\text{d}x"),
    ("A^T", "A^{T}"),
    ("a \\tag{\\(\\star\\)}", "a (\\star)"),
    ("a \\tag{$3$}", "a \\tag{3}"),
    ("\\operatorname*{argmax}_x", "\\operatorname{argmax}_{x}"),
    ("{\\cal F}", "\\mathcal{F}"),
    ("{\\cal G}", "𝒢"),
    ("\\Reals^n", "\\mathbb{R}^n"),
    ("\\begin{array}{rl}a&=b\\\\&+c\\end{array}", "\\begin{aligned}a&=b\\\\&+c\\end{aligned}"),
    ("\\begin{array}{rcl}a&=&b\\\\&\\le&c\\end{array}", "\\begin{eqnarray}a&=&b\\\\&\\leq&c\\end{eqnarray}"),
    ("\\begin{array}{rl}a=&b\\end{array}", "a=b"),
    ("\\begin{array}{rl}a&\\stackrel{def}{=}b\\end{array}", "a\\overset{def}{=}b"),
    ("\\overset{n}{\\underset{i}{\\sum}}", "\\sum_i^n"),
    ("\\underset{x \\to 0}{\\lim}", "\\lim_{x\\to0}"),
    ("\\underset{x}{\\arg\\max}", "\\operatorname*{argmax}_x"),
    ("\\underset{n}{\\underbrace{ab}}", "\\underbrace{ab}_n"),
    ("a\\\\[2pt]b", "a\\\\b"),
    ("a\\\\[-0.5 ex]b", "a\\\\b"),
    ("a\\\\[.5\\baselineskip]b", "a\\\\b"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_formulas_that_print_alike_are_equal(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


DIFFERENT = [
    ("x^2", "x_2"),
    ("x^{2}y", "x^{2y}"),
    ("\\frac{a}{b}", "\\frac{b}{a}"),
    ("\\sin x", "sin x"),
    ("\\alpha", "\\beta"),
    ("\\leq", "\\lt"),
    ("\\mathbf{x}", "x"),
    ("\\mathbb{R}", "R"),
    ("a\\\\b", "ab"),
    ("\\begin{matrix}a&b\\end{matrix}", "\\begin{matrix}ab\\end{matrix}"),
    ("\\begin{pmatrix}a\\end{pmatrix}", "\\begin{bmatrix}a\\end{bmatrix}"),
    ("\\sqrt[3]{x}", "\\sqrt{x}"),
    ("\\sum_i", "\\prod_i"),
    ("a = b \\tag{3}", "a = b"),
    ("\\subset", "\\subseteq"),
    ("\\hat x", "x"),
    ("x'", "x"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_formulas_that_print_differently_differ(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


def test_script_without_an_argument_is_left_out() -> None:
    assert normal_form("x^\\ ") == normal_form("x^") == "x"


def test_nesting_without_end_falls_back() -> None:
    assert normal_form("{" * 100_000 + "x y") == "{" * 100_000 + "xy"


def test_bracket_arguments_without_end_fall_back() -> None:
    assert "x" in normal_form("\\sqrt[" * 500 + "x" + "]" * 500)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="\\{}[]^_&'abfrcsqtlehgindo x1=", max_size=40))
def test_any_text_has_a_normal_form(latex: str) -> None:
    assert isinstance(normal_form(latex), str)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["x", "^2", "_{i}", "\\alpha", "\\frac{a}{b}", "+", "(", ")", "\\sin"]), max_size=8))
def test_white_space_between_tokens_changes_nothing(tokens: list[str]) -> None:
    assert normal_form(" ".join(tokens)) == normal_form(" \n ".join(tokens))
