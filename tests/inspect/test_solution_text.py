r"""What models write, cut into prose, code and formulas."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect.page_text import Code, Prose, Tex
from mathpipe.inspect.solution_text import (
    is_tex,
    segments_of,
    solution_markup,
    solution_on_terminal,
    solution_pieces,
)


def tex(text: str) -> list[str]:
    return [piece.text for piece in solution_pieces(text) if isinstance(piece, Tex)]


@pytest.mark.parametrize(
    ("text", "display"),
    [
        (r"so $x=1$.", False),
        (r"so \(x=1\).", False),
        (r"so \[x=1\].", True),
        (r"so $$x=1$$.", True),
    ],
)
def test_every_delimiter_is_known(text: str, display: bool) -> None:
    assert list(solution_pieces(text)) == [Prose("so "), Tex("x=1", display), Prose(".")]


def test_a_box_outside_of_a_formula_is_one() -> None:
    assert tex(r"The answer is \boxed{\frac{1}{2}}.") == [r"\boxed{\frac{1}{2}}"]


def test_a_bare_environment_is_a_formula() -> None:
    assert tex("so\n\\begin{align*}a&=b\\end{align*}\nthus") == [r"\begin{align*}a&=b\end{align*}"]


@pytest.mark.parametrize(
    "text",
    [
        "She pays $5 and gets $3.",
        "He sold 3*$5=$<<3*5=15>>15",
        "at $12/lb and got 3lb: 12*3=$ in all",
        "a $5-$3=$2 gain",
        "from $ 5 to 6 $ more",
    ],
)
def test_money_is_no_formula(text: str) -> None:
    assert list(solution_pieces(text)) == [Prose(text)]


def test_an_escaped_dollar_is_a_dollar() -> None:
    assert list(solution_pieces(r"costs \$5")) == [Prose("costs $5")]


def test_code_holds_no_formula() -> None:
    assert list(solution_pieces("`$x$` and\n```js\n$y$\n```\n")) == [
        Code("$x$", block=False),
        Prose(" and\n"),
        Code("$y$", block=True),
        Prose("\n"),
    ]


def test_a_program_and_its_output_are_segments() -> None:
    text = "Let us see.\n```python\nprint(1)\n```\n```output\n1\n```\nSo it is 1."
    assert segments_of(text) == [
        Segment(SegmentKind.TEXT, "Let us see.\n"),
        Segment(SegmentKind.CODE, "print(1)\n"),
        Segment(SegmentKind.OUTPUT, "1\n"),
        Segment(SegmentKind.TEXT, "\nSo it is 1."),
    ]


def test_a_program_that_was_cut_off_is_one_all_the_same() -> None:
    assert segments_of("```python\nprint(")[0] == Segment(SegmentKind.CODE, "print(")


def test_a_line_of_marks_is_kept_on_the_page() -> None:
    assert solution_markup("#### 72") == "<p>#### 72</p>"


def test_formulas_are_readable_on_a_terminal() -> None:
    assert solution_on_terminal(r"Thus \[\frac{x}{2}=3\] and $\boxed{6}$").plain == "Thus x/2 = 3 and ⟦6⟧"


@pytest.mark.parametrize(("answer", "said"), [(r"\frac{1}{2}", True), ("x^2", True), ("42", False), ("a_b", False)])
def test_an_answer_with_commands_or_powers_is_tex(answer: str, said: bool) -> None:
    assert is_tex(answer) is said


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="\\()[]{}$`<>ab1 \n\x1b\u202e", max_size=80))
def test_nothing_of_a_text_is_lost_and_nothing_of_it_is_markup(text: str) -> None:
    pieces = "".join(piece.text for piece in solution_pieces(text))
    assert set("ab1") & set(text) <= set(pieces)
    markup = solution_markup(text)
    assert "\x1b" not in markup
    assert "<a" not in markup
    assert "<b" not in markup
    assert "\x1b" not in solution_on_terminal(text).plain


@pytest.mark.parametrize("part", ["\\[", "\\(", "$$", "$a ", "\\boxed{", "\\begin{align}", "```\n", "`a"])
def test_what_opens_and_never_closes_stays_prose_or_code(part: str) -> None:
    assert tex(part * 3) == []
