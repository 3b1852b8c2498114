"""Page text as safe HTML."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.inspect.page_text import Code, Excerpt, Piece, Prose, Tex, excerpt, render_pieces, split_pieces
from tests.inspect.test_formulas import ALLOWED_TAGS, Tags


def rendered(text: str) -> str:
    return str(render_pieces(list(split_pieces(text))))


def pieces(text: str) -> list[Piece]:
    return list(split_pieces(text))


def test_inline_and_display_formulas_are_kept_apart() -> None:
    assert pieces("a $x$ b $$y$$") == [Prose("a "), Tex("x", False), Prose(" b "), Tex("y", True)]


def test_a_display_formula_may_stand_on_lines_of_its_own() -> None:
    assert pieces("a\n\n$$\nx + y\n$$\n\nb") == [Prose("a\n\n"), Tex("x + y", True), Prose("\n\nb")]


def test_escaped_dollars_and_backquotes_stay_literal() -> None:
    assert pieces(r"costs \$5 and \$6, in \`quotes\`") == [Prose("costs $5 and $6, in `quotes`")]


def test_an_escaped_dollar_inside_a_formula_stays_in_it() -> None:
    assert pieces(r"$\text{\$5}$") == [Tex(r"\text{\$5}", False)]


def test_single_dollars_inside_a_display_formula_belong_to_it() -> None:
    assert pieces(r"$$x \text{ if $x>0$}$$") == [Tex(r"x \text{ if $x>0$}", True)]


@pytest.mark.parametrize("text", ["from $ 3 on", "a ` b", "``", "$$", "```", "$$$", "x\n```"])
def test_what_nothing_closes_is_text(text: str) -> None:
    assert pieces(text) == [Prose(text)]


def test_a_dollar_in_code_is_code() -> None:
    assert pieces("run `echo $HOME` or `$PATH`") == [
        Prose("run "),
        Code("echo $HOME", False),
        Prose(" or "),
        Code("$PATH", False),
    ]


def test_a_fence_holds_everything_up_to_its_like() -> None:
    assert pieces("a\n````sh\n$x$\n```\n````\nb") == [Prose("a\n"), Code("$x$\n```", True), Prose("\nb")]


def test_a_fence_that_stays_open_ends_with_the_text() -> None:
    assert pieces("```\ncode\nmore") == [Code("code\nmore", True)]


def test_an_empty_text_has_no_pieces() -> None:
    assert pieces("") == []


@pytest.mark.parametrize(
    "text",
    [
        "$" * 200_000,
        "$$ a " * 50_001,
        "$a" * 100_001,
        "\\" * 300_001 + "$",
        "$$" + "$ " * 99_999,
        "`" * 200_000,
        "`a\n" * 60_000,
        "```\n" * 50_001,
        "".join("`" * size + "\n" for size in range(3, 500)),
    ],
)
def test_a_hostile_text_is_split_in_linear_time(text: str) -> None:
    started = time.perf_counter()
    pieces(text)
    assert time.perf_counter() - started < 5


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$\\a {}\n`", max_size=40))
def test_splitting_loses_no_letter(text: str) -> None:
    assert sum(piece.text.count("a") for piece in pieces(text)) + _opened(text) >= text.count("a")


def _opened(text: str) -> int:
    """Letters on the opening line of a fence: the name of a language, which nobody shows."""
    return sum(line.count("a") for line in text.split("\n") if line.startswith("```"))


def test_an_excerpt_never_cuts_a_formula() -> None:
    assert excerpt("one two $a+b+c+d+e+f+g$ three four", 14) == Excerpt(
        (Prose("one two "), Tex("a+b+c+d+e+f+g", False)), begins_later=False, goes_on=True
    )


def test_an_excerpt_prefers_the_end_of_a_word() -> None:
    assert excerpt("alpha beta gamma", 12) == Excerpt((Prose("alpha beta"),), begins_later=False, goes_on=True)


def test_a_short_page_is_shown_whole() -> None:
    assert excerpt("alpha", 12) == Excerpt((Prose("alpha"),), begins_later=False, goes_on=False)


def test_an_excerpt_starts_at_the_paragraph_of_a_formula_far_down() -> None:
    part = excerpt("word " * 100 + "\n\nNow let\n\n$$x$$", 60)
    assert part == Excerpt((Prose("Now let\n\n"), Tex("x", True)), begins_later=True, goes_on=False)


def test_an_excerpt_of_one_long_paragraph_starts_at_a_word() -> None:
    part = excerpt("word " * 100 + "so $x$", 60)
    assert part.begins_later
    assert str(part.pieces[0].text).startswith("word ")
    assert part.pieces[-1] == Tex("x", False)


def test_an_excerpt_never_starts_inside_code() -> None:
    part = excerpt("```\n" + "code\n\n" * 20 + "```\nso $x$", 60)
    assert part.pieces == (Prose("\nso "), Tex("x", False))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="$\\ab {}\n`", max_size=80), st.integers(min_value=1, max_value=40))
def test_an_excerpt_is_about_as_long_as_asked(text: str, limit: int) -> None:
    part = excerpt(text, limit)
    assert sum(len(piece.text) for piece in part.pieces if not isinstance(piece, Tex)) <= limit


def test_an_empty_line_parts_paragraphs() -> None:
    assert rendered("one\n \ntwo\nthree") == "<p>one</p><p>two\nthree</p>"


def test_a_heading_loses_its_marks() -> None:
    assert rendered("## On $x$\n\ntext") == f'<p class="heading">On {rendered("$x$")[3:-4]}</p><p>text</p>'


def test_a_number_sign_within_a_line_is_no_heading() -> None:
    assert rendered("see # 3") == "<p>see # 3</p>"
    assert rendered("$x$ # 3").endswith("# 3</p>")


def test_code_stays_as_it_was() -> None:
    assert (
        rendered("a `b<c` d\n\n```\nx  <y\n\n  z\n```") == "<p>a <code>b&lt;c</code> d</p><pre>x  &lt;y\n\n  z</pre>"
    )


def test_markup_in_prose_is_escaped() -> None:
    assert rendered("<b>&amp;") == "<p>&lt;b&gt;&amp;amp;</p>"


def test_a_full_stop_stays_on_the_line_of_its_display_formula() -> None:
    assert rendered("so $$x$$ . Next").endswith("</math>.</span>Next</p>")


def test_a_decimal_point_after_a_display_formula_is_not_punctuation() -> None:
    assert rendered("$$x$$ .5").endswith("</math></span>.5</p>")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="<script>`$#\n ", max_size=40))
def test_no_text_leaves_the_allowed_tags(text: str) -> None:
    assert Tags(rendered(text)).tags <= ALLOWED_TAGS | {"pre"}


def test_marks_of_a_heading_stay_where_there_are_no_headings() -> None:
    pieces = list(split_pieces("#### 72\n\n# and"))
    assert render_pieces(pieces, headings=False) == "<p>#### 72</p><p># and</p>"
