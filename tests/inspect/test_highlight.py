"""Programs in colours, safe on a terminal and on a page."""

from __future__ import annotations

from mathpipe.inspect.highlight import MAX_CHARACTERS, highlighted, highlighted_markup


def test_words_of_a_program_get_a_class() -> None:
    assert highlighted_markup("def f(): # sum\n    return 'a' + str(1)") == (
        '<span class="keyword">def</span> <span class="name">f</span>(): <span class="comment"># sum</span>\n'
        '    <span class="keyword">return</span> <span class="string">&#39;</span><span class="string">a</span>'
        '<span class="string">&#39;</span> + <span class="name">str</span>(<span class="number">1</span>)'
    )


def test_markup_in_a_program_is_escaped() -> None:
    markup = highlighted_markup("print('</pre><script>') # <b>\n<script>")
    assert "<script>" not in markup
    assert "<b>" not in markup
    assert "&lt;script&gt;" in markup


def test_escapes_in_a_program_are_shown_and_not_obeyed() -> None:
    assert highlighted("x = '\x1b[31m'\r\ny").plain == "x = '\N{REPLACEMENT CHARACTER}[31m'\ny"


def test_lean_is_known() -> None:
    assert '<span class="comment">-- easy</span>' in highlighted_markup("by norm_num -- easy", "lean4")


def test_a_language_that_no_lexer_knows_stays_plain() -> None:
    assert highlighted("print(1)", "no such language").spans == []
    assert highlighted_markup("a < b", "no such language") == "a &lt; b"


def test_a_very_long_program_stays_plain_and_whole() -> None:
    program = "x = 1\n" * MAX_CHARACTERS
    assert highlighted(program).plain == program.strip("\n")
    assert highlighted(program).spans == []
