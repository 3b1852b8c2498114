"""The round-trip benchmark's own measure: what it takes for equal, how it counts, and what it takes from the data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.formula_roundtrip import PER_PAGE, Row, kind_of, page_of, spelling
from benchmarks.roundtrip.corpus import Original, held_out, sample
from benchmarks.roundtrip.printed import printed
from crawl import extract_page
from crawl.formulas.normal_form import normal_form


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "<math><mrow><mi>x</mi><mo>=</mo><mn>1</mn></mrow></math>",
            "<math><mi>x</mi><mo>=</mo><mrow><mn>1</mn></mrow></math>",
        ),
        (
            "<math><mi>x</mi><mspace width='1em'/><mi>y</mi></math>",
            "<math><mi>x</mi><mi>y</mi></math>",
        ),
        (
            '<math><mo fence="true">(</mo><mi>x</mi><mo fence="true">)</mo></math>',
            '<math><mo stretchy="false">(</mo><mi>x</mi><mo stretchy="false">)</mo></math>',
        ),
        (
            '<math><mstyle displaystyle="true"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle></math>',
            "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>",
        ),
        (
            "<math><mtable><mtr><mtd><mi>x</mi></mtd></mtr></mtable></math>",
            "<math><mi>x</mi></math>",
        ),
        (
            "<math><mtext>if</mtext></math>",
            '<math><mi mathvariant="normal">i</mi><mi mathvariant="normal">f</mi></math>',
        ),
        (
            "<math><mi>max</mi><mo>\u2061</mo><mi>x</mi></math>",
            "<math><mtext>max </mtext><mi>x</mi></math>",
        ),
        (
            "<math><munder><mo>∑</mo><mi>i</mi></munder></math>",
            "<math><msub><mo>∑</mo><mi>i</mi></msub></math>",
        ),
        (
            "<math><mtable><mtr><mtd><mi>x</mi></mtd><mtd></mtd></mtr></mtable></math>",
            "<math><mi>x</mi></math>",
        ),
    ],
)
def test_layout_and_spacing_do_not_print(first: str, second: str) -> None:
    assert printed(first) == printed(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "<math><msup><mi>x</mi><mn>2</mn></msup></math>",
            "<math><msub><mi>x</mi><mn>2</mn></msub></math>",
        ),
        (
            "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>",
            '<math><mfrac linethickness="0px"><mn>1</mn><mn>2</mn></mfrac></math>',
        ),
        (
            '<math><mi mathvariant="bold">x</mi></math>',
            "<math><mi>x</mi></math>",
        ),
        (
            "<math><mi>x</mi><mo>&lt;</mo><mi>y</mi></math>",
            "<math><mi>x</mi><mo>&gt;</mo><mi>y</mi></math>",
        ),
        (
            "<math><mtable><mtr><mtd><mi>x</mi></mtd><mtd><mi>y</mi></mtd></mtr></mtable></math>",
            "<math><mi>x</mi><mi>y</mi></math>",
        ),
        (
            '<math><menclose notation="box"><mi>x</mi></menclose></math>',
            "<math><mi>x</mi></math>",
        ),
        (
            "<math><mfrac><mrow><mi>a</mi><mi>b</mi></mrow><mi>c</mi></mfrac></math>",
            "<math><mfrac><mi>a</mi><mrow><mi>b</mi><mi>c</mi></mrow></mfrac></math>",
        ),
        (
            "<math><msup><mrow><mi>a</mi><mi>b</mi></mrow><mi>c</mi></msup></math>",
            "<math><msup><mi>a</mi><mrow><mi>b</mi><mi>c</mi></mrow></msup></math>",
        ),
        (
            '<math><mi mathvariant="bold">a</mi><mi>b</mi></math>',
            '<math><mi mathvariant="bold">a</mi><mi mathvariant="bold">b</mi></math>',
        ),
        (
            "<math><mi>sin</mi></math>",
            "<math><mi>s</mi><mi>i</mi><mi>n</mi></math>",
        ),
        (
            '<math><mn mathvariant="double-struck">1</mn></math>',
            "<math><mn>1</mn></math>",
        ),
        (
            "<math><mo><mrow><mi>m</mi><mi>o</mi><mi>d</mi></mrow></mo></math>",
            "<math></math>",
        ),
        (
            '<math><mi>a</mi><mspace linebreak="newline"/><mi>b</mi></math>',
            "<math><mi>a</mi><mi>b</mi></math>",
        ),
    ],
)
def test_what_prints_differently_is_not_equal(first: str, second: str) -> None:
    assert printed(first) != printed(second)


def test_spelling_ignores_white_space_and_single_braces_only() -> None:
    assert spelling("x^{2} + y_{i}") == spelling("x^2+y_i")
    assert spelling(r"\leq") != spelling(r"\le")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("katex html+mathml", "source"),
        ("mathjax4 chtml, data-latex", "source"),
        ("pandoc webtex", "source"),
        ("katex mathml, no source", "mathml"),
        ("mathjax3 mathml, no source, no data-mjx", "mathml"),
        ("mathjax3 svg, assistive", "mathml"),
        ("mathjax3 chtml, bare", "bare"),
        ("katex html only", "bare"),
    ],
)
def test_forms_are_sorted_by_what_the_page_holds(form: str, kind: str) -> None:
    assert kind_of(form) == kind


def test_a_page_holds_each_formula_once_in_its_kind() -> None:
    pieces = [rf"\(x_{index}+1\)" for index in range(PER_PAGE)]
    page = extract_page(
        '<script src="MathJax.js"></script>' + page_of(pieces, display=False), "https://chapter.example/"
    )
    assert [formula.latex for formula in page.formulas] == [f"x_{index}+1" for index in range(PER_PAGE)]
    assert not any(formula.display for formula in page.formulas)


def test_rows_start_empty_and_apart() -> None:
    first, second = Row(), Row()
    first.pages.append(([], []))
    assert second.pages == []
    assert second.seconds == 0.0


def corpus(folder: Path, *texts: str) -> Path:
    """Shared data with one benchmark file."""
    (folder / "benchmarks").mkdir()
    lines = "".join(json.dumps({"problem": text}) + "\n" for text in texts)
    (folder / "benchmarks" / "math_test.jsonl").write_text(lines, encoding="utf-8")
    (folder / "formulas").mkdir()
    (folder / "web").mkdir()
    return folder


def test_formulas_are_taken_with_their_kind(tmp_path: Path) -> None:
    data = corpus(tmp_path, r"Let $a+b$ and \[c=d\] and \(e<f\) and $$g>h$$ and \begin{align*}i&=j\end{align*}.")
    assert set(sample(data)) == {
        Original("a+b", False),
        Original("c=d", True),
        Original("e<f", False),
        Original("g>h", True),
        Original(r"\begin{align*}i&=j\end{align*}", True),
    }


def test_bare_letters_drawings_and_torn_braces_are_left_out(tmp_path: Path) -> None:
    assert sample(corpus(tmp_path, "$x$ $[asy]draw();[/asy]$ $a{b$ $\\frac{1}{2}$")) == [
        Original(r"\frac{1}{2}", False)
    ]


def test_the_sample_is_the_same_whatever_the_order_of_the_lines(tmp_path: Path) -> None:
    texts = [f"$x+{index}$" for index in range(50)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = sample(corpus(tmp_path / "one", *texts), per_source=10)
    second = sample(corpus(tmp_path / "two", *reversed(texts)), per_source=10)
    assert first == second
    assert len(first) == 10


def test_spacing_variants_count_once(tmp_path: Path) -> None:
    assert len(sample(corpus(tmp_path, "$a + b$ $a+b$ $a  +b$"))) == 1


def test_the_held_out_sample_shares_no_formula_with_the_first_whatever_its_spelling(tmp_path: Path) -> None:
    data = corpus(
        tmp_path, *[f"$x+{index}$" for index in range(300)], *[f"$x + {{{index}}}$" for index in range(300)]
    )
    first = {normal_form(one.latex) for one in sample(data)}
    rest = [normal_form(one.latex) for one in held_out(data)]
    assert first.isdisjoint(rest)
    assert sorted([*first, *rest]) == sorted(f"x+{index}" for index in range(300))


def test_the_held_out_sample_holds_as_many_of_either_kind(tmp_path: Path) -> None:
    texts = [f"$x+{index}$" for index in range(400)] + [rf"\[y+{index}\]" for index in range(400)]
    drawn = held_out(corpus(tmp_path, *texts), per_source=50)
    assert sum(one.display for one in drawn) == 50
    assert len(drawn) == 100
    assert drawn == held_out(tmp_path, per_source=50)


def test_mathml_that_is_not_well_formed_is_compared_as_it_stands() -> None:
    assert printed("<math><mi>x</math>") == "<math><mi>x</math>"
