# ruff: noqa: E501  (literal markup stays on one line)
"""Every way a page can hold a formula, one small literal case each: what is found, its kind, its source."""

from __future__ import annotations

import pytest

from crawl import extract_page
from mathpipe.core.records import FormulaSource as Source

LOADER = '<script src="https://cdn.example/MathJax.js?config=TeX-AMS"></script>'


def formulas(body: str, head: str = "") -> list[tuple[str, bool, Source]]:
    page = extract_page(f"<html><head>{head}</head><body><p>Some words of text.</p>{body}</body></html>")
    return [(formula.latex, formula.display, formula.source) for formula in page.formulas]


def counts(body: str, head: str = "") -> dict[str, tuple[int, int]]:
    page = extract_page(f"<html><head>{head}</head><body><p>Some words of text.</p>{body}</body></html>")
    return {count.source.value: (count.found, count.emitted) for count in page.formula_counts}


def text(body: str, head: str = "") -> str:
    return extract_page(f"<html><head>{head}</head><body>{body}</body></html>").text


SCRIPTS = [
    ('<script type="math/tex">x^2</script>', "x^2", False),
    ('<script type="math/tex; mode=display">x^2</script>', "x^2", True),
    ('<script type="math/tex;mode=display">x^2</script>', "x^2", True),
    ('<script type="math/tex; mode=inline">x &lt; y</script>', "x < y", False),
    ('<script type="math/tex">% <![CDATA[\na < b %]]></script>', "a < b", False),
    ('<script type="math/tex" id="MathJax-Element-7">\\frac{1}{2}</script>', "\\frac{1}{2}", False),
]


@pytest.mark.parametrize(("markup", "latex", "display"), SCRIPTS)
def test_tex_script_is_a_formula_of_its_mode(markup: str, latex: str, display: bool) -> None:
    assert formulas(f"<p>Let {markup} be.</p>") == [(latex, display, Source.TEX_SCRIPT)]


def test_asciimath_script_is_converted() -> None:
    assert formulas('<p>A <script type="math/asciimath">a/b</script></p>') == [
        ("\\frac{a}{b}", False, Source.ASCIIMATH)
    ]


def test_mathml_script_is_converted() -> None:
    body = '<p>A <script type="math/mml"><math><msup><mi>q</mi><mn>2</mn></msup></math></script></p>'
    assert formulas(body) == [("q^2", False, Source.MATHML)]


def test_backquotes_are_formulas_on_a_page_that_loads_asciimath() -> None:
    head = '<script src="/js/ASCIIMathML.js"></script>'
    assert formulas("<p>Here `a/b` stands.</p>", head) == [("\\frac{a}{b}", False, Source.ASCIIMATH)]


def test_backquotes_are_no_formulas_elsewhere() -> None:
    assert formulas("<p>Here `a/b` stands.</p>", LOADER) == []


MATHML = [
    (
        '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">\\xi</annotation></semantics></math>',
        ("\\xi", False, Source.MATHML_ANNOTATION),
    ),
    (
        '<math><semantics><mi>x</mi><annotation encoding="TeX">\\xi</annotation></semantics></math>',
        ("\\xi", False, Source.MATHML_ANNOTATION),
    ),
    (
        '<math><semantics><mi>x</mi><annotation encoding="LaTeX">\\xi</annotation></semantics></math>',
        ("\\xi", False, Source.MATHML_ANNOTATION),
    ),
    (
        '<math display="block"><semantics><mi>x</mi>'
        '<annotation encoding="application/x-tex">\\xi</annotation></semantics></math>',
        ("\\xi", True, Source.MATHML_ANNOTATION),
    ),
    (
        '<math alttext="\\displaystyle\\alpha+1"><mi>z</mi></math>',
        ("\\alpha+1", False, Source.MATHML_ALTTEXT),
    ),
    ('<math display="block" alttext="a+b"><mi>z</mi></math>', ("a+b", True, Source.MATHML_ALTTEXT)),
    (
        '<math alttext="x squared plus one"><msup><mi>x</mi><mn>2</mn></msup></math>',
        ("x^2", False, Source.MATHML),
    ),
    ("<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>", ("\\frac{a}{b}", False, Source.MATHML)),
    ('<math display="block"><mi>a</mi><mo>=</mo><mi>b</mi></math>', ("a = b", True, Source.MATHML)),
    (
        '<math class="tml-display" display="block"><mi>a</mi></math>',
        ("a", True, Source.MATHML),
    ),
]


