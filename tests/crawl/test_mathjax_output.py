"""MathJax's CHTML and SVG output without a source: the layout of versions 3 and 4 read back as LaTeX."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.dom import Element, parse_html
from crawl.formulas.mathjax_chtml import chtml_to_latex
from crawl.formulas.mathjax_svg import svg_to_latex
from crawl.formulas.mathjax_tree import Glyph, atom, glyph_of_code, row, token
from crawl.formulas.mathml import MAX_NODES

# --- writing MathJax's mark-up by hand, as its output has it


def c(char: str, font: str = "") -> str:
    """A glyph of CHTML."""
    return f'<mjx-c class="mjx-c{ord(char):X}{" TEX-" + font if font else ""}"></mjx-c>'


def mi(char: str) -> str:
    """An italic letter: MathJax 3 draws it with the character of the italic alphabet."""
    italic = "ℎ" if char == "h" else chr(0x1D44E + ord(char) - ord("a"))
    return f'<mjx-mi class="mjx-i">{c(italic, "I")}</mjx-mi>'


def mn(digits: str) -> str:
    return f'<mjx-mn class="mjx-n">{"".join(c(digit) for digit in digits)}</mjx-mn>'


def mo(char: str, font: str = "") -> str:
    return f'<mjx-mo class="mjx-n">{c(char, font) if char else ""}</mjx-mo>'


def chtml(body: str) -> str | None:
    tree = parse_html(
        f'<p><mjx-container class="MathJax" jax="CHTML"><mjx-math>{body}</mjx-math></mjx-container></p>'
    )
    return chtml_to_latex(next(node for node in tree.walk() if node.tag == "mjx-container"))


def g(name: str, body: str = "", x: float = 0, y: float = 0, **attributes: str) -> str:
    """A named group of SVG."""
    more = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<g data-mml-node="{name}" transform="translate({x},{y})"{more}>{body}</g>'


def use(char: str, font: str = "N") -> str:
    code = f"{ord(char):X}"
    return f'<use data-c="{code}" xlink:href="#MJX-1-TEX-{font}-{code}"></use>'


def svg_mi(char: str, x: float = 0, y: float = 0) -> str:
    return g("mi", use(chr(0x1D44E + ord(char) - ord("a")), "I"), x, y)


def svg(body: str) -> str | None:
    tree = parse_html(f'<p><mjx-container jax="SVG"><svg><defs><path id="MJX-1-TEX-I-1D44E" d=""></path></defs>'
                      f'<g stroke="currentColor">{g("math", body)}</g></svg></mjx-container></p>')  # fmt: skip
    return svg_to_latex(next(node for node in tree.walk() if node.tag == "mjx-container"))


# --- CHTML


@pytest.mark.parametrize(
    ("body", "latex"),
    [
        (mi("a") + mo("=") + mi("b"), "a = b"),
        (mi("h"), "h"),
        (mn("12"), "12"),
        ("<mjx-mi class='mjx-n'>" + c("s") + c("i") + c("n") + "</mjx-mi>" + mo("\u2061") + mi("x"), r"\sin x"),
        ("<mjx-mi class='mjx-n'>" + c("f") + c("o") + c("o") + "</mjx-mi>" + mi("x"), r"\operatorname{foo}x"),
        ("<mjx-texatom texclass='ORD'><mjx-mi>" + c("a") + c("b") + "</mjx-mi></mjx-texatom>", r"\mathrm{ab}"),
        ("<mjx-texatom texclass='ORD'><mjx-mi>" + c("𝐀", "B") + "</mjx-mi></mjx-texatom>", r"\mathbf{A}"),
        ("<mjx-texatom texclass='ORD'><mjx-mi>" + c("L", "C") + "</mjx-mi></mjx-texatom>", r"\mathcal{L}"),
        ("<mjx-texatom texclass='ORD'><mjx-mi>" + c("ℬ", "SC") + "</mjx-mi></mjx-texatom>", r"\mathscr{B}"),
        ("<mjx-texatom texclass='ORD'><mjx-mi>" + c("ℝ", "A") + "</mjx-mi></mjx-texatom>", r"\mathbb{R}"),
        ("<mjx-mi>" + c("d") + "</mjx-mi>" + mi("x"), r"\mathrm{d}x"),
        ("<mjx-mi>" + c("Γ") + "</mjx-mi>", r"\Gamma"),
        ("<mjx-mtext>" + c("\u00a0") + c("i") + c("f") + c("\u00a0") + "</mjx-mtext>", r"\text{ if }"),
        ("<mjx-mtext><mjx-utext>é</mjx-utext>" + c("a") + "</mjx-mtext>", r"\text{éa}"),
        (mi("a") + "<mjx-mstyle><mjx-mspace style='width: 1em;'></mjx-mspace></mjx-mstyle>" + mi("b"), r"a\quad b"),
        (mi("a") + "<mjx-mspace style='margin-left: -0.167em;'></mjx-mspace>" + mi("b"), r"a\!b"),
    ],
)
def test_chtml_tokens_are_read_from_the_class_names(body: str, latex: str) -> None:
    assert chtml(body) == latex


@pytest.mark.parametrize(
    ("body", "latex"),
    [
        (f"<mjx-msup>{mi('x')}<mjx-script>{mn('2')}</mjx-script></mjx-msup>", "x^2"),
        (f"<mjx-msub>{mi('x')}<mjx-script>{mi('i')}</mjx-script></mjx-msub>", "x_i"),
        (
            f"<mjx-msubsup>{mi('x')}<mjx-script>{mn('2')}<mjx-spacer></mjx-spacer>{mi('i')}</mjx-script></mjx-msubsup>",
            "x_i^2",
        ),
        (f"<mjx-msup>{mi('f')}<mjx-script>{mo('′')}</mjx-script></mjx-msup>", "f'"),
        (
            f"<mjx-mfrac><mjx-frac><mjx-num>{mi('a')}</mjx-num><mjx-dbox><mjx-dtable><mjx-line></mjx-line><mjx-row><mjx-den>"
            f"{mi('b')}</mjx-den></mjx-row></mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac>",
            r"\frac{a}{b}",
        ),
        (
            f"<mjx-mrow>{mo('(', 'S3')}<mjx-mfrac><mjx-frac atop='true'>"
            + f"<mjx-num>{mi('n')}</mjx-num><mjx-den>{mi('k')}</mjx-den></mjx-frac></mjx-mfrac>"
            + f"{mo(')', 'S3')}</mjx-mrow>",
            r"\binom{n}{k}",
        ),
        (
            f"<mjx-msqrt><mjx-sqrt><mjx-surd>{mo('√')}</mjx-surd><mjx-box>{mi('x')}</mjx-box></mjx-sqrt></mjx-msqrt>",
            r"\sqrt{x}",
        ),
        (
            f"<mjx-mroot><mjx-root>{mn('3')}</mjx-root><mjx-sqrt><mjx-surd>{mo('√')}</mjx-surd><mjx-box>{mi('x')}</mjx-box>"
            "</mjx-sqrt></mjx-mroot>",
            r"\sqrt[3]{x}",
        ),
        (
            f"<mjx-munderover><mjx-over>{mi('n')}</mjx-over><mjx-box><mjx-munder>"
            + f"<mjx-row><mjx-base>{mo('∑', 'S2')}</mjx-base></mjx-row>"
            + f"<mjx-row><mjx-under>{mi('i')}</mjx-under></mjx-row></mjx-munder></mjx-box></mjx-munderover>",
            r"\sum_i^n",
        ),
        (
            f"<mjx-munderover limits='false'>{mo('∑')}<mjx-script>{mi('n')}<mjx-spacer></mjx-spacer>"
            f"{mi('i')}</mjx-script></mjx-munderover>",
            r"\sum_i^n",
        ),
        (f"<mjx-mover><mjx-over>{mo('^')}</mjx-over><mjx-base>{mi('x')}</mjx-base></mjx-mover>", r"\hat{x}"),
        (
            "<mjx-mover><mjx-over><mjx-mo><mjx-stretchy-h class='mjx-c2013'><mjx-ext><mjx-c></mjx-c></mjx-ext>"
            f"</mjx-stretchy-h></mjx-mo></mjx-over><mjx-base><mjx-mrow>{mi('a')}{mi('b')}</mjx-mrow></mjx-base></mjx-mover>",
            r"\overline{ab}",
        ),
        (
            f"<mjx-menclose><mjx-box style='border: 0.067em solid; padding: 0.2em;'>{mi('x')}</mjx-box>"
            "</mjx-menclose>",
            r"\boxed{x}",
        ),
        (f"<mjx-menclose><mjx-box>{mi('x')}</mjx-box><mjx-ustrike></mjx-ustrike></mjx-menclose>", r"\cancel{x}"),
        (f"<mjx-mphantom>{mi('x')}</mjx-mphantom>{mi('y')}", r"\phantom{x}y"),
    ],
)
def test_chtml_layout_is_rebuilt(body: str, latex: str) -> None:
    assert chtml(body) == latex


@pytest.mark.parametrize(
    ("body", "latex"),
    [
        (f"<mjx-mrow>{mo('(', 'S1')}{mi('x')}{mo(')', 'S1')}</mjx-mrow>", r"\left(x\right)"),
        (f"<mjx-mrow>{mo('(')}{mi('n')}{mo(')')}{mo('(')}{mi('m')}{mo(')')}</mjx-mrow>", "(n)(m)"),
        (
            f"<mjx-mrow>{mo('')}{mi('x')}<mjx-mo><mjx-stretchy-v class='mjx-c7C'><mjx-ext><mjx-c></mjx-c></mjx-ext>"
            "</mjx-stretchy-v></mjx-mo></mjx-mrow>",
            r"\left.x\right|",
        ),
        (f"<mjx-texatom texclass='OPEN'>{mo('(', 'S1')}</mjx-texatom>{mi('x')}", r"\big(x"),
        (f"{mo('(')}{mi('x')}{mo(')')}", "(x)"),
    ],
)
def test_chtml_delimiters_grow_as_they_were_drawn(body: str, latex: str) -> None:
    assert chtml(body) == latex


def mtd(body: str, style: str = "") -> str:
    return f"<mjx-mtd style='{style}'>{body}<mjx-tstrut></mjx-tstrut></mjx-mtd>"


def table(*rows: str, labels: str = "") -> str:
    return f"<mjx-mtable><mjx-table><mjx-itable>{''.join(rows)}</mjx-itable></mjx-table>{labels}</mjx-mtable>"


def test_chtml_matrix_in_parentheses() -> None:
    rows = [f"<mjx-mtr>{mtd(mi(one))}{mtd(mi(two))}</mjx-mtr>" for one, two in ("ab", "cd")]
    assert chtml(f"<mjx-mrow>{mo('(', 'S3')}{table(*rows)}{mo(')', 'S3')}</mjx-mrow>") == (
        r"\begin{pmatrix} a & b \\ c & d\end{pmatrix}"
    )


def test_chtml_cells_tell_their_alignment_and_lines() -> None:
    aligned = [
        f"<mjx-mtr>{mtd(mi('a'), 'text-align: right; padding-right: 0;')}"
        f"{mtd('<mjx-mi></mjx-mi>' + mo('=') + mi('b'), 'text-align: left;')}</mjx-mtr>"
    ] * 2
    assert chtml(table(*aligned)) == r"\begin{aligned} a & = b \\ a & = b\end{aligned}"
    lined = [f"<mjx-mtr>{mtd(mi('a'))}{mtd(mi('b'), 'border-left: .07em solid;')}</mjx-mtr>"] * 2
    assert chtml(table(*lined)) == r"\begin{array}{c|c} a & b \\ a & b\end{array}"


def test_chtml_equation_number_becomes_a_tag() -> None:
    number = mtd("<mjx-mtext>" + c("(") + c("3") + c(")") + "</mjx-mtext>")
    label = f"<mjx-labels><mjx-itable><mjx-mtr>{number}</mjx-mtr></mjx-itable></mjx-labels>"
    assert chtml(table(f"<mjx-mlabeledtr>{mtd(mi('a'))}</mjx-mlabeledtr>", labels=label)) == r"a \tag{3}"


def test_version_4_has_characters_beside_the_class_names() -> None:
    body = (
        '<mjx-mi><mjx-c class="mjx-c1D44E">𝑎</mjx-c></mjx-mi><mjx-mo><mjx-c class="mjx-c2B NCM-N">+</mjx-c></mjx-mo>'
    )
    assert chtml(body + '<mjx-mn><mjx-c class="mjx-c31">1</mjx-c></mjx-mn>') == "a + 1"


def test_assistive_mathml_is_not_read_twice() -> None:
    assert chtml(mi("a") + "<mjx-assistive-mml><math><mi>a</mi></math></mjx-assistive-mml>") == "a"


# --- SVG


@pytest.mark.parametrize(
    ("body", "latex"),
    [
        (svg_mi("a") + g("mo", use("="), 500) + svg_mi("b", 900), "a = b"),
        (g("msup", svg_mi("x") + g("mn", use("2"), 500, 400)), "x^2"),
        (g("msubsup", svg_mi("x") + g("mn", use("2"), 500, 400) + svg_mi("i", 500, -200)), "x_i^2"),
        (g("msubsup", svg_mi("x") + svg_mi("i", 500, -200) + g("mn", use("2"), 500, 400)), "x_i^2"),
        (g("munderover", g("mo", use("∑", "LO")) + svg_mi("i", 0, -1000) + svg_mi("n", 0, 1100)), r"\sum_i^n"),
        (
            g("mfrac", svg_mi("a", 0, 676) + svg_mi("b", 0, -686) + '<rect width="700" height="60"></rect>'),
            r"\frac{a}{b}",
        ),
        (g("mfrac", svg_mi("a", 0, 676) + svg_mi("b", 0, -686)), r"\genfrac{}{}{0pt}{}{a}{b}"),
        (
            g(
                "msqrt",
                f"<g transform='translate(853,0)'>{svg_mi('a')}{g('mo', use('+'), 500)}{svg_mi('b', 900)}</g>"
                + g("mo", use("√"))
                + "<rect></rect>",
            ),
            r"\sqrt{a + b}",
        ),
        (
            g("mroot", f"<g>{svg_mi('a')}</g>" + g("mn", use("3"), 200, 400) + g("mo", use("√")) + "<rect></rect>"),
            r"\sqrt[3]{a}",
        ),
        (g("TeXAtom", g("mi", use("𝐀", "B")), data_mjx_texclass="ORD"), r"\mathbf{A}"),
        (g("TeXAtom", g("mi", use("L", "C")), data_mjx_texclass="ORD"), r"\mathcal{L}"),
        (g("mi", use("s") + use("i") + use("n")) + svg_mi("x", 900), r"\sin x"),
        (g("msup", svg_mi("f") + g("mo", '<g data-c="2033">' + use("′") + use("′") + "</g>", 600, 400)), "f''"),
        (g("mrow", g("mo", use("(", "S3")) + svg_mi("x", 500) + g("mo", use(")", "S3"), 900)), r"\left(x\right)"),
        (
            g("mrow", g("mo", use("⎛", "S4") + use("⎝", "S4")) + svg_mi("x", 500) + g("mo", use("⎞", "S4"), 900)),
            r"\left(x\right)",
        ),
        (
            g("mover", g("mrow", svg_mi("a") + svg_mi("b", 500)) + g("mo", f"<svg>{use('–', 'S4')}</svg>", 0, 648)),
            r"\overline{ab}",
        ),
        (g("munder", svg_mi("a") + g("mo", use("\ue152", "S4") + use("\ue153", "S4"), 0, -500)), r"\underbrace{a}"),
        (svg_mi("a") + g("mstyle", g("mspace"), 529) + svg_mi("b", 1529), r"a\quad b"),
        (g("mtext", "<text>é</text>" + use(" ") + use("a")), r"\text{é a}"),
        (g("menclose", f"<g>{svg_mi('x')}</g><rect fill='none'></rect>"), r"\boxed{x}"),
        (g("menclose", f"<g>{svg_mi('x')}</g><line x1='0' y1='-200' x2='900' y2='600'></line>"), r"\cancel{x}"),
    ],
)
def test_svg_layout_is_rebuilt_from_names_codes_and_places(body: str, latex: str) -> None:
    assert svg(body) == latex


def svg_row(*cells_: str, name: str = "mtr", y: float = 0) -> str:
    return g(name, "".join(g("mtd", cell, 1000.0 * index) for index, cell in enumerate(cells_)), 0, y)


def test_svg_table_lines_are_placed_between_columns_and_rows() -> None:
    lines = '<line data-line="v" x1="800"></line><line data-line="h" y1="0"></line>'
    body = g("mtable", svg_row(svg_mi("a"), svg_mi("b"), y=700) + svg_row(svg_mi("c"), svg_mi("d"), y=-700) + lines)
    assert svg(body) == r"\begin{array}{c|c} a & b \\ \hline c & d\end{array}"


def test_svg_cells_that_begin_empty_are_aligned_equations() -> None:
    second = g("mi") + g("mo", use("="), 200) + svg_mi("b", 900)
    body = g("mtable", svg_row(svg_mi("a"), second, y=600) + svg_row(svg_mi("c"), second, y=-600))
    assert svg(body) == r"\begin{aligned} a & = b \\ c & = b\end{aligned}"


def test_svg_equation_number_becomes_a_tag() -> None:
    number = g(
        "mtd",
        '<text data-id-align="true"></text><g data-idbox="true">'
        + g("mtext", use("(") + use("3") + use(")"))
        + "</g>",
    )
    body = g(
        "mtable",
        f"<g transform='scale(55)'><svg data-table='true'><g>{svg_row(svg_mi('a'), name='mlabeledtr')}</g></svg>"
        f"<svg data-labels='true'><g data-labels='true'>{number}</g></svg></g>",
    )
    assert svg(body) == r"a \tag{3}"


def test_svg_paths_without_definitions_are_read_too() -> None:
    assert svg(g("mi", '<path data-c="1D44E" d=""></path>')) == "a"


# --- shared parts


def test_a_code_that_is_no_character_gives_no_glyph() -> None:
    assert glyph_of_code("1D44E") == Glyph("𝑎")
    assert glyph_of_code("D800") is None
    assert glyph_of_code("FFFFFFFF") is None
    assert glyph_of_code("") is None
    assert glyph_of_code("x") is None


def test_assembled_parts_are_one_delimiter() -> None:
    made = token("mo", [Glyph("⎧"), Glyph("⎪"), Glyph("⎨"), Glyph("⎩")])
    assert made.text() == "{"
    assert token("mo", [Glyph("⎡"), Glyph("⎣")]).text() == "["


def test_only_rows_between_a_pair_are_fences() -> None:
    fence = row([token("mo", [Glyph("(", "S2")]), Element("mi", {}, ["x"]), token("mo", [Glyph(")", "S2")])])
    assert fence.get("data-mjx-texclass") == "INNER"
    plain = row([Element("mi", {}, ["x"]), token("mo", [Glyph(")", "S2")])])
    assert plain.get("data-mjx-texclass") == ""


def test_a_lone_sized_delimiter_in_a_group_was_set_by_hand() -> None:
    made = atom([token("mo", [Glyph("(", "S1")])], "OPEN")
    assert next(made.elements()).get("minsize") == "1.2em"


# --- nothing to recover, and hostile input


@pytest.mark.parametrize("convert", [chtml_to_latex, svg_to_latex])
def test_containers_without_glyphs_are_none(convert) -> None:  # type: ignore[no-untyped-def]
    assert convert(Element("mjx-container")) is None
    assert convert(Element("mjx-container", {}, ["text", Element("span", {}, ["more"])])) is None


def test_error_messages_are_none() -> None:
    assert chtml(f"<mjx-merror><mjx-mtext>{c('x')}</mjx-mtext></mjx-merror>") is None
    assert svg(g("merror", g("mtext", use("x")))) is None


@pytest.mark.parametrize(
    ("tag", "convert"), [("mjx-mrow", chtml_to_latex), ("mjx-mi", chtml_to_latex), ("g", svg_to_latex)]
)
def test_depth_beyond_the_limit_is_none_and_quick(tag: str, convert) -> None:  # type: ignore[no-untyped-def]
    node = Element("mjx-c", {"class": "mjx-c61"})
    for _ in range(100_000):
        node = Element(tag, {"data-mml-node": "mrow"}, [node])
    started = time.perf_counter()
    convert(Element("mjx-container", {}, [node]))
    assert time.perf_counter() - started < 5


_NAMES = [
    *"mrow mi mo mn mfrac msup msubsup munderover mover msqrt mroot mtable mtr mtd mlabeledtr texatom".split(),
    *"menclose mmultiscripts num den script base over under sqrt root labels prescripts c mspace".split(),
]
_CHTML = st.recursive(
    st.builds(
        lambda code: Element("mjx-c", {"class": f"mjx-c{code} TEX-S1"}),
        st.sampled_from(["28", "29", "61", "2211", "1D44E"]),
    ),
    lambda inner: st.builds(
        lambda name, kids: Element("mjx-" + name, {}, list(kids)),
        st.sampled_from(_NAMES),
        st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)
_SVG = st.recursive(
    st.builds(
        lambda code: Element("use", {"data-c": code}), st.sampled_from(["28", "29", "61", "2211", "1D44E", "zz"])
    ),
    lambda inner: st.builds(
        lambda name, kids, place: Element("g", {"data-mml-node": name, "transform": place}, list(kids)),
        st.sampled_from([*_NAMES[:18], "TeXAtom", ""]),
        st.lists(inner, max_size=4),
        st.sampled_from(["", "translate(1,-2)", "translate(3 4) scale(0.7)", "translate(--)", "matrix(1 0 0 1 0 0)"]),
    ),
    max_leaves=20,
)


def balanced(latex: str | None) -> bool:
    """Whether the braces pair, escaped ones left out; None has none."""
    depth = 0
    for char in (latex or "").replace("\\\\", "").replace(r"\{", "").replace(r"\}", ""):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0


@settings(max_examples=120, deadline=None)
@given(_CHTML)
def test_any_chtml_tree_gives_text_with_paired_braces_or_none(tree: Element) -> None:
    latex = chtml_to_latex(Element("mjx-container", {}, [tree]))
    assert latex is None or latex.strip()
    assert balanced(latex)


@settings(max_examples=120, deadline=None)
@given(_SVG)
def test_any_svg_tree_gives_text_with_paired_braces_or_none(tree: Element) -> None:
    latex = svg_to_latex(Element("mjx-container", {}, [tree]))
    assert latex is None or latex.strip()
    assert balanced(latex)


@pytest.mark.parametrize("convert", [chtml_to_latex, svg_to_latex])
def test_more_nodes_than_the_limit_is_none(convert) -> None:  # type: ignore[no-untyped-def]
    leaf = Element("mjx-c", {"class": "mjx-c61", "data-mml-node": "mi"})
    assert convert(Element("mjx-container", {}, [leaf] * (4 * MAX_NODES + 1))) is None


@pytest.mark.parametrize(
    ("style", "latex"),
    [
        (
            "border-left: 0.067em solid; border-right: 0.067em solid;",
            r"\begin{array}{|cc|} a & b \\ c & d\end{array}",
        ),
        (
            "border-top: 0.067em solid; border-bottom: 0.067em solid;",
            r"\begin{array}{cc}\hline a & b \\ c & d \\ \hline\end{array}",
        ),
        (
            "border-top: 0.067em solid;",
            r"\begin{array}{cc}\hline a & b \\ c & d\end{array}",
        ),
        (
            "border: 0.067em solid;",
            r"\boxed{\begin{matrix} a & b \\ c & d\end{matrix}}",
        ),
    ],
)
def test_chtml_sides_drawn_around_a_table_are_its_lines(style: str, latex: str) -> None:
    rows = [f"<mjx-mtr>{mtd(mi(one))}{mtd(mi(two))}</mjx-mtr>" for one, two in ("ab", "cd")]
    inner = table(*rows)
    assert chtml(f"<mjx-menclose><mjx-box style='{style}'>{inner}</mjx-box></mjx-menclose>") == latex


def test_chtml_border_of_a_table_is_its_frame() -> None:
    rows = f"<mjx-mtr>{mtd(mi('a'))}</mjx-mtr><mjx-mtr>{mtd(mi('b'))}</mjx-mtr>"
    framed = f"<mjx-itable style='border: .07em solid;'>{rows}</mjx-itable>"
    assert chtml(f"<mjx-mtable><mjx-table>{framed}</mjx-table></mjx-mtable>") == (
        r"\begin{array}{|c|}\hline a \\ b \\ \hline\end{array}"
    )


@pytest.mark.parametrize(
    ("lines", "latex"),
    [
        (
            "<line x1='33.5' y1='-1075' x2='33.5' y2='1575'></line>"
            "<line x1='3170.5' y1='-1075' x2='3170.5' y2='1575'></line>",
            r"\begin{array}{|cc|} a & b \\ c & d\end{array}",
        ),
        (
            "<line x1='33.5' y1='-1075' x2='33.5' y2='1575'></line>",
            r"\begin{array}{|cc} a & b \\ c & d\end{array}",
        ),
        (
            "<line x1='0' y1='1608' x2='3000' y2='1608'></line><line x1='0' y1='-1108' x2='3000' y2='-1108'></line>",
            r"\begin{array}{cc}\hline a & b \\ c & d \\ \hline\end{array}",
        ),
        (
            "<line x1='0' y1='-1108' x2='3000' y2='-1108'></line>",
            r"\begin{array}{cc} a & b \\ c & d \\ \hline\end{array}",
        ),
    ],
)
def test_svg_lines_beside_a_table_are_its_own_and_no_strikes(lines: str, latex: str) -> None:
    cells = [svg_row(svg_mi("a"), svg_mi("b"), y=700), svg_row(svg_mi("c"), svg_mi("d"), y=-700)]
    inner = g("mtable", "".join(cells))
    assert svg(g("menclose", f"<g>{inner}</g>{lines}")) == latex


def test_svg_rectangle_of_a_table_is_its_frame() -> None:
    rows = svg_row(svg_mi("a"), y=700) + svg_row(svg_mi("b"), y=-700)
    frame = "<rect data-frame='true' class='mjx-solid' width='2940' height='2901' x='35' y='-1200.5'></rect>"
    assert svg(g("mtable", rows + frame)) == r"\begin{array}{|c|}\hline a \\ b \\ \hline\end{array}"


def test_svg_line_through_a_formula_is_a_strike() -> None:
    line = "<line x1='0' y1='250' x2='900' y2='250'></line>"
    assert svg(g("menclose", f"<g>{svg_mi('x')}</g>{line}")) == r"\sout{x}"
    assert svg(g("menclose", f"<g>{svg_mi('x')}</g><line x1='0' y1='600' x2='900' y2='-200'></line>")) == (
        r"\bcancel{x}"
    )
