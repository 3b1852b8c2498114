r"""MathML as exporters and servers write it, each with its habits: namespaces, styles, fences, invisible signs."""

from __future__ import annotations

import pytest

from crawl.dom import parse_html
from crawl.formulas.mathml import mathml_to_latex


def latex_of(markup: str) -> str | None:
    tree = parse_html(f"<p>{markup}</p>")
    return mathml_to_latex(next(node for node in tree.walk() if node.tag.rpartition(":")[2] == "math"))


# --- Word (OMML turned into MathML): a prefix on every element, fences in mfenced, runs in mrow


def test_word_prefixes_every_element() -> None:
    markup = """
    <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML">
      <mml:mi>x</mml:mi>
      <mml:mo>=</mml:mo>
      <mml:mfrac>
        <mml:mrow>
          <mml:mo>-</mml:mo>
          <mml:mi>b</mml:mi>
          <mml:mo>±</mml:mo>
          <mml:msqrt>
            <mml:msup>
              <mml:mrow><mml:mi>b</mml:mi></mml:mrow>
              <mml:mrow><mml:mn>2</mml:mn></mml:mrow>
            </mml:msup>
            <mml:mo>-</mml:mo>
            <mml:mn>4</mml:mn>
            <mml:mi>a</mml:mi>
            <mml:mi>c</mml:mi>
          </mml:msqrt>
        </mml:mrow>
        <mml:mrow>
          <mml:mn>2</mml:mn>
          <mml:mi>a</mml:mi>
        </mml:mrow>
      </mml:mfrac>
    </mml:math>
    """
    assert latex_of(markup) == r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}"


def test_word_binomial_theorem() -> None:
    markup = """
    <mml:math>
      <mml:msup>
        <mml:mrow>
          <mml:mfenced separators="|">
            <mml:mrow><mml:mi>x</mml:mi><mml:mo>+</mml:mo><mml:mi>a</mml:mi></mml:mrow>
          </mml:mfenced>
        </mml:mrow>
        <mml:mrow><mml:mi>n</mml:mi></mml:mrow>
      </mml:msup>
      <mml:mo>=</mml:mo>
      <mml:mrow>
        <mml:munderover>
          <mml:mo stretchy="false">∑</mml:mo>
          <mml:mrow><mml:mi>k</mml:mi><mml:mo>=</mml:mo><mml:mn>0</mml:mn></mml:mrow>
          <mml:mrow><mml:mi>n</mml:mi></mml:mrow>
        </mml:munderover>
        <mml:mrow>
          <mml:mfenced separators="|">
            <mml:mrow>
              <mml:mfrac linethickness="0pt">
                <mml:mrow><mml:mi>n</mml:mi></mml:mrow>
                <mml:mrow><mml:mi>k</mml:mi></mml:mrow>
              </mml:mfrac>
            </mml:mrow>
          </mml:mfenced>
        </mml:mrow>
      </mml:mrow>
    </mml:math>
    """
    assert latex_of(markup) == r"(x + a)^n = \sum_{k=0}^n\binom{n}{k}"


def test_word_matrix_in_square_brackets() -> None:
    markup = """
    <mml:math>
      <mml:mfenced open="[" close="]" separators="|">
        <mml:mrow>
          <mml:mtable>
            <mml:mtr>
              <mml:mtd><mml:mn>1</mml:mn></mml:mtd>
              <mml:mtd><mml:mn>0</mml:mn></mml:mtd>
            </mml:mtr>
            <mml:mtr>
              <mml:mtd><mml:mn>0</mml:mn></mml:mtd>
              <mml:mtd><mml:mn>1</mml:mn></mml:mtd>
            </mml:mtr>
          </mml:mtable>
        </mml:mrow>
      </mml:mfenced>
    </mml:math>
    """
    assert latex_of(markup) == r"\begin{bmatrix}1 & 0 \\ 0 & 1\end{bmatrix}"


# --- WIRIS: a styled size around everything, entities as characters, spaces as text