@pytest.mark.parametrize(("markup", "expected"), MATHML)
def test_math_element_gives_its_best_source(markup: str, expected: tuple[str, bool, Source]) -> None:
    assert formulas(f"<p>Let {markup} be.</p>") == [expected]


WIKIPEDIA = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline mwe-math-mathml-a11y" '
    'style="display: none;"><math xmlns="http://www.w3.org/1998/Math/MathML" alttext="{\\displaystyle p_{ij}}">'
    "<semantics><mrow><mstyle><msub><mi>p</mi><mi>ij</mi></msub></mstyle></mrow>"
    '<annotation encoding="application/x-tex">{\\displaystyle p_{ij}}</annotation></semantics></math></span>'
    '<img src="https://wikimedia.example/api/rest_v1/media/math/render/svg/1" '
    'class="mwe-math-fallback-image-inline" aria-hidden="true" alt="{\\displaystyle p_{ij}}"></span>'
)


def test_wikipedia_formula_survives_its_hidden_span_and_is_emitted_once() -> None:
    assert formulas(f"<p>Let {WIKIPEDIA} be.</p>") == [("p_{ij}", False, Source.MATHML_ANNOTATION)]


def test_every_representation_of_a_wikipedia_formula_is_counted_as_found() -> None:
    assert counts(f"<p>Let {WIKIPEDIA} be.</p>") == {
        "mathml-annotation": (1, 1),
        "mathml-alttext": (1, 0),
        "image-alt": (1, 0),
    }


def test_wikipedia_image_alone_gives_its_alt_without_the_displaystyle_wrapper() -> None:
    body = '<p>Let <img class="mwe-math-fallback-image-inline" alt="{\\displaystyle x^{2}}" src="/a.svg"> be.</p>'
    assert formulas(body) == [("x^{2}", False, Source.IMAGE_ALT)]


KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>g</mi></mrow>'
    '<annotation encoding="application/x-tex">g_1</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span class="base"><span class="mord mathnormal">g</span>'
    "</span></span></span>"
)


def test_katex_is_emitted_once_from_its_annotation() -> None:
    assert formulas(f"<p>Let {KATEX} be.</p>") == [("g_1", False, Source.KATEX)]


def test_katex_display_wrapper_makes_a_display_formula() -> None:
    assert formulas(f'<p>Let <span class="katex-display">{KATEX}</span> be.</p>') == [("g_1", True, Source.KATEX)]


def test_katex_error_keeps_the_source_it_shows() -> None:
    body = '<p>A <span class="katex-error" title="ParseError">\\foo{x}</span></p>'
    assert formulas(body) == [("\\foo{x}", False, Source.KATEX)]


def test_katex_layout_without_mathml_is_rebuilt() -> None:
    body = (
        '<p>A <span class="katex"><span class="katex-html"><span class="base"><span class="mord mathnormal">a</span>'
        '<span class="mbin">+</span><span class="mord mathnormal">b</span></span></span></span></p>'
    )
    assert formulas(body) == [("a + b", False, Source.KATEX)]


ASSISTIVE = "<mjx-assistive-mml><math><mi>a</mi><mo>≠</mo><mn>0</mn></math></mjx-assistive-mml>"
CHTML = (
    '<mjx-math class="MJX-TEX"><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-mi>'
    '<mjx-mo class="mjx-n"><mjx-c class="mjx-c2B"></mjx-c></mjx-mo>'
    '<mjx-mn class="mjx-n"><mjx-c class="mjx-c31"></mjx-c></mjx-mn></mjx-math>'
)


def test_mathjax_container_prefers_assistive_mathml() -> None:
    body = f'<p>If <mjx-container class="MathJax" jax="CHTML">{CHTML}{ASSISTIVE}</mjx-container> then.</p>'
    assert formulas(body) == [("a \\neq 0", False, Source.MATHJAX_ASSISTIVE)]


