r"""MathML to LaTeX: every presentation element, what the generators write, and what a hostile page may hold."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.dom import Element, parse_html
from crawl.formulas.mathml import MAX_DEPTH, MAX_NODES, mathml_to_latex
from crawl.formulas.mathml_tables import Font, letters, symbols, unstyled


def latex_of(markup: str, attributes: str = "") -> str | None:
    tree = parse_html(f"<p><math{attributes}>{markup}</math></p>")
    return mathml_to_latex(next(node for node in tree.walk() if node.tag == "math"))


# --- tokens


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mi>x</mi>", "x"),
        ("<mi>α</mi>", r"\alpha"),
        ("<mi>φ</mi><mi>ϕ</mi>", r"\varphi\phi"),
        ("<mi>ε</mi><mi>ϵ</mi>", r"\varepsilon\epsilon"),
        ('<mi mathvariant="normal">Γ</mi>', r"\Gamma"),
        ('<mi mathvariant="normal">∞</mi>', r"\infty"),
        ('<mi mathvariant="normal">d</mi><mi>x</mi>', r"\mathrm{d}x"),
        ('<mi mathvariant="bold">v</mi>', r"\mathbf{v}"),
        ('<mi mathvariant="bold">σ</mi>', r"\boldsymbol{\sigma}"),
        ('<mi mathvariant="double-struck">R</mi>', r"\mathbb{R}"),
        ('<mi mathvariant="fraktur">g</mi>', r"\mathfrak{g}"),
        ('<mi mathvariant="script">L</mi>', r"\mathcal{L}"),
        ('<mi mathvariant="sans-serif">A</mi>', r"\mathsf{A}"),
        ('<mi mathvariant="monospace">A</mi>', r"\mathtt{A}"),
        ("<mi>ℓ</mi><mi>ℏ</mi><mi>∂</mi>", r"\ell\hbar\partial"),
        ("<mi>sin</mi><mi>x</mi>", r"\sin x"),
        ("<mi>log</mi><mo>&#x2061;</mo><mi>α</mi>", r"\log \alpha"),
        ("<mi>lim sup</mi>", r"\limsup"),
        ("<mi>Area</mi>", r"\mathrm{Area}"),
        ("<mi>rank</mi><mo>&#x2061;</mo><mi>A</mi>", r"\operatorname{rank}A"),
    ],
)
def test_identifiers_get_the_commands_people_write(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


@pytest.mark.parametrize(
    ("char", "latex"),
    [
        ("𝑥", "x"),
        ("𝐱", r"\mathbf{x}"),
        ("𝒙", r"\boldsymbol{x}"),
        ("ℝ", r"\mathbb{R}"),
        ("𝔸", r"\mathbb{A}"),
        ("𝔤", r"\mathfrak{g}"),
        ("ℋ", r"\mathcal{H}"),
        ("𝒜", r"\mathcal{A}"),
        ("ℎ", "h"),
        ("𝛼", r"\alpha"),
        ("𝜖", r"\epsilon"),
        ("𝜀", r"\varepsilon"),
        ("𝖠", r"\mathsf{A}"),
        ("𝚊", r"\mathtt{a}"),
        ("𝟏", r"\mathbf{1}"),
    ],
)
def test_unicode_alphabets_become_font_commands(char: str, latex: str) -> None:
    tag = "mn" if char == "𝟏" else "mi"
    assert latex_of(f"<{tag}>{char}</{tag}>") == latex


def test_neighbouring_letters_of_one_alphabet_share_a_command() -> None:
    assert latex_of('<mi mathvariant="bold">A</mi><mi mathvariant="bold">B</mi>') == r"\mathbf{AB}"


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mn>12.5</mn>", "12.5"),
        ("<mn>3,000</mn>", "3{,}000"),
        ('<mn mathvariant="bold">0</mn>', r"\mathbf{0}"),
        ("<mn>0</mn><mo>.</mo><mn>5</mn>", "0.5"),
    ],
)
def test_numbers_keep_their_digits_together(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mi>a</mi><mo>≤</mo><mi>b</mi>", r"a \leq b"),
        ("<mi>a</mi><mo>&lt;</mo><mi>b</mi>", "a < b"),
        ("<mi>a</mi><mo>−</mo><mi>b</mi>", "a - b"),
        ("<mo>−</mo><mn>1</mn>", "-1"),
        ("<mi>a</mi><mo>=</mo><mo>−</mo><mn>1</mn>", "a = -1"),
        ("<mi>a</mi><mo>≠</mo><mi>b</mi>", r"a \neq b"),
        ("<mi>a</mi><mo>=&#x338;</mo><mi>b</mi>", r"a \neq b"),
        ("<mi>a</mi><mo>≢</mo><mi>b</mi>", r"a \not\equiv b"),
        ("<mi>a</mi><mo>&#x2062;</mo><mi>b</mi>", "ab"),
        ("<mi>α</mi><mo>&#x2062;</mo><mi>b</mi>", r"\alpha b"),
        ("<mi>f</mi><mo>:</mo><mi>A</mi><mo>→</mo><mi>B</mi>", r"f:A \to B"),
        ("<mn>50</mn><mo>%</mo>", r"50\%"),
        ("<mi>n</mi><mo>!</mo>", "n!"),
        ("<mo>{</mo><mi>x</mi><mo>}</mo>", r"\{x\}"),
        ("<mi>a</mi><mo>mod</mo><mi>n</mi>", r"a \bmod n"),
        ("<mi>f</mi><mo>∘</mo><mi>g</mi>", r"f \circ g"),
        ("<mn>1</mn><mo>,</mo><mo>…</mo><mo>,</mo><mi>n</mi>", r"1, \ldots, n"),
        ("<mi>A</mi><mo>⟺</mo><mi>B</mi>", r"A \Longleftrightarrow B"),
    ],
)
def test_operators_get_their_commands_and_spaces(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mtext> if </mtext>", r"\text{ if }"),
        ("<mtext>a_b {c} 5% $1</mtext>", r"\text{a\_b \{c\} 5\% \$1}"),
        ('<mtext mathvariant="bold">key</mtext>', r"\textbf{key}"),
        ('<mtext mathvariant="italic">key</mtext>', r"\textit{key}"),
        ("<mtext>𝐚𝐛</mtext>", r"\textbf{ab}"),
        ("<mtext>one </mtext><mtext>two</mtext>", r"\text{one two}"),
        ("<mn>5</mn><mtext>&nbsp;</mtext><mtext>cm</mtext>", r"5\text{ cm}"),
        ("<ms>abc</ms>", r'\text{"abc"}'),
        ('<ms lquote="‹" rquote="›">abc</ms>', r"\text{‹abc›}"),
    ],
)
def test_text_is_kept_and_its_special_characters_escaped(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


@pytest.mark.parametrize(
    ("width", "latex"),
    [
        ("0.167em", r"a\,b"),
        ("0.222em", r"a\:b"),
        ("0.278em", r"a\;b"),
        ("1em", r"a\quad b"),
        ("2em", r"a\qquad b"),
        ("-0.167em", r"a\!b"),
        ("thickmathspace", r"a\;b"),
        ("0.01em", "ab"),
        ("nonsense", "ab"),
        ("", "ab"),
    ],
)
def test_spaces_are_named_by_their_width(width: str, latex: str) -> None:
    assert latex_of(f'<mi>a</mi><mspace width="{width}"/><mi>b</mi>') == latex


# --- layout


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mfrac><mi>a</mi><mi>b</mi></mfrac>", r"\frac{a}{b}"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", r"\frac{a + 1}{b}"),
        ('<mfrac bevelled="true"><mi>a</mi><mi>b</mi></mfrac>', "a/b"),
        ('<mfrac linethickness="0"><mi>a</mi><mi>b</mi></mfrac>', r"\genfrac{}{}{0pt}{}{a}{b}"),
        ('<mo>(</mo><mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>', r"\binom{n}{k}"),
        ('<mstyle displaystyle="true"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>', r"\dfrac{1}{2}"),
        ('<mstyle displaystyle="false"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>', r"\tfrac{1}{2}"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x + 1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<mphantom><mi>x</mi></mphantom><mi>y</mi>", r"\phantom{x}y"),
        ("<mpadded width='0'><mi>x</mi></mpadded>", "x"),
        ('<menclose notation="box"><mi>x</mi></menclose>', r"\boxed{x}"),
        ('<menclose notation="updiagonalstrike"><mi>x</mi></menclose>', r"\cancel{x}"),
        ('<menclose notation="updiagonalstrike downdiagonalstrike"><mi>x</mi></menclose>', r"\xcancel{x}"),
        ('<menclose notation="horizontalstrike"><mi>x</mi></menclose>', r"\sout{x}"),
        ('<maction selection="2"><mi>a</mi><mi>b</mi></maction>', "b"),
        ("<maction><mi>a</mi><mi>b</mi></maction>", "a"),
        ('<mstyle mathvariant="bold"><mi>x</mi></mstyle>', r"\mathbf{x}"),
        ("<mfenced><mi>x</mi><mi>y</mi></mfenced>", "(x, y)"),
        ('<mfenced open="[" close=")" separators=";"><mn>0</mn><mn>1</mn></mfenced>', "[0;1)"),
        ('<mfenced open="|" close="|"><mi>x</mi></mfenced>', "|x|"),
    ],
)
def test_layout_elements_become_their_commands(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


def test_annotations_are_not_part_of_the_formula() -> None:
    markup = (
        "<semantics><mrow><mi>x</mi></mrow><annotation encoding='text/plain'>ex</annotation>"
        "<annotation-xml encoding='MathML-Content'><ci>x</ci></annotation-xml></semantics>"
    )
    assert latex_of(markup) == "x"


def test_namespace_prefixes_are_ignored() -> None:
    leaf = Element("mml:mi", {}, ["x"])
    assert mathml_to_latex(Element("mml:math", {}, [Element("mml:msqrt", {}, [leaf])])) == r"\sqrt{x}"


# --- scripts


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^2"),
        ("<msup><mi>x</mi><mn>10</mn></msup>", "x^{10}"),
        ("<msub><mi>x</mi><mrow><mi>i</mi><mo>+</mo><mn>1</mn></mrow></msub>", "x_{i+1}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<msup><msub><mi>x</mi><mi>i</mi></msub><mn>2</mn></msup>", "x_i^2"),
        ("<msup><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow><mn>3</mn></msup>", "{x^2}^3"),
        ("<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>", "{ab}^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "(a)^2"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<msup><mi>f</mi><mo>″</mo></msup>", "f''"),
        ("<msup><mi>f</mi><mrow><mo>′</mo><mo>′</mo></mrow></msup>", "f''"),
        ("<msup><mi>g</mi><mrow><mo>′</mo><mn>2</mn></mrow></msup>", "g'^2"),
        ("<msubsup><mi>f</mi><mi>n</mi><mo>′</mo></msubsup>", "f'_n"),
        ("<msup><mn>90</mn><mo>∘</mo></msup>", r"90^\circ"),
        ("<msub><mrow></mrow><mi>a</mi></msub>", "{}_a"),
        ("<msup><mi>sin</mi><mn>2</mn></msup><mi>x</mi>", r"\sin^2x"),
        ("<msub><mi>log</mi><mn>2</mn></msub><mi>x</mi>", r"\log_2 x"),
        ("<msup><mi>e</mi><mrow><mo>−</mo><mi>x</mi></mrow></msup>", "e^{-x}"),
    ],
)
def test_scripts_hang_on_what_they_belong_to(markup: str, latex: str) -> None:
    expected = latex.replace(r"\sin^2x", r"\sin^2 x")
    assert latex_of(markup) == expected


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
            r"\sum_{i=1}^n i",
        ),
        ("<msubsup><mo>∫</mo><mn>0</mn><mn>1</mn></msubsup><mi>f</mi>", r"\int_0^1 f"),
        ("<munderover><mo>∫</mo><mn>0</mn><mn>1</mn></munderover>", r"\int\limits_0^1"),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder>", r"\lim_{x\to0}"),
        ("<munder><mi>argmax</mi><mi>x</mi></munder>", r"\operatorname*{argmax}_x"),
        ("<munder><mo>⋃</mo><mi>i</mi></munder>", r"\bigcup_i"),
    ],
)
def test_large_operators_take_limits(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mover><mi>x</mi><mo>^</mo></mover>", r"\hat{x}"),
        ('<mover><mrow><mi>x</mi><mi>y</mi></mrow><mo stretchy="true">^</mo></mover>', r"\widehat{xy}"),
        ("<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>‾</mo></mover>", r"\overline{AB}"),
        ('<mover><mi>x</mi><mo stretchy="false">¯</mo></mover>', r"\bar{x}"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        ("<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>→</mo></mover>", r"\overrightarrow{AB}"),
        ("<mover><mi>x</mi><mo>˙</mo></mover>", r"\dot{x}"),
        ("<mover><mi>x</mi><mo>⋅</mo></mover>", r"\dot{x}"),
        ("<mover><mi>x</mi><mo>¨</mo></mover>", r"\ddot{x}"),
        ("<mover><mi>x</mi><mo>~</mo></mover>", r"\tilde{x}"),
        ("<mover><mi>x</mi><mo>&#x302;</mo></mover>", r"\hat{x}"),
        ("<munder><mi>x</mi><mo>_</mo></munder>", r"\underline{x}"),
        ("<munder><munder><mi>x</mi><mo>⏟</mo></munder><mi>n</mi></munder>", r"\underbrace{x}_{n}"),
        ("<mover><mover><mi>x</mi><mo>⏞</mo></mover><mi>n</mi></mover>", r"\overbrace{x}^{n}"),
        ("<mover><mo>=</mo><mtext>def</mtext></mover>", r"\overset{\text{def}}{=}"),
        ("<munder><mi>x</mi><mi>y</mi></munder>", r"\underset{y}{x}"),
        ('<mover><mo stretchy="true">→</mo><mi>f</mi></mover>', r"\xrightarrow{f}"),
        ('<munderover><mo stretchy="true">→</mo><mi>g</mi><mi>f</mi></munderover>', r"\xrightarrow[g]{f}"),
        ("<mover><mo>→</mo><mo>∼</mo></mover>", r"\overset{\sim}{\to}"),
    ],
)
def test_accents_and_labels_over_and_under(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


def test_multiscripts_stand_on_both_sides() -> None:
    markup = "<mmultiscripts><mi>X</mi><mi>c</mi><mi>d</mi><mprescripts/><mi>a</mi><mi>b</mi></mmultiscripts>"
    assert latex_of(markup) == "{}_a^bX_c^d"
    assert latex_of("<mmultiscripts><mi>X</mi><none/><mi>d</mi></mmultiscripts>") == "X^d"


# --- fences


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<mo>(</mo><mi>x</mi><mo>)</mo>", "(x)"),
        ("<mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo>", r"\left(\frac{a}{b}\right)"),
        (
            '<mo stretchy="false">(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo stretchy="false">)</mo>',
            r"(\frac{a}{b})",
        ),
        ('<mrow><mo fence="true">(</mo><mi>x</mi><mo fence="true">)</mo></mrow>', r"\left(x\right)"),
        ('<mrow><mfrac><mi>a</mi><mi>b</mi></mfrac><mo fence="true">|</mo></mrow>', r"\left.\frac{a}{b}\right|"),
        ('<mo minsize="1.2em" maxsize="1.2em">(</mo><mi>x</mi><mo minsize="1.8em">)</mo>', r"\big(x\Big)"),
        ("<mo>|</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>|</mo>", r"\left|\frac{a}{b}\right|"),
        ('<mo stretchy="false">‖</mo><mi>x</mi><mo stretchy="false">‖</mo>', r"\|x\|"),
        ("<mo>⌊</mo><mi>x</mi><mo>⌋</mo>", r"\lfloor x\rfloor"),
        ("<mo>(</mo><mi>x</mi>", "(x"),
        ("<mi>x</mi><mo>]</mo>", "x]"),
        ("<mi>P</mi><mo>(</mo><mi>A</mi><mo>∣</mo><mi>B</mi><mo>)</mo>", r"P(A\mid B)"),
        ("<mo>(</mo><mi>mod</mi><mspace width='0.333em'/><mn>7</mn><mo>)</mo>", r"\pmod{7}"),
    ],
)
def test_fences_grow_where_they_enclose_something_tall_or_are_told_to(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


def test_middle_bar_keeps_its_place_between_growing_fences() -> None:
    markup = '<mrow><mo fence="true">{</mo><mi>a</mi><mo fence="true">|</mo><mi>b</mi><mo fence="true">}</mo></mrow>'
    assert latex_of(markup) == r"\left\{a\middle|b\right\}"


# --- tables


def cells(*rows: str) -> str:
    """Rows of letters as mtr and mtd."""
    return "".join(f"<mtr>{''.join(f'<mtd><mi>{cell}</mi></mtd>' for cell in row)}</mtr>" for row in rows)


@pytest.mark.parametrize(
    ("opening", "closing", "environment"),
    [
        ("(", ")", "pmatrix"),
        ("[", "]", "bmatrix"),
        ("|", "|", "vmatrix"),
        ("‖", "‖", "Vmatrix"),
        ("{", "}", "Bmatrix"),
    ],
)
def test_fenced_tables_are_matrices(opening: str, closing: str, environment: str) -> None:
    markup = f"<mrow><mo>{opening}</mo><mtable>{cells('ab', 'cd')}</mtable><mo>{closing}</mo></mrow>"
    assert latex_of(markup) == rf"\begin{{{environment}}} a & b \\ c & d\end{{{environment}}}"


def test_a_table_after_one_brace_is_cases() -> None:
    markup = f'<mo>{{</mo><mtable columnalign="left left">{cells("ab", "cd")}</mtable>'
    assert latex_of(markup) == r"\begin{cases} a & b \\ c & d\end{cases}"


def test_right_and_left_columns_are_aligned_equations() -> None:
    markup = (
        '<mtable columnalign="right left" columnspacing="0em"><mtr><mtd><mi>a</mi></mtd><mtd><mo>=</mo>'
        "<mi>b</mi></mtd></mtr><mtr><mtd></mtd><mtd><mo>=</mo><mi>c</mi></mtd></mtr></mtable>"
    )
    assert latex_of(markup) == r"\begin{aligned} a & = b \\  & = c\end{aligned}"


def test_lines_and_alignments_make_an_array() -> None:
    markup = f'<mtable columnalign="left center" columnlines="solid" rowlines="solid">{cells("ab", "cd")}</mtable>'
    assert latex_of(markup) == r"\begin{array}{l|c} a & b \\ \hline c & d\end{array}"


def test_a_table_under_a_sum_is_a_substack() -> None:
    markup = f"<munder><mo>∑</mo><mtable>{cells('a', 'b')}</mtable></munder>"
    assert latex_of(markup) == r"\sum_{\substack{a \\ b}}"


def test_equation_numbers_become_tags() -> None:
    row = "<mlabeledtr><mtd><mtext>(3)</mtext></mtd><mtd><mi>a</mi></mtd></mlabeledtr>"
    assert latex_of(f"<mtable>{row}</mtable>") == r"a \tag{3}"
    numbered = latex_of(f'<mtable columnalign="right left">{row}{cells("bc")}</mtable>')
    assert numbered == r"\begin{align} a \tag{3} \\ b & c\end{align}"


@pytest.mark.parametrize(
    ("label", "tag"),
    [
        ("<mtext>(3)</mtext>", r"\tag{3}"),
        ("<mtext>(</mtext><mtext>3a</mtext><mtext>)</mtext>", r"\tag{3a}"),
        ("<mtext>Euler</mtext>", r"\tag*{Euler}"),
        ("<mo>(</mo><mn>3</mn><mo>)</mo>", r"\tag{3}"),
        ("<mtext>(</mtext><mo>⋆</mo><mtext>)</mtext>", r"\tag{\(\star\)}"),
        ("<msup><mn>3</mn><mo>′</mo></msup>", r"\tag*{\(3'\)}"),
        ("<mtext>(</mtext><msup><mn>3</mn><mo>′</mo></msup><mtext>)</mtext>", r"\tag{\(3'\)}"),
    ],
)
def test_labels_become_tags_whatever_they_are_made_of(label: str, tag: str) -> None:
    markup = f"<mtable><mlabeledtr><mtd>{label}</mtd><mtd><mi>a</mi></mtd></mlabeledtr></mtable>"
    assert latex_of(markup) == f"a {tag}"


def test_katex_and_temml_tags_are_recognised() -> None:
    glue = '<mtd width="50%"></mtd>'
    katex = f'<mtable width="100%"><mtr>{glue}<mtd><mi>x</mi></mtd>{glue}<mtd><mtext>(2)</mtext></mtd></mtr></mtable>'
    assert latex_of(katex) == r"x \tag{2}"
    side = '<mtd style="padding:0;width:50%;">'
    temml = f"<mtable><mtr>{side}</mtd><mtd><mi>x</mi></mtd>{side}<mtext>(2)</mtext></mtd></mtr></mtable>"
    assert latex_of(temml) == r"x \tag{2}"


# --- generators


def test_mathjax_names_without_an_upright_mark_are_operators() -> None:
    assert latex_of('<mi data-mjx-texclass="ORD">x</mi><mi>foo</mi>') == r"x\operatorname{foo}"
    assert latex_of('<mi data-mjx-auto-op="false">foo</mi>') == r"\mathrm{foo}"


def test_pandoc_writes_bold_italic_twice_for_bold() -> None:
    assert latex_of('<mi mathvariant="bold-italic">𝒗</mi>') == r"\mathbf{v}"
    assert latex_of('<mi mathvariant="bold-italic">v</mi>') == r"\boldsymbol{v}"


def test_thick_spaces_around_a_long_arrow_are_iff() -> None:
    markup = '<mi>a</mi><mspace width="0.278em"/><mo>⟺</mo><mspace width="0.278em"/><mi>b</mi>'
    assert latex_of(markup) == r"a \iff b"


def test_the_quadratic_formula_reads_as_written() -> None:
    markup = (
        "<mi>x</mi><mo>=</mo><mfrac><mrow><mo>−</mo><mi>b</mi><mo>±</mo><msqrt><mrow><msup><mi>b</mi><mn>2</mn></msup>"
        "<mo>−</mo><mn>4</mn><mi>a</mi><mi>c</mi></mrow></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac>"
    )
    assert latex_of(markup) == r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}"


# --- what cannot be recovered, and hostile input


@pytest.mark.parametrize(
    "markup", ["", "   ", "<mrow></mrow>", "<merror><mtext>bad</mtext></merror>", "<mo>&#x2061;</mo>"]
)
def test_nothing_to_recover_is_none(markup: str) -> None:
    assert latex_of(markup) is None


def test_missing_children_do_not_raise() -> None:
    for tag in _TAGS:
        assert isinstance(mathml_to_latex(Element("math", {}, [Element(tag)])), str | None)


def test_depth_beyond_the_limit_is_none_and_quick() -> None:
    node: Element = Element("mi", {}, ["x"])
    for _ in range(100_000):
        node = Element("msqrt", {}, [node])
    started = time.perf_counter()
    assert mathml_to_latex(Element("math", {}, [node])) is None
    assert time.perf_counter() - started < 2
    shallow: Element = Element("mi", {}, ["x"])
    for _ in range(MAX_DEPTH - 1):
        shallow = Element("msqrt", {}, [shallow])
    assert mathml_to_latex(Element("math", {}, [shallow])) == r"\sqrt{" * (MAX_DEPTH - 1) + "x" + "}" * (
        MAX_DEPTH - 1
    )


def test_more_nodes_than_the_limit_is_none() -> None:
    many: list[Element | str] = [Element("mi", {}, ["x"]) for _ in range(MAX_NODES + 1)]
    assert mathml_to_latex(Element("math", {}, many)) is None


def test_the_tree_is_left_as_it_was() -> None:
    tree = parse_html("<math><mstyle mathvariant='bold'><mi>x</mi></mstyle><mo>(</mo></math>")
    before = [(node.tag, dict(node.attrs), len(node.children)) for node in tree.walk()]
    mathml_to_latex(tree)
    assert [(node.tag, dict(node.attrs), len(node.children)) for node in tree.walk()] == before


_TAGS = [
    *"mrow mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mlabeledtr mstyle".split(),
    *"mfenced menclose maction mmultiscripts mprescripts semantics mphantom span".split(),
]
_LEAVES = st.builds(
    lambda tag, text, attrs: Element(tag, attrs, [text]),
    st.sampled_from(["mi", "mn", "mo", "mtext", "ms", "mspace"]),
    st.text("ab1 +=(){}|‖[]∑∫→^~¯′″⏟\u2061\u00a0\u0338𝐱ℝ$%&#_\\", max_size=4),
    st.dictionaries(
        st.sampled_from(["stretchy", "fence", "form", "mathvariant", "minsize", "width", "data-mjx-texclass"]),
        st.sampled_from(["true", "false", "prefix", "postfix", "bold", "script", "1.2em", "OPEN", "CLOSE", "x"]),
        max_size=2,
    ),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.builds(
        lambda tag, kids: Element(tag, {}, list(kids)), st.sampled_from(_TAGS), st.lists(inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_TREES, max_size=4))
def test_any_tree_gives_text_with_paired_braces_or_none(children: list[Element]) -> None:
    latex = mathml_to_latex(Element("math", {}, list(children)))
    if latex is None:
        return
    depth = 0
    bare = latex.replace("\\\\", "").replace(r"\{", "").replace(r"\}", "")
    for char in bare:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count(r"\left") - bare.count(r"\leftarrow") >= 0
    assert len([*_commands(latex, r"\left")]) == len([*_commands(latex, r"\right")])


def _commands(latex: str, name: str) -> list[str]:
    import re

    return re.findall(re.escape(name) + r"(?![A-Za-z])", latex)


def test_every_symbol_has_a_command_of_ascii_letters() -> None:
    odd = {char: tex for char, tex in symbols().items() if not tex.isascii() and not tex.startswith(r"\text")}
    assert odd == {}
    assert "α" in letters()
    assert "+" not in letters()


def test_styled_letters_are_told_by_unicode_itself() -> None:
    assert unstyled("𝕂") == ("K", Font.BLACKBOARD)
    assert unstyled("𝒦") == ("K", Font.CALLIGRAPHIC)
    assert unstyled("K") == ("K", None)
    assert unstyled("ℓ") == ("ℓ", None)
