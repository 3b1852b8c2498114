"""MathML as different programs and authors write it: LaTeXML, Word, MathType, Wikipedia, itex, hand-written pages."""

from __future__ import annotations

import pytest

from crawl.dom import parse_html
from crawl.formulas.mathml import mathml_to_latex


def latex_of(markup: str) -> str | None:
    tree = parse_html(f"<p>{markup}</p>")
    return mathml_to_latex(next(node for node in tree.walk() if node.tag.rpartition(":")[2] == "math"))


def test_latexml_invisible_times_and_stretchy_fences() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML" display="block">
      <semantics>
        <mrow>
          <mrow>
            <mi>f</mi>
            <mo>&#x2062;</mo>
            <mrow>
              <mo stretchy="false">(</mo>
              <mi>x</mi>
              <mo stretchy="false">)</mo>
            </mrow>
          </mrow>
          <mo>=</mo>
          <mrow>
            <mn>2</mn>
            <mo>&#x2062;</mo>
            <mi>π</mi>
            <mo>&#x2062;</mo>
            <msup>
              <mi>x</mi>
              <mn>2</mn>
            </msup>
          </mrow>
        </mrow>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"f(x) = 2\pi x^2"


def test_latexml_function_application() -> None:
    markup = """
    <math>
      <mrow>
        <mi>sin</mi>
        <mo>&#x2061;</mo>
        <mrow>
          <mo>(</mo>
          <mi>θ</mi>
          <mo>)</mo>
        </mrow>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\sin(\theta)"


def test_word_fences_with_mfenced() -> None:
    markup = """
    <math>
      <mrow>
        <mi>P</mi>
        <mfenced separators="|">
          <mrow>
            <mi>A</mi>
          </mrow>
          <mrow>
            <mi>B</mi>
          </mrow>
        </mfenced>
        <mo>=</mo>
        <mfrac>
          <mrow>
            <mi>P</mi>
            <mfenced>
              <mrow>
                <mi>A</mi>
                <mo>∩</mo>
                <mi>B</mi>
              </mrow>
            </mfenced>
          </mrow>
          <mrow>
            <mi>P</mi>
            <mfenced>
              <mi>B</mi>
            </mfenced>
          </mrow>
        </mfrac>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"P(A|B) = \frac{P(A \cap B)}{P(B)}"


def test_word_nary_operator_with_its_body() -> None:
    markup = """
    <math>
      <mrow>
        <mrow>
          <munderover>
            <mo stretchy="false">∑</mo>
            <mrow>
              <mi>k</mi>
              <mo>=</mo>
              <mn>0</mn>
            </mrow>
            <mi>n</mi>
          </munderover>
          <mrow>
            <mfenced>
              <mfrac linethickness="0pt">
                <mi>n</mi>
                <mi>k</mi>
              </mfrac>
            </mfenced>
            <msup>
              <mi>x</mi>
              <mi>k</mi>
            </msup>
          </mrow>
        </mrow>
      </mrow>
    </math>
    """
    assert latex_of(markup) == r"\sum_{k=0}^n\binom{n}{k}x^k"


def test_wikipedia_wraps_everything_in_a_style() -> None:
    markup = """
    <math xmlns="http://www.w3.org/1998/Math/MathML">
      <semantics>
        <mrow class="MJX-TeXAtom-ORD">
          <mstyle displaystyle="true" scriptlevel="0">
            <msub>
              <mi>p</mi>
              <mrow class="MJX-TeXAtom-ORD">
                <mi>j</mi>
                <mrow class="MJX-TeXAtom-ORD">
                  <mo stretchy="false">|</mo>
                </mrow>
                <mi>i</mi>
              </mrow>
            </msub>
            <mo>=</mo>
            <mrow class="MJX-TeXAtom-ORD">
              <mfrac>
                <mn>1</mn>
                <mi>n</mi>
              </mfrac>
            </mrow>
          </mstyle>
        </mrow>
      </semantics>
    </math>
    """
    assert latex_of(markup) == r"p_{j|i} = \frac{1}{n}"


