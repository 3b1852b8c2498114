"""Claims about `filters.quality`: each rule drops what it is for, and real mathematics survives all of them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.quality import QualityConfig, QualityDropReason, QualityStage, quality_verdict
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import StageContext

PROSE = (
    "Every whole number greater than one can be written as a product of primes, and apart from the order of the "
    "factors this can be done in only one way. To prove that it can be done, take the smallest number for which it "
    "cannot; it is not prime, so that it is a product of two smaller numbers, and each of these is a product of "
    "primes. To prove that there is only one way, use that a prime that divides a product divides one of its factors."
)


def page(text: str, language: str | None = "en") -> Page:
    return Page(record_id="r", url="https://a.example/", host="a.example", title="", text=text, language=language)


def verdict(text: str, config: QualityConfig | None = None, language: str | None = "en") -> QualityDropReason | None:
    return quality_verdict(page(text, language), config)


def numbered_sentences(count: int) -> list[str]:
    nouns = ("triangle", "circle", "square", "point", "line", "angle", "plane", "curve", "solid")
    verbs = ("touches", "cuts", "meets", "contains", "avoids", "bisects", "covers")
    return [
        f"Any {nouns[n % 9]} {verbs[n % 7]} the {nouns[(n * 4 + 2) % 9]} of case {n} and to be shown"
        for n in range(count)
    ]


def test_good_prose_passes() -> None:
    assert verdict(PROSE) is None


def test_page_of_few_words_is_too_short() -> None:
    assert verdict("See also the next chapter.") is QualityDropReason.TOO_SHORT


def test_formulas_count_as_words() -> None:
    short = "We have " + " and ".join(f"$x_{{{n}}} = {n}$" for n in range(30)) + " to be shown, with that."
    assert verdict(short) is None


def test_page_of_very_many_words_is_too_long() -> None:
    assert verdict("the numbers of " * 40_000) is QualityDropReason.TOO_LONG


def test_mean_word_length_beyond_the_bounds_is_no_text() -> None:
    assert verdict("supercalifragilistic incomprehensibilities " * 40) is QualityDropReason.WORD_LENGTH
    assert verdict("of it is to " * 60) is QualityDropReason.WORD_LENGTH


def test_numbers_alone_are_no_text() -> None:
    assert verdict("1204 3311 8842 the " * 40) is QualityDropReason.FEW_WORDS


def test_hashes_in_running_text_are_symbols() -> None:
    assert verdict(PROSE + "\n" + "go #now #here " * 40) is QualityDropReason.SYMBOLS


def test_headings_are_no_symbols() -> None:
    headings = "\n".join(f"#### {sentence}" for sentence in numbered_sentences(20))
    assert verdict(PROSE + "\n" + headings) is None


def test_headings_in_a_quotation_are_no_symbols() -> None:
    quoted = "\n".join(f"> ### {sentence}" for sentence in numbered_sentences(20))
    assert verdict(PROSE + "\n" + quoted) is None


def test_ellipses_inside_formulas_are_no_symbols() -> None:
    text = " ".join(f"{sentence} $1, 2, ..., n_{{{n}}}$." for n, sentence in enumerate(numbered_sentences(20)))
    assert verdict(text) is None


def test_english_without_stop_words_is_no_text() -> None:
    assert verdict("download pictures videos songs " * 30) is QualityDropReason.NO_STOP_WORDS


def test_stop_words_are_asked_only_of_english() -> None:
    german = "Jede ganze Zahl lässt sich als Produkt von Primzahlen schreiben und zwar eindeutig " * 2
    varied = " ".join(f"{word}{'abcdefgh'[n % 8]}" for n, word in enumerate((german * 3).split()))
    assert verdict(varied, language="de") is None


def test_exercises_have_stop_words_of_their_own() -> None:
    exercises = "\n".join(f"Find f({n}) if f({n + 1}) = {n * 3} for case {n % 5}." for n in range(25))
    assert verdict(exercises) is None


def test_page_of_bullets_is_a_list() -> None:
    text = "\n".join(f"- {sentence}" for sentence in numbered_sentences(30))
    assert verdict(text) is QualityDropReason.BULLETS


def test_lines_that_are_cut_off_are_teasers() -> None:
    text = "\n".join(f"{sentence}…" for sentence in numbered_sentences(30))
    assert verdict(text) is QualityDropReason.ELLIPSES


def test_repeated_long_lines_are_boilerplate() -> None:
    line = "Subscribe to our newsletter and get the latest of all that we have in store."
    assert verdict(PROSE + f"\n{line}" * 20) is QualityDropReason.REPEATED_LINES


def test_repeated_short_lines_are_structure() -> None:
    text = "\n".join(f"{sentence}.\nProof.\nOmitted." for sentence in numbered_sentences(20))
    assert verdict(text) is None


def test_one_phrase_over_and_over_is_spam() -> None:
    phrase = "buy the finest cheap watches online today with us"
    text = " ".join(f"{word} {phrase}" for word in ["hurry", "friends", "indeed", "again"] * 30)
    assert verdict(text) is QualityDropReason.REPEATED_PHRASE


def test_sheet_of_exercises_that_begin_alike_survives() -> None:
    nouns = ("sum", "product", "difference", "quotient", "square", "root")
    sheet = "\n".join(
        f"Find the value of the {nouns[n % 6]} of {n * 7} and {n + 3} divided by {n}." for n in range(1, 60)
    )
    assert verdict(sheet) is None


def test_placeholder_text_is_dropped() -> None:
    assert verdict(PROSE + " Lorem ipsum dolor sit amet.") is QualityDropReason.PLACEHOLDER


def test_page_full_of_formulas_survives() -> None:
    steps = "\n\n".join(
        f"By the induction hypothesis, {sentence}, the sum to {n} is\n\n"
        f"$$\n\\sum_{{k=1}}^{{{n}}} k = \\frac{{{n}({n}+1)}}{{2}}\n$$"
        for n, sentence in enumerate(numbered_sentences(30), start=2)
    )
    assert verdict(PROSE + "\n\n" + steps) is None


def test_table_lines_are_judged_by_no_line_rule() -> None:
    table = "\n".join(
        "| - the same cell of the same long table row, again and again | and that… |" for _ in range(40)
    )
    result = verdict(PROSE + "\n" + table)
    assert result not in {QualityDropReason.BULLETS, QualityDropReason.ELLIPSES, QualityDropReason.REPEATED_LINES}


def test_code_is_not_judged() -> None:
    code = "```\n" + "#\n" * 500 + "```"
    assert verdict(PROSE + "\n" + code) is None


def test_thresholds_are_those_of_the_config() -> None:
    assert verdict("There is nothing to be shown with that.", QualityConfig(min_words=5)) is None


def test_stage_yields_one_answer_a_page() -> None:
    stage = QualityStage(QualityConfig(), StageContext(files=Path()))
    good, bad = page(PROSE), page("short")
    assert list(stage.run([good, bad])) == [good, Drop("r", QualityDropReason.TOO_SHORT, "https://a.example/")]


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "#" * 1_000_000, "a.\n" * 300_000, "$" * 1_000_000, "the of " * 300_000]
)
def test_hostile_page_gets_a_verdict(text: str) -> None:
    assert verdict(text) is not None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert verdict(text, QualityConfig(min_words=0)) in {None, *QualityDropReason}
