"""Pages that are too deep, too large or empty cost one typed error; odd markup costs nothing."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl import extract_page
from crawl.dom import Element, parse_html
from crawl.limits import ExtractionError, ExtractionFailure, ExtractionLimits

DEEP = {
    "div": "<div>",
    "span": "<span>",
    "bold in paragraphs": "<p><b>",
    "tables": "<table><tr><td>",
    "lists": "<ul><li>",
    "MathML rows": "<math><mrow>",
    "SVG groups": "<svg><g>",
    "templates": "<template>",
    "quotations": "<blockquote>",
}


@pytest.mark.parametrize("name", DEEP)
def test_page_nested_100000_deep_is_refused_quickly(name: str) -> None:
    start = time.process_time()
    with pytest.raises(ExtractionError) as caught:
        extract_page(DEEP[name] * 100_000 + "x")
    assert caught.value.reason in (ExtractionFailure.TOO_DEEP, ExtractionFailure.TOO_MANY_ELEMENTS)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("name", DEEP)
def test_page_nested_to_the_limit_is_read(name: str) -> None:
    page = extract_page("<p>words</p>" + DEEP[name] * 300 + "x")
    assert page.text.startswith("words")


def test_depth_limit_is_what_it_says() -> None:
    limits = ExtractionLimits(max_depth=20)
    assert extract_page("<div>" * 15 + "x", limits=limits).text == "x"
    with pytest.raises(ExtractionError) as caught:
        extract_page("<div>" * 25 + "x", limits=limits)
    assert caught.value.reason is ExtractionFailure.TOO_DEEP


def test_page_of_too_many_characters_is_refused() -> None:
    with pytest.raises(ExtractionError) as caught:
        extract_page("word " * 100, limits=ExtractionLimits(max_chars=100))
    assert caught.value.reason is ExtractionFailure.TOO_LARGE
    assert str(caught.value) == ("a page of 500 characters: at most 100 are read; raise max_chars or drop the page")


def test_page_of_too_many_elements_is_refused() -> None:
    with pytest.raises(ExtractionError) as caught:
        extract_page("<p>a</p>" * 100, limits=ExtractionLimits(max_elements=50))
    assert caught.value.reason is ExtractionFailure.TOO_MANY_ELEMENTS


@pytest.mark.parametrize(
    "html", ["", "   ", "<html></html>", "<script>var a</script>", "<p>\u200b</p>", "<!-- a -->"]
)
def test_page_without_text_is_refused(html: str) -> None:
    with pytest.raises(ExtractionError) as caught:
        extract_page(html, "http://a.example/")
    assert caught.value.reason is ExtractionFailure.NO_TEXT


def test_formula_beyond_the_limit_is_left_out_and_counted_as_found() -> None:
    body = '<p>words</p><script type="math/tex">' + "x+" * 100 + "</script>"
    page = extract_page(body, limits=ExtractionLimits(max_formula_chars=50))
    assert page.formulas == []
    assert [(count.found, count.emitted) for count in page.formula_counts] == [(1, 0)]


def test_error_survives_a_workers_boundary() -> None:
    error = ExtractionError(ExtractionFailure.TOO_DEEP, "a", "b", "c")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, str(copy)) == (ExtractionFailure.TOO_DEEP, "a: b; c")


# --- the tree


def tree(html: str) -> Element:
    return next(node for node in parse_html(html).walk() if node.tag == "body")


TREES = [
    ("<p>a</p>", [("p", {}, ["a"])]),
    ('<p class="x y" id=z hidden>a</p>', [("p", {"class": "x y", "id": "z", "hidden": ""}, ["a"])]),
    ('<p title="a &lt; &quot;b&quot; &amp; c">t</p>', [("p", {"title": 'a < "b" & c'}, ["t"])]),
    ("<p title='x>y'>t</p>", [("p", {"title": "x>y"}, ["t"])]),
    ("<p>a &lt; b &amp;amp; c&nbsp;d</p>", [("p", {}, ["a < b &amp; c\xa0d"])]),
    ("<script>if (a < b && c) { '<p>' }</script>", [("script", {}, ["if (a < b && c) { '<p>' }"])]),
    ("<br><img src=a>", [("br", {}, []), ("img", {"src": "a"}, [])]),
    ("<P>a<!-- b > c -->d</P>", [("p", {}, ["a", "d"])]),
    ("<textarea>a<b</textarea>", [("textarea", {}, ["a<b"])]),
    ("<p>a<p>b", [("p", {}, ["a"]), ("p", {}, ["b"])]),
    ("<math><MI>x</MI></math>", [("math", {}, [("mi", {}, ["x"])])]),
    ("<svg viewBox='0 0 1 1'><linearGradient/></svg>",
     [("svg", {"viewBox": "0 0 1 1"}, [("lineargradient", {}, [])])]),
    ("<b>1<i>2</b>3</i>", [("b", {}, ["1", ("i", {}, ["2"])]), ("i", {}, ["3"])]),
]  # fmt: skip


def shape(node: Element) -> list[object]:
    return [child if isinstance(child, str) else (child.tag, child.attrs, shape(child)) for child in node.children]


@pytest.mark.parametrize(("html", "expected"), TREES)
def test_tree_is_what_lexbor_parsed(html: str, expected: list[object]) -> None:
    assert shape(tree(f"<body>{html}")) == expected


def test_walk_is_in_document_order() -> None:
    names = [node.tag for node in tree("<body><div><p><b></b></p><i></i></div><u></u>").walk()]
    assert names == ["body", "div", "p", "b", "i", "u"]


def test_text_joins_what_stands_below() -> None:
    assert tree("<body>a<p>b<b>c</b></p>d").text() == "abcd"


def test_templates_without_end_do_not_reach_the_parser() -> None:
    node = tree("<body>" + "<template>" * 60 + "a")
    assert [child.tag for child in node.elements()] == ["x-template"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/!-\"'=& abpscriptdvmath\x00\n", max_size=80))
def test_any_text_parses_into_a_tree_that_holds_its_own_nodes(html: str) -> None:
    root = parse_html(html)
    nodes = list(root.walk())
    assert root.tag == "html"
    assert len({id(node) for node in nodes}) == len(nodes)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_give_a_page_or_a_typed_error(body: bytes) -> None:
    reasons = []
    try:
        assert extract_page(body, "http://a.example/").text.strip()
    except ExtractionError as error:
        reasons.append(error.reason)
    assert reasons in ([], [ExtractionFailure.NO_TEXT])
