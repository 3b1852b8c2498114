r"""The normal form's other half: what it must keep apart, whatever it folds together.

A measure that calls different formulas equal flatters every figure made with it. Each pair here differs in meaning by
the least that a converter could get wrong: a script moved, a sign turned, a letter in another alphabet, a brace shut
one symbol late.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.formulas.normal_form import normal_form

SCRIPTS = [
    (r"x^{2}", r"x_{2}"),
    (r"x^{2y}", r"x^2y"),
    (r"x_{ij}", r"x_ij"),
    (r"x_i^j", r"x_j^i"),
    (r"a^{b^c}", r"a^{bc}"),
    (r"a^{b^c}", r"{a^b}^c"),
    (r"a_b^c", r"a_{b^c}"),
    (r"a^{-1}", r"a^-1"),
    (r"a_{1,2}", r"a_{12}"),
    (r"a_1{}_2", r"a_{12}"),
    (r"{}_1a", r"a_1"),
    (r"{}^1a", r"a^1"),
    (r"x'", r"x"),
    (r"x''", r"x'"),
    (r"A'", r"A^1"),
    (r"f'_1", r"f_{1'}"),
    (r"(ab)^2", r"ab^2"),
    (r"10^{5}", r"105"),
    (r"90^\circ", r"90^0"),
    (r"90^\circ", r"90"),
    (r"\sin^{-1}", r"\sin-1"),
    (r"\sin 2x", r"\sin^2x"),
    (r"\log_2 8", r"\log 2^8"),
    (r"\log_2 x", r"\log 2x"),
]

OPERATORS = [
    (r"a-b", r"a+b"),
    (r"a\pm b", r"a\mp b"),
    (r"a\leq b", r"a\geq b"),
    (r"a\leq b", r"a<b"),
    (r"a\preceq b", r"a\leq b"),
    (r"a\ll b", r"a<b"),
    (r"a\neq b", r"a=b"),
    (r"a\equiv b", r"a=b"),
    (r"a\not\equiv b", r"a\equiv b"),
    (r"a\sim b", r"a\approx b"),
    (r"a\cong b", r"a\simeq b"),
    (r"a\cdot b", r"a\times b"),
    (r"a\cdot b", r"ab"),
    (r"a*b", r"a\star b"),
    (r"a:b", r"a/b"),
    (r"A\subset B", r"A\supset B"),
    (r"A\subseteq B", r"A\subset B"),
    (r"A\subseteq B", r"A\nsubseteq B"),
    (r"A\cup B", r"A\cap B"),
    (r"x\in A", r"x\notin A"),
    (r"x\in A", r"A\ni x"),
    (r"x\in A", r"x\epsilon A"),
    (r"a\wedge b", r"a\vee b"),
    (r"\forall x", r"\exists x"),
    (r"\to", r"\gets"),
    (r"a\Rightarrow b", r"a\rightarrow b"),
    (r"a\iff b", r"a\implies b"),
    (r"\mapsto", r"\to"),
    (r"a\mid b", r"a\nmid b"),
    (r"a\mid b", r"a\parallel b"),
    (r"\sum_i", r"\prod_i"),
    (r"\prod", r"\coprod"),
    (r"\bigcup", r"\cup"),
    (r"\int_a^b", r"\int_b^a"),
    (r"\iint", r"\int"),
    (r"\oint", r"\int"),
    (r"\max", r"\min"),
    (r"\sup", r"\inf"),
    (r"\arcsin", r"\sin"),
    (r"\sinh x", r"\sin hx"),
    (r"\therefore", r"\because"),
    (r"\lim_{x\to0}", r"\lim_{x\to1}"),
    (r"a\bmod n", r"an"),
    (r"a\pmod n", r"a(n)"),
    (r"50\%", r"50"),
    (r"n!", r"n"),
]

LETTERS = [
    (r"\mathbb{R}", r"R"),
    (r"\mathbb{1}", r"1"),
    (r"\mathbb{N}", r"\mathbf{N}"),
    (r"\mathbf{1}", r"1"),
    (r"\mathbf{x}", r"x"),
    (r"\mathbf{x}", r"\boldsymbol{x}"),
    (r"\mathbf{ab}", r"\mathbf{a}b"),
    (r"\boldsymbol\alpha", r"\alpha"),
    (r"\mathcal{F}", r"F"),
    (r"\mathcal{F}", r"\mathfrak{F}"),
    (r"\mathfrak g", r"g"),
    (r"\mathsf{A}", r"A"),
    (r"\mathtt{a}", r"a"),
    (r"\mathrm{d}", r"d"),
    (r"A^T", r"A^{\mathrm T}"),
    (r"\mathrm{ab}_c", r"\mathrm{ab_c}"),
    (r"\text{ab}", r"ab"),
    (r"x\text{ and }y", r"xandy"),
    (r"\sin x", r"s i n x"),
    (r"\operatorname{ab}c", r"\operatorname{abc}"),
    (r"\gcd(a,b)", r"(a,b)"),
    (r"{\bf x}y", r"{\bf xy}"),
    (r"\alpha", r"a"),
    (r"\mu", r"u"),
    (r"\Pi", r"\pi"),
    (r"\prod", r"\Pi"),
    (r"\sum", r"\Sigma"),
    (r"\Delta", r"\nabla"),
    (r"\Delta", r"\triangle"),
    (r"\epsilon", r"\varepsilon"),
    (r"\phi", r"\varphi"),
    (r"\phi", r"\emptyset"),
    (r"\theta", r"\vartheta"),
    (r"\partial", r"d"),
    (r"\ell", r"l"),
    (r"\hbar", r"h"),
    (r"\imath", r"i"),
    (r"\Re", r"R"),
    (r"\emptyset", r"0"),
    (r"3.14", r"314"),
    (r"1,2", r"12"),
    (r"{\cal F}", r"F"),
    (r"{\cal F}G", r"{\cal FG}"),
    (r"\begin{matrix}\cal A&B\end{matrix}", r"\begin{matrix}\cal A&\cal B\end{matrix}"),
    (r"\Reals", r"R"),
    (r"\cnums", r"C"),
]

STRUCTURES = [
    (r"\frac{a}{b}", r"\frac{b}{a}"),
    (r"\frac{ab}{c}", r"\frac{a}{bc}"),
    (r"\frac{ab}{c}", r"a\frac{b}{c}"),
    (r"\frac{1}{2}", r"12"),
    (r"\frac{1}{2}x", r"\frac{1}{2x}"),
    (r"{a\over b}c", r"{a\over bc}"),
    (r"\cfrac{1}{1+\cfrac{1}{x}}", r"\frac{1}{1}+\frac{1}{x}"),
    (r"\binom{n}{k}", r"\binom{k}{n}"),
    (r"\binom{n}{k}", r"\left(\frac{n}{k}\right)"),
    (r"\sqrt{ab}", r"\sqrt{a}b"),
    (r"\sqrt{x^2}", r"\sqrt{x}^2"),
    (r"\sqrt{a}\sqrt{b}", r"\sqrt{a\sqrt{b}}"),
    (r"\sqrt[3]{x}", r"\sqrt{x}"),
    (r"\sqrt[3]{x}", r"3\sqrt{x}"),
    (r"\hat{x}", r"\bar{x}"),
    (r"\hat{x}", r"\tilde{x}"),
    (r"\hat{x}", r"\check{x}"),
    (r"\vec{x}", r"x"),
    (r"\dot{x}", r"\ddot{x}"),
    (r"\mathring{A}", r"A"),
    (r"\overline{x}", r"\underline{x}"),
    (r"\overline{ab}", r"\bar{a}b"),
    (r"\overline{\overline{A}}", r"\overline{A}"),
    (r"\overrightarrow{AB}", r"\overline{AB}"),
    (r"\overrightarrow{AB}", r"\vec{A}B"),
    (r"\overbrace{a}", r"\underbrace{a}"),
    (r"\underbrace{a}_{n}", r"a_n"),
    (r"\cancel{x}", r"x"),
    (r"\stackrel{def}{=}", r"="),
    (r"\xrightarrow{f}", r"\xleftarrow{f}"),
    (r"\xrightarrow{f}", r"\rightarrow"),
    (r"x\tag{1}", r"x\tag{2}"),
    (r"x\tag{1}", r"x"),
    (r"\overset{a}{b}", r"b^a"),
    (r"\underset{a}{b}", r"b_a"),
    (r"\overset{a}{=}", r"=^a"),
    (r"\stackrel{a}{b}", r"b^a"),
    (r"\overset{a}{b}", r"\underset{a}{b}"),
    (r"\overset{a}{b}", r"\overset{b}{a}"),
    (r"\underset{2}{\mathrm{CO}}", r"\mathrm{CO}_2"),
    (r"\overset{n}{\sum a}", r"\sum a^n"),
]

FENCES = [
    (r"\left(a\right)", r"[a]"),
    (r"\left(a\right)", r"a"),
    (r"[a)", r"(a]"),
    (r"\{a\}", r"(a)"),
    (r"\{a\}", r"a"),
    (r"|a|", r"\|a\|"),
    (r"\lvert x\rvert", r"x"),
    (r"\left.a\right|", r"|a|"),
    (r"\langle a\rangle", r"(a)"),
    (r"\lfloor a\rfloor", r"\lceil a\rceil"),
    (r"\lfloor a\rfloor", r"[a]"),
    (r"-(a-b)", r"-a-b"),
    (r"\left(\frac{a}{b}\right)^2", r"\frac{a}{b}^2"),
    (r"\left.\frac{a}{b}\right|_{x}", r"\frac{a}{b}_x"),
    (r"x\middle|y", r"xy"),
]

GRIDS = [
    (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\begin{pmatrix}a\\b\\c\\d\end{pmatrix}"),
    (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\begin{pmatrix}a&c\\b&d\end{pmatrix}"),
    (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\begin{bmatrix}a&b\\c&d\end{bmatrix}"),
    (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\begin{vmatrix}a&b\\c&d\end{vmatrix}"),
    (r"\begin{vmatrix}a&b\\c&d\end{vmatrix}", r"\begin{Vmatrix}a&b\\c&d\end{Vmatrix}"),
    (r"\begin{pmatrix}a&b\end{pmatrix}", r"(a,b)"),
    (r"\begin{pmatrix}a&b\end{pmatrix}", r"(ab)"),
    (r"\begin{pmatrix}a&b\end{pmatrix}", r"\begin{pmatrix}a\\b\end{pmatrix}"),
    (r"\begin{pmatrix}&a\\b&\end{pmatrix}", r"\begin{pmatrix}a\\b\end{pmatrix}"),
    (r"\begin{cases}a&b\\c&d\end{cases}", r"\begin{cases}ab\\cd\end{cases}"),
    (r"\begin{cases}a\\b\end{cases}", r"\left\{\begin{matrix}a\\b\end{matrix}\right\}"),
    (r"\begin{rcases}a\\b\end{rcases}", r"\begin{cases}a\\b\end{cases}"),
    (r"\begin{array}{cc}a&b\\c&d\end{array}", r"\begin{array}{cc}ab\\cd\end{array}"),
    (r"\begin{aligned}a&=b\\c&=d\end{aligned}", r"\begin{aligned}a&=b\\c&=e\end{aligned}"),
    (r"\begin{aligned}a&=b\\c&=d\end{aligned}", r"a=bc=d"),
    (r"\substack{a\\b}", r"ab"),
    (r"\begin{array}{rl}a&b\\c&d\end{array}", r"\begin{array}{cc}ab\\cd\end{array}"),
    (r"\begin{array}{rl}1&-2\\3&-4\end{array}", r"\begin{array}{c}1-2\\3-4\end{array}"),
    (r"\left[\begin{array}{rl}1&2\\3&4\end{array}\right]", r"\left[\begin{array}{c}12\\34\end{array}\right]"),
    (r"\begin{array}{rcl}a&&b\\c&&d\end{array}", r"\begin{array}{c}ab\\cd\end{array}"),
    (r"\begin{array}{rl}a&b\end{array}", r"ab"),
    (r"\begin{array}{rl}&a\\b&\end{array}", r"\begin{array}{c}a\\b\end{array}"),
    (r"a\\ [0,1]", r"a\\ [0,2]"),
    (r"a\\ [0,1]", r"a\\"),
    (r"a\\ [x]y", r"a\\ y"),
    (r"a\\ [2]", r"a\\ [3]"),
]


@pytest.mark.parametrize(("one", "other"), [*SCRIPTS, *OPERATORS, *LETTERS, *STRUCTURES, *FENCES, *GRIDS])
def test_formulas_of_different_meaning_stay_apart(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


_FORMULAS = sorted({formula for pair in [*SCRIPTS, *STRUCTURES, *FENCES] for formula in pair})


@pytest.mark.parametrize("frame", [r"\frac{%s}{q}", r"\sqrt{%s}", r"q^{%s}", r"\left(%s\right)", r"\hat{%s}"])
def test_what_differs_alone_differs_inside_a_formula(frame: str) -> None:
    for pair in [*SCRIPTS, *STRUCTURES, *FENCES]:
        if "tag" not in pair[0] and "tag" not in pair[1]:
            assert normal_form(frame % pair[0]) != normal_form(frame % pair[1]), pair


def test_a_formula_differs_from_the_same_with_one_more_letter() -> None:
    for formula in _FORMULAS:
        assert normal_form(formula + "q") != normal_form(formula), formula
        assert normal_form("q" + formula) != normal_form(formula), formula


_ATOMS = ["a", "b", "2", r"\alpha", r"\beta"]
_SIGNS = ["+", "-", "=", r"\leq", r"\cdot"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_ATOMS), min_size=2, max_size=6), st.lists(st.sampled_from(_SIGNS), min_size=6))
def test_swapping_two_different_symbols_is_seen(atoms: list[str], signs: list[str]) -> None:
    swapped = [atoms[1], atoms[0], *atoms[2:]]
    written, other = (
        " ".join(itertools.chain.from_iterable(zip(row, signs, strict=False))) for row in (atoms, swapped)
    )
    assert (normal_form(written) == normal_form(other)) == (atoms[0] == atoms[1])
