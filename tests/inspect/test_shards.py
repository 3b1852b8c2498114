"""Shards found, listed, searched and sorted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.core.records import Page, record_id_of
from mathpipe.core.store import write_records
from mathpipe.inspect.shards import Query, Row, Shards, Snippet, find_shards
from tests.inspect.small_run import GAUSS, page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shards of pages, the second empty."""
    first = [page("/one", "A prime  number\nis greater than one."), page("/two", "Two", latex=["x", "y"])]
    last = [page("/three", "Café. No PRIME NUMBERS here?", host="b.example", latex=["z"])]
    for place, pages in enumerate((first, [], last)):
        write_records(tmp_path / f"shard-{place:05d}.parquet", pages, Page)
    return tmp_path


def listed(folder: Path, query: Query) -> list[Row]:
    with Shards(find_shards([str(folder)])) as shards:
        return list(shards.listing(query).rows)


def numbers(folder: Path, **query: object) -> list[int]:
    return [row.number for row in listed(folder, Query(**query))]  # type: ignore[arg-type]


def test_a_file_a_folder_and_a_glob_name_shards(folder: Path) -> None:
    assert find_shards([str(folder / "shard-00000.parquet")]) == [folder / "shard-00000.parquet"]
    assert len(find_shards([str(folder)])) == 3
    assert len(find_shards([str(folder / "shard-0000[02].parquet"), str(folder / "shard-00000.parquet")])) == 2


def test_a_run_folder_means_its_curated_shards(run: Path) -> None:
    assert [file.parent.name for file in find_shards([str(run)])] == ["curate", "curate"]


def test_a_step_folder_means_its_shards_and_not_its_drops(run: Path) -> None:
    assert [file.name for file in find_shards([str(run / "steps" / "crawl")])] == [
        "shard-00000.parquet",
        "shard-00001.parquet",
    ]


@pytest.mark.parametrize("path", ["nowhere", "*.parquet", "."])
def test_a_path_without_shards_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no Parquet shards there"):
        find_shards([path])


def test_no_path_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="no path was given"):
        find_shards([])


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("not parquet")
    with pytest.raises(CorruptShardError, match=r"x\.parquet"):
        Shards([tmp_path / "x.parquet"])


def test_the_summary_counts(folder: Path) -> None:
    with Shards(find_shards([str(folder)])) as shards:
        summary = shards.summary()
    assert (summary.rows, summary.shards, summary.hosts) == (3, 3, 2)
    assert summary.columns[:3] == ("record_id", "url", "host")
    assert summary.size_bytes == sum(file.stat().st_size for file in folder.glob("*.parquet"))


def test_pages_get_columns_of_their_own(folder: Path) -> None:
    with Shards(find_shards([str(folder)])) as shards:
        listing = shards.listing(Query(limit=1))
    assert listing.columns == ("score", "lang", "formulas", "length", "title", "url")
    assert listing.rows == (Row(0, (None, None, 0, 36, "Title of /one", "https://a.example/one")),)
    assert listing.matching == 3


def test_rows_are_numbered_across_shards(folder: Path) -> None:
    assert numbers(folder) == [0, 1, 2]


def test_search_ignores_case_and_white_space(folder: Path) -> None:
    assert numbers(folder, search="Prime number") == [0, 2]


def test_search_looks_into_titles_and_addresses(folder: Path) -> None:
    assert listed(folder, Query(search="b.EXAMPLE"))[0].snippet == Snippet(
        "url", "https://b.example/three", "b.example"
    )


def test_search_takes_signs_as_they_stand(folder: Path) -> None:
    assert numbers(folder, search="here?") == [2]
    assert numbers(folder, search="o.e") == []
    assert numbers(folder, search="café.") == [2]


def test_a_snippet_shows_what_surrounds_the_match(folder: Path) -> None:
    snippet = listed(folder, Query(search="greater"))[0].snippet
    assert snippet == Snippet("text", "A prime  number\nis greater than one.", "greater")


def test_a_regular_expression_can_be_searched(folder: Path) -> None:
    assert numbers(folder, search=r"^t.o$", regex=True) == [1]


def test_a_bad_regular_expression_is_explained(folder: Path) -> None:
    with pytest.raises(InputError, match="a regular expression"):
        listed(folder, Query(search="(", regex=True))


def test_a_hostile_regular_expression_ends(folder: Path) -> None:
    assert numbers(folder, search="(a+)+$|(x|xx)*y", regex=True) == []


def test_a_condition_filters(folder: Path) -> None:
    assert numbers(folder, where="host = 'b.example' OR len(formulas) > 1") == [1, 2]


def test_a_bad_condition_is_explained(folder: Path) -> None:
    with pytest.raises(InputError, match="an SQL condition"):
        listed(folder, Query(where="nosuch > 1"))


@pytest.mark.parametrize(
    ("sort", "descending", "order"),
    [
        ("formulas", True, [1, 2, 0]),
        ("length", False, [1, 2, 0]),
        ("title", False, [0, 2, 1]),
        ("score", True, [0, 1, 2]),  # nobody has one: ties stand in the order of the shards
    ],
)
def test_any_column_sorts(folder: Path, sort: str, descending: bool, order: list[int]) -> None:
    assert numbers(folder, sort=sort, descending=descending) == order


def test_without_a_column_to_sort_by_the_order_of_the_shards_stays(folder: Path) -> None:
    assert numbers(folder, descending=True) == [0, 1, 2]


def test_rows_without_a_value_come_last_either_way(run: Path, tmp_path: Path) -> None:
    table = pa.table({"name": ["a", "b", "c"], "score": [None, 0.5, 0.9]})
    pq.write_table(table, tmp_path / "x.parquet")
    assert numbers(tmp_path, sort="score", descending=True) == [2, 1, 0]
    assert numbers(tmp_path, sort="score") == [1, 2, 0]


def test_an_unknown_column_gets_the_nearest(folder: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'title'"):
        listed(folder, Query(sort="tilte"))
    with pytest.raises(InputError, match="use one of those"):
        listed(folder, Query(columns=("qqqqqq",)))


def test_a_column_name_is_never_sql(folder: Path) -> None:
    with pytest.raises(InputError, match="column"):
        listed(folder, Query(sort='title"; DROP VIEW shards; --'))


def test_any_parquet_file_is_shown_by_its_own_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [3, 1], "blob": [b"\x00\xff", b""], "list": [[1, 2], []]}), tmp_path / "x.parquet")
    with Shards(find_shards([str(tmp_path)])) as shards:
        listing = shards.listing(Query(sort="n"))
        assert shards.summary().hosts is None
    assert listing.columns == ("n", "blob", "list")
    assert listing.rows == (Row(1, (1, "", 0)), Row(0, (3, "00FF", 2)))


def test_a_search_without_columns_of_text_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="a column of text"):
        listed(tmp_path, Query(search="x"))


def test_shards_of_two_versions_are_read_together(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [2], "b": ["x"]}), tmp_path / "2.parquet")
    assert [row.cells for row in listed(tmp_path, Query())] == [(1, None), (2, "x")]


@pytest.mark.parametrize(
    "reference", ["2", record_id_of("/three"), record_id_of("/three")[:12].upper(), "https://b.example/three"]
)
def test_a_record_is_found_by_number_identifier_or_address(folder: Path, reference: str) -> None:
    with Shards(find_shards([str(folder)])) as shards:
        record = shards.record(reference)
    assert (record["#"], record["title"]) == (2, "Title of /three")
    assert record["shard"].endswith("shard-00002.parquet row 0")


@pytest.mark.parametrize("reference", ["3", "ffffffff", "https://nowhere.example/", "no such thing"])
def test_a_record_that_is_not_there_is_named(folder: Path, reference: str) -> None:
    with Shards(find_shards([str(folder)])) as shards, pytest.raises(InputError, match="give a row number below 3"):
        shards.record(reference)


def test_a_reference_to_several_records_lists_them(tmp_path: Path) -> None:
    pages = [replace(page("/same", "x"), record_id=f"abcdef{place:026d}") for place in range(3)]
    write_records(tmp_path / "shard-00000.parquet", pages, Page)
    with Shards(find_shards([str(tmp_path)])) as shards:
        with pytest.raises(InputError, match="give more of one of abcdef00000000000000000000000000, abcdef0"):
            shards.record("abcdef")
        with pytest.raises(InputError, match="one record, not several"):
            shards.record("https://a.example/same")


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_any_text_can_be_searched_for(searched: str) -> None:
    with TemporaryDirectory() as folder:
        pq.write_table(pa.table({"text": ["nothing of the kind"]}), Path(folder) / "x.parquet")
        with Shards(find_shards([folder])) as shards:
            assert shards.listing(Query(search=searched)).matching in (0, 1)


def test_a_page_of_the_run_is_found_in_its_shards(run: Path) -> None:
    with Shards(find_shards([str(run)])) as shards:
        assert shards.record(GAUSS.url)["formulas"][0]["latex"] == "\\int"
