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


# --- short articles, long lists of links


LINKS = "".join(
    f'<li><a href="/{number}">Chapter {number} of the manual</a><span>fold</span></li>' for number in range(200)
)
SHORT = "<p>Sparse matrices keep only what is not zero.</p>"


@pytest.mark.parametrize(
    "sidebar",
    [
        f'<aside class="sidebar-drawer"><ul>{LINKS}</ul></aside>',
        f'<div class="sidebar"><ul>{LINKS}</ul></div>',
        f"<nav><ul>{LINKS}</ul></nav>",
        f'<div class="sphinxsidebar"><ul>{LINKS}</ul></div>',
        f'<div role="navigation"><ul>{LINKS}</ul></div>',
    ],
)
def test_long_sidebar_does_not_win_over_a_short_article(sidebar: str) -> None:
    expected = "# Sparse\n\nSparse matrices keep only what is not zero."
    assert text(f'{sidebar}<div class="main"><article><h1>Sparse</h1>{SHORT}</article></div>') == expected


def test_foot_of_a_site_does_not_bring_the_sidebar_back() -> None:
    body = (
        "<header><p>The manual of a well-known library, version 1.11.1</p></header>"
        f'<aside class="sidebar-drawer"><ul>{LINKS}</ul></aside><main><h1>Index</h1><p>Here is a list of it all:</p></main>'
        "<footer><p>Copyright of the authors. Made with a generator of documentation by its own authors.</p></footer>"
    )
    assert text(body).startswith("# Index\n\nHere is a list of it all:")
    assert "Chapter" not in text(body)


def test_page_whose_only_text_is_a_marked_list_of_links_keeps_it() -> None:
    links = "".join(f'<li><a href="/{number}">Chapter {number}</a></li>' for number in range(9))
    assert text(f'<div class="sidebar"><ul>{links}</ul></div><p>Index</p>').startswith("- Chapter 0\n- Chapter 1")


# --- boxes in books


BOX = "A box of a book tells a story beside the subject, at some length, and a reader of the book reads it with the text around it, because it explains a word."


@pytest.mark.parametrize("box", ['<div class="sidebar"><p>{}</p></div>', "<aside><p>{}</p></aside>"])
def test_box_between_paragraphs_is_part_of_the_text(box: str) -> None:
    body = f"<div><p>{WORDS}</p>{box.format(BOX)}<p>{WORDS}</p></div>"
    assert text(body) == f"{WORDS.strip()}\n\n{BOX}\n\n{WORDS.strip()}"


@pytest.mark.parametrize("box", ['<div class="sidebar"><p>{}</p></div>', "<aside><p>{}</p></aside>"])
def test_box_beside_the_content_is_left_out(box: str) -> None:
    assert text(f"<div>{TEXT * 4}</div>{box.format(BOX)}") == "\n\n".join([OUT] * 4)


def test_box_of_links_between_paragraphs_is_left_out() -> None:
    box = f'<div class="sidebar"><ul>{LINKS[:2000]}</ul></div>'
    assert text(f"<div><p>{WORDS}</p>{box}<p>{WORDS}</p></div>") == OUT


# --- the title beside the content


HEADS = [
    f'<div class="sect1"><div class="titlepage"><h2>F.31. pgstattuple</h2></div><div class="sect2"><h3>Functions</h3>{TEXT}{TEXT}</div></div>',
    f'<div class="titlepage"><h2>F.31. pgstattuple</h2></div><div id="content"><h3>Functions</h3>{TEXT}{TEXT}</div>',
    f"<h2>F.31. pgstattuple</h2><main><h3>Functions</h3>{TEXT}{TEXT}</main>",
]


@pytest.mark.parametrize("body", HEADS)
def test_title_above_the_one_part_that_holds_nearly_all_text_is_kept(body: str) -> None:
    assert text(body) == f"## F.31. pgstattuple\n\n### Functions\n\n{OUT}\n\n{OUT}"


def test_words_that_stand_with_the_title_are_kept() -> None:
    body = (
        '<div id="header"><h1>git-hook(1)</h1><h2>NAME</h2><p>git-hook - Run git hooks</p></div>'
        f'<div id="content"><h2>SYNOPSIS</h2>{TEXT}</div><div id="footer"><p>Last updated today</p></div>'
    )
    assert text(body) == f"# git-hook(1)\n\n## NAME\n\ngit-hook - Run git hooks\n\n## SYNOPSIS\n\n{OUT}"


def test_name_of_a_site_that_links_home_is_no_title() -> None:
    body = f'<div class="top"><h1><a href="/">My site</a></h1></div><div id="content"><h2>Post</h2>{TEXT}{TEXT}</div>'
    assert text(body) == f"## Post\n\n{OUT}\n\n{OUT}"


def test_title_inside_the_content_needs_no_other() -> None:
    body = f"<div><h1>Site</h1></div><main><h1>Post</h1>{TEXT}{TEXT}</main>"
    assert text(body) == f"# Post\n\n{OUT}\n\n{OUT}"


def test_paragraphs_before_the_first_section_are_kept() -> None:
    body = f'<div class="chapter"><h1>Study</h1><p>{WORDS}</p><p>{WORDS}</p><div class="section"><h2>Needs</h2>{TEXT * 20}</div></div>'
    assert text(body) == f"# Study\n\n{OUT}\n\n## Needs\n\n" + "\n\n".join([OUT] * 20)


# --- rows of links at the edges


BARS = [
    '<p>[ <a href="a">previous</a> ] [ <a href="b">1</a> ] [ <a href="c">2</a> ]</p>',
    '<div><a href="a">Home</a> | <a href="b">Up</a> | <a href="c">Next chapter</a></div>',
    '<ul class="docnav"><li><a href="a">Previous</a></li><li><strong>Home</strong></li></ul>',
    '<div class="chlinktop"><span>Goto Chapter: </span><a href="a">Top</a> <a href="b">1</a></div>',
    '<table><tr><td><a href="a">Previous</a></td><td><a href="b">Next</a></td></tr></table>',
]


@pytest.mark.parametrize("bar", BARS)
def test_row_of_links_before_and_after_the_text_is_left_out(bar: str) -> None:
    assert text(f"{bar}<h1>Norms</h1>{TEXT}") == f"# Norms\n\n{OUT}"
    assert text(f"<h1>Norms</h1>{TEXT}{bar}") == f"# Norms\n\n{OUT}"


def test_row_of_links_in_the_middle_stays() -> None:
    body = f'<div><p>{WORDS}</p><p><a href="a">A link</a> <a href="b">and another</a></p><p>{WORDS}</p></div>'
    assert text(body) == f"{WORDS.strip()}\n\nA link and another\n\n{WORDS.strip()}"


def test_text_below_900_nested_marks_is_kept() -> None:
    body = '<div class="sidebar">' * 900 + "<p>Deep words stand here.</p>"
    assert text(body) == "Deep words stand here."
