"""Claims about `filters.language`."""

from dataclasses import replace
from pathlib import Path

import pytest

from filters.language import (
    UNDETERMINED,
    LanguageConfig,
    LanguageDropReason,
    LanguageStage,
    detect_language,
)
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import StageContext

ENGLISH = (
    "The sum of two even numbers is even, because each of them is twice some whole number, and so their sum is "
    "twice the sum of those. The same argument works for three numbers or more, and nothing else is needed."
)
GERMAN = (
    "Die Summe zweier gerader Zahlen ist gerade, denn jede von ihnen ist das Doppelte einer ganzen Zahl, und also "
    "ist ihre Summe das Doppelte der Summe dieser Zahlen. Mehr braucht man für den Beweis nicht zu wissen."
)
FRENCH = (
    "La somme de deux nombres pairs est paire, parce que chacun d'eux est le double d'un nombre entier, et leur "
    "somme est donc le double de la somme de ces entiers. Il n'en faut pas plus pour la démonstration."
)
JAPANESE = (
    "二つの偶数の和は偶数である。なぜなら、それぞれがある整数の二倍であり、"
    "その和は整数の和の二倍になるからである。証明にはこれ以上必要ない。"
)
RUSSIAN = (
    "Сумма двух чётных чисел чётна, потому что каждое из них равно удвоенному целому числу, а значит их сумма "
    "равна удвоенной сумме этих чисел. Для доказательства больше ничего не нужно."
)


def page(text: str) -> Page:
    return Page(record_id="r1", url="https://a.example/", host="a.example", title="", text=text)


def run(text: str, config: LanguageConfig | None = None) -> Page | Drop:
    stage = LanguageStage(config or LanguageConfig(), StageContext(files=Path()))
    (answer,) = stage.run([page(text)])
    return answer


@pytest.mark.parametrize(
    ("text", "language"), [(ENGLISH, "en"), (GERMAN, "de"), (FRENCH, "fr"), (JAPANESE, "ja"), (RUSSIAN, "ru")]
)
def test_language_of_a_paragraph_is_found(text: str, language: str) -> None:
    found = detect_language(text)
    assert found.language == language
    assert 0.5 <= found.score <= 1.0


def test_english_page_goes_on_with_language_and_score() -> None:
    answer = run(ENGLISH)
    assert isinstance(answer, Page)
    assert answer.language == "en"
    assert answer.language_score == pytest.approx(1.0, abs=0.5)
    assert replace(answer, language=None, language_score=None) == page(ENGLISH)


def test_page_in_another_language_is_dropped_with_that_language() -> None:
    answer = run(GERMAN)
    assert isinstance(answer, Drop)
    assert answer.reason == LanguageDropReason.OTHER_LANGUAGE
    assert answer.detail.startswith("de ")
    assert answer.record_id == "r1"


def test_allowed_languages_are_those_of_the_config() -> None:
    assert isinstance(run(GERMAN, LanguageConfig(allowed=("de", "fr"))), Page)
    assert isinstance(run(ENGLISH, LanguageConfig(allowed=("de", "fr"))), Drop)


def test_page_of_formulas_is_undetermined_and_kept() -> None:
    formulas = "\n\n".join(f"$$\n\\int_0^{n} \\operatorname{{sin}}(x)\\,dx = {n}\n$$" for n in range(60))
    answer = run(formulas)
    assert isinstance(answer, Page)
    assert answer.language == UNDETERMINED


def test_undetermined_page_is_dropped_when_asked() -> None:
    answer = run("$x$ and $y$", LanguageConfig(keep_undetermined=False))
    assert isinstance(answer, Drop)
    assert answer.reason == LanguageDropReason.UNDETERMINED


def test_code_does_not_decide_the_language() -> None:
    code = "```\n" + "for the value in the list of values return the result of this function\n" * 40 + "```\n"
    assert detect_language(code + GERMAN).language == "de"


def test_formulas_do_not_decide_the_language() -> None:
    formulas = " ".join(rf"$\text{{where the value of the function is {n}}}$" for n in range(80))
    assert detect_language(FRENCH + formulas).language == "fr"


def test_unsure_guess_is_undetermined() -> None:
    found = detect_language(ENGLISH, LanguageConfig(min_score=1.0))
    assert found.language in {"en", UNDETERMINED}
    assert detect_language("qx zv " * 60, LanguageConfig(min_score=0.999)).language == UNDETERMINED


def test_empty_page_is_undetermined() -> None:
    assert detect_language("").language == UNDETERMINED


def test_lone_surrogate_does_not_raise() -> None:
    assert detect_language(ENGLISH + "\ud800").language == "en"


def test_megabyte_of_one_line_is_read_only_as_far_as_the_limit() -> None:
    assert detect_language(ENGLISH + "x" * 5_000_000).language == "en"
