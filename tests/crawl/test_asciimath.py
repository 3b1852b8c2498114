"""AsciiMath to LaTeX: the public grammar's parts, and text that no grammar foresees."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.formulas.asciimath import MAX_LENGTH, asciimath_to_latex
from crawl.formulas.asciimath_tables import BINARY, UNARY, constants, words


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("sum_(i=1)^n i^3=((n(n+1))/2)^2", r"\sum_{i=1}^ni^3=\left(\frac{n(n+1)}{2}\right)^2"),
        ("x = (-b +- sqrt(b^2 - 4ac))/(2a)", r"x=\frac{-b\pm\sqrt{b^2-4ac}}{2a}"),
        ("d/dxf(x)=lim_(h->0)(f(x+h)-f(x))/h", r"\frac{d}{dx}f(x)=\lim_{h\to0}\frac{f(x+h)-f(x)}{h}"),
        ("int_-1^1 sqrt(1-x^2)dx = pi/2", r"\int_{-1}^1\sqrt{1-x^2}dx=\frac{\pi}{2}"),
        ("E=mc^2", "E=mc^2"),
        ("AA x in RR", r"\forall x\in\mathbb{R}"),
    ],
)
def test_well_known_formulas_read_as_written(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("alpha beta Gamma", r"\alpha\beta\Gamma"),
        ("a xx b", r"a\times b"),
        ("a*b", r"a\cdot b"),
        ("a <= b", r"a\le b"),
        ("a != b", r"a\ne b"),
        ("a in.A", r"a\in.A"),
        ("A sube B", r"A\subseteq B"),
        ("x -> oo", r"x\to\infty"),
        ("p => q <=> r", r"p\Rightarrow q\Leftrightarrow r"),
        ("a//b", "a/b"),
        ("grad f", r"\nabla f"),
        ("1,...,n", r"1,\ldots,n"),
        ("CC NN QQ ZZ", r"\mathbb{C}\mathbb{N}\mathbb{Q}\mathbb{Z}"),
        ("A uu B nn C", r"A\cup B\cap C"),
        ("x @ y o+ z", r"x\circ y\oplus z"),
        ("del/(del x)", r"\frac{\partial}{\partial x}"),
        ("\\alpha", r"\alpha"),
        ("a\\ b", r"a\ b"),
    ],
)
def test_constants_are_the_longest_words_that_fit(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("x^2", "x^2"),
        ("x_12^34", "x_{12}^{34}"),
        ("x_(n+1)^2", "x_{n+1}^2"),
        ("e^(i pi)", r"e^{i\pi}"),
        ("e^-x", "e^{-x}"),
        ("sin^-1(x)", r"\sin^{-1} (x)"),
        ("f''(x)", "f''(x)"),
        ("2^3^4", "2^3{}^4"),
        ("^2", "{}^2"),
        ("x^", r"x\wedge"),
        ("log_2 x", r"\log_2 x"),
    ],
)
def test_scripts_take_one_expression_without_its_brackets(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("1/2", r"\frac{1}{2}"),
        ("(a+b)/(c-d)", r"\frac{a+b}{c-d}"),
        ("((a))/b", r"\frac{(a)}{b}"),
        ("x^(1/2)", r"x^{\frac{1}{2}}"),
        ("sin x/2", r"\frac{\sin x}{2}"),
        ("1/-x", r"\frac{1}{-x}"),
        ("a/", "a/"),
        ("sqrt(x)/2", r"\frac{\sqrt{x}}{2}"),
    ],
)
def test_fractions_drop_the_brackets_of_their_parts(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("sqrt 2", r"\sqrt{2}"),
        ("hat(ab) vec x", r"\hat{ab}\vec{x}"),
        ("bar(xy)", r"\overline{xy}"),
        ("abs(x)", r"\left|x\right|"),
        ("floor(x/2)", r"\left\lfloor \frac{x}{2}\right\rfloor"),
        ("norm(v)", r"\left\|v\right\|"),
        ("bb(x) bbb R", r"\mathbf{x}\mathbb{R}"),
        ("cc(A) fr(g) tt(x) sf(y)", r"\mathcal{A}\mathfrak{g}\mathtt{x}\mathsf{y}"),
        ("root(3)(x)", r"\sqrt[3]{x}"),
        ("frac(a)(b)", r"\frac{a}{b}"),
        ("overset(a)(b)", r"\overset{a}{b}"),
        ("underset(c)(d)", r"\underset{c}{d}"),
        ("ubrace(a+b)_n", r"\underbrace{a+b}_n"),
        ("color(red)(x)", "x"),
        ("cancel(x)", r"\cancel{x}"),
    ],
)
def test_unary_and_binary_symbols_take_their_arguments(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ('"if " x', r"\text{if }x"),
        ("text(a_b$)", r"\text{a\_b\$}"),
        ("mbox(yes)", r"\text{yes}"),
        ("text{no}", r"\text{no}"),
        ("x if y", r"x\text{ if }y"),
        ('"unclosed', '"unclosed'),
    ],
)
def test_text_is_quoted_or_in_brackets(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("(a,b]", "(a, b]"),
        ("{x in RR | a < x <= b}", r"\{x\in\mathbb{R}|a<x\le b\}"),
        ("(:x:)", r"\langle x\rangle"),
        ("(1", "(1"),
        ("1)", "1)"),
        ("|x|", r"\left|x\right|"),
        ("|x|/y", r"\frac{\left|x\right|}{y}"),
        ("||x||", r"\left|\left|x\right|\right|"),
        ("a|b", "a|b"),
        ("{:x:}", "x"),
        ("{:x)", r"\left.x\right)"),
    ],
)
def test_brackets_may_be_mixed_missing_or_bars(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("[[a,b],[c,d]]", r"\begin{bmatrix} a & b \\ c & d\end{bmatrix}"),
        ("((n),(k))", r"\begin{pmatrix} n \\ k\end{pmatrix}"),
        ("{(1,x),(2,y):}", r"\begin{cases}1 & x \\ 2 & y\end{cases}"),
        ("{:(x,y),(z,w):}", r"\begin{matrix} x & y \\ z & w\end{matrix}"),
        ("|(a,b),(c,d)|", r"\begin{vmatrix} a & b \\ c & d\end{vmatrix}"),
        ("[(1,2),(3,4))", r"\left[\begin{matrix} 1 & 2 \\ 3 & 4\end{matrix}\right)"),
        ("((a,b),(c))", "((a, b), (c))"),
        ("[[1/2,x^2]]", r"\begin{bmatrix}\frac{1}{2} & x^2\end{bmatrix}"),
    ],
)
def test_brackets_of_equal_rows_are_matrices(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("f(x)/x", r"\frac{f(x)}{x}"),
        ("g(x)/2", r"\frac{g(x)}{2}"),
        ("f^2(x)/2", r"\frac{f^2 (x)}{2}"),
        ("(f, g)", "(f, g)"),
        ("(sin x, cos x)", r"(\sin x, \cos x)"),
        ("f: A -> B", r"f:A\to B"),
        ("f/g", r"\frac{f}{g}"),
        ("f = g", "f=g"),
    ],
)
def test_f_and_g_are_functions_and_keep_their_argument(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("[[a,b,|,c],[d,e,|,f]]", r"\left[\begin{array}{cc|c} a & b & c \\ d & e & f\end{array}\right]"),
        ("((1,|,2),(3,|,4))", r"\left(\begin{array}{c|c} 1 & 2 \\ 3 & 4\end{array}\right)"),
        ("[[|,a],[|,b]]", r"\begin{bmatrix}| & a \\ | & b\end{bmatrix}"),
        ("[[a,|,b],[c,d,e]]", r"\begin{bmatrix} a & | & b \\ c & d & e\end{bmatrix}"),
        ("{([0,1],a),([2,3],b):}", r"\begin{cases} [0, 1] & a \\ {}[2, 3] & b\end{cases}"),
    ],
)
def test_a_column_of_bars_is_a_line_between_columns(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("sin^2 x/2", r"\frac{\sin^2 x}{2}"),
        ("sqrt x^2", r"\sqrt{x}^2"),
        ("hat x^2", r"\hat{x}^2"),
        ("a/b^2", r"\frac{a}{b^2}"),
        ("a_1/b_1", r"\frac{a_1}{b_1}"),
        ("-x/y", r"-\frac{x}{y}"),
        ("(a)/(b)c", r"\frac{a}{b}c"),
        ("n!/(k!(n-k)!)", r"n\frac{!}{k!(n-k)!}"),
        ("sum_i^n/2", r"\frac{\sum_i^n}{2}"),
        ("1/2 3/4", r"\frac{1}{2}\frac{3}{4}"),
        ("((a,b),(c,d))^-1", r"\begin{pmatrix} a & b \\ c & d\end{pmatrix}^{-1}"),
        ('x_"max"', r"x_{\text{max}}"),
        ("(x)_(y)", "(x)_y"),
        ("{x}/{y}", r"\frac{x}{y}"),
        ("(dy)/(dx)", r"\frac{dy}{dx}"),
        ("[a,b)", "[a, b)"),
        ("(d^2y)/(dx^2)", r"\frac{d^2y}{dx^2}"),
        ("x^{1}_2", "x^1{}_2"),
        ("|x|^2", r"\left|x\right|^2"),
        ("5%", r"5\%"),
        ("$5", r"\$5"),
        ("a#b", r"a\#b"),
    ],
)
def test_precedence_is_that_of_the_published_grammar(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


@pytest.mark.parametrize("source", ["", "   ", "\n", "x" * (MAX_LENGTH + 1), "(" * 5000 + "x", "sin^2 " * 3000])
def test_empty_long_and_deep_formulas_are_none(source: str) -> None:
    assert asciimath_to_latex(source) is None


@pytest.mark.parametrize(
    "unit", ["|", "|a(", "x^", "a/", '"', "text(", "[[a,b],", "{", "_", "\\", "sqrt ", "-", "{:"]
)
def test_repeated_fragments_take_no_more_than_linear_time(unit: str) -> None:
    source = unit * (MAX_LENGTH // len(unit))
    started = time.perf_counter()
    asciimath_to_latex(source)
    assert time.perf_counter() - started < 5


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(sorted(words()[0])), st.text("ab12 ()[]{}|^_/,$#%&~", max_size=3)), max_size=25
    )
)
def test_any_text_gives_paired_braces_or_none(pieces: list[str]) -> None:
    latex = asciimath_to_latex(" ".join(pieces))
    if latex is None:
        return
    depth = 0
    for char in latex.replace("\\\\", "").replace(r"\{", "").replace(r"\}", ""):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0


def test_same_text_gives_the_same_latex_whatever_came_before() -> None:
    first = asciimath_to_latex("sum_(i=1)^n i")
    asciimath_to_latex("(((")
    assert asciimath_to_latex("sum_(i=1)^n i") == first


def test_every_word_of_the_tables_is_read() -> None:
    for word in [*constants(), *UNARY, *BINARY]:
        assert asciimath_to_latex(f"a {word} b c"), word