def test_wiris_integral_with_limits() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML" class="wrs_chemistry">
      <mstyle mathsize="16px">
        <msubsup>
          <mo>&#8747;</mo>
          <mn>0</mn>
          <mi mathvariant="normal">&#8734;</mi>
        </msubsup>
        <msup>
          <mi mathvariant="normal">e</mi>
          <mrow>
            <mo>-</mo>
            <mi>x</mi>
          </mrow>
        </msup>
        <mo>&#160;</mo>
        <mi>d</mi>
        <mi>x</mi>
        <mo>=</mo>
        <mn>1</mn>
      </mstyle>
    </math>
    """
    assert latex_of(markup) == r"\int_0^{\infty}\mathrm{e}^{-x}~dx = 1"


def test_wiris_system_of_equations() -> None:
    markup = """
    <math>
      <mfenced open="{" close="">
        <mtable columnspacing="1.4ex" columnalign="left">
          <mtr>
            <mtd>
              <mi>x</mi>
              <mo>+</mo>
              <mi>y</mi>
              <mo>=</mo>
              <mn>3</mn>
            </mtd>
          </mtr>
          <mtr>
            <mtd>
              <mi>x</mi>
              <mo>-</mo>
              <mi>y</mi>
              <mo>=</mo>
              <mn>1</mn>
            </mtd>
          </mtr>
        </mtable>
      </mfenced>
    </math>
    """
    assert latex_of(markup) == r"\begin{cases} x + y = 3 \\ x - y = 1\end{cases}"


# --- TeX4ht: the function's name with a space, mrow around all, class names


def test_tex4ht_function_and_fraction() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">
      <mrow>
        <mi class="qopname">sin</mi>
        <mo>&#8289;</mo>
        <!--nolimits-->
        <mrow>
          <mo class="MathClass-open" stretchy="false">(</mo>
          <mrow>
            <mi>n</mi>
            <mi>&#x03C0;</mi>
          </mrow>
          <mo class="MathClass-close" stretchy="false">)</mo>
        </mrow>
        <mo class="MathClass-rel">=</mo>
        <mn>0</mn>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\sin(n\pi) = 0"


def test_tex4ht_keeps_equations_in_one_table() -> None:
    markup = """
    <math display="block">
      <mtable columnalign="right left" class="align">
        <mtr>
          <mtd class="align-odd"><mi>a</mi></mtd>
          <mtd class="align-even"><mo class="MathClass-rel">=</mo><mi>b</mi><mo>+</mo><mi>c</mi></mtd>
        </mtr>
        <mtr>
          <mtd class="align-odd"><mi>d</mi></mtd>
          <mtd class="align-even"><mo class="MathClass-rel">=</mo><mi>e</mi></mtd>
        </mtr>
      </mtable>
    </math>
    """
    assert latex_of(markup) == r"\begin{aligned} a & = b + c \\ d & = e\end{aligned}"


# --- itex2MML: bare tokens, mrow only where TeX had a group, lspace and rspace


def test_itex2mml_spaces_of_operators_say_nothing() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">
      <semantics>
        <mrow>
          <msub><mi>&#x2102;</mi> <mi>p</mi></msub>
          <mo>&#x2297;</mo>
          <mi>V</mi>
          <mo lspace="0.11111em" rspace="0.11111em">&#x2192;</mo>
          <mi>Hom</mi>
          <mo stretchy="false">(</mo>
          <mi>V</mi>
          <mo>,</mo>
          <mi>W</mi>
          <mo stretchy="false">)</mo>
        </mrow>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"\mathbb{C}_p \otimes V \to \mathrm{Hom}(V, W)"


# --- Pandoc (texmath): forms on fences, accents with their own attributes


def test_pandoc_accent_and_bold() -> None:
    markup = """
    <math display="inline" xmlns="http://www.w3.org/1998/Math/MathML">
      <semantics>
        <mrow>
          <mover>
            <mi>x</mi>
            <mo accent="true">&#x302;</mo>
          </mover>
          <mo>=</mo>
          <mi>&#119808;</mi>
          <mrow>
            <mo stretchy="true" form="prefix">(</mo>
            <mfrac>
              <mn>1</mn>
              <mi>n</mi>
            </mfrac>
            <mo stretchy="true" form="postfix">)</mo>
          </mrow>
        </mrow>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"\hat{x} = \mathbf{A}\left(\frac{1}{n}\right)"


