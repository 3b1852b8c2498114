import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.inspect.browser.snippets import phrases_of, snippet


def test_the_words_are_marked_as_they_are_written() -> None:
    assert snippet("Let a Riemann\n surface be.", "SURFACE riemann").line == (
        "Let a <mark>Riemann</mark> <mark>surface</mark> be."
    )


def test_parts_of_words_are_not_marked_but_what_a_star_begins_is() -> None:
    assert snippet("prime primes xprime", "prime").line == "<mark>prime</mark> primes xprime"
    assert snippet("prime primes xprime", "pri*").line == "<mark>prime</mark> <mark>primes</mark> xprime"


@pytest.mark.parametrize("asked", ["naive", "naïve", "nai\u0308ve", "NAÏVE"])
@pytest.mark.parametrize("written", ["naïve", "nai\u0308ve", "Naive"])
def test_accents_do_not_matter_on_either_side(asked: str, written: str) -> None:
    assert snippet(f"A {written} set", asked).line == f"A <mark>{written}</mark> set"


def test_the_end_of_a_greek_word_is_written_otherwise() -> None:
    assert snippet("ο λόγος", "ΛΟΓΟΣ").line == "ο <mark>λόγος</mark>"


def test_the_line_begins_shortly_before_the_first_word_found() -> None:
    line = snippet("filler " * 1_000 + "theorem" + " after" * 1_000, "theorem").line
    assert line.startswith("… filler")
    assert line.endswith("after …")
    assert "<mark>theorem</mark>" in line
    assert len(line) < 260


def test_a_phrase_is_told_from_its_words_apart() -> None:
    assert phrases_of('a "riemann surface" “b c” "one"') == [["riemann", "surface"], ["b", "c"]]
    text = "A surface. " * 50 + "The Riemann, surface."
    together = snippet(text, '"riemann surface"')
    assert not together.apart
    assert "<mark>Riemann</mark>, <mark>surface</mark>" in together.line
    assert snippet("surface of Riemann", '"riemann surface"').apart
    assert not snippet("surface of Riemann", "riemann surface").apart


def test_markup_of_a_page_stays_text_and_its_controls_are_shown() -> None:
    line = snippet("<script>prime</script>\x1b[31m \u202eprime & <mark>", "prime script").line
    assert line == (
        "&lt;<mark>script</mark>&gt;<mark>prime</mark>&lt;/<mark>script</mark>&gt;"
        "\N{REPLACEMENT CHARACTER}[31m \N{REPLACEMENT CHARACTER}<mark>prime</mark> &amp; &lt;mark&gt;"
    )


def test_without_a_word_of_it_the_text_begins() -> None:
    assert snippet("Only this.", "other").line == "Only this."
    assert snippet("", "other").line == ""


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_text_and_no_question_break_it(text: str, asked: str) -> None:
    line = snippet(text, asked).line
    assert line.replace("<mark>", "").replace("</mark>", "").count("<") == 0
