# ruff: noqa: E501  (literal markup stays on one line)
"""KaTeX's boxes without MathML: what each class of box becomes. The boxes are written as KaTeX lays them out."""

from __future__ import annotations

import pytest

from crawl.dom import Element, parse_html
from crawl.formulas.katex_html import katex_html_to_latex
from crawl.formulas.normal_form import normal_form


def boxes(inner: str) -> Element:
    root = parse_html(f'<span class="katex-html"><span class="base"><span class="strut"></span>{inner}</span></span>')
    return next(node for node in root.walk() if "katex-html" in node.classes)


def letter(char: str, font: str = "mathnormal") -> str:
    return f'<span class="mord {font}">{char}</span>'


def row(top: str, inner: str) -> str:
    return f'<span style="top:{top}em;"><span class="pstrut" style="height:3em;"></span>{inner}</span>'


def vlist(*rows: str, deep: bool = False) -> str:
    kind = "vlist-t vlist-t2" if deep else "vlist-t"
    return f'<span class="{kind}"><span class="vlist-r"><span class="vlist">{"".join(rows)}</span></span></span>'


def small(inner: str) -> str:
    return f'<span class="sizing reset-size6 size3 mtight">{inner}</span>'


def scripts(*rows: str, deep: bool = False) -> str:
    return f'<span class="msupsub">{vlist(*rows, deep=deep)}</span>'


X, A, B = letter("x"), letter("a"), letter("b")
TWO = small('<span class="mord mtight">2</span>')
INDEX = small('<span class="mord mathnormal mtight">i</span>')
LINE = '<span class="frac-line" style="border-bottom-width:0.04em;"></span>'
NULL = '<span class="mopen nulldelimiter"></span>'

CASES = [
    (A + '<span class="mbin">+</span>' + B, "a+b"),
    (A + '<span class="mspace" style="margin-right:0.2778em;"></span><span class="mrel">=</span>' + B, "a=b"),
    ('<span class="mord">12</span>' + X, "12x"),
    (f'<span class="mord">{X}{scripts(row("-3.063", TWO))}</span>', "x^2"),
    (f'<span class="mord">{X}{scripts(row("-2.55", INDEX), deep=True)}</span>', "x_i"),
    (f'<span class="mord">{X}{scripts(row("-2.453", INDEX), row("-3.113", TWO), deep=True)}</span>', "x_i^2"),
    (
        f'<span class="mord">{NULL}<span class="mfrac">'
        f"{vlist(row('-2.314', B), row('-3.23', LINE), row('-3.677', A), deep=True)}</span></span>",
        "\\frac{a}{b}",
    ),
    (
        f'<span class="mord sqrt">{vlist(row("-3", X), row("-2.84", "<span class=hide-tail><svg></svg></span>"))}</span>',
        "\\sqrt{x}",
    ),
    (
        f'<span class="mord sqrt"><span class="root">{vlist(row("-2.9", small("<span class=mord>3</span>")))}</span>'
        f"{vlist(row('-3', X), row('-2.84', '<span class=hide-tail><svg></svg></span>'))}</span>",
        "\\sqrt[3]{x}",
    ),
    (
        f'<span class="mord accent">{vlist(row("-3", X), row("-3", "<span class=accent-body><span class=mord>^</span></span>"))}</span>',
        "\\hat{x}",
    ),
    (
        f'<span class="mord katex-accent">{vlist(row("-3", X), row("-3", "<span class=accent-body><span class=mord>ˉ</span></span>"))}</span>',
        "\\bar{x}",
    ),
    (
        f'<span class="mord accent">'
        f"{vlist(row('-3', X), row('-3', '<span class=accent-body><span class=overlay><svg></svg></span></span>'))}</span>",
        "\\vec{x}",
    ),
    (
        f'<span class="mord overline">{vlist(row("-3", A + B), row("-3.8", "<span class=overline-line></span>"))}</span>',
        "\\overline{ab}",
    ),
    (
        '<span class="mop op-limits">'
        + vlist(
            row("-1.8", small(letter("i"))),
            row("-3.05", '<span><span class="mop op-symbol large-op">∑</span></span>'),
            row("-4.3", small(letter("n"))),
            deep=True,
        )
        + "</span>"
        + X,
        "\\sum_i^nx",
    ),
    ('<span class="mop">sin</span>' + X, "\\sin x"),
    ('<span class="mop">lo<span style="margin-right:0.01389em;">g</span></span>' + X, "\\log x"),
    (letter("R", "mathbb"), "\\mathbb{R}"),
    (letter("v", "mathbf"), "\\mathbf{v}"),
    (letter("L", "mathcal"), "\\mathcal{L}"),
    ('<span class="mord text"><span class="mord">if so</span></span>', "\\text{if so}"),
    (
        '<span class="mrel"><span class="mrel"><span class="mord"><span class="mrel">\ue020</span></span></span>'
        '<span class="mrel">=</span></span>',
        "\\neq",
    ),
    ('<span class="mopen">(</span>' + X + '<span class="mclose">)</span>', "(x)"),
    (
        '<span class="minner"><span class="mopen delimcenter"><span class="delimsizing size2">(</span></span>'
        + X
        + '<span class="mclose delimcenter"><span class="delimsizing size2">)</span></span></span>',
        "\\left(x\\right)",
    ),
    (
        '<span class="mord"><span class="mtable"><span class="col-align-c">'
        + vlist(row("-3.6", A), row("-2.4", B), deep=True)
        + '</span><span class="arraycolsep"></span><span class="col-align-c">'
        + vlist(row("-3.6", X), row("-2.4", A), deep=True)
        + "</span></span></span>",
        "\\begin{matrix}a&x\\\\b&a\\end{matrix}",
    ),
    (
        A + '<span class="tag"><span class="mord text"><span class="mord">(</span><span class="mord">7</span>'
        '<span class="mord">)</span></span></span>',
        "a \\tag{7}",
    ),
]


