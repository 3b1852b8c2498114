"""Text that cannot harm a screen."""

from hypothesis import given
from hypothesis import strategies as st

from mathpipe.inspect.safe_text import clip, one_line, visible

GONE = "\N{REPLACEMENT CHARACTER}"


def test_terminal_escapes_are_replaced() -> None:
    assert visible("\x1b[31mred\x07\x9b1m") == f"{GONE}[31mred{GONE}{GONE}1m"


def test_bidirectional_overrides_are_replaced() -> None:
    assert visible("a\u202eb\u2066c") == f"a{GONE}b{GONE}c"


def test_tabs_newlines_and_letters_of_any_script_stay() -> None:
    assert visible("é\t文\nע") == "é\t文\nע"


def test_a_carriage_return_cannot_overwrite_a_line() -> None:
    assert visible("safe\revil") == f"safe{GONE}evil"


def test_one_line_folds_white_space() -> None:
    assert one_line("  a\r\n\tb \u00a0 c ") == "a b c"


def test_clip_marks_what_it_cut() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


@given(st.text())
def test_whatever_the_text_it_can_be_encoded_and_printed(text: str) -> None:
    shown = one_line(text)
    shown.encode("utf-8")
    assert not any(ord(letter) < 32 for letter in shown)