def test_mathjax_container_without_source_is_rebuilt_from_its_characters() -> None:
    body = f'<p>If <mjx-container class="MathJax" jax="CHTML">{CHTML}</mjx-container> then.</p>'
    assert formulas(body) == [("a + 1", False, Source.MATHJAX_CHTML)]


def test_mathjax_container_says_display() -> None:
    body = f'<mjx-container class="MathJax" jax="CHTML" display="true">{CHTML}{ASSISTIVE}</mjx-container>'
    assert formulas(body) == [("a \\neq 0", True, Source.MATHJAX_ASSISTIVE)]


def test_mathjax4_latex_attribute_is_the_source() -> None:
    body = '<p>If <mjx-container jax="CHTML"><mjx-math data-latex="a \\ne 0"></mjx-math></mjx-container></p>'
    assert formulas(body) == [("a \\ne 0", False, Source.DATA_ATTRIBUTE)]


def test_mathjax4_svg_latex_attribute_is_the_source() -> None:
    body = (
        '<p>If <mjx-container jax="SVG"><svg><g data-mml-node="math" data-latex="a^2">'
        '<g data-mml-node="mi" data-latex="a"></g></g></svg></mjx-container></p>'
    )
    assert formulas(body) == [("a^2", False, Source.DATA_ATTRIBUTE)]


MATHJAX2 = (
    '<span class="MathJax_Preview">prev</span><span class="MathJax" id="MathJax-Element-1-Frame" '
    'data-mathml="&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;"><nobr><span class="math">x</span></nobr>'
    '<span class="MJX_Assistive_MathML"><math><mi>x</mi></math></span></span>'
)


def test_mathjax2_output_is_dropped_where_its_script_is_kept() -> None:
    body = f'<p>A {MATHJAX2}<script type="math/tex" id="MathJax-Element-1">x_0</script> b</p>'
    assert formulas(body) == [("x_0", False, Source.TEX_SCRIPT)]
    assert text(body) == "A $x_0$ b"


def test_mathjax2_output_without_script_gives_its_mathml() -> None:
    assert formulas(f"<p>A {MATHJAX2} b</p>") == [("x", False, Source.MATHJAX_ASSISTIVE)]


def test_mathjax2_display_wrapper_and_script_are_one_display_formula() -> None:
    body = (
        '<div class="MathJax_Display"><span class="MathJax" id="MathJax-Element-3-Frame"><span>y</span></span></div>'
        '<script type="math/tex; mode=display" id="MathJax-Element-3">y = 1</script>'
    )
    assert formulas(body) == [("y = 1", True, Source.TEX_SCRIPT)]


DATA = [
    ('<span data-latex="x^2"></span>', ("x^2", False)),
    ('<span data-tex="\\alpha"><i>α</i></span>', ("\\alpha", False)),
    ('<span data-math="a+b">a+b</span>', ("a+b", False)),
    ('<span data-formula="\\(a+b\\)">…</span>', ("a+b", False)),
    ('<div data-equation="a=b"></div>', ("a=b", True)),
    ('<span data-katex="x_1" data-display="true"></span>', ("x_1", True)),
    ('<span class="ql-formula" data-value="e=mc^2"></span>', ("e=mc^2", False)),
    ('<span class="ztext-math" data-tex="x_1"><span></span></span>', ("x_1", False)),
    ('<span data-type="inline-math" data-latex="y^2"></span>', ("y^2", False)),
    (
        '<div class="latex-rendered" data-attrs=\'{"persistentExpression":"a\\\\,b","id":"X"}\'></div>',
        ("a\\,b", True),
    ),
    (
        '<img class="equation_image" title="x^2" alt="LaTeX: x^2" data-equation-content="x^2" src="/equation_images/x%255E2">',
        ("x^2", False),
    ),
    ('<amp-mathml data-formula="\\[x=1\\]"></amp-mathml>', ("x=1", True)),
]


@pytest.mark.parametrize(("markup", "expected"), DATA)
def test_data_attribute_holds_the_formula(markup: str, expected: tuple[str, bool]) -> None:
    assert formulas(f"<div>See {markup} here.</div>") == [(*expected, Source.DATA_ATTRIBUTE)]


