"""Content MathML: applications, constants, qualifiers."""

from __future__ import annotations

import pytest

from crawl.dom import Element, parse_html
from crawl.formulas.mathml import mathml_to_latex
from crawl.formulas.mathml_content import CONTENT


def latex_of(markup: str) -> str | None:
    tree = parse_html(f"<p><math>{markup}</math></p>")
    return mathml_to_latex(next(node for node in tree.walk() if node.tag == "math"))


A, B, X = "<ci>a</ci>", "<ci>b</ci>", "<ci>x</ci>"


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        (f"<apply><plus></plus>{A}{B}</apply>", "a + b"),
        (f"<apply><minus></minus>{A}</apply>", "-a"),
        (f"<apply><minus></minus>{A}<apply><plus></plus>{B}{X}</apply></apply>", "a - (b + x)"),
        (f"<apply><times></times><cn>2</cn>{A}</apply>", "2a"),
        (f"<apply><times></times>{A}<cn>2</cn></apply>", r"a \cdot 2"),
        (f"<apply><times></times>{A}<apply><plus></plus>{B}{X}</apply></apply>", "a(b + x)"),
        (f"<apply><divide></divide>{A}{B}</apply>", r"\frac{a}{b}"),
        (f"<apply><power></power>{X}<cn>2</cn></apply>", "x^2"),
        (f"<apply><power></power><apply><plus></plus>{A}{B}</apply><cn>2</cn></apply>", "(a + b)^2"),
        (f"<apply><root></root>{X}</apply>", r"\sqrt{x}"),
        (f"<apply><root></root><degree><cn>3</cn></degree>{X}</apply>", r"\sqrt[3]{x}"),
        (f"<apply><leq></leq>{A}{B}</apply>", r"a \leq b"),
        (f"<apply><sin></sin>{X}</apply>", r"\sin(x)"),
        (f"<apply><ci>f</ci>{X}{A}</apply>", "f(x, a)"),
        (f"<apply><abs></abs>{X}</apply>", "|x|"),
        (f"<apply><factorial></factorial>{X}</apply>", "x!"),
        (f"<apply><exp></exp>{X}</apply>", "e^x"),
        (f"<apply><diff></diff><bvar>{X}</bvar><ci>f</ci></apply>", r"\frac{d}{d x}f"),
    ],
)
def test_applications_are_written_as_people_write_them(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


def test_sums_and_integrals_have_their_range() -> None:
    bounds = "<bvar><ci>i</ci></bvar><lowlimit><cn>1</cn></lowlimit><uplimit><ci>n</ci></uplimit>"
    assert latex_of(f"<apply><sum></sum>{bounds}<ci>i</ci></apply>") == r"\sum_{i=1}^n i"
    over = "<bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit><uplimit><cn>1</cn></uplimit>"
    assert latex_of(f"<apply><int></int>{over}<ci>x</ci></apply>") == r"\int_0^1 x\,dx"
    near = "<bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit>"
    assert latex_of(f"<apply><limit></limit>{near}<ci>x</ci></apply>") == r"\lim_{x\to 0} x"


@pytest.mark.parametrize(
    ("markup", "latex"),
    [
        ("<pi></pi>", r"\pi"),
        ("<infinity></infinity>", r"\infty"),
        ("<reals></reals>", r"\mathbb{R}"),
        ('<cn type="rational">3<sep></sep>4</cn>', r"\frac{3}{4}"),
        ('<cn type="e-notation">1.5<sep></sep>3</cn>', r"1.5 \times 10^{3}"),
        ("<ci><msub><mi>x</mi><mn>1</mn></msub></ci>", "x_1"),
    ],
)
def test_constants_and_names(markup: str, latex: str) -> None:
    assert latex_of(markup) == latex


def test_empty_content_elements_do_not_raise() -> None:
    for tag in CONTENT:
        assert isinstance(mathml_to_latex(Element("math", {}, [Element(tag)])), str | None)
    assert latex_of("<apply></apply>") is None
