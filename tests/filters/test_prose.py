"""Claims about `filters.prose`: what counts as running text."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.prose import prose_of, replace_formulas, without_code


def test_inline_and_display_formulas_are_replaced() -> None:
    assert replace_formulas("a $x$ b $$\ny\n$$ c", lambda latex: f"<{latex.strip()}>") == "a <x> b <y> c"


def test_escaped_dollar_stays_literal_and_opens_no_formula() -> None:
    assert replace_formulas(r"costs \$5 and \$10, $n$ pieces", lambda _: "F") == "costs $5 and $10, F pieces"


def test_escaped_dollar_inside_a_formula_does_not_close_it() -> None:
    assert replace_formulas(r"$a \$ b$ end", lambda latex: f"[{latex}]") == r"[a \$ b] end"


def test_inline_formula_does_not_cross_a_line() -> None:
    assert replace_formulas("$a\nb$ c", lambda _: "F") == "$a\nb$ c"


def test_display_formula_may_hold_single_dollars() -> None:
    assert replace_formulas("$$x \\text{if $y$}$$ z", lambda _: "F") == "F z"


def test_unclosed_display_leaves_the_text_as_it_is() -> None:
    assert replace_formulas("$$x and no end", lambda _: "F") == "$$x and no end"


def test_fenced_code_is_removed_with_its_fences() -> None:
    assert without_code("a\n```python\nx = 1\n```\nb") == "a\nb"


def test_longer_fence_is_not_closed_by_a_shorter_one() -> None:
    assert without_code("a\n````\n```\ncode\n````\nb") == "a\nb"


def test_tilde_fence_is_not_closed_by_backquotes() -> None:
    assert without_code("~~~\n```\n~~~\nb") == "b"


def test_unclosed_fence_runs_to_the_end() -> None:
    assert without_code("a\n```\nx\ny") == "a"


def test_prose_leaves_out_inline_code_addresses_and_formulas() -> None:
    text = "See `int x` at https://example.org/a?b=c or [here](http://b.example) for $x$."
    assert prose_of(text).split() == ["See", "at", "or", "[here", "for", "."]


def test_hostile_marks_take_linear_time() -> None:
    for text in (
        "$" * 400_000,
        "$$a" * 150_000,
        "$a\\$" * 100_000,
        "`" * 400_000,
        "](" * 200_000,
        "$$" + "a$" * 200_000,
    ):
        start = time.perf_counter()
        prose_of(text)
        assert time.perf_counter() - start < 3.0, text[:10]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="a$\\`~\n #](", max_size=80))
def test_prose_of_anything_is_text(text: str) -> None:
    assert isinstance(prose_of(text), str)