@pytest.mark.parametrize("value", ["true", "", "1", "inline", "a long sentence about nothing"])
def test_data_attribute_that_is_a_flag_or_prose_is_no_formula(value: str) -> None:
    assert formulas(f'<p>See <span data-math="{value}">these words</span></p>') == []


CLASSES = [
    ('<span class="math inline">x^2</span>', ("x^2", False)),
    ('<span class="math display">x^2</span>', ("x^2", True)),
    ('<span class="math inline">\\(w\\)</span>', ("w", False)),
    ('<span class="math display">\\[w\\]</span>', ("w", True)),
    ('<span class="math inline"><em>z</em><sup>3</sup></span>', ("z^{3}", False)),
    ('<span class="math notranslate nohighlight">\\(y\\)</span>', ("y", False)),
    ('<div class="math notranslate nohighlight">\\[y = 1\\]</div>', ("y = 1", True)),
    ('<span class="math-container">$5$</span>', ("5", False)),
    ('<span class="math-container">$$a b$$</span>', ("a b", True)),
    ('<span class="arithmatex">\\(k\\)</span>', ("k", False)),
    ('<div class="arithmatex">\\[k\\]</div>', ("k", True)),
    ('<span class="math">x_1</span>', ("x_1", False)),
    ('<div class="math">y = 2</div>', ("y = 2", True)),
    ('<code class="code math js-render-math" data-math-style="inline">a^2</code>', ("a^2", False)),
    ('<pre class="code math js-render-math" data-math-style="display">b^2</pre>', ("b^2", True)),
    ('<math-renderer class="js-inline-math">$a+b$</math-renderer>', ("a+b", False)),
    ('<math-renderer class="js-display-math">$$c$$</math-renderer>', ("c", True)),
    ('<code class="language-math math-inline">k_1</code>', ("k_1", False)),
    ('<pre><code class="language-math math-display">k_2</code></pre>', ("k_2", True)),
    ('<pre class="code math js-render-math" data-math-style="display"><code>b^3</code></pre>', ("b^3", True)),
    ('<span class="math-inline"><latex style="display: none">x_5</latex></span>', ("x_5", False)),
    ('<div class="math-block"><mathml><math><mi>q</mi></math></mathml><latex>x_6</latex></div>', ("x_6", True)),
    ("<d-math>x_0</d-math>", ("x_0", False)),
    ("<d-math block>y</d-math>", ("y", True)),
    ("<tex-math>\\alpha</tex-math>", ("\\alpha", False)),
]


@pytest.mark.parametrize(("markup", "expected"), CLASSES)
def test_class_or_tag_vouches_for_the_formula(markup: str, expected: tuple[str, bool]) -> None:
    assert formulas(f"<div>Let {markup} be.</div>") == [(*expected, Source.MATH_CLASS)]


