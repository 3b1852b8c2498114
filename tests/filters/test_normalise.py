"""Claims about `filters.normalise` and `filters.word_classes`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.normalise import FormulaStyle, Normalisation, WordStyle, classifier_text
from filters.word_classes import WordClass, listed_words, lists_digest, token_of

WORDS = Normalisation(words=WordStyle.KEEP)


def with_formulas(style: FormulaStyle) -> Normalisation:
    return Normalisation(words=WordStyle.KEEP, formulas=style)


def test_text_becomes_one_line_of_lower_case_words() -> None:
    assert classifier_text("The Prime\n\nNumbers\u00a0are\tmany.", WORDS) == "the prime numbers are many"


def test_numbers_become_one_token() -> None:
    assert classifier_text("1, 3.14 and 1,000,000", WORDS) == "0 0 and 0"


def test_operators_stay_and_punctuation_goes() -> None:
    assert classifier_text("a + b = c; (d) ≤ e!", WORDS) == "a + b = c d ≤ e"


def test_compatibility_characters_are_unified() -> None:
    assert classifier_text("ﬁnite Ａ ℝ", WORDS) == "finite a r"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (FormulaStyle.DROP, "let be"),
        (FormulaStyle.TOKEN, "let 0f be"),
        (FormulaStyle.COMMANDS, "let frac alpha be"),
        (FormulaStyle.KEEP, "let frac alpha 0 be"),
    ],
)
def test_formula_becomes_what_the_style_says(style: FormulaStyle, expected: str) -> None:
    assert classifier_text(r"Let $\frac{\alpha}{2}$ be", with_formulas(style)) == expected


def test_price_is_no_formula() -> None:
    assert classifier_text(r"from \$5 to \$9", with_formulas(FormulaStyle.TOKEN)) == "from 0 to 0"


def test_words_become_classes() -> None:
    tokens = classifier_text("The theorem of x uses a server and bananas")
    assert tokens == "the 0m of 0l 0w a 0c and 0w"


def test_both_styles_keep_the_word_before_its_class() -> None:
    both = Normalisation(words=WordStyle.BOTH)
    assert classifier_text("the theorem of bananas", both) == "the theorem 0m of bananas"


def test_code_is_left_out_when_asked() -> None:
    text = "proof\n```\nserver\n```\nlemma"
    assert classifier_text(text, Normalisation(code=False)) == "0m 0m"
    assert classifier_text(text, Normalisation(code=True)) == "0m 0c 0m"


def test_text_beyond_the_limit_is_not_read() -> None:
    assert classifier_text("a" * 100 + " theorem", Normalisation(max_chars=100)) == "0w"


def test_no_text_can_pass_for_a_label() -> None:
    assert "__label__" not in classifier_text("__label__math __label__other", WORDS)


def test_formula_mark_in_a_hostile_page_is_no_formula() -> None:
    assert classifier_text("a \ue000 b", with_formulas(FormulaStyle.TOKEN)) == "a b"


def test_word_lists_do_not_overlap() -> None:
    total = sum(1 for _ in listed_words())
    by_class = {member: [w for w, token in listed_words().items() if token == member] for member in WordClass}
    functions = [word for word, token in listed_words().items() if word == token]
    assert total == len(functions) + sum(map(len, by_class.values()))
    assert len(by_class[WordClass.MATHEMATICS]) > 300


@pytest.mark.parametrize(
    ("word", "token"),
    [("theorem", "0m"), ("function", "0s"), ("server", "0c"), ("x", "0l"), ("banana", "0w"), ("the", "the")],
)
def test_token_of_a_word(word: str, token: str) -> None:
    assert token_of(word) == token


def test_digest_of_the_lists_is_stable() -> None:
    assert lists_digest() == lists_digest()
    assert len(lists_digest()) == 16


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(list(WordStyle)), st.sampled_from(list(FormulaStyle)))
def test_any_text_becomes_one_line_of_single_spaced_tokens(
    text: str, words: WordStyle, formulas: FormulaStyle
) -> None:
    line = classifier_text(text, Normalisation(words=words, formulas=formulas))
    assert line == " ".join(line.split())
    assert "\n" not in line
    assert "_" not in line


def test_normalisation_is_settled_after_one_pass_over_words() -> None:
    once = classifier_text("Every GROUP of order p is cyclic: 3 = 1 + 2.", WORDS)
    assert classifier_text(once, WORDS) == once
