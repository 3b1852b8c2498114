"""Mining n-grams: what counts, what does not, and that the file is the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.ngrams import (
    NGRAMS_FILE,
    MineNgramsStage,
    NgramConfig,
    NgramScorer,
    NgramTable,
    mine_ngrams,
    ngrams_of,
    prose_words,
)
from mathpipe.core.errors import InputError, StageError
from mathpipe.core.records import SeedLabel, SeedPage
from mathpipe.core.stage import StageContext

MATHEMATICS = (
    "Every prime number greater than two is odd. The theorem says that the sum converges.",
    "A proof by induction: the prime number theorem gives the density. Suppose the claim fails.",
    "The matrix is invertible, and its determinant is a prime number. We give a proof.",
    "Consider the polynomial of degree two; by the theorem its roots are real.",
)
OTHER = (
    "The committee met on Tuesday to discuss the budget for the new stadium.",
    "Install the package and restart the server; the log says what is wrong.",
    "She said that the match was the best of the season so far.",
    "The recipe is simple: two eggs, a cup of flour, and the juice of a lemon.",
)


def seed_page(label: SeedLabel, text: str, host: str, formulas: int = 2) -> SeedPage:
    url = f"https://{host}/{abs(hash(text)) % 10}"
    return SeedPage(record_id=url, url=url, host=host, label=label, text=text, formula_count=formulas)


def seed(copies: int = 6) -> list[SeedPage]:
    pages = []
    for copy in range(copies):
        for number, text in enumerate(MATHEMATICS):
            pages.append(seed_page(SeedLabel.MATH, text, f"m{(copy + number) % 3}.example"))
        for number, text in enumerate(OTHER):
            pages.append(seed_page(SeedLabel.OTHER, text, f"o{(copy + number) % 3}.example"))
    return pages


TABLE = mine_ngrams(seed())


def test_words_of_mathematics_get_weights_and_plain_english_none() -> None:
    assert {"theorem", "prime number", "proof", "prime number theorem"} <= set(TABLE.weights)
    assert not {"the", "of the", "is the"} & set(TABLE.weights)


def test_the_table_parts_mathematics_from_the_rest() -> None:
    scores = {label: [TABLE.score(prose_words(text)) for text in texts] for label, texts in
              ((SeedLabel.MATH, MATHEMATICS), (SeedLabel.OTHER, OTHER))}  # fmt: skip
    assert min(scores[SeedLabel.MATH]) > max(scores[SeedLabel.OTHER])
    assert TABLE.threshold > max(scores[SeedLabel.OTHER])


def test_an_ngram_must_stand_in_enough_pages() -> None:
    pages = [*seed(2), seed_page(SeedLabel.MATH, "a lone cohomology", "m0.example")]
    assert "cohomology" not in mine_ngrams(pages).weights
    assert "cohomology" in mine_ngrams(pages, NgramConfig(min_count=1, min_hosts=1)).weights


def test_words_of_one_host_alone_do_not_count() -> None:
    pages = seed() + [seed_page(SeedLabel.MATH, f"{text} gapdoc", "one.example") for text in MATHEMATICS]
    assert "gapdoc" not in mine_ngrams(pages).weights


def test_a_word_common_on_one_other_host_does_not_count() -> None:
    manual = [
        seed_page(SeedLabel.OTHER, f"function {number} returns a value", "manual.example") for number in range(25)
    ]
    news = [seed_page(SeedLabel.OTHER, f"news item {number}", "news.example") for number in range(500)]
    pages = [*news, *manual, *seed()]
    pages += [
        seed_page(SeedLabel.MATH, f"{text} The function.", f"m{n}.example") for n, text in enumerate(MATHEMATICS)
    ]
    assert "function" not in mine_ngrams(pages, NgramConfig(min_count=2)).weights


def test_positives_without_formulas_count_only_where_too_few_have_some() -> None:
    bare = [seed_page(SeedLabel.MATH, "contents index cohomology", f"m{n}.example", formulas=0) for n in range(9)]
    assert "cohomology" not in mine_ngrams([*seed(), *bare]).weights
    assert "cohomology" in mine_ngrams([*seed(), *bare], NgramConfig(min_positives=1000)).weights


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Let $x_1$ be\n$$\ny=z\n$$\nprime", ["let", "be", "prime"]),
        ("costs \\$5 today", ["costs", "today"]),
        ("see\n```\ncode here\n```\nand `inline` [text](https://a.example/b)", ["see", "and", "text"]),
        ("Größe 12 Straße_x", ["größe", "straße", "x"]),
    ],
)
def test_formulas_code_and_addresses_are_no_words(text: str, words: list[str]) -> None:
    assert prose_words(text) == words


def test_ngrams_reach_to_three_words() -> None:
    assert ngrams_of(["a", "b", "c", "d"]) == {"a", "b", "c", "d", "a b", "b c", "c d", "a b c", "b c d"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from("prime number theorem proof matrix polynomial of degree the a lemon".split()), max_size=40
    )
)
def test_bytes_score_as_their_words_do(words: list[str]) -> None:
    table = NgramTable(TABLE.weights, TABLE.threshold)
    body = f"<p>{' '.join(words)}</p>".encode()
    assert NgramScorer(table).score(body) == pytest.approx(table.score(words))


def test_tags_between_words_do_not_part_an_ngram() -> None:
    scorer = NgramScorer(NgramTable({"prime number": 4.0}, 0.1))
    assert scorer.score(b"a prime <b>number</b>") == scorer.score(b"a prime number") > 0
    assert scorer.score(b"a prime. number") == scorer.score(b"a prime number")
    assert scorer.score(b"a primenumber") == 0


def test_a_page_without_anchors_is_not_scored() -> None:
    table = NgramTable({"theorem": 4.0, "lemmas": 4.0, "proofs": 4.0}, 0.1, anchors=("lemmas", "proofs"))
    assert NgramScorer(table).score(b"a theorem") == 0
    assert NgramScorer(table).score(b"Lemmas and proofs of a theorem") > 0


def test_anchors_are_mined_where_the_seed_allows() -> None:
    pages = []
    for number in range(120):
        words = " ".join(f"homology{chr(97 + (number + k) % 7)} manifold{chr(97 + k)}" for k in range(4))
        pages.append(seed_page(SeedLabel.MATH, f"the {words}", f"m{number % 3}.example"))
        pages.append(seed_page(SeedLabel.OTHER, OTHER[number % 4], f"o{number % 3}.example"))
    table = mine_ngrams(pages)
    assert table.anchors
    assert all(len(anchor) >= 6 for anchor in table.anchors)
    assert NgramScorer(table).score(f"<p>{pages[0].text}</p>".encode()) > table.threshold


def test_a_table_reads_back_as_it_was(tmp_path: Path) -> None:
    TABLE.save(tmp_path / "t.json")
    assert NgramTable.load(tmp_path / "t.json") == TABLE


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 99}', "not json"])
def test_a_file_that_is_no_table_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(InputError, match=r"t\.json"):
        NgramTable.load(tmp_path / "t.json")


def test_a_seed_of_one_kind_is_refused() -> None:
    with pytest.raises(StageError, match="label some of each kind"):
        mine_ngrams(page for page in seed() if page.label is SeedLabel.MATH)


def test_the_stage_leaves_a_file_and_no_records(tmp_path: Path) -> None:
    assert list(MineNgramsStage(NgramConfig(), StageContext(tmp_path)).run(seed())) == []
    assert NgramTable.load(tmp_path / NGRAMS_FILE) == TABLE
    assert MineNgramsStage.memory_bytes(NgramConfig(), 1000) > 0


def test_the_same_seed_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.crawl.test_ngrams import seed; "
        "from crawl.ngrams import mine_ngrams; mine_ngrams(seed()).save(Path(sys.argv[1]))"
    )
    files = []
    for hash_seed in ("0", "1"):
        files.append(tmp_path / hash_seed)
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(files[-1])], check=True, env=environment)
    assert files[0].read_bytes() == files[1].read_bytes()