IMAGES = [
    ('<img src="https://latex.codecogs.com/svg.image?%5Cfrac%7Ba%7D%7Bb%7D">', "\\frac{a}{b}", Source.IMAGE_URL),
    ('<img src="https://latex.codecogs.com/png.latex?%5Cdpi%7B150%7D%20%5Cbg_white%20%5Clarge%20x%5E2">', "x^2",
     Source.IMAGE_URL),
    ('<img src="https://latex.codecogs.com/gif.latex?\\inline&space;\\alpha">', "\\alpha",
     Source.IMAGE_URL),
    ('<img src="https://chart.apis.google.com/chart?cht=tx&amp;chl=%5Calpha%2B%5Cbeta">', "\\alpha+\\beta",
     Source.IMAGE_URL),
    ('<img src="https://s0.wp.com/latex.php?latex=%5Cfrac%7Ba%7D%7Bb%7D&amp;bg=ffffff&amp;fg=000000&amp;s=0">',
     "\\frac{a}{b}", Source.IMAGE_URL),
    ('<img src="/cgi-bin/mimetex.cgi?%5Cint_0%5E1">', "\\int_0^1", Source.IMAGE_URL),
    ('<img src="http://www.forkosh.com/mathtex.cgi?x%5E2+1">', "x^2+1", Source.IMAGE_URL),
    ('<img src="https://render.githubusercontent.com/render/math?math=x%2By%5E2">', "x+y^2", Source.IMAGE_URL),
    ('<img src="https://www.zhihu.com/equation?tex=y%5E2">', "y^2", Source.IMAGE_URL),
    ('<img src="https://math.now.sh?from=%5Clog%20x">', "\\log x", Source.IMAGE_URL),
    ('<img src="https://example.com/formula/%5Cfrac%7Bm%7D%7Bv%7D">', "\\frac{m}{v}", Source.IMAGE_URL),
    ('<img class="latex" alt="$x$" src="//latex.example/1.png">', "x", Source.IMAGE_ALT),
    ('<img class="formulaInl" alt="$ x^2 $" src="form_0.png">', "x^2", Source.IMAGE_ALT),
    ('<img class="equation_image" alt="LaTeX: y^2" src="/e/1">', "y^2", Source.IMAGE_ALT),
    ('<img class="math" alt="\\alpha" src="_images/math/1.png">', "\\alpha", Source.IMAGE_ALT),
    ('<img class="ql-img-inline-formula" alt="&#92;&#97;&#108;&#112;&#104;&#97;" src="ql.png">', "\\alpha",
     Source.IMAGE_ALT),
    ('<img class="inlineformula" alt="sum_(k=1)^(n)k" src="i.svg">', "\\sum_{k=1}^nk", Source.IMAGE_ALT),
    ('<img class="Wirisformula" data-mathml="«math»«mi»x«/mi»«/math»" alt="x">', "x", Source.MATHML),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "latex", "source"), IMAGES)
def test_image_holds_the_formula(markup: str, latex: str, source: Source) -> None:
    assert formulas(f"<p>Let {markup} be.</p>") == [(latex, False, source)]


DISPLAY_IMAGES = [
    '<p class="formulaDsp"><img class="formulaDsp" alt="\\[ y = 2 \\]" src="form_1.png"></p>',
    '<p>See</p><p><img class="latexcenter" alt="\\[y = 2\\]" src="1.png"></p>',
    '<p><img class="ql-img-displayed-equation" alt="\\[ y = 2 \\]" src="q.png"></p>',
    '<p><img src="https://s0.wp.com/latex.php?latex=y+%3D+2" alt="y = 2"></p>',
    '<div class="math"><p><span class="eqno">(3)</span><img src="_images/math/b.png" alt="y = 2"></p></div>',
]


@pytest.mark.parametrize("markup", DISPLAY_IMAGES)
def test_image_alone_in_its_block_or_so_classed_is_display(markup: str) -> None:
    assert [(latex, display) for latex, display, _ in formulas(markup)] == [("y = 2", True)]


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="cat.jpg" alt="A cat">',
        '<img src="plot.png" alt="Figure 1: the graph of f(x)">',
        '<img src="https://example.com/?code=abc&amp;from=home" alt="">',
        '<img src="https://example.com/formula/one.jpg" alt="Formula One racing car">',
        '<img src="data:image/png;base64,AAAA" alt="">',
    ],
)
def test_picture_is_no_formula(markup: str) -> None:
    assert formulas(f"<p>See {markup} here</p>") == []


def test_service_image_counts_its_alt_as_a_second_representation() -> None:
    body = '<p>A <img src="https://s0.wp.com/latex.php?latex=x_1" alt="x_1" class="latex"> b</p>'
    assert counts(body) == {"image-alt": (1, 0), "image-url": (1, 1)}


LATEXML_ONE = (
    '<table class="ltx_equation ltx_eqn_table"><tbody><tr class="ltx_equation ltx_eqn_row">'
    '<td class="ltx_eqn_cell"></td><td class="ltx_eqn_cell"><math alttext="a=b" display="block"><mi>a</mi></math></td>'
    '<td class="ltx_eqn_cell ltx_eqn_eqno"><span class="ltx_tag ltx_tag_equation">(1)</span></td></tr></tbody></table>'
)
LATEXML_GROUP = (
    '<table class="ltx_equationgroup ltx_eqn_align ltx_eqn_table"><tbody>'
    '<tr class="ltx_equation ltx_eqn_row"><td><math alttext="\\displaystyle a"></math></td>'
    '<td><math alttext="\\displaystyle=b"></math></td>'
    '<td><span class="ltx_tag ltx_tag_equation">(2)</span></td></tr>'
    '<tr class="ltx_equation ltx_eqn_row"><td><math alttext="\\displaystyle c"></math></td>'
    '<td><math alttext="\\displaystyle=d"></math></td></tr></tbody></table>'
)


