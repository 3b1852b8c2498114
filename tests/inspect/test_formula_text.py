"""TeX as a line of Unicode."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.inspect.formula_text import formula_text


@pytest.mark.parametrize(
    ("latex", "written"),
    [
        (r"\frac{1}{2}x^2", "1/2 x²"),
        (r"\frac{4}{3}\pi r^3", "4/3 πr³"),
        (r"\frac{-b \pm \sqrt{b^2-4ac}}{2a}", "(−b ± √(b² − 4ac))/(2a)"),
        (r"\left(\frac{a+b}{b}\right)^2", "((a + b)/b)²"),
        (r"2\frac{3}{4}", "2 3/4"),
        (r"\sqrt[3]{x_1^2}", "∛x₁²"),
        (r"\sum_{n=1}^\infty \frac{1}{n^2}", "∑ₙ₌₁^∞ 1/n²"),
        (r"\lim_{x\to 0}\frac{\sin x}{x}", "lim_(x → 0) (sin x)/x"),
        (r"x^{n+k} y_{\text{max}}", "x^(n + k)y_(max)"),
        (r"\angle ABC=90^\circ", "∠ABC = 90°"),
        (r"f'(x)", "f′(x)"),
        (r"\binom{n}{k}", "(n choose k)"),
        (r"\overline{AB}", "overline(AB)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "(1, 2; 3, 4)"),
    ],
)
def test_a_formula_is_written_in_unicode(latex: str, written: str) -> None:
    assert formula_text(latex) == written


def test_a_sign_before_one_term_has_no_blanks() -> None:
    assert formula_text("-3 - -4") == "−3 − −4"


def test_a_box_is_told() -> None:
    assert formula_text(r"\boxed{42}") == "⟦42⟧"


@pytest.mark.parametrize("latex", ["10,000", "10{,}000"])
def test_thousands_stay_together(latex: str) -> None:
    assert formula_text(latex) == "10,000"


def test_a_list_has_blanks() -> None:
    assert formula_text("(2,3)") == "(2, 3)"


def test_an_alignment_keeps_its_lines() -> None:
    assert formula_text(r"\begin{align*} x &= 1 \\ y &= 2\end{align*}") == "x = 1\ny = 2"


def test_what_cannot_be_converted_stays_tex() -> None:
    assert formula_text(r"\undefined x") == r"\undefined x"


def test_escapes_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in formula_text("\\text{\x1b[31m} \u202e")
    assert "\x1b" not in formula_text("\\undefined \x1b[31m")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=r"\{}[]()^_&$ab12+-=,.<> " + "\x1b\u202e\n", max_size=60))
def test_any_tex_is_written_safely(latex: str) -> None:
    written = formula_text(latex)
    assert "\x1b" not in written
    assert "\u202e" not in written
