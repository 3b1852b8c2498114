"""Keys under which duplicates meet: addresses, texts, bands; one scheme for all."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicate_keys import DuplicateKey, DuplicateKind, KeysStage, keys_of, partition_of, same_text_digest
from filters.minhash import MinHashConfig, Signer
from filters.url_key import url_key
from filters.word_ngrams import WordCodes, run_hashes, words_of
from mathpipe.core.records import Formula, FormulaSource, Page
from mathpipe.core.stage import StageContext
from mathpipe.core.store import read_records, write_records

REPOSITORY = Path(__file__).parents[2]


def words(count: int, start: int = 0) -> str:
    return " ".join(
        f"word{chr(97 + index % 26)}{chr(97 + index // 26 % 26)}" for index in range(start, start + count)
    )


def numbers(seed: int) -> str:
    return " ".join(str(seed * 1000 + index) for index in range(80))


def page(name: str, text: str, url: str = "") -> Page:
    return Page(record_id=name, url=url, host="", title="", text=text)


def keys(text: str, url: str = "https://a.example/x") -> list[DuplicateKey]:
    config = MinHashConfig()
    return list(keys_of(page("p", text, url), Signer(config), config.scheme))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://example.org/a", "https://example.org/a"),
        ("https://www.example.org/a", "https://example.org/a"),
        ("https://EXAMPLE.org/a", "https://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:80/a", "https://example.org/a"),
        ("https://user:secret@example.org/a", "https://example.org/a"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://example.org/a/", "https://example.org/a"),
        ("https://example.org/a/index.html", "https://example.org/a/"),
        ("https://example.org/default.aspx", "https://example.org"),
        ("https://example.org/a#section-2", "https://example.org/a"),
        ("https://example.org/a?utm_source=feed&utm_medium=rss", "https://example.org/a"),
        ("https://example.org/a?gclid=1&id=7", "https://example.org/a?id=7"),
        ("https://example.org/a?b=2&a=1", "https://example.org/a?a=1&b=2"),
        ("https://example.org/a;jsessionid=0A1B?x=1", "https://example.org/a?x=1"),
        ("https://example.org/%7Euser/%61", "https://example.org/~user/a"),
        ("  https://example.org/a\n", "https://example.org/a"),
    ],
)
def test_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert url_key(one) == url_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/a?page=2", "https://example.org/a"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("https://m.example.org/a", "https://example.org/a"),
        ("https://example.org/a", "https://example.org/a/b"),
        ("https://example.org/#!/a", "https://example.org/#!/b"),
        ("https://example.org/app#/a", "https://example.org/app#/b"),
        ("https://example.org/a%2Fb", "https://example.org/a%3Fb"),
        ("https://example.org/indexes.html", "https://example.org/"),
    ],
)
def test_addresses_of_different_pages_have_different_keys(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)


def test_the_key_of_a_plain_address_is_its_host_and_path() -> None:
    assert url_key("https://www.example.org/questions/7?id=3&utm_campaign=x#top") == "example.org/questions/7?id=3"


def test_an_address_that_cannot_be_split_is_its_own_key() -> None:
    assert url_key(" http://[broken/a ") == "http://[broken/a"
    assert url_key("http://example.org:port/a") == "http://example.org:port/a"
    assert url_key("") == ""


def test_a_query_of_thousands_of_fields_is_left_as_it_stands() -> None:
    query = "&".join(f"f{index}=1" for index in range(5_000))
    assert url_key(f"https://example.org/a?{query}") == f"example.org/a?{query}"


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_every_text_has_a_key_that_does_not_change_again_when_http_is_put_before_it(url: str) -> None:
    assert isinstance(url_key(url), str)
    assert url_key(url) == url_key(url)


def test_white_space_and_unicode_composition_do_not_make_another_text() -> None:
    assert same_text_digest("caf\u00e9  au\n\tlait ") == same_text_digest("cafe\u0301 au lait")
    assert same_text_digest("x < 1") != same_text_digest("x > 1")
    assert same_text_digest("Let x") != same_text_digest("let x")


def test_a_text_of_white_space_has_no_digest() -> None:
    assert same_text_digest(" \n\u00a0") is None


def test_a_long_page_has_one_key_for_address_and_text_and_one_a_band() -> None:
    counts = Counter(key.kind for key in keys(words(200)))
    assert counts == {DuplicateKind.URL: 1, DuplicateKind.EXACT: 1, DuplicateKind.NEAR: 16}


def test_a_short_page_has_no_bands() -> None:
    assert [key.kind for key in keys(words(53))] == [DuplicateKind.URL, DuplicateKind.EXACT]
    assert len(keys(words(54))) == 18  # 54 words are 50 shingles


def test_an_empty_page_without_address_has_no_key() -> None:
    assert keys("", url="") == []


def test_a_key_carries_what_ranking_and_checking_need() -> None:
    formula = Formula("x", False, FormulaSource.KATEX)
    config = MinHashConfig()
    whole = Page(record_id="p", url="u", host="", title="", text=words(80), formulas=[formula, formula])
    node = next(keys_of(whole, Signer(config), config.scheme)).page
    assert (node.record_id, node.url, node.formulas, node.characters) == ("p", "u", 2, len(words(80)))
    assert len(node.signature) == 128


def test_most_formulas_then_the_longest_text_then_the_shortest_address_ranks_first() -> None:
    def node(name: str, text: str, url: str, formulas: int = 0) -> DuplicateKey:
        made = Page(record_id=name, url=url, host="", title="", text=text,
                    formulas=[Formula("x", False, FormulaSource.KATEX)] * formulas)  # fmt: skip
        return next(keys_of(made, Signer(MinHashConfig()), "s"))

    found = [
        node("d", "aaa", "https://u/long"),
        node("b", "aaaa", "u"),
        node("c", "aaa", "https://u"),
        node("a", "a", "u", 1),
    ]
    assert [key.page.record_id for key in sorted(found, key=lambda key: key.page.rank)] == ["a", "b", "c", "d"]


def test_keys_of_one_value_lie_in_one_partition_and_partitions_fill_evenly() -> None:
    first = keys(words(300))
    second = keys(words(300), url="https://b.example/y")
    shared = {key.value: partition_of(key, 7) for key in first if key.kind is not DuplicateKind.URL}
    assert shared == {key.value: partition_of(key, 7) for key in second if key.kind is not DuplicateKind.URL}
    many = [key for index in range(60) for key in keys(numbers(index), url=f"https://a.example/{index}")]
    counts = Counter(partition_of(key, 4) for key in many)
    assert sorted(counts) == [0, 1, 2, 3]
    assert max(counts.values()) < 1.3 * min(counts.values())


def test_the_same_band_value_of_another_kind_is_another_key() -> None:
    values = [key.value for key in keys(words(100))]
    assert len(set(values)) == len(values) == 18


def test_the_scheme_names_library_version_permutations_seed_shingles_and_bands() -> None:
    scheme = MinHashConfig(seed=9).scheme
    for part in ("datasketch-2.", "affine32", "perm128", "seed9", "shingle5", "bands16x8", "bits8"):
        assert part in scheme
    assert MinHashConfig(seed=9).scheme != MinHashConfig(seed=8).scheme


def test_the_stage_writes_keys_that_the_store_gives_back(tmp_path: Path) -> None:
    stage = KeysStage(MinHashConfig(), StageContext(files=tmp_path))
    made = list(stage.run([page("p", words(90), "https://a.example/"), page("q", "short", "")]))
    write_records(tmp_path / "keys.parquet", made, DuplicateKey)
    assert list(read_records(tmp_path / "keys.parquet", DuplicateKey)) == made
    assert len(made) == 18 + 1


def test_keys_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    code = (
        "from tests.filters.test_duplicate_keys import keys, words;"
        "print([key.value.hex() for key in keys(words(120))], keys(words(120))[-1].page.signature.hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, cwd=REPOSITORY,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_words_are_letters_numbers_commands_and_single_han_characters() -> None:
    assert words_of("Let \\frac{1}{20} be naïve, 中文abc!") == [
        "let",
        "\\frac",
        "1",
        "20",
        "be",
        "naïve",
        "中",
        "文",
        "abc",
    ]


def test_a_run_hash_depends_on_order_and_on_every_word() -> None:
    codes = WordCodes()

    def one(text: str) -> int:
        return int(run_hashes(codes.of(text.split()), 3)[0])

    assert len({one("a b c"), one("c b a"), one("a b d"), one("b a c"), one("a a c")}) == 5
    assert one("a b c") == one("a b c")


def test_runs_are_as_many_as_places_they_can_begin_at() -> None:
    codes = WordCodes().of(list("abcdef"))
    assert [len(run_hashes(codes, length)) for length in (1, 5, 6, 7)] == [6, 2, 1, 0]


def test_equal_runs_hash_equal_wherever_they_stand() -> None:
    codes = WordCodes().of("x y z q x y z".split())
    hashes = run_hashes(codes, 3).tolist()
    assert hashes[0] == hashes[4]
    assert len(set(hashes)) == 4


def test_a_salt_gives_other_codes_and_long_words_are_not_remembered() -> None:
    one, two = WordCodes(b"one"), WordCodes(b"two")
    assert one["word"] != two["word"]
    assert "word" in one
    _ = one["w" * 1000]
    assert "w" * 1000 not in one