def test_pandoc_cases_stand_in_a_row_with_an_empty_fence() -> None:
    markup = """
    <math display="block">
      <mrow>
        <mi>f</mi>
        <mo>=</mo>
        <mrow>
          <mo stretchy="true" form="prefix">{</mo>
          <mtable>
            <mtr>
              <mtd columnalign="left" style="text-align: left"><mn>1</mn></mtd>
              <mtd columnalign="left" style="text-align: left"><mi>x</mi><mo>&gt;</mo><mn>0</mn></mtd>
            </mtr>
            <mtr>
              <mtd columnalign="left" style="text-align: left"><mn>0</mn></mtd>
              <mtd columnalign="left" style="text-align: left"><mtext mathvariant="normal">else</mtext></mtd>
            </mtr>
          </mtable>
        </mrow>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"f = \begin{cases}1 & x > 0 \\ 0 & \text{else}\end{cases}"


# --- MathJax's tex2mml: texclass marks, thin spaces, mstyle around display


def test_tex2mml_braces_are_marked() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML" display="block">
      <mrow data-mjx-texclass="INNER">
        <mo data-mjx-texclass="OPEN">(</mo>
        <mfrac>
          <mi>a</mi>
          <mi>b</mi>
        </mfrac>
        <mo data-mjx-texclass="CLOSE">)</mo>
      </mrow>
      <mo>&#x2260;</mo>
      <mrow data-mjx-texclass="ORD">
        <mi data-mjx-variant="-tex-calligraphic" mathvariant="script">O</mi>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\left(\frac{a}{b}\right) \neq \mathcal{O}"


def test_tex2mml_modulus() -> None:
    markup = """
    <math>
      <mi>a</mi>
      <mo>&#x2261;</mo>
      <mi>b</mi>
      <mspace width="0.444em"></mspace>
      <mo stretchy="false">(</mo>
      <mi>mod</mi>
      <mspace width="0.333em"></mspace>
      <mi>n</mi>
      <mo stretchy="false">)</mo>
    </math>
    """
    assert latex_of(markup) == r"a \equiv b\pmod{n}"


# --- Temml and KaTeX


def test_temml_accent_over_several_letters() -> None:
    markup = """
    <math class="tml-display" style="display:block math;">
      <mrow>
        <mover>
          <mrow>
            <mi>A</mi>
            <mi>B</mi>
          </mrow>
          <mo stretchy="true" class="tml-xshift">→</mo>
        </mover>
        <mo>⊥</mo>
        <mover>
          <mi>v</mi>
          <mo stretchy="false" class="tml-vec" style="math-style:normal;">→</mo>
        </mover>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\overrightarrow{AB}\perp\vec{v}"


def test_katex_sets_upright_words_letter_by_letter() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML">
      <semantics>
        <mrow>
          <mi mathvariant="normal">r</mi>
          <mi mathvariant="normal">a</mi>
          <mi mathvariant="normal">n</mi>
          <mi mathvariant="normal">k</mi>
          <mo>&#8289;</mo>
          <mi>A</mi>
          <mo>≤</mo>
          <mi>min</mi>
          <mo>&#8289;</mo>
          <mo stretchy="false">(</mo>
          <mi>m</mi>
          <mo separator="true">,</mo>
          <mi>n</mi>
          <mo stretchy="false">)</mo>
        </mrow>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"\mathrm{rank}A \leq \min(m, n)"


# --- MathType: nested rows, semantics with a second, foreign annotation


def test_mathtype_annotation_is_left_out() -> None:
    markup = """
    <math display="block">
      <semantics>
        <mrow>
          <mrow>
            <mo>(</mo>
            <mrow>
              <mtable>
                <mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr>
                <mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr>
              </mtable>
            </mrow>
            <mo>)</mo>
          </mrow>
        </mrow>
        <annotation encoding="MathType-MTEF">MathType@MTEF@5@5@+=feaagGart1ev2aqatCvAUfeBSjuyZL2yd9gz</annotation>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"\begin{pmatrix} a & b \\ c & d\end{pmatrix}"


# --- LaTeXML: meanings in attributes, a content tree beside the presentation


def test_latexml_content_beside_the_presentation_is_not_read_twice() -> None:
    markup = """
    <math alttext="" display="inline">
      <semantics>
        <mrow>
          <msub><mi>lim</mi><mrow><mi>n</mi><mo stretchy="false">→</mo><mi mathvariant="normal">∞</mi></mrow></msub>
          <mo lspace="0.167em">&#x2061;</mo>
          <msub><mi>a</mi><mi>n</mi></msub>
        </mrow>
        <annotation-xml encoding="MathML-Content">
          <apply>
            <apply><csymbol cd="ambiguous">subscript</csymbol><limit></limit><ci>n</ci></apply>
            <ci>a</ci>
          </apply>
        </annotation-xml>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"\lim_{n\to\infty} a_n"


