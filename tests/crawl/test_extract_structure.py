"""Tables, lists, code, quotations and scripts of a page, and odd or hostile forms of each, as exact text."""

from __future__ import annotations

import time

import pytest

from crawl import extract_page
from crawl.code_blocks import code_of, is_code_block
from crawl.dom import Element, parse_html
from crawl.page_title import page_title
from crawl.superscripts import Script, script_text
from crawl.tables import is_data_table, pipe_table

F = '<script type="math/tex">x^2</script>'
D = '<script type="math/tex; mode=display">y = 1</script>'


def text(body: str) -> str:
    return extract_page(f"<html><body>{body}</body></html>").text


def first(html: str, tag: str) -> Element:
    return next(node for node in parse_html(html).walk() if node.tag == tag)


# --- tables


TABLES = [
    (
        "<table><thead><tr><th>n</th><th>n!</th></tr></thead><tbody><tr><td>3</td><td>6</td></tr>"
        "<tr><td>4</td><td>24</td></tr></tbody><tfoot><tr><td>…</td><td>…</td></tr></tfoot></table>",
        "| n | n! |\n| --- | --- |\n| 3 | 6 |\n| 4 | 24 |\n| … | … |",
    ),
    (
        "<table><tr><th></th><th>0</th><th>1</th></tr><tr><th>0</th><td>0</td><td>1</td></tr></table>",
        "|  | 0 | 1 |\n| --- | --- | --- |\n| 0 | 0 | 1 |",
    ),
    (
        "<table><tr><td>a<br>b</td><td><p>c</p><p>d</p></td></tr><tr><td>1</td><td>2</td></tr></table>",
        "| a b | c d |\n| --- | --- |\n| 1 | 2 |",
    ),
    (
        "<table><tr><td>a</td><td>b</td></tr><tr></tr><tr><td></td><td></td></tr><tr><td>1</td><td>2</td></tr></table>",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
    ),
    (
        f"<table><tr><td>f</td><td>f′</td></tr><tr><td>{F}</td><td>2x</td></tr></table>",
        "| f | f′ |\n| --- | --- |\n| $x^2$ | 2x |",
    ),
    (
        f"<table><tr><td>f</td><td>g</td></tr><tr><td>{D}</td><td>2</td></tr></table>",
        "| f | g |\n| --- | --- |\n| $$y = 1$$ | 2 |",
    ),
    (
        "<table><tr><td><code>a_1</code></td><td>$5</td></tr><tr><td>1</td><td>2</td></tr></table>",
        "| `a_1` | \\$5 |\n| --- | --- |\n| 1 | 2 |",
    ),
    (
        "<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>x<sup>2</sup></td></tr></table>",
        "| a | b |\n| --- | --- |\n| 1 | x^{2} |",
    ),
    ("<table><tr><td>one cell</td></tr></table>", "one cell"),
    ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\n\nb"),
    ("<table><tr><td>a</td><td>b</td></tr></table>", "a\n\nb"),
    (
        "<table><tr><td><pre>x = 1\ny = 2</pre></td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>",
        "```\nx = 1\ny = 2\n```\n\nb\n\nc\n\nd",
    ),
    (
        "<table><tr><td><ul><li>a</li><li>b</li></ul></td><td>c</td></tr><tr><td>d</td><td>e</td></tr></table>",
        "- a\n- b\n\nc\n\nd\n\ne",
    ),
    (
        "<table><tr><td>out</td><td><table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table></td></tr>"
        "<tr><td>x</td><td>y</td></tr></table>",
        "out\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nx\n\ny",
    ),
    (
        "<ul><li>see <table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table></li></ul>",
        "- see\n  | a | b |\n  | --- | --- |\n  | 1 | 2 |",
    ),
]


@pytest.mark.parametrize(("markup", "expected"), TABLES)
def test_table_becomes_rows_or_is_read_cell_by_cell(markup: str, expected: str) -> None:
    assert text(markup) == expected


