"""TeX as MathML that is safe to show."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.inspect.formulas import MAX_TEX_CHARACTERS, render_formula

ALLOWED_TAGS = set(
    "p span code math mrow mi mn mo mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom msub msup "
    "msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd none".split()
)


class Tags(HTMLParser):
    """Collects tags and attributes, as a browser would see them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)

    handle_startendtag = handle_starttag


def inner(latex: str, *, display: bool = False) -> str:
    """The MathML between the outer row's tags."""
    markup = str(render_formula(latex, display=display))
    return markup[markup.index("<mrow>") + 6 : markup.rindex("</mrow>")]


def test_a_fraction_becomes_mathml() -> None:
    assert inner(r"\frac{1}{2}") == "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"


def test_the_tex_source_is_the_label_for_readers_who_hear() -> None:
    assert 'aria-label="a &lt; b"' in render_formula("a < b", display=False)


def test_an_upright_letter_stays_upright() -> None:
    assert inner(r"\mathrm{d}x") == '<mi mathvariant="normal">d</mi><mi>x</mi>'


def test_limits_of_a_display_formula_stand_below() -> None:
    assert inner(r"\lim_{x} f", display=True).startswith("<munder><mo>lim</mo>")
    assert inner(r"\lim_{x} f").startswith("<msub><mo>lim</mo>")


def test_an_index_of_a_letter_stays_an_index_in_display() -> None:
    assert inner("a_1", display=True) == "<msub><mi>a</mi><mn>1</mn></msub>"


@pytest.mark.parametrize(
    "latex",
    [
        r"\begin{aligned}a & = b \\ c & = d\end{aligned}",
        r"\begin{alignedat}{2}a & = b \\ c & = d\end{alignedat}",
        r"\begin{align}a & = b \\ c & = d\end{align}",
        r"a & = b \\ c & = d",
    ],
)
def test_aligned_equations_are_a_table_of_two_columns(latex: str) -> None:
    markup = inner(latex, display=True)
    assert markup.count("<mtr>") == 2
    assert markup.count('<mtd columnalign="right">') == 2
    assert "&" not in markup


def test_a_column_mark_without_columns_is_left_as_source() -> None:
    assert render_formula(r"\begin{nosuch}a & b\end{nosuch}", display=False).startswith('<code class="tex"')


def test_bars_beside_a_matrix_grow_with_it() -> None:
    markup = inner(r"\begin{vmatrix}a \\ b\end{vmatrix}")
    assert markup.startswith('<mo form="prefix" fence="true" stretchy="true">|</mo><mtable>')
    assert markup.endswith('</mtable><mo form="postfix" fence="true" stretchy="true">|</mo>')


def test_bars_of_an_absolute_value_stay_as_they_are() -> None:
    assert "stretchy" not in inner("|x|").replace('stretchy="false"', "")


def test_a_full_stop_is_drawn_within_the_display_line() -> None:
    assert str(render_formula("x", display=True, after=".")).endswith("</math>.</span>")


def test_a_label_is_not_drawn() -> None:
    assert inner(r"\label{eq:1} x") == "<mi>x</mi>"


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{",
        r"\left( x",
        "x^",
        r"\nosuchcommand x",
        r"\newcommand{\a}{\a\a}\a",
        "{" * 5_000,
        "x^" * 5_000,
        r"\sqrt" * 500,
    ],
)
def test_what_cannot_be_drawn_stands_as_its_source(latex: str) -> None:
    assert render_formula(latex, display=False).startswith('<code class="tex"')


def test_a_formula_too_long_to_read_stands_as_its_source() -> None:
    assert render_formula("x+" * MAX_TEX_CHARACTERS, display=False).startswith('<code class="tex"')


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r'\class{"onload=alert(1)}{y}',
        r"\style{background:url(http://evil.example)}{y}",
        r'\color{"><script>}{x}',
        r"\mathrm{</math><script>}",
        "</math><script>alert(1)</script>",
        r"\operatorname{<img src=x onerror=alert(1)>}",
        r"\hspace{99999em}",
    ],
)
def test_tex_never_becomes_markup(latex: str) -> None:
    seen = Tags(str(render_formula(latex, display=True)))
    assert seen.tags <= ALLOWED_TAGS
    assert not {"href", "src", "style", "onload", "onerror"} & set(seen.attributes)
    assert "99999em" not in (seen.attributes.get("width") or "")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="\\{}^_&<>\"'$x1 lefrightacbgmo\x00\u202e", max_size=40), st.booleans())
def test_no_tex_raises_or_leaves_the_allowed_tags(latex: str, display: bool) -> None:
    assert Tags(str(render_formula(latex, display=display))).tags <= ALLOWED_TAGS


def test_a_box_is_a_row_of_a_class_that_the_page_draws() -> None:
    assert inner(r"\boxed{42}") == '<mrow class="boxed"><mrow><mn>42</mn></mrow></mrow>'