def test_latexml_equation_keeps_its_number_out_of_the_formula() -> None:
    assert text(f"<p>So</p>{LATEXML_ONE}") == "So\n\n$$\na=b\n$$\n\n(1)"


def test_latexml_group_becomes_one_alignment_with_its_numbers() -> None:
    assert formulas(LATEXML_GROUP) == [
        ("\\begin{align}\na & =b \\tag{2} \\\\\nc & =d\n\\end{align}", True, Source.MATHML_ALTTEXT)
    ]


def test_sphinx_number_and_its_link_stay_out_of_the_formula() -> None:
    body = (
        '<div class="math notranslate nohighlight" id="equation-a"><span class="eqno">(1)'
        '<a class="headerlink" href="#equation-a" title="Permalink">¶</a></span>\\[x = 1\\]</div>'
    )
    assert text(body) == "(1)\n\n$$\nx = 1\n$$"


def test_moodle_filter_span_is_trusted() -> None:
    body = '<p><span class="filter_mathjaxloader_equation"><span class="nolink">\\(x+1\\)</span></span> here</p>'
    assert formulas(body) == [("x+1", False, Source.MATH_CLASS)]


# --- publishers' MathML and TeX


JATS = (
    "<alternatives><tex-math>\\documentclass[12pt]{minimal} \\begin{document}$$\\alpha$$\\end{document}</tex-math>"
    '<mml:math><mml:mi>α</mml:mi></mml:math><img src="a.gif" alt="a"></alternatives>'
)


def test_prefixed_mathml_is_mathml() -> None:
    markup = '<p>Let <mml:math><mml:mi>c</mml:mi><mml:mspace width="1em"/><mml:mi>d</mml:mi></mml:math> be.</p>'
    assert formulas(markup) == [("c\\quad d", False, Source.MATHML)]
    assert formulas(markup.replace("mml:", "m:")) == [("c\\quad d", False, Source.MATHML)]


def test_alternatives_of_a_publisher_are_one_formula_of_the_kind_around_them() -> None:
    assert formulas(f'<p>a <span class="inline-formula">{JATS}</span> b</p>') == [
        ("\\alpha", False, Source.MATH_CLASS)
    ]
    assert formulas(f'<div class="disp-formula">{JATS}</div>') == [("\\alpha", True, Source.MATH_CLASS)]
    assert counts(f"<p>a {JATS} b</p>") == {"mathml": (1, 0), "math-class": (1, 1)}


def test_typoras_drawing_is_dropped_where_its_script_follows() -> None:
    drawn = '<mjx-container class="MathJax" jax="SVG"><svg></svg><mjx-assistive-mml><math><mi>x</mi></math></mjx-assistive-mml></mjx-container>'
    body = f'<p>A <span class="md-inline-math">{drawn}<script type="math/tex">x_0</script></span> b</p>'
    assert formulas(body) == [("x_0", False, Source.TEX_SCRIPT)]
    assert counts(body) == {"tex-script": (1, 1), "mathjax-svg": (1, 0)}


def test_zhihus_line_break_marks_a_display_formula() -> None:
    picture = '<img src="https://www.zhihu.com/equation?tex={}" alt="c" eeimg="1"/>'
    assert formulas(f"<p>A {picture.format('c%3Dd+%5C%5C')} b</p>") == [("c=d", True, Source.IMAGE_URL)]
    assert formulas(f"<p>A {picture.format('c%3Dd')} b</p>") == [("c=d", False, Source.IMAGE_URL)]


def test_empty_delimiters_show_nothing_and_count_nothing() -> None:
    body = "<p>A \\(\\) b \\({}\\) c \\(x\\)</p>"
    assert text(body, LOADER) == "A b c $x$"
    assert counts(body, LOADER) == {"tex-delimiters": (1, 1)}