def test_table_of_prose_is_no_data_table() -> None:
    cell = "<td>" + "word " * 200 + "</td>"
    assert not is_data_table(first(f"<table><tr>{cell}<td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "table"))


def test_rows_of_one_used_column_are_lines() -> None:
    assert pipe_table([["a", ""], ["b", ""]]) == "a\nb"


def test_rows_of_unequal_length_are_filled_up() -> None:
    assert pipe_table([["a", "b", "c"], ["1"]]) == "| a | b | c |\n| --- | --- | --- |\n| 1 |  |  |"


def test_rows_without_text_are_no_table() -> None:
    assert pipe_table([["", ""], []]) == ""


# --- lists


LISTS = [
    ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n- b"),
    ("<ol><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ol>", "1. a\n   1. b\n   2. c\n2. d"),
    ("<ol><li>a</li></ol><p>x</p><ol><li>b</li></ol>", "1. a\n\nx\n\n1. b"),
    ('<ol start="0"><li>a</li><li>b</li></ol>', "0. a\n1. b"),
    ('<ol start="-3"><li>a</li></ol>', "1. a"),
    ('<ol start="99999999999999"><li>a</li></ol>', "1. a"),
    ("<li>alone</li>", "- alone"),
    ("<ul>stray<li>a</li></ul>", "stray\n- a"),
    ("<ul><ul><li>a</li></ul></ul>", "- a"),
    ("<ul><li></li><li>a</li><li> </li></ul>", "- a"),
    ("<ul><li>a<pre>x\n  y</pre></li></ul>", "- a\n  ```\n  x\n    y\n  ```"),
    ("<ul><li>a<blockquote>b</blockquote></li></ul>", "- a\n  > b"),
    ("<ul><li><h3>T</h3>a</li></ul>", "- ### T\n  a"),
    ("<blockquote><ul><li>a</li><li>b</li></ul></blockquote>", "> - a\n> - b"),
    ("<blockquote><blockquote>a</blockquote>b</blockquote>", "> > a\n>\n> b"),
    ("<blockquote><pre>x\n\ny</pre></blockquote>", "> ```\n> x\n>\n> y\n> ```"),
    ("<menu><li>a</li></menu><p>b</p>", "- a\n\nb"),
    ("<dl><dt>a</dt><dd><ul><li>b</li></ul></dd></dl>", "a\n\n- b"),
    ("<h2><ul><li>a</li></ul></h2><p>b</p>", "## a\n\nb"),
]  # fmt: skip


@pytest.mark.parametrize(("markup", "expected"), LISTS)
def test_list_keeps_its_levels_and_numbers(markup: str, expected: str) -> None:
    assert text(f"<article><p>w</p>{markup}</article>") == f"w\n\n{expected}"


def test_lists_nested_beyond_the_limit_stay_at_that_depth() -> None:
    lines = text("<p>w</p>" + "<ul><li>a" * 100).split("\n")
    assert max(len(line) - len(line.lstrip()) for line in lines) <= 24


# --- code


CODE = [
    ("<pre><code>a = 1\n\n\n\nb = 2\n</code></pre>", "```\na = 1\n\nb = 2\n```"),
    ("<pre>\n  indented\n</pre>", "```\n  indented\n```"),
    ("<pre>a\tb   \nc</pre>", "```\na\tb\nc\n```"),
    ("<pre><span>a</span> <b>b</b></pre>", "```\na b\n```"),
    ("<pre>&lt;p&gt; &amp;amp; $x$ `y`</pre>", "```\n<p> &amp; $x$ `y`\n```"),
    ("<pre><div>a</div><div>b</div></pre>", "```\na\nb\n```"),
    ('<pre><button>Copy</button><span class="lineno">7 </span>a</pre>', "```\na\n```"),
    ('<pre><span style="user-select: none">1</span>p = 61</pre>', "```\np = 61\n```"),
    ("<pre>   </pre><p>b</p>", "b"),
    ("<p>a <code>x</code><code>y</code> b</p>", "a `x` `y` b"),
    ("<p>a <code> x  y </code> b</p>", "a `x y` b"),
    ("<p>a <code>`</code> b</p>", "a `` ` `` b"),
    ("<p>a <code></code> b</p>", "a b"),
    ("<p>press <kbd>Ctrl</kbd>, <samp>out</samp>, <tt>t</tt></p>", "press `Ctrl`, `out`, `t`"),
    ("<h2>On <code>a_b</code></h2>", "## On `a_b`"),
    ("<h2><pre>a\nb</pre></h2><p>c</p>", "## `a b`\n\nc"),
    ("<p>a\\<code>x</code></p>", "a\\ `x`"),
]


@pytest.mark.parametrize(("markup", "expected"), CODE)
def test_code_stands_as_it_was(markup: str, expected: str) -> None:
    assert text(f"<article><p>w</p>{markup}</article>") == f"w\n\n{expected}"


def test_windows_line_ends_and_hard_spaces_of_code_are_made_plain() -> None:
    assert code_of(Element("pre", {}, ["a\r\nb\rc\xa0d\u200b"])) == "a\nb\nc d"


def test_fragment_of_lines_is_a_code_block_and_other_divisions_are_not() -> None:
    fragment = first('<div class="fragment"><div class="line">a</div></div>', "div")
    assert is_code_block(fragment)
    assert not is_code_block(first('<div class="fragment">a</div>', "div"))
    assert not is_code_block(first('<div class="box"><div class="line">a</div></div>', "div"))


# --- scripts and signs in prose


PROSE = [
    ("<p>E = mc<sup>2</sup></p>", "E = mc^{2}"),
    ("<p>H<sub>2</sub>O</p>", "H_{2}O"),
    ("<p>x<sub>i</sub><sup>2</sup></p>", "x_{i}^{2}"),
    ("<p>10<sup>−6</sup> m</p>", "10^{−6} m"),
    ("<p>the 21<sup>st</sup> century</p>", "the 21st century"),
    ("<p>e<sup>x<sup>2</sup></sup></p>", "ex^{2}"),
    ("<p>a<sup> </sup>b</p>", "ab"),
    ('<p>word<sup><a href="#n">[7]</a></sup>.</p>', "word[7]."),
    ('<p>word<sup class="reference"><a href="#n">note 2</a></sup>.</p>', "word[note 2]."),
    ("<p>costs $5 or US$ 6</p>", "costs \\$5 or US\\$ 6"),
    ("<p>a * b _ c # d [e] (f) ! g ~ h</p>", "a * b _ c # d [e] (f) ! g ~ h"),
    ("<p>a &lt; b &amp; c &gt; d</p>", "a < b & c > d"),
    ("<p>1 2 3 4</p>", "1 2 3 4"),
    (f"<p>When{F}is small</p>", "When $x^2$ is small"),
    (f"<p>the {F}nd and {F}s</p>", "the $x^2$nd and $x^2$s"),
    (f"<p>({F})</p>", "($x^2$)"),
]


@pytest.mark.parametrize(("markup", "expected"), PROSE)
def test_prose_keeps_the_meaning_of_its_signs(markup: str, expected: str) -> None:
    assert text(markup) == expected


LONG = "words that go on and on beyond what an exponent is"


@pytest.mark.parametrize(
    ("kind", "inner", "before", "linked", "expected"),
    [
        (Script.SUP, LONG, "x", False, LONG),
        (Script.SUP, "see there", "x", True, " see there"),
        (Script.SUP, "†", "Smith", False, "[†]"),
        (Script.SUP, "*", "A", False, "^{*}"),
        (Script.SUP, "2", "", False, "[2]"),
        (Script.SUB, "max", "x", False, "_{max}"),
        (Script.SUP, "T", "A", False, "^{T}"),
        (Script.SUP, "2", "ABC", False, "^{2}"),
    ],
)
def test_script_is_exponent_note_or_words(kind: Script, inner: str, before: str, linked: bool, expected: str) -> None:
    assert script_text(kind, inner, before, linked=linked) == expected


def test_title_is_cut_at_500_characters() -> None:
    assert len(page_title([Element("title", {}, ["word " * 1_000])])) == 500


# --- hostile forms


HOSTILE = {
    "a table of 20,000 cells": "<table>" + "<tr><td>a</td><td>b</td></tr>" * 10_000 + "</table>",
    "tables in tables": "<table><tr><td>" * 200 + "x",
    "a line of a megabyte": "<p>" + "word " * 200_000 + "</p>",
    "a heading of a megabyte": "<h1>" + "word " * 200_000 + "</h1>",
    "a hundred thousand backquotes": "<p><code>" + "`" * 100_000 + "</code></p>",
    "backquotes of every length": "<p>" + "".join(f"<code>{'`' * n}a</code>" for n in range(400)) + "</p>",
    "nested superscripts": "<p>" + "x<sup>" * 400 + "</p>",
    "code in superscripts": "<p>" + "<sup><code>" * 200 + "a</p>",
    "sibling superscripts": "<p>" + "x<sup>2</sup>" * 20_000 + "</p>",
    "lists in quotations": "<blockquote><ul><li>" * 200 + "x",
    "divisions named as chrome": '<div class="menu">' * 800 + "words of text",
    "many small marked blocks": '<div class="sidebar"><p>a</p></div>' * 20_000 + "<p>words of text</p>",
    "headings before headings": "<div><h1>a</h1>" * 500 + "words of text",
    "code spans in code": "<code>" * 500 + "x",
    "blank lines": "<pre>" + "\n" * 500_000 + "x</pre>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_structure_is_read_in_bounded_time(name: str) -> None:
    start = time.process_time()
    assert text(HOSTILE[name])
    assert time.process_time() - start < 5
