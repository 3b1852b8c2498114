"""Text that grows token by token equals the text decoded at once, up to the first stop text."""

from hypothesis import given
from hypothesis import strategies as st

from mathpipe.generate.engines.stop_text import GrowingText
from tests.generate.tiny_model import make_tokenizer

TOKENIZER = make_tokenizer()


def grow(text, stops=()):
    growing = GrowingText(TOKENIZER, (0,), stops)
    for token in TOKENIZER.encode(text, add_special_tokens=False):
        if growing.push(token):
            break
    return growing


@given(st.text(st.characters(codec="utf-8", exclude_characters="<")))
def test_the_text_is_whole(text):
    assert grow(text).text == text


@given(
    st.text("ab`\n", max_size=30), st.text("ab`\n", min_size=1, max_size=4), st.text("ab`\n", min_size=1, max_size=4)
)
def test_the_text_ends_before_the_stop_that_is_complete_first(text, first, second):
    growing = grow(text, (first, second))
    ends = {stop: text.find(stop) for stop in (first, second) if stop in text}
    assert (growing.stop is None) == (not ends)
    if growing.stop is not None:
        assert text.startswith(growing.text + growing.stop)
        assert len(growing.text) <= max(ends.values())
    else:
        assert growing.text == text


def test_special_tokens_are_not_part_of_the_text():
    growing = GrowingText(TOKENIZER, (0,), ())
    for token in (*TOKENIZER.encode("5", add_special_tokens=False), 5, 1):
        growing.push(token)
    assert growing.text == "5"


def test_a_character_of_several_tokens_appears_whole():
    growing = GrowingText(TOKENIZER, (0,), ())
    seen = []
    for token in TOKENIZER.encode("π≤", add_special_tokens=False):
        growing.push(token)
        seen.append(growing.text)
    assert set(seen) <= {"", "π", "π≤"}
    assert seen[-1] == "π≤"