def test_mathtype_aligned_rows() -> None:
    markup = """
    <math display="block">
      <mtable columnspacing="0px" columnalign="right center left">
        <mtr>
          <mtd>
            <mi>x</mi>
          </mtd>
          <mtd>
            <mo>=</mo>
          </mtd>
          <mtd>
            <mi>y</mi>
            <mo>+</mo>
            <mn>1</mn>
          </mtd>
        </mtr>
        <mtr>
          <mtd>
            <mi>z</mi>
          </mtd>
          <mtd>
            <mo>=</mo>
          </mtd>
          <mtd>
            <mn>2</mn>
          </mtd>
        </mtr>
      </mtable>
    </math>
    """
    assert latex_of(markup) == r"\begin{array}{rcl} x & = & y + 1 \\ z & = & 2\end{array}"


def test_hand_written_determinant() -> None:
    markup = """
    <math>
      <mo>det</mo>
      <mrow>
        <mo>(</mo>
        <mi>A</mi>
        <mo>)</mo>
      </mrow>
      <mo>=</mo>
      <mrow>
        <mo>|</mo>
        <mtable>
          <mtr>
            <mtd><mi>a</mi></mtd>
            <mtd><mi>b</mi></mtd>
          </mtr>
          <mtr>
            <mtd><mi>c</mi></mtd>
            <mtd><mi>d</mi></mtd>
          </mtr>
        </mtable>
        <mo>|</mo>
      </mrow>
      <mo>=</mo>
      <mi>a</mi>
      <mi>d</mi>
      <mo>-</mo>
      <mi>b</mi>
      <mi>c</mi>
    </math>
    """
    assert latex_of(markup) == r"\det(A) = \begin{vmatrix} a & b \\ c & d\end{vmatrix} = ad - bc"


def test_hand_written_piecewise_function() -> None:
    markup = """
    <math>
      <mrow>
        <mo>|</mo>
        <mi>x</mi>
        <mo>|</mo>
      </mrow>
      <mo>=</mo>
      <mrow>
        <mo>{</mo>
        <mtable columnalign="left left">
          <mtr>
            <mtd><mi>x</mi></mtd>
            <mtd>
              <mtext>if&nbsp;</mtext>
              <mi>x</mi>
              <mo>≥</mo>
              <mn>0</mn>
            </mtd>
          </mtr>
          <mtr>
            <mtd>
              <mo>−</mo>
              <mi>x</mi>
            </mtd>
            <mtd>
              <mtext>otherwise</mtext>
            </mtd>
          </mtr>
        </mtable>
      </mrow>
    </math>
    """
    assert latex_of(markup) == (r"|x| = \begin{cases} x & \text{if }x \geq 0 \\ -x & \text{otherwise}\end{cases}")


def test_hand_written_limit_of_a_difference_quotient() -> None:
    markup = """
    <math>
      <msup>
        <mi>f</mi>
        <mo>′</mo>
      </msup>
      <mo>(</mo>
      <mi>x</mi>
      <mo>)</mo>
      <mo>=</mo>
      <munder>
        <mo>lim</mo>
        <mrow>
          <mi>h</mi>
          <mo>→</mo>
          <mn>0</mn>
        </mrow>
      </munder>
      <mfrac>
        <mrow>
          <mi>f</mi>
          <mo>(</mo>
          <mi>x</mi>
          <mo>+</mo>
          <mi>h</mi>
          <mo>)</mo>
          <mo>−</mo>
          <mi>f</mi>
          <mo>(</mo>
          <mi>x</mi>
          <mo>)</mo>
        </mrow>
        <mi>h</mi>
      </mfrac>
    </math>
    """
    assert latex_of(markup) == r"f'(x) = \lim_{h\to0}\frac{f(x + h) - f(x)}{h}"


