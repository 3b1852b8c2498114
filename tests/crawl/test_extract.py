# ruff: noqa: E501  (literal markup stays on one line)
"""A page as light Markdown: structure, escapes, and formulas that can be read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl import extract_page
from crawl.formulas.in_text import formulas_in_text
from crawl.superscripts import Script, script_text

LOADER = '<script src="https://cdn.example/MathJax.js"></script>'
F = '<script type="math/tex">x^2</script>'
D = '<script type="math/tex; mode=display">y = 1\n+ 2</script>'


def text(body: str, head: str = "") -> str:
    return extract_page(f"<html><head>{head}</head><body>{body}</body></html>").text


BLOCKS = [
    ("<h1>One</h1><p>Two</p>", "# One\n\nTwo"),
    ("<h3>A <em>b</em> c</h3>", "### A b c"),
    ("<p>a<br>b</p>", "a\nb"),
    ("<p>a</p><hr><p>b</p>", "a\n\nb"),
    ("<p>  much \n white\xa0 \t space </p>", "much white space"),
    ("<p>soft\u00adhyphen zero\u200bwidth</p>", "softhyphen zerowidth"),
    ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
    ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
    ('<ol start="4"><li>a</li><li>b</li></ol>', "4. a\n5. b"),
    ("<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>", "- a\n  - b\n    1. c\n- d"),
    ("<ul><li><p>a</p><p>b</p></li></ul>", "- a\n  b"),
    ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
    ("<p>Use <code>a_1 $x$</code> now</p>", "Use `a_1 $x$` now"),
    ("<p>A <code>tick ` in</code></p>", "A ``tick ` in``"),
    ("<pre>a  b\n  $c$</pre>", "```\na  b\n  $c$\n```"),
    ("<pre><code>```\nx\n```</code></pre>", "````\n```\nx\n```\n````"),
    ("<pre>a<br>b</pre>", "```\na\nb\n```"),
    ('<div class="fragment"><div class="line"><span class="lineno">1</span>a</div><div class="line">b</div></div>',
     "```\na\nb\n```"),
    ("<p>a ` b</p>", "a \\` b"),
    ("<p>$5</p>", "\\$5"),
    ("<p>5 * 3 _ a_1 # b</p>", "5 * 3 _ a_1 # b"),
    ("<dl><dt>term</dt><dd>what it is</dd></dl>", "term\n\nwhat it is"),
    ('<dl><dt><strong>x</strong><span class="classifier">float</span></dt><dd>An x.</dd></dl>', "x : float\n\nAn x."),
    ("<p>He said <q>no</q></p>", 'He said "no"'),
    ("<p>&lt;b&gt; &amp;amp; &eacute;</p>", "<b> &amp; é"),
    ("<p>a</p>stray text<p>b</p>", "a\n\nstray text\n\nb"),
    ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    ("<table><tr><td>a</td><td></td><td>b</td></tr><tr><td>1</td><td></td></tr></table>",
     "| a | b |\n| --- | --- |\n| 1 |  |"),
    ("<table><caption>C</caption><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>",
     "C\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
    ("<table><tr><td><h2>T</h2><p>x</p></td><td>side</td></tr><tr><td>y</td><td>z</td></tr></table>",
     "## T\n\nx\n\nside\n\ny\n\nz"),
    ('<table role="presentation"><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>', "a\n\nb\n\n1\n\n2"),
    ("<script>var a = 1;</script><style>p{}</style><p>x</p><noscript>no</noscript>", "x"),
    ("<p>a</p><svg><text>drawn</text></svg><p>b</p>", "a\n\nb"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BLOCKS)
def test_block_becomes_markdown(body: str, expected: str) -> None:
    assert text(body) == expected


FORMULAS = [
    (f"<p>Let {F} be.</p>", "Let $x^2$ be."),
    (f"<p>So {D} holds.</p>", "So\n\n$$\ny = 1\n+ 2\n$$\n\nholds."),
    (f"<ul><li>{F}</li><li>a {D} b</li></ul>", "- $x^2$\n- a\n  $$\n  y = 1\n  + 2\n  $$\n  b"),
    (f"<blockquote><p>a</p>{D}</blockquote>", "> a\n>\n> $$\n> y = 1\n> + 2\n> $$"),
    (f"<h2>On {F} and {D}</h2>", "## On $x^2$ and $$y = 1 + 2$$"),
    (f"<table><tr><td>a</td><td>{F}</td></tr><tr><td>b</td><td>|</td></tr></table>",
     "| a | $x^2$ |\n| --- | --- |\n| b | | |"),
    (f"<p>the{F}value</p>", "the $x^2$ value"),
    (f"<p>the {F}th</p>", "the $x^2$th"),
    (f"<p>{F}{F}</p>", "$x^2$ $x^2$"),
    (f"<p>path\\{F}</p>", "path\\ $x^2$"),
    (f"<p>a <code>{F}</code></p>", "a $x^2$"),
    (f"<pre>a {F}\nb</pre>", "a $x^2$ b"),
    (f"<p>x<sup>{F}</sup></p>", "x$x^2$"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), FORMULAS)
def test_formula_stands_in_the_text(body: str, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize(("body", "_expected"), FORMULAS)
def test_formulas_of_the_page_are_those_of_its_text(body: str, _expected: str) -> None:
    page = extract_page(f"<html><body><p>w</p>{body}</body></html>")
    assert formulas_in_text(page.text) == [(formula.latex, formula.display) for formula in page.formulas]


# --- superscripts and subscripts in prose


SCRIPTS = [
    (Script.SUP, "2", "x", "^{2}"),
    (Script.SUP, "2", "the formula (a+b)", "^{2}"),
    (Script.SUP, "-6", "10", "^{-6}"),
    (Script.SUP, "n+1", "R", "^{n+1}"),
    (Script.SUB, "2", "H", "_{2}"),
    (Script.SUB, "i", "a", "_{i}"),
    (Script.SUP, "th", "the 4", "th"),
    (Script.SUP, "st", "1", "st"),
    (Script.SUP, "TM", "Company", "TM"),
    (Script.SUP, "1", "a known fact", "[1]"),
    (Script.SUP, "2", "end of sentence.", "[2]"),
    (Script.SUP, "[3]", "x", "[3]"),
    (Script.SUP, "2", "10 cm", "^{2}"),
    (Script.SUP, "3", "5 km", "^{3}"),
    (Script.SUP, "2", "sin", "^{2}"),
    (Script.SUB, "2", "log", "_{2}"),
    (Script.SUP, "", "x", ""),
]


@pytest.mark.parametrize(("kind", "inner", "before", "expected"), SCRIPTS)
def test_script_keeps_its_meaning(kind: Script, inner: str, before: str, expected: str) -> None:
    assert script_text(kind, inner, before, linked=False) == expected


def test_linked_superscript_is_a_footnote_mark() -> None:
    assert text('<p>As x<sup><a href="#fn1">1</a></sup> says</p>') == "As x[1] says"


# --- title


TITLES = [
    ("<title>  A \n title </title>", "<h1>H</h1>", "A title"),
    ("", "<h1>A <em>heading</em></h1>", "A heading"),
    ('<meta property="og:title" content="Social">', "<p>x</p>", "Social"),
    ("<title></title>", "<h1>H</h1>", "H"),
    ("", "<p>x</p>", ""),
]


@pytest.mark.parametrize(("head", "body", "expected"), TITLES)
def test_title_is_the_first_that_says_something(head: str, body: str, expected: str) -> None:
    page = extract_page(f"<html><head>{head}</head><body>{body}<p>words</p></body></html>")
    assert page.title == expected


def test_svg_title_is_no_page_title() -> None:
    page = extract_page("<html><body><svg><title id='t'>Icon</title></svg><h1>Real</h1><p>w</p></body></html>")
    assert page.title == "Real"


# --- the page's record


def test_bytes_are_decoded_and_the_charset_kept() -> None:
    page = extract_page(
        "<html><head><meta charset='windows-1252'></head><body><p>caf\xe9</p></body>".encode("cp1252")
    )
    assert (page.text, page.charset) == ("café", "windows-1252")


def test_host_is_the_urls_host_in_lower_case() -> None:
    assert extract_page("<p>x</p>", "https://WWW.Example.org:8080/a").host == "www.example.org"
    assert extract_page("<p>x</p>", "http://[broken").host == ""


def test_same_page_gives_the_same_record() -> None:
    body = f"<p>Let {F} be</p>{D}"
    assert extract_page(body, "http://a.example/") == extract_page(body, "http://a.example/")


# --- reading formulas back


READ_BACK = [
    ("$x$", [("x", False)]),
    ("a $x$ and $y$", [("x", False), ("y", False)]),
    ("$$\nx\n$$", [("x", True)]),
    ("$$x$$", [("x", True)]),
    ("\\$5 and \\$6", []),
    ("`$x$` and $y$", [("y", False)]),
    ("```\n$x$\n```\n$y$", [("y", False)]),
    ("````\n```\n$x$\n````", []),
    ("- a\n  ```\n  $x$\n  ```", []),
    ("\\` $x$ \\`", [("x", False)]),
    ("> $$\n> a\n> > 0\n> $$", [("a\n> 0", True)]),
    ("- $$\n  a\n  b\n  $$", [("a\nb", True)]),
    ("$\\text{\\$5}$", [("\\text{\\$5}", False)]),
    ("one $ alone", []),
    ("", []),
]


@pytest.mark.parametrize(("markdown", "expected"), READ_BACK)
def test_formulas_are_read_back(markdown: str, expected: list[tuple[str, bool]]) -> None:
    assert formulas_in_text(markdown) == expected


PIECES = st.sampled_from(
    [
        "words here", "$5 and $10", "a_1 < b", "`tick`", "\\(x+1\\)", "\\[y^2\\]", "$$z_1$$", "\\$", "\\", "$", "$$",
        "<code>$a$</code>", "<pre>$b$ `c`</pre>", "<ul><li>item \\(k\\)</li></ul>", "<br>", "<p>", "</p>", "<li>",
        "<table><tr><td>\\(t\\)</td><td>1</td></tr><tr><td>2</td><td>\\[u\\]</td></tr></table>", "<h2>\\(h\\)</h2>",
        "<blockquote>\\[a\n&gt; b\\]</blockquote>", F, D, '<script type="math/tex">a $ b \\</script>',
        '<script type="math/tex">\\text{$q$} % c</script>', "<math><mi>m</mi></math>", "x<sup>2</sup>", "<q>", "[tex]v_1[/tex]",
    ]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_formulas_of_any_page_are_exactly_those_of_its_text(pieces: list[str]) -> None:
    page = extract_page(f"<html><head>{LOADER}</head><body><p>Words.</p>{''.join(pieces)}</body></html>")
    assert formulas_in_text(page.text) == [(formula.latex, formula.display) for formula in page.formulas]
    assert sum(count.emitted for count in page.formula_counts) == len(page.formulas)
    assert all(count.found >= count.emitted for count in page.formula_counts)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab $\\`()[]{}<>/pre&;\n-1.|", max_size=80))
def test_any_text_gives_a_page_whose_formulas_can_be_read_back(body: str) -> None:
    page = extract_page(f"<html><head>{LOADER}</head><body><p>Words.</p>{body}</body></html>")
    assert formulas_in_text(page.text) == [(formula.latex, formula.display) for formula in page.formulas]
