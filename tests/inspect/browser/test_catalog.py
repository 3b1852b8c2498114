"""Every filter, order and count against the same done in plain Python over the same pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Page
from mathpipe.inspect.browser.catalog import ROWS_SHOWN, Catalog, prefix_of
from mathpipe.inspect.browser.filters import MAX_WORDS, Filter, filter_of, parse_query
from mathpipe.inspect.browser.source import open_source
from tests.inspect.browser.conftest import open_catalog
from tests.inspect.browser.shelf import plain_pages, write_shelf

PAGES = plain_pages()


def formats(page: Page) -> set[str]:
    return {formula.source.value for formula in page.formulas}


def score(page: Page) -> float:
    return -1.0 if page.math_score is None else page.math_score


def walk(catalog: Catalog, asked: Filter) -> list[str]:
    """Record ids of the whole list, page after page by its `next` links."""
    found: list[str] = []
    listing = catalog.pages(asked)
    while listing.rows:
        assert listing.first == len(found) + 1
        found += [row.record_id for row in listing.rows]
        assert listing.last == len(found)
        if len(found) >= listing.total:
            break
        listing = catalog.pages(asked, after=listing.rows[-1].number)
    return found


CASES: list[tuple[dict[str, str], Callable[[Page], bool]]] = [
    ({}, lambda page: True),
    ({"host": "b.example"}, lambda page: page.host == "b.example"),
    ({"host": "münchen.example"}, lambda page: page.host == "münchen.example"),
    ({"under": "https://a.example/a/"}, lambda page: page.url.startswith("https://a.example/a/")),
    ({"language": "de"}, lambda page: page.language == "de"),
    ({"language": "none"}, lambda page: page.language is None),
    ({"format": "katex"}, lambda page: "katex" in formats(page)),
    ({"format": "none"}, lambda page: not page.formulas),
    ({"min_score": "0.5"}, lambda page: score(page) >= 0.5),
    ({"max_score": "0.25"}, lambda page: 0 <= score(page) <= 0.25),
    ({"min_formulas": "2", "max_formulas": "3"}, lambda page: 2 <= len(page.formulas) <= 3),
    ({"min_length": "100"}, lambda page: len(page.text) >= 100),
    ({"q": "prime 1"}, lambda page: all(word in f"{page.title} {page.url}".lower() for word in ("prime", "1"))),
    ({"q": "GRÖSSE"}, lambda page: "grösse" in f"{page.title} {page.url}".lower()),
    ({"q": "größe"}, lambda page: "größe" in f"{page.title} {page.url}".lower()),
    ({"q": "100%_'"}, lambda page: False),
    ({"text": "riemann surface"}, lambda page: {"Riemann", "surface"} <= set(page.text.split())),
    ({"text": "naive"}, lambda page: "naïve" in page.text.split()),
    ({"text": "rie*"}, lambda page: "Riemann" in page.text.split()),
    ({"text": "riem"}, lambda page: False),
    ({"text": "!!!"}, lambda page: False),
    (
        {"text": "prime", "host": "a.example", "min_score": "0.5", "format": "mathml", "q": "wiki"},
        lambda page: (
            "prime" in page.text.split()
            and page.host == "a.example"
            and score(page) >= 0.5
            and "mathml" in formats(page)
            and "wiki" in page.url
        ),
    ),
]


@pytest.mark.parametrize(("values", "holds"), CASES, ids=[str(values) for values, _ in CASES])
def test_a_filter_lets_through_exactly_its_pages(
    catalog: Catalog, values: dict[str, str], holds: Callable[[Page], bool]
) -> None:
    expected = [page.record_id for page in PAGES if holds(page)]
    assert walk(catalog, filter_of(values)) == expected
    assert catalog.totals(filter_of(values)).pages == len(expected)


@pytest.mark.parametrize("values", [values for values, _ in CASES], ids=str)
def test_counts_of_pages_found_once_are_counts_of_pages_found_anew(catalog: Catalog, values: dict[str, str]) -> None:
    asked = filter_of(values)
    with catalog.only(asked) as (chosen, rest):
        assert chosen.totals(rest) == catalog.totals(asked)
        assert chosen.scores(rest) == catalog.scores(asked)
        assert chosen.sizes(rest, "length", 2) == catalog.sizes(asked, "length", 2)
        assert chosen.groups(rest, "host", 10) == catalog.groups(asked, "host", 10)
        assert chosen.formats(rest) == catalog.formats(asked)
    assert catalog.totals(Filter()).pages == len(PAGES)  # the copy is gone, the catalog is not


@pytest.mark.parametrize("word", ["ΛΌΓΟΣ", "λόγος", "naïve", "NAI\u0308VE", "İstanbul"])
def test_letters_are_the_same_however_they_are_written(tmp_path: Path, word: str) -> None:
    page = replace(PAGES[0], title="ΛΌΓΟΣ λόγος nai\u0308ve İSTANBUL", text="ΛΌΓΟΣ λόγος nai\u0308ve İSTANBUL")
    catalog = open_catalog(open_source([str(write_shelf(tmp_path / "shards", [page], shards=1))]))
    for field in ("q", "text"):
        assert catalog.totals(filter_of({field: word})).pages == 1, field
    catalog.close()


@pytest.mark.parametrize("name", ["q", "text"])
def test_more_words_than_are_looked_for_are_refused_and_not_left_out(name: str) -> None:
    words = [f"w{number}" for number in range(MAX_WORDS + 1)]
    filter_of({name: " ".join(words[1:])})
    with pytest.raises(InputError, match="at most 24 words"):
        filter_of({name: " ".join(words)})


def test_a_shard_of_an_older_version_may_lack_the_score(tmp_path: Path) -> None:
    folder = write_shelf(tmp_path / "shards", PAGES[:90])
    first = folder / "shard-00000.parquet"
    pq.write_table(pq.read_table(first).drop(["math_score", "language"]), first)
    catalog = open_catalog(open_source([str(folder)]))
    scores = {row.record_id: row.score for row in catalog.pages(Filter()).rows}
    catalog.close()
    assert [scores[page.record_id] for page in PAGES[:50]] == [None] * 30 + [page.math_score for page in PAGES[30:50]]


KEYS: dict[str, Callable[[Page], object]] = {
    "score": score,
    "length": lambda page: len(page.text),
    "formulas": lambda page: len(page.formulas),
    "host": lambda page: page.host.encode(),
    "title": lambda page: page.title.encode(),
}


@pytest.mark.parametrize("order", ["up", "down"])
@pytest.mark.parametrize("sort", list(KEYS))
def test_paging_by_key_walks_the_whole_list_in_order_ties_among_them(catalog: Catalog, sort: str, order: str) -> None:
    expected = sorted(PAGES, key=KEYS[sort], reverse=order == "down")  # type: ignore[arg-type]
    assert walk(catalog, filter_of({"sort": sort, "order": order})) == [page.record_id for page in expected]


@pytest.mark.parametrize("values", [{}, {"sort": "score"}, {"sort": "host", "order": "down"}, {"order": "down"}])
def test_previous_gives_back_the_rows_that_next_left(catalog: Catalog, values: dict[str, str]) -> None:
    asked = filter_of(values)
    first = catalog.pages(asked)
    second = catalog.pages(asked, after=first.rows[-1].number)
    assert catalog.pages(asked, before=second.rows[0].number).rows == first.rows
    assert (second.first, len(second.rows)) == (ROWS_SHOWN + 1, ROWS_SHOWN)


def test_before_the_middle_of_the_first_page_the_first_page_is_whole(catalog: Catalog) -> None:
    first = catalog.pages(Filter())
    assert catalog.pages(Filter(), before=first.rows[10].number).rows == first.rows


def test_neighbours_follow_the_order_of_the_list(catalog: Catalog) -> None:
    asked = Filter(sort="score", host="a.example")
    rows = catalog.pages(asked).rows
    assert catalog.neighbour(asked, rows[0].number, back=True) is None
    assert catalog.neighbour(asked, rows[0].number, back=False) == rows[1].number
    assert catalog.neighbour(asked, rows[5].number, back=True) == rows[4].number


def test_score_columns_count_every_scored_page_once(catalog: Catalog) -> None:
    bins = catalog.scores(Filter())
    counted = {bin_.low: bin_.kept for bin_ in bins if bin_.kept}
    scores = Counter(page.math_score for page in PAGES)
    assert counted == {0.0: scores[0.0], 0.25: scores[0.25], 0.5: scores[0.5], 0.75: scores[0.75], 0.95: scores[1.0]}
    assert len(bins) == 20


def test_size_columns_hold_what_lies_between_their_edges(catalog: Catalog) -> None:
    for bin_ in catalog.sizes(Filter(), "formulas", 1):
        assert bin_.kept == sum(bin_.low <= len(page.formulas) < bin_.high for page in PAGES)
    lengths = catalog.sizes(Filter(), "length", 2)
    assert [bin_.kept for bin_ in lengths] == [
        sum(bin_.low <= len(page.text) < bin_.high for page in PAGES) for bin_ in lengths
    ]


def test_formats_count_pages_and_not_formulas(catalog: Catalog) -> None:
    expected = Counter(name for page in PAGES for name in formats(page) or {""})
    assert dict(catalog.formats(Filter())) == dict(expected)


def test_prefixes_are_host_and_first_folder_then_the_next(catalog: Catalog) -> None:
    top = {group.name: group for group in catalog.prefixes(Filter(host="a.example"), 10)}
    assert set(top) == {"https://a.example/wiki/", "https://a.example/news/", "https://a.example/a/"}
    wiki = [page for page in PAGES if page.url.startswith("https://a.example/wiki/")]
    assert top["https://a.example/wiki/"].pages == len(wiki)
    scores = [page.math_score for page in wiki if page.math_score is not None]
    assert top["https://a.example/wiki/"].score == pytest.approx(sum(scores) / len(scores))
    below = catalog.prefixes(Filter(under="https://a.example/a/"), 10)
    assert [group.name for group in below] == ["https://a.example/a/b/"]


def test_a_prefix_is_the_folder_of_an_address() -> None:
    assert prefix_of("https://a.example/b/c.html?d=/e/#/f/") == "https://a.example/b/"
    assert prefix_of("HTTPS://A.example") == "https://a.example/"
    assert prefix_of("javascript:alert('//a/')") == ""
    assert prefix_of("") == ""


def test_fates_are_the_step_and_its_reason(run: Path) -> None:
    catalog = open_catalog(open_source([str(run)]))
    fates = {re.sub(r".*/", "", row.url): row.fate for row in catalog.pages(Filter()).rows}
    catalog.close()
    assert fates == {
        "gauss": "kept",
        'alert("url")'.join(("javascript:", "")): "kept",
        "plain": "kept",
        "deutsch": "language: other-language",
        "short": "quality: too-short",
        "cooking": "classify: not-math",
        "copy": "deduplicate: duplicate-near",
        "leak": "decontaminate: contaminated",
    }


def test_a_dropped_page_has_the_score_and_language_that_its_drop_tells(run: Path) -> None:
    catalog = open_catalog(open_source([str(run)]))
    rows = {row.url: row for row in catalog.pages(Filter()).rows}
    catalog.close()
    assert rows["https://b.example/cooking"].score == 0.12
    assert rows["https://a.example/deutsch"].score is None
    assert rows["https://a.example/deutsch"].language == "de"
    assert rows["https://a.example/gauss"].score == 0.97


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"min_score": "a"}, "min_score=a"),
        ({"max_length": "1;DROP"}, "a number"),
        ({"min_score": "nan"}, "a number"),
        ({"sort": "url"}, "one of score"),
        ({"order": "sideways"}, "one of up, down"),
        ({"min_score": "1e999"}, "a number"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(values: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        filter_of(values)


def test_an_address_gives_the_filter_back() -> None:
    asked = Filter(q="a&b=c #?", host="münchen.example", min_score="0.5", sort="score")
    assert filter_of(parse_query(asked.address("/pages").partition("?")[2])) == asked