def test_latexml_cases_of_display_style_fractions() -> None:
    markup = """
    <math display="block">
      <mrow>
        <mo>{</mo>
        <mtable columnspacing="5pt" displaystyle="true" rowspacing="0pt">
          <mtr>
            <mtd class="ltx_align_left" columnalign="left"><mfrac><mn>1</mn><mi>x</mi></mfrac></mtd>
            <mtd class="ltx_align_left" columnalign="left"><mrow><mi>x</mi><mo>&gt;</mo><mn>0</mn></mrow></mtd>
          </mtr>
          <mtr>
            <mtd class="ltx_align_left" columnalign="left"><mn>0</mn></mtd>
            <mtd class="ltx_align_left" columnalign="left"><mtext>otherwise</mtext></mtd>
          </mtr>
        </mtable>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\begin{cases}\frac{1}{x} & x > 0 \\ 0 & \text{otherwise}\end{cases}"


# --- frames and lines of arrays

_ROWS = "<mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr>"


@pytest.mark.parametrize(
    ("table", "latex"),
    [
        (
            f"<mtable frame='solid'>{_ROWS}</mtable>",
            r"\begin{array}{|cc|}\hline 1 & 2 \\ 3 & 4 \\ \hline\end{array}",
        ),
        (
            f"<mtable frame='none'>{_ROWS}</mtable>",
            r"\begin{matrix}1 & 2 \\ 3 & 4\end{matrix}",
        ),
        (
            f"<menclose notation='left right'><mtable columnlines='solid'>{_ROWS}</mtable></menclose>",
            r"\begin{array}{|c|c|}1 & 2 \\ 3 & 4\end{array}",
        ),
        (
            f"<menclose notation='top bottom'><mtable>{_ROWS}</mtable></menclose>",
            r"\begin{array}{cc}\hline 1 & 2 \\ 3 & 4 \\ \hline\end{array}",
        ),
        (
            f"<menclose notation='left'><mtable>{_ROWS}</mtable></menclose>",
            r"\begin{array}{|cc}1 & 2 \\ 3 & 4\end{array}",
        ),
        (
            f"<menclose notation='top bottom'><mtable rowspacing='0.16em'>{_ROWS}</mtable></menclose>",
            r"\begin{array}{|cc|}1 & 2 \\ 3 & 4\end{array}",
        ),
        (
            f"<menclose notation='box'><mtable>{_ROWS}</mtable></menclose>",
            r"\boxed{\begin{matrix}1 & 2 \\ 3 & 4\end{matrix}}",
        ),
        (
            "<menclose notation='top'><mi>x</mi></menclose>",
            r"\overline{x}",
        ),
    ],
)
def test_frames_of_tables_are_lines_of_arrays(table: str, latex: str) -> None:
    assert latex_of(f"<math>{table}</math>") == latex


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (
            "<mtable columnalign='right left'>"
            "<mtr><mtd><mo>[</mo><mi>a</mi><mo>]</mo></mtd><mtd><mo>=</mo><mi>b</mi></mtd></mtr>"
            "<mtr><mtd><mo>[</mo><mi>c</mi><mo>]</mo></mtd><mtd><mo>=</mo><mi>d</mi></mtd></mtr>"
            "</mtable>",
            r"\begin{aligned}{}[a] & = b \\ {}[c] & = d\end{aligned}",
        ),
        (
            "<mtable><mtr><mtd><mi>a</mi></mtd></mtr><mtr><mtd><mo>[</mo><mn>2</mn><mo>]</mo></mtd></mtr></mtable>",
            r"\begin{matrix} a \\ {}[2]\end{matrix}",
        ),
    ],
)
def test_a_row_that_begins_with_a_bracket_is_no_option_of_the_line_end(markup: str, latex: str) -> None:
    assert latex_of(f"<math>{markup}</math>") == latex


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (
            "<msub><mover accent='true'><mi>Cl</mi><mo stretchy='true'>~</mo></mover><mi>s</mi></msub>",
            r"\widetilde{\mathrm{Cl}}_s",
        ),
        (
            "<munder><mover><mo>lim</mo><mo>¯</mo></mover><mi>n</mi></munder>",
            r"\bar{\lim}_n",
        ),
        (
            "<msub><mover accent='true'><mi>lim</mi><mo>&#8289;</mo><mo stretchy='true'>‾</mo></mover>"
            "<mi>n</mi></msub>",
            r"\overline{\lim}_n",
        ),
        (
            "<munder><mi>argmax</mi><mi>x</mi></munder>",
            r"\operatorname*{argmax}_x",
        ),
        (
            "<mover><mi>lim</mi><mi>n</mi></mover>",
            r"\lim^n",
        ),
    ],
)
def test_a_mark_over_a_name_is_an_accent_and_words_are_limits(markup: str, latex: str) -> None:
    assert latex_of(f"<math>{markup}</math>") == latex