def test_hand_written_integral_with_upright_differential() -> None:
    markup = """
    <math>
      <msubsup>
        <mo>∫</mo>
        <mrow>
          <mo>−</mo>
          <mi>∞</mi>
        </mrow>
        <mi>∞</mi>
      </msubsup>
      <msup>
        <mi>e</mi>
        <mrow>
          <mo>−</mo>
          <msup>
            <mi>x</mi>
            <mn>2</mn>
          </msup>
        </mrow>
      </msup>
      <mspace width="0.167em"></mspace>
      <mi mathvariant="normal">d</mi>
      <mi>x</mi>
      <mo>=</mo>
      <msqrt>
        <mi>π</mi>
      </msqrt>
    </math>
    """
    assert latex_of(markup) == r"\int_{-\infty}^{\infty} e^{-x^2}\,\mathrm{d}x = \sqrt{\pi}"


def test_nuclear_notation_with_prescripts() -> None:
    markup = """
    <math>
      <mmultiscripts>
        <mi mathvariant="normal">U</mi>
        <none></none>
        <none></none>
        <mprescripts></mprescripts>
        <mn>92</mn>
        <mn>235</mn>
      </mmultiscripts>
    </math>
    """
    assert latex_of(markup) == r"{}_{92}^{235}\mathrm{U}"


def test_units_after_numbers() -> None:
    markup = """
    <math>
      <mi>g</mi>
      <mo>=</mo>
      <mn>9.81</mn>
      <mspace width="0.167em"></mspace>
      <mi mathvariant="normal">m</mi>
      <mo>/</mo>
      <msup>
        <mi mathvariant="normal">s</mi>
        <mn>2</mn>
      </msup>
    </math>
    """
    assert latex_of(markup) == r"g = 9.81\,\mathrm{m}/\mathrm{s}^2"


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (
            "<math><mover accent='true'><mi>x</mi><mo stretchy='false'>¯</mo></mover></math>",
            r"\bar{x}",
        ),
        (
            "<math><mrow><mo>∂</mo><mi>f</mi></mrow></math>",
            r"\partial f",
        ),
        (
            "<math><mrow><mo>∇</mo><mo>×</mo><mover><mi>B</mi><mo>→</mo></mover></mrow></math>",
            r"\nabla \times \vec{B}",
        ),
        (
            "<math><msub><mi mathvariant='bold'>V</mi><mn>1</mn></msub></math>",
            r"\mathbf{V}_1",
        ),
        (
            "<math><mi>A</mi><mo>=</mo><mo>{</mo><mi>x</mi><mo>∈</mo><mi>ℝ</mi><mo>}</mo></math>",
            r"A = \{x \in \mathbb{R}\}",
        ),
        (
            "<math><mi>x</mi><mo>&lt;=</mo><mi>y</mi></math>",
            "x <= y",
        ),
        (
            "<math><mn>1</mn><mo>:</mo><mn>2</mn></math>",
            "1:2",
        ),
        (
            "<math><mo>¬</mo><mi>p</mi><mo>∨</mo><mi>q</mi></math>",
            r"\neg p \vee q",
        ),
        (
            "<math><msup><mi>A</mi><mi mathvariant='normal'>T</mi></msup></math>",
            r"A^{\mathrm{T}}",
        ),
        (
            "<math><msup><mi>x</mi><mrow><mi>a</mi><mo>,</mo><mi>b</mi></mrow></msup></math>",
            "x^{a,b}",
        ),
        (
            "<math><mi>α</mi><mi>β</mi><mi>x</mi></math>",
            r"\alpha\beta x",
        ),
        (
            "<math><mo>⟨</mo><mi>x</mi><mo>,</mo><mi>y</mi><mo>⟩</mo></math>",
            r"\langle x, y\rangle",
        ),
        (
            "<math><mn>5</mn><mo>∤</mo><mn>7</mn></math>",
            r"5\nmid7",
        ),
        (
            "<math><mi>a</mi><mo>…</mo><mi>z</mi></math>",
            r"a\ldots z",
        ),
        (
            "<math><mi>n</mi><mo>→</mo><mi mathvariant='normal'>∞</mi></math>",
            r"n \to \infty",
        ),
    ],
)
def test_small_idioms(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex
