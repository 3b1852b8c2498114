"""What the page view says of every step's decision, read from a few files, is what `explain` says that reads all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.metrics import Failure, Ledger
from mathpipe.core.records import Drop
from mathpipe.inspect.browser.catalog import Catalog
from mathpipe.inspect.browser.mentions import nearest
from mathpipe.inspect.browser.source import Source, open_source
from mathpipe.inspect.browser.views import Views
from mathpipe.inspect.explain import Explanation, Fate, explain
from tests.inspect.browser.conftest import open_catalog
from tests.inspect.small_run import (
    COOKING,
    COPY,
    DEUTSCH,
    FORUM_ID,
    GAUSS,
    HOSTILE,
    LEAK,
    PLAIN,
    POISON_ID,
    SHORT,
    drop,
    page,
    write_step,
)

PAGES = (GAUSS, HOSTILE, PLAIN, DEUTSCH, SHORT, COOKING, COPY, LEAK)
FORUM, POISON = "https://a.example/forum", "https://a.example/poison"
SEEN = (*(p.url for p in PAGES), *(p.record_id for p in PAGES), FORUM_ID, FORUM, POISON_ID, POISON)
ASKED_OTHERWISE = (
    GAUSS.record_id.upper(), f"  {GAUSS.url} ", GAUSS.record_id[:9], "https://a.example/gaus", "0" * 32, "x"
)  # fmt: skip


@contextmanager
def opened(run: Path) -> Iterator[tuple[Source, Catalog]]:
    source = open_source([str(run)])
    with closing(open_catalog(source)) as catalog:
        yield source, catalog


def explained(run: Path, asked: str) -> Explanation:
    with opened(run) as (source, catalog):
        said = Views(source, catalog, None, "token")._explanation(asked)
        assert said is not None
        return said


@pytest.mark.parametrize("asked", [*SEEN, *ASKED_OTHERWISE])
def test_the_browser_says_of_a_page_what_explain_says(run: Path, asked: str) -> None:
    assert explained(run, asked) == explain(run, asked)


@pytest.mark.parametrize("asked", [COPY.url, FORUM_ID])
def test_the_files_named_for_a_page_are_those_with_a_row_of_it(run: Path, asked: str) -> None:
    with opened(run) as (source, catalog):
        places = catalog.tables_of(asked)
    assert places is not None
    tables = source.tables
    named = {tables[place] for place in places}
    whole = explain(run, asked)
    for file in tables:  # every one of them counts, and no other does
        assert (explain(run, asked, without=[file]) == whole) == (file not in named)


def test_what_the_run_never_saw_has_no_files(run: Path) -> None:
    with opened(run) as (_, catalog):
        assert catalog.tables_of("https://a.example/never") is None
        assert catalog.tables_of("") is None


def test_a_drop_without_an_address_counts_for_the_address_of_its_record(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS, PLAIN], [])])
    write_step(tmp_path, "curate", [([PLAIN], [replace(drop(GAUSS, "too-short"), url="")])])
    said = explained(tmp_path, GAUSS.url)
    assert said == explain(tmp_path, GAUSS.url)
    assert said.fate is Fate.DROPPED


def test_an_address_crawled_twice_keeps_both_of_its_records(tmp_path: Path) -> None:
    twin = replace(GAUSS, record_id="f" * 32)
    write_step(tmp_path, "crawl", [([GAUSS], []), ([twin], [])])
    write_step(tmp_path, "curate", [([GAUSS], [drop(twin, "duplicate-url")])])
    for asked in (GAUSS.url, twin.record_id, GAUSS.record_id):
        assert explained(tmp_path, asked) == explain(tmp_path, asked)


def test_records_that_later_steps_moved_to_another_shard_are_found_there(tmp_path: Path) -> None:
    pages = [page(f"/{number}", "text") for number in range(12)]
    write_step(tmp_path, "crawl", [(pages[:6], []), (pages[6:], [])])
    write_step(tmp_path, "language", [(pages[::2], []), ([], [Drop(p.record_id, "odd") for p in pages[1::2]])])
    write_step(tmp_path, "curate", [(pages[8::2], [drop(p, "low") for p in pages[:8:2]])])
    with opened(tmp_path) as (source, catalog):
        views = Views(source, catalog, None, "token")
        for one in pages:
            assert views._explanation(one.url) == explain(tmp_path, one.url)


def test_a_page_that_only_the_ledger_knows_is_explained_from_it(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    Ledger(tmp_path / "ledger.jsonl").add(Failure("seed", 0, PLAIN.record_id, PLAIN.url, "quarantined", "why"))
    said = explained(tmp_path, PLAIN.url)
    assert said == explain(tmp_path, PLAIN.url)
    assert said.fate is Fate.FAILED


def test_shards_that_were_written_since_the_index_are_read(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS, PLAIN], [])])
    with opened(tmp_path) as (source, catalog):
        write_step(tmp_path, "language", [([GAUSS], [drop(PLAIN, "other-language")])])
        views = Views(source, catalog, None, "token")
        for one in (GAUSS, PLAIN):
            assert views._explanation(one.record_id) == explain(tmp_path, one.record_id)


def distance(a: str, b: str) -> int:
    """Levenshtein's, by the book."""
    before = list(range(len(b) + 1))
    for row, letter in enumerate(a, 1):
        now = [row]
        for column, other in enumerate(b, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (letter != other)))
        before = now
    return before[-1]


@pytest.mark.parametrize(
    "asked", ["https://www.a.example/aaab/", "http://a.example/a", "https://a.example/bbbbcbbbbb"]
)
def test_the_nearest_addresses_are_those_of_least_distance(tmp_path: Path, asked: str) -> None:
    pages = [page(f"/{letter * count}", "text") for letter in "ab" for count in range(1, 15)]
    write_step(tmp_path, "crawl", [(pages, [])])
    bare = asked.partition("://")[2].removeprefix("www.").rstrip("/")
    apart = sorted((distance(one.url.removeprefix("https://"), bare), one.url) for one in pages)
    most = max(3, len(asked) / 3)
    assert explain(tmp_path, asked).near == tuple(url for far, url in apart[:5] if far <= most)


@pytest.mark.parametrize(
    "asked",
    [
        "https://www.a.example/aaab/",
        "http://a.example/a",
        "https://a.example/bbbbcbbbbb",
        "https://",
        "x",
        "https://a.b",
    ],
)
def test_the_table_of_addresses_has_the_same_nearest_ones(tmp_path: Path, asked: str) -> None:
    pages = [page(f"/{letter * count}", "text") for letter in "ab" for count in range(1, 15)]
    write_step(tmp_path, "crawl", [(pages, [drop(page("/aaac", "text"), "dropped")])])
    assert explained(tmp_path, asked) == explain(tmp_path, asked)


@given(st.lists(st.text("abcé/.", min_size=1, max_size=12), min_size=1, max_size=40), st.text("abcé/.", max_size=14))
@settings(deadline=None, max_examples=40)
def test_addresses_found_by_their_pieces_are_those_of_least_distance(paths: list[str], asked: str) -> None:
    urls = sorted({f"https://host.example/{path}" for path in paths})
    with closing(duckdb.connect()) as index:
        index.execute("CREATE TABLE addresses (url VARCHAR, bare VARCHAR, size INTEGER)")
        for url in urls:
            bare = url.partition("://")[2].rstrip("/")
            index.execute("INSERT INTO addresses VALUES (?, ?, ?)", [url, bare, len(bare)])
        asked = f"http://www.host.example/{asked}"
        bare = asked.partition("://www.")[2].rstrip("/")
        apart = sorted(
            (
                int(
                    index.execute("SELECT levenshtein(?, ?)", [bare, one.partition("://")[2].rstrip("/")]).fetchall()[
                        0
                    ][0]
                ),
                one,
            )
            for one in urls
        )
        expected = [url for far, url in apart[:5] if far <= max(3, len(asked) / 3)]
        found = nearest(lambda query, values: index.execute(query, values).fetchall(), asked)
        assert list(found) == expected
