"""Benchmark items recognised in pages: the two forms, the rule for n-grams and whole items, drops and the index."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.benchmark_grams import distinctive, is_content
from filters.benchmark_index import BenchmarkIndex, Form, IndexConfig, Matchable
from filters.benchmark_items import BenchmarkItem
from filters.benchmark_text import OPERATORS, LatexForm, formal_statement, is_unspaced, plain_words, segments
from filters.build_benchmark_index import INDEX_FILE, BuildBenchmarkIndexStage, build_index
from filters.decontaminate import (
    REMOVED_FILE,
    ContaminationDropReason,
    DecontaminateConfig,
    DecontaminateStage,
    decontaminate,
)
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import StageContext, StepOutput

DUCKS = (
    "Janine's geese lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for "
    "her friends every day with four. How much in dollars does she make at the market for $2 per egg?"
)
SHORT = "Simplify $\\frac{3}{4} \\cdot 12x - 7$."
HARBOUR = "码头上有大船十七艘，小船比大船多九艘，后来又开走了六艘小船，问码头上现在一共有多少艘船？"
LEAN = "theorem sum_of_two_odds (a b : ℤ) (ha : Odd a) (hb : Odd b) : Even (a + b) := by\n"


def item(question: str, name: str = "bench", number: str = "0", formal: bool = False) -> BenchmarkItem:
    return BenchmarkItem(benchmark=name, item_id=number, question=question, formal=formal)


def page(text: str, title: str = "", name: str = "p") -> Page:
    return Page(record_id=name, url=f"https://{name}.example/", host="", title=title, text=text)


def hit_form(question: str, text: str, *, formal: bool = False) -> str | None:
    hit = build_index([item(question, formal=formal)]).hit(text)
    return None if hit is None else hit.form.value


def tokens(text: str) -> str:
    return " ".join(LatexForm().tokens(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Let $x^2+\\frac{1}{2}y \\le 10{,}000$.", "let x 2 + 1 2 y le 10000"),
        ("\\(\\dfrac12\\) and \\[\\tfrac{1}{2}\\]", "1 2 and 1 2"),
        ("$xy$ and $x y$ and ${x}{y}$", "x y and x y and x y"),
        ("$\\sin x$, $\\operatorname{sin} x$, $sin x$", "sin x sin x sin x"),
        ("$\\left( a \\right) \\, \\; b\\quad c$", "a b c"),
        ("x² + ½ ≤ 10,000", "x 2 + 1 2 le 10000"),
        ("10² is not 102", "10 2 is not 102"),
        ("$a_n$, aₙ and $a_{n}$", "a n a n and a n"),
        ("α𝑥 and $\\alpha x$", "alpha x and alpha x"),
        ("π, $\\pi$, √2 and $\\sqrt{2}$", "pi pi sqrt 2 and sqrt 2"),
        ("$3 \\times 4 \\cdot 5$, 3×4·5, 3*4*5", "3 4 5 3 4 5 3 4 5"),
        ("triangle ABC with $AB = 5$", "triangle a b c with a b = 5"),
        ("WHAT IS THE VALUE OF $AB$?", "what is the value of a b"),
        ("$x \\in \\mathbb{R}$, $x ∈ ℝ$", "x in r x in r"),
        ("$a \\neq b$, $a \\not= b$, a ≠ b", "a ne b a ne b a ne b"),
        ("$6 \\mathrm{~cm}$ and $6\\text{ cm}$", "6 cm and 6 cm"),
        ("3ab and 5cm", "3 a b and 5cm".replace("5cm", "5 cm")),
        ("a right-angled triangle", "a right angled triangle"),
        ("**Find** the _value_ of *x*", "find the value of x"),
        ("\n> Find the\n> value", "find the value"),
        ("x\n> 3", "x > 3"),
        ("it costs \\$5 and $7", "it costs 5 and 7"),
        ("$a\\\\[2pt] b$", "a b"),
        ("$\\begin{array}{lr} 1 & 2 \\end{array}$", "1 2"),
        ("$\\label{eq:one} a \\tag{3}$", "a"),
        ("zero\u200bwidth soft\u00adhyphen", "zerowidth softhyphen"),
        ("$10,\\!000$ $10\\,000$ 10,00", "10000 10000 10 00"),
        ("$0.8 - 0.07$", "0.8 - 0.07"),
        ("中文 3 页", "中 文 3 页"),
    ],
)
def test_the_latex_form_reads_as(text: str, expected: str) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x$ is $y$", [("", False), ("x", True), (" is ", False), ("y", True), ("", False)]),
        ("$5 and $7", [("$5 and $7", False)]),
        ("$5-$10", [("$5-$10", False)]),
        ("a \\$ b $c$", [("a \\$ b ", False), ("c", True), ("", False)]),
        ("$$a\nb$$ c", [("", False), ("a\nb", True), (" c", False)]),
        ("$a\n\nb$", [("$a\n\nb$", False)]),
        ("\\(a\\) \\[b\\]", [("", False), ("a", True), (" ", False), ("b", True), ("", False)]),
        ("\\(a", [("\\(a", False)]),
        ("", [("", False)]),
    ],
)
def test_formulas_are_told_from_money_and_prose(text: str, expected: list[tuple[str, bool]]) -> None:
    assert list(segments(text)) == expected


@given(st.text(alphabet="$\\()[]{} ab1\n>-^_,.²中", max_size=60))
@settings(max_examples=300, deadline=None)
def test_segments_cover_the_text_and_tokens_are_clean_for_any_text(text: str) -> None:
    pieces = list(segments(text))
    assert sum(len(piece) for piece, _ in pieces) <= len(text)
    assert "".join(piece for piece, _ in pieces).replace("$", "") in text.replace("$", "") or any(
        kind for _, kind in pieces
    )
    for token in LatexForm().tokens(text):
        assert token == token.strip().lower() != ""


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_forms_do_not_depend_on_what_was_read_before(text: str) -> None:
    used = LatexForm()
    used.tokens("Let $x$ be \\frac12 of π.")
    assert used.tokens(text) == LatexForm().tokens(text)
    assert all(word == word.lower() for word in plain_words(text) if word.isascii())


def test_plain_words_hold_no_punctuation() -> None:
    assert plain_words("- - - \\frac{1}{2}, $5.50 | |--| don't") == ["frac", "1", "2", "5", "50", "don", "t"]


def test_a_formal_statement_is_read_without_its_name_and_its_by() -> None:
    assert formal_statement(LEAN) == " (a b : ℤ) (ha : Odd a) (hb : Odd b) : Even (a + b) "
    assert formal_statement("lemma x.y {n : ℕ} : n = n := sorry") == " {n : ℕ} : n = n "


def test_an_item_is_found_verbatim_in_the_middle_of_a_page() -> None:
    assert hit_form(DUCKS, f"Some page.\n\n{DUCKS}\n\nMore of it.") == "words"


def test_ten_words_of_an_item_are_enough_and_nine_are_not() -> None:
    words = DUCKS.split()
    assert hit_form(DUCKS, "Before. " + " ".join(words[16:26]) + " after") == "words"
    assert hit_form(DUCKS, "Before. " + " ".join(words[17:26]) + " after") is None


@pytest.mark.parametrize(
    "text",
    [
        DUCKS.upper(),
        DUCKS.replace(" ", "\n"),
        DUCKS.replace(",", "").replace(".", " ;"),
        "> " + DUCKS.replace("per day", "per day\n>"),
        DUCKS.replace("eggs", "**eggs**").replace("$2", "\\$2"),
        DUCKS.replace("'", "’"),
    ],
)
def test_an_item_of_words_is_found_after_changes_of_case_spacing_and_marks(text: str) -> None:
    assert hit_form(DUCKS, f"A page.\n\n{text}\n\nEnd.") is not None


@pytest.mark.parametrize(
    "text",
    [
        "Simplify $\\dfrac{3}{4} \\cdot 12x - 7$",
        "Simplify \\(\\tfrac34 \\times 12 x-7\\)".replace("\\tfrac34", "\\tfrac{3}{4}"),
        "**Simplify** $$\\frac 3 4 12x\\,-\\,7.$$",
        "simplify 3/4 · 12x − 7",
        "Simplify ¾·12x – 7",
    ],
)
def test_a_short_item_is_found_as_a_whole_after_changes_of_notation(text: str) -> None:
    assert hit_form(SHORT, f"Exercises.\n\n{text}\n\nNext.") == "whole"


@pytest.mark.parametrize(
    "text",
    [
        "Simplify $\\frac{3}{4} 12x + 7$",
        "Simplify $\\frac{3}{4} 12x$",
        "$\\frac{3}{4} 12x - 7$",
        "Simplify $12x - 7$",
    ],
)
def test_a_short_item_is_not_found_where_any_part_differs(text: str) -> None:
    assert hit_form(SHORT, f"Exercises.\n\n{text}\n\nNext.") is None


def test_a_chinese_item_is_found_by_sixteen_characters() -> None:
    assert hit_form(HARBOUR, "题目：" + HARBOUR) == "words"
    assert hit_form(HARBOUR, "码头上有大船十七艘，小船比大船多九艘") == "words"
    assert hit_form(HARBOUR, "码头上有大船十七艘，小船比") is None


def test_a_lean_statement_is_found_under_another_name() -> None:
    renamed = "lemma odd_add_odd (a b : ℤ) (ha : Odd a)\n    (hb : Odd b) : Even (a + b) := by sorry"
    assert hit_form(LEAN, f"```lean\n{renamed}\n```", formal=True) is not None
    assert hit_form(LEAN, renamed.replace("Even", "Odd"), formal=True) is None


def test_numbers_and_function_words_alone_are_no_evidence() -> None:
    index = build_index(
        [item("In the table are 1 2 3 4 5 6 7 8 9 10 11 12 13 and it is of the form that we have to it")]
    )
    assert index.hit("rows: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16") is None
    assert index.hit("and it is of the form that we have to it") is None


def test_distinct_words_that_count_are_counted_in_every_window() -> None:
    assert distinctive(["cat", "7", "dog", "cat", "cow"], 3, 2, is_content).tolist() == [True, True, True]
    assert distinctive(["cat", "7", "x", "cat", "the"], 3, 2, is_content).tolist() == [False, False, False]
    assert distinctive(["cat", "dog"], 3, 1, is_content).tolist() == []


@given(
    st.lists(st.sampled_from(["cat", "dog", "cow", "7", "the", "x"]), max_size=30),
    st.integers(1, 6),
    st.integers(1, 3),
)
@settings(max_examples=200, deadline=None)
def test_the_sliding_count_equals_counting_each_window(words: list[str], length: int, wanted: int) -> None:
    expected = [
        len({word for word in words[start : start + length] if is_content(word)}) >= wanted
        for start in range(len(words) - length + 1)
    ]
    assert distinctive(words, length, wanted, is_content).tolist() == expected


def test_a_phrase_of_many_items_condemns_no_page() -> None:
    phrase = "express your final answer as a common fraction in lowest terms"
    subjects = ["apples", "boats", "cards", "dogs", "eggs", "flags", "goats", "hats", "inks", "jars", "kites"]
    index = build_index(
        [item(f"Mary counts her {name} {name}times over and over again; {phrase}", number=name) for name in subjects]
    )
    assert index.hit(f"As usual, {phrase}.") is None
    assert index.hit("Mary counts her kites kitestimes over and over again; express your final") is not None


def test_one_question_in_many_benchmarks_is_no_phrase() -> None:
    index = build_index([item(DUCKS, name=f"bench{number}") for number in range(20)])
    assert index.hit(" ".join(DUCKS.split()[3:14])) is not None
    assert {index.matchable(number) for number in range(20)} == {Matchable.NGRAM}


@pytest.mark.parametrize(("items", "found"), [(8, True), (9, False)])
def test_the_bound_on_a_phrase_is_the_number_of_different_questions(items: int, found: bool) -> None:
    phrase = "round every answer carefully towards the nearest tenth of one gallon"
    index = build_index(
        [item(f"Tank {'x' * number} holds water: {phrase}", number=str(number)) for number in range(1, items + 1)]
    )
    assert (index.hit(f"Please {phrase}!") is not None) == found


def test_an_item_whose_only_n_grams_are_command_names_is_found_as_a_whole_without_them() -> None:
    question = "What is $\\left(4\\frac{5}{8}\\right)^{55} \\times \\left(\\frac{8}{37}\\right)^{55}$?"
    assert build_index([item(question)]).matchable(0) is Matchable.NGRAM
    assert hit_form(question, question) == "words"
    assert hit_form(question, "What is $(4\\dfrac58)^{55} \\cdot (\\dfrac{8}{37})^{55}$?") == "whole"
    assert hit_form(question, "What is $(4\\dfrac 5 8)^{55} \\cdot (\\dfrac{8}{37})^{55}$?") == "whole"


def test_how_each_item_can_be_matched_is_recorded() -> None:
    index = build_index([item(DUCKS), item(SHORT), item("Compute $7!$"), item(HARBOUR)])
    assert [index.matchable(number) for number in range(4)] == [
        Matchable.NGRAM, Matchable.WHOLE, Matchable.NOT, Matchable.NGRAM,
    ]  # fmt: skip


def test_an_item_of_fewer_than_three_words_is_not_matched_alone() -> None:
    assert hit_form("Compute $7!$", "Compute $7!$ and more") is None


def test_hits_name_every_item_and_what_matched() -> None:
    index = build_index([item(DUCKS, "ducks", "d1"), item(SHORT, "short", "s1")])
    hits = list(index.hits(f"{SHORT}\n\n{DUCKS}"))
    found = {(index.names[hit.item], hit.form) for hit in hits}
    assert len(hits) == 3
    assert found == {(("ducks", "d1"), Form.WORDS), (("ducks", "d1"), Form.LATEX), (("short", "s1"), Form.WHOLE)}
    assert "simplify 3 4 12 x - 7" in {hit.matched for hit in hits}
    assert all(len(hit.matched.split()) == 10 for hit in hits if hit.form is not Form.WHOLE)


def test_solutions_are_protected_only_when_asked() -> None:
    solved = BenchmarkItem(benchmark="b", item_id="0", question=SHORT, solution=DUCKS)
    assert build_index([solved]).hit(DUCKS) is None
    assert build_index([solved], IndexConfig(protect_solutions=True)).hit(DUCKS) is not None


def test_the_length_of_n_grams_is_a_choice() -> None:
    words = " ".join(DUCKS.split()[16:22])
    assert build_index([item(DUCKS)], IndexConfig(ngram=6)).hit(words) is not None


def test_an_index_comes_back_from_its_file_and_its_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    items = [item(DUCKS, number="a"), item(SHORT, number="b"), item(HARBOUR, number="c")]
    for name in ("one", "two"):
        build_index(items, IndexConfig(min_content_words=2)).save(tmp_path / f"{name}.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    index = BenchmarkIndex.load(tmp_path / "one.npz")
    assert index.config.min_content_words == 2
    assert index.names == [("bench", "a"), ("bench", "b"), ("bench", "c")]
    assert [hit.item for text in (DUCKS, SHORT, HARBOUR) if (hit := index.hit(text))] == [0, 1, 2]
    assert len(index) == 3
    assert index.nbytes > 4 * 2**20


def test_an_index_of_nothing_finds_nothing(tmp_path: Path) -> None:
    build_index([]).save(tmp_path / "empty.npz")
    assert BenchmarkIndex.load(tmp_path / "empty.npz").hit(DUCKS) is None


@pytest.mark.parametrize("content", [b"", b"no index", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_index_is_an_input_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match="build it again"):
        BenchmarkIndex.load(tmp_path / "bad.npz")


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.npz"
    build_index([item(DUCKS)]).save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["version"] = np.array([99])
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="version 1, not 99"):
        BenchmarkIndex.load(path)


def test_clean_pages_go_on_unchanged_and_dirty_ones_say_why() -> None:
    index = build_index([item(DUCKS, "gsm", "7")])
    clean, dirty = page("Nothing to see.", name="clean"), page(f"See: {DUCKS}", name="dirty")
    answers = list(decontaminate([clean, dirty], index))
    assert answers[0] is clean
    assert answers[1] == Drop(
        "dirty", ContaminationDropReason.CONTAMINATED, "https://dirty.example/",
        "gsm 7 (words): janine s geese lay 16 eggs per day she eats",
    )  # fmt: skip


def test_a_question_in_the_title_counts_unless_the_config_says_no() -> None:
    index = build_index([item(DUCKS)])
    titled = page("The answer is 18.", title=DUCKS)
    assert isinstance(next(decontaminate([titled], index)), Drop)
    assert next(decontaminate([titled], index, DecontaminateConfig(check_title=False))) is titled


def test_an_n_gram_does_not_reach_from_the_title_into_the_text_unseen() -> None:
    words = DUCKS.split()
    split = page(" ".join(words[21:40]), title=" ".join(words[:21]))
    assert isinstance(next(decontaminate([split], build_index([item(DUCKS)]))), Drop)


def test_the_stages_build_find_and_list(tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.mkdir()
    items = [item(DUCKS, "gsm", "7"), item(SHORT, "math", "1")]
    assert list(BuildBenchmarkIndexStage(IndexConfig(), StageContext(files=built)).run(items)) == items
    assert (built / INDEX_FILE).is_file()
    sides = {"benchmark_index": StepOutput(shards=(), files=(built,))}
    stage = DecontaminateStage(DecontaminateConfig(), StageContext(files=tmp_path, sides=sides))
    answers = list(stage.run([page("fine", name="a"), page(DUCKS, name="b"), page(SHORT, name="c")]))
    assert [type(answer) for answer in answers] == [Page, Drop, Drop]
    listed = [json.loads(line) for line in (tmp_path / REMOVED_FILE).read_text(encoding="utf-8").splitlines()]
    assert [(row["record_id"], row["benchmark"], row["item_id"], row["form"]) for row in listed] == [
        ("b", "gsm", "7", "words"), ("c", "math", "1", "whole"),
    ]  # fmt: skip


def test_a_shard_without_hits_leaves_an_empty_list(tmp_path: Path) -> None:
    build_index([item(DUCKS)]).save(tmp_path / INDEX_FILE)
    sides = {"benchmark_index": StepOutput(shards=(), files=(tmp_path,))}
    list(DecontaminateStage(DecontaminateConfig(), StageContext(files=tmp_path, sides=sides)).run([page("fine")]))
    assert (tmp_path / REMOVED_FILE).read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    "unit",
    [
        "$",
        "$a ",
        "\\(",
        "{",
        "\\text{",
        "\\begin{",
        "\n> ",
        "1,",
        "A",
        "AB ",
        "-",
        "\\",
        "x^",
        "ₙ",
        "中",
        "=ab",
        "\\not",
    ],
)
def test_a_hostile_page_costs_time_in_proportion_to_its_length(unit: str) -> None:
    index = build_index([item(DUCKS), item(SHORT)])
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    assert index.hit(text) is None
    assert time.process_time() - started < 10  # linear: below 1.5 s here; a quadratic scan would take hours


def test_operators_are_tokens_that_whole_items_keep() -> None:
    assert {
        token
        for token in LatexForm().tokens("$a + b - c = d < e > f \\le g \\ge h \\ne i \\pm j$")
        if token in OPERATORS
    } == OPERATORS


def test_characters_of_unspaced_scripts_are_known() -> None:
    assert [is_unspaced(token) for token in ("中", "の", "한", "a", "中文", "7")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