@pytest.mark.parametrize(("inner", "latex"), CASES)
def test_boxes_become_the_formula_they_draw(inner: str, latex: str) -> None:
    assert normal_form(katex_html_to_latex(boxes(inner)) or "") == normal_form(latex)


FENCES = [
    ("0.333em", "M145 15", "mopen", "|"),
    ("0.556em", "M145 15", "mopen", "‖"),
    ("0.667em", "M403 1759 V84 H666 V0 H319 V1759 v0 v1759 v84 h347 v-84", "mopen", "["),
    ("0.667em", "M347 1759 V0 H0 V84 H263 V1759 v0 v1759 H0 v84 H347z", "mclose", "]"),
    ("0.667em", "M319 602 V0 H403 V602 v1200 v1715 h263 v84 H319z", "mopen", "⌊"),
    ("0.875em", "M863,9c0,-2", "mopen", "("),
    ("0.875em", "M76,0c-16", "mclose", ")"),
]


@pytest.mark.parametrize(("width", "path", "side", "sign"), FENCES)
def test_drawn_fence_is_known_by_its_width(width: str, path: str, side: str, sign: str) -> None:
    inner = (
        f'<span class="{side}"><span class="delimsizing mult {side}">'
        f"{vlist(row('-4', f'<span><svg width={width}><path d={path!r}/></svg></span>'))}</span></span>"
    )
    latex = katex_html_to_latex(boxes(X + inner))
    assert normal_form(latex or "") == normal_form("x" + sign)


def test_empty_boxes_give_nothing() -> None:
    assert katex_html_to_latex(boxes("")) is None


def test_boxes_nested_without_end_give_nothing() -> None:
    node = Element("span", {"class": "mord"}, ["x"])
    for _ in range(5_000):
        node = Element("span", {"class": "mord"}, [node])
    assert katex_html_to_latex(Element("span", {"class": "katex-html"}, [node])) is None
