r"""The prefilter on raw bytes: every format seen, look-alikes passed over, nothing quadratic."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.markup_marks import ELEMENT_SIGNS, LOADERS, SEARCH_GROUPS, SOURCE_SIGNS
from crawl.ngrams import NgramTable
from crawl.prefilter import DecisionKind, Prefilter, PrefilterConfig
from crawl.raw_text import first_words, prose_of

PREFILTER = Prefilter()
MATHJAX = '<script src="https://cdn.example/mathjax@3/tex-chtml.js"></script>'
KATEX = '<script src="/js/katex.min.js"></script><script src="/js/auto-render.min.js"></script>'

FORMULAS = {
    "parentheses": r"<p>so \(a+b\) holds</p>",
    "brackets": r"<p>\[ \sum_{i} x_i \]</p>",
    "double dollars": "<p>$$a^2+b^2=c^2$$</p>",
    "single dollars with a power": "<p>where $x^{2}$ is</p>",
    "single dollars with a command": r"<p>where $\alpha$ is</p>",
    "single dollars under mathjax": f"{MATHJAX}<p>let $n$ be</p>",
    "single dollars under katex": f"{KATEX}<p>let $n$ be</p>",
    "environment": r"<p>\begin{align} a &= b \end{align}</p>",
    "tex script": '<script type="math/tex; mode=display">x</script>',
    "asciimath script": '<script type="math/asciimath">x</script>',
    "asciimath backquotes": '<script src="ASCIIMathML.js"></script><p>`x^2`</p>',
    "mathjax asciimath config": '<script src="MathJax.js?config=AM_HTMLorMML"></script><p>`x`</p>',
    "mathml": "<p><math><mi>x</mi></math></p>",
    "mathml in capitals": "<P><MATH><MI>x</MI></MATH></P>",
    "mathml with a prefix": '<m:math xmlns:m="http://www.w3.org/1998/Math/MathML"><m:mi>x</m:mi></m:math>',
    "alttext": '<math alttext="x"></math>',
    "katex output": '<span class="katex"><span class="katex-html">x</span></span>',
    "data-math": '<span data-math="x"></span>',
    "data-latex": "<span data-latex='x'></span>",
    "data-tex": '<span data-tex="x"></span>',
    "data-formula": '<img data-formula="x">',
    "mathjax chtml": "<mjx-container><mjx-math><mjx-mi></mjx-mi></mjx-math></mjx-container>",
    "mathjax 2 output": '<span class="MathJax_Preview">x</span>',
    "image alt": r'<img src="a.png" alt="\frac{1}{2}">',
    "wordpress image": '<img src="https://s0.wp.com/latex.php?latex=x&bg=fff">',
    "codecogs image": '<img src="https://latex.codecogs.com/gif.latex?x">',
    "mimetex image": '<img src="/cgi-bin/mimetex.cgi?x">',
    "google chart": '<img src="https://chart.googleapis.com/chart?cht=tx&chl=x">',
    "wikipedia image": '<img class="mwe-math-fallback-image-inline" alt="x">',
    "sphinx span": '<span class="math notranslate nohighlight">x</span>',
    "sphinx image": '<img class="math" src="_images/math/a.png" alt="x">',
    "pandoc span": '<span class="math inline">x</span>',
    "unquoted class": "<span class=math>x</span>",
    "stack exchange": '<span class="math-container">$x$</span>',
    "doxygen": '<img class="formulaInl" alt="$x$" src="form_0.png">',
    "latexml": '<span class="ltx_Math">x</span>',
    "distill": "<d-math>x</d-math>",
    "gitlab": '<code class="code math js-render-math">x</code>',
    "shortcode": "<p>[latex]x[/latex]</p>",
    "entities": "<p>&#92;(a+b&#92;)</p>",
    "entity dollars": "<p>&#36;&#36;x=1&#36;&#36;</p>",
    "after a script with a regex": r"<script>s.replace(/\(/g,'')</script><p>so \(a\)</p>",
    "behind a megabyte": "<p>" + "word " * 200_000 + r"\(a\)</p>",
}

OTHERS = {
    "prose": "<p>The committee met on Tuesday.</p>",
    "prices": "<p>from $5 and $10, in all $$ 15 or so</p>",
    "price range": "<span>$$ - $$$</span>",
    "regex in a script": r"<script>var a=/\(x\)|\[y\]/.test(s), b='$$', c='\\frac';</script><p>news</p>",
    "jquery": "<script>$$('.a_{b}').each(function(){ return $(this) })</script>",
    "regex in code": r"<p>use <code>\(group\)</code> here</p>",
    "sql quoting": "<pre>CREATE FUNCTION f() AS $$ SELECT a_1 $$ LANGUAGE sql;</pre>",
    "shell": "<pre>kill $$; echo $PATH_a and $HOME</pre>",
    "escaped css": r"<style>.h-\[92\%\]{height:92%} .a\(b\){}</style><p>news</p>",
    "citation in brackets": r"<p>as shown \[1\], and \[2, 3\]</p>",
    "open delimiter": r"<p>a stray \( and no more</p>",
    "longer command": r"<p>the path C:\include and \informal</p>",
    "mathjax without formulas": f"{MATHJAX}<p>The committee met on Tuesday.</p>",
    "katex without formulas": f"{KATEX}<p>from $5 on</p>",
    "svg text": "<svg><text>x</text><textPath>y</textPath></svg><textarea>z</textarea>",
    "word markup": "<xml><m:mathPr><m:mathFont/></m:mathPr></xml>",
    "text class": '<div class="prefix-text aftermath">x</div>',
    "php names": "<p>set $user_name, then $user_id</p>",
}


@pytest.mark.parametrize("name", list(FORMULAS))
def test_every_format_is_seen(name: str) -> None:
    decision = PREFILTER.decide(f"<html><body>{FORMULAS[name]}</body></html>".encode())
    assert decision.kind is DecisionKind.MARKUP
    assert decision.note == f"markup:{decision.evidence}"


@pytest.mark.parametrize("name", list(OTHERS))
def test_what_only_looks_like_markup_is_passed_over(name: str) -> None:
    assert PREFILTER.decide(f"<html><body>{OTHERS[name]}</body></html>".encode()).kind is DecisionKind.NONE


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "shift_jis", "koi8-r", "gb18030"])
def test_markup_is_seen_in_every_encoding(codec: str) -> None:
    assert PREFILTER.decide(r"<html><body><p>so \(a+b\) holds</p>".encode(codec)).kind is DecisionKind.MARKUP


def test_a_sign_across_the_edge_of_a_block_is_seen() -> None:
    for shift in range(12):
        body = b"x" * (262_144 - shift) + b'<span class="math">a</span>'
        assert PREFILTER.decide(body).kind is DecisionKind.MARKUP


def test_every_mark_is_searched_for_once() -> None:
    searched = [mark for group in SEARCH_GROUPS for mark in group]
    assert sorted(searched) == sorted(SOURCE_SIGNS + ELEMENT_SIGNS + LOADERS)
    assert max(map(len, SEARCH_GROUPS)) <= 64


def test_markup_can_be_switched_off() -> None:
    prefilter = Prefilter(None, PrefilterConfig(markup=False))
    assert prefilter.decide(b"<math></math>").kind is DecisionKind.NONE


TABLE = NgramTable({"prime number": 4.0, "theorem": 3.0, "proof": 2.0}, threshold=0.5)


def test_words_of_mathematics_open_the_second_way() -> None:
    decision = Prefilter(TABLE).decide(b"<p>Every <b>prime\n  number</b> here; a Theorem.</p>")
    assert decision.kind is DecisionKind.NGRAMS
    assert decision.note == f"ngrams:{decision.score:.2f}"


def test_the_threshold_of_the_config_goes_before_the_mined_one() -> None:
    strict = Prefilter(TABLE, PrefilterConfig(threshold=99.0))
    assert strict.decide(b"<p>Every prime number, a theorem, a proof.</p>").kind is DecisionKind.NONE


def test_ngrams_can_be_switched_off() -> None:
    prefilter = Prefilter(TABLE, PrefilterConfig(ngrams=False))
    assert prefilter.decide(b"<p>theorem proof prime number</p>").kind is DecisionKind.NONE


@pytest.mark.parametrize(
    "body",
    [
        rb"\(" * 1_000_000,
        b"$$" * 1_000_000,
        b"$" * 2_000_000,
        b"$a" * 1_000_000,
        b"<code>" * 300_000 + rb"\(a\)",
        b"<pre>\\(x\\)</pre>" * 100_000,
        b"<script>\\frac" * 150_000,
        b"<" * 2_000_000,
        b"&#92;" * 400_000,
        b"<a " * 600_000,
        b"katex" + b"$ " * 900_000,
        b"katex" + b"<code>$" * 200_000,
        b"^{" * 1_000_000,
        b"theorem " * 250_000,
    ],
    ids=lambda body: repr(body[:14]),
)
def test_hostile_pages_take_seconds_at_most(body: bytes) -> None:
    start = time.perf_counter()
    Prefilter(TABLE).decide(body)
    assert time.perf_counter() - start < 10


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert Prefilter(TABLE).decide(body).kind in set(DecisionKind)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<pre>", "</pre>", "<code>", "</code>", "word ", "<b>"]), max_size=30)
)
def test_a_formula_outside_code_is_seen_whatever_stands_before_it(pieces: list[str]) -> None:
    closed = "".join(pieces) + "</code></pre>"
    assert PREFILTER.decide((closed + r"<p>\(a\)</p>").encode()).kind is DecisionKind.MARKUP


def test_prose_leaves_out_scripts_styles_and_code() -> None:
    body = b"a<script>1</script>b<STYLE>2</STYLE>c<pre class=x>3</pre>d<preview>e</preview>"
    assert (
        prose_of(body)
        .translate(None, b" ")
        .replace(b"</script>", b"")
        .replace(b"</STYLE>", b"")
        .replace(b"</pre>", b"")
        == b"abcd<preview>e</preview>"
    )


def test_an_element_that_is_never_closed_stays() -> None:
    assert prose_of(b"a<pre>b") == b"a<pre>b"


def test_first_words_are_folded_and_counted() -> None:
    assert first_words(b"<body><P>The&nbsp;Prime-Number,\n\n<i>Theorem</i> 17</p>", 10) == (
        b" the prime number theorem ",
        4,
    )


def test_first_words_stop_at_the_count() -> None:
    assert first_words(b"one two three four", 2) == (b" one two ", 2)


def test_first_words_leave_out_margins_and_links() -> None:
    body = b"<body><nav>menu</nav><p>text <a href=x>link</a> more</p><aside>note</aside><footer>end</footer>"
    assert first_words(body, 10) == (b" text more ", 2)


def test_first_words_start_at_the_main_part() -> None:
    body = b"<body><div>crumbs</div><main><p>text</p></main>"
    assert first_words(body, 10) == (b" text ", 1)


def test_first_words_of_a_long_head_are_found() -> None:
    body = b"<html><head><script>" + b"x " * 20_000 + b"</script></head><body>text"
    assert first_words(body, 10) == (b" text ", 1)
