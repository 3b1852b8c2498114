# ruff: noqa: E501  (literal markup stays on one line)
"""What is content and what is chrome, on small pages; and that formulas are never lost with the chrome."""

from __future__ import annotations

import pytest

from crawl import extract_page

WORDS = "The theorem says that every bounded sequence has a convergent subsequence, and its proof is short. "
TEXT = f"<p>{WORDS}</p><p>{WORDS}</p>"
OUT = f"{WORDS.strip()}\n\n{WORDS.strip()}"
F = '<script type="math/tex">x^2</script>'


def text(body: str) -> str:
    return extract_page(f"<html><body>{body}</body></html>").text


CHROME = [
    "<nav><a href='/'>Home</a> <a href='/x'>Other</a></nav>",
    "<footer>All rights reserved</footer>",
    "<header><a href='/'>Site name</a></header>",
    "<aside><p>Read this too</p></aside>",
    '<div role="navigation"><a href="/">Home</a></div>',
    '<div role="complementary">Side</div>',
    '<div class="cookie-banner">We use cookies. <button>OK</button></div>',
    '<div id="gdpr">We use cookies.</div>',
    '<div class="share-buttons"><a href="#">Tweet</a></div>',
    '<div class="breadcrumbs"><a href="/">Home</a> &gt; Here</div>',
    '<div class="sidebar"><p>Popular posts</p></div>',
    '<div class="advertisement">Buy now</div>',
    '<div id="comment-form"><p>Leave a comment</p></div>',
    '<div style="display: none">Hidden words</div>',
    '<div style="visibility:hidden">Hidden words</div>',
    "<div hidden>Hidden words</div>",
    '<p class="sr-only">For screen readers</p>',
    '<div class="related-posts"><a href="/a">Another post</a></div>',
    '<ul class="pagination"><li><a href="?p=2">2</a></li></ul>',
    '<div class="header"><p>Next: <a href="b.html">Integrals</a>, Up: <a href="t.html">Calculus chapter</a></p></div>',
    '<div class="chlinks"><a href="1">1</a> <a href="2">2</a> <a href="3">3</a></div>',
    '<form><input name="q"><label>Search the site</label></form>',
    "<dialog>Log in first</dialog>",
]


@pytest.mark.parametrize("chrome", CHROME)
def test_chrome_is_left_out(chrome: str) -> None:
    assert text(f"{chrome}<div>{TEXT}</div>") == OUT


KEPT = [
    "<article>{}</article>",
    "<main>{}</main>",
    '<div id="content"><div class="mw-parser-output">{}</div></div>',
    "<form method=post>{}</form>",
    '<div class="sidebar-layout"><div class="content">{}</div></div>',
    '<div class="no-sidebar">{}</div>',
    '<div class="widget">{}</div>',
    "<table><tr><td>{}</td></tr></table>",
    "<section><section><section>{}</section></section></section>",
]


@pytest.mark.parametrize("shell", KEPT)
def test_main_text_is_kept_whatever_it_stands_in(shell: str) -> None:
    assert OUT in text(shell.format(TEXT)).replace("> ", "")


def test_aside_with_a_formula_is_kept() -> None:
    body = f"<div>{TEXT}</div><aside><p>Recall {F} here.</p></aside>"
    assert "Recall $x^2$ here." in text(body)


def test_hidden_solution_is_kept() -> None:
    body = f'<div>{TEXT}</div><div class="solution" style="display:none"><p>The answer is seven.</p></div>'
    assert "The answer is seven." in text(body)


def test_hidden_block_with_a_formula_is_kept() -> None:
    body = f'<div>{TEXT}</div><div style="display:none"><p>So {F} follows.</p></div>'
    assert "So $x^2$ follows." in text(body)


def test_comments_with_formulas_are_kept_and_chatter_is_not() -> None:
    kept = f'<div>{TEXT}</div><div class="comments"><p>Why is {F} positive?</p></div>'
    lost = f'<div>{TEXT}</div><div class="comments"><p>Nice post!</p></div>'
    assert "Why is $x^2$ positive?" in text(kept)
    assert "Nice post!" not in text(lost)


def test_page_that_is_one_list_of_links_is_not_emptied() -> None:
    links = "".join(f'<li><a href="/{number}">Chapter {number}</a></li>' for number in range(30))
    assert text(f"<ul>{links}</ul>").startswith("- Chapter 0\n- Chapter 1")


def test_page_whose_marks_cover_everything_falls_back_to_them() -> None:
    assert OUT in text(f'<div class="popup"><div class="modal">{TEXT}</div></div>')


def test_content_split_over_two_halves_is_kept_whole() -> None:
    body = f"<div><p>{WORDS} One.</p></div><div><p>{WORDS} Two.</p></div>"
    assert "One." in text(body)
    assert "Two." in text(body)


def test_formulas_outside_the_marked_main_part_hold_the_body() -> None:
    body = f"<main><p>{WORDS}</p></main><div><p>Then {F}.</p><p>And {F}.</p></div>"
    assert text(body).count("$x^2$") == 2


SIGNS = [
    '<h2>Norms<a class="headerlink" href="#n">¶</a></h2>',
    '<h2>Norms <a class="anchor" href="#n">#</a></h2>',
    '<h2><a class="header-anchor" href="#n">#</a> Norms</h2>',
    '<h2>Norms<a href="#n">🔗</a></h2>',
    '<h2>Norms<span class="mw-editsection">[<a href="/e">edit</a>]</span></h2>',
]


@pytest.mark.parametrize("heading", SIGNS)
def test_sign_that_links_a_heading_to_itself_is_left_out(heading: str) -> None:
    assert text(f"<div>{heading}{TEXT}</div>") == f"## Norms\n\n{OUT}"


def test_names_of_highlighted_tokens_are_no_chrome() -> None:
    code = '<pre><span class="comment"># a comment</span>\n<span class="tag">tag</span></pre>'
    assert "# a comment\ntag" in text(f"<div>{TEXT}{code}</div>")


def test_line_numbers_are_left_out_of_code() -> None:
    code = '<pre><span class="lineno">1 </span>x = 1\n<span class="lineno">2 </span>y = 2</pre>'
    assert "```\nx = 1\ny = 2\n```" in text(f"<div>{TEXT}{code}</div>")


def test_heading_beside_the_content_stays() -> None:
    assert text(f"<div id='page'><h1>Title</h1><article>{TEXT}</article></div>") == f"# Title\n\n{OUT}"


def test_counts_tell_a_formula_that_went_with_the_chrome() -> None:
    links = "".join(f'<a href="/{number}">Some other page {number}</a> ' for number in range(9))
    body = f"<div>{TEXT}{F}{F}{F}{F}{F}</div><nav>{links}{F}</nav>"
    page = extract_page(f"<html><body>{body}</body></html>")
    assert [(count.found, count.emitted) for count in page.formula_counts] == [(6, 5)]
