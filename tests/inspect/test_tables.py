"""Parquet shards as views."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import CorruptShardError
from mathpipe.inspect.tables import Tables, quoted


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard-00000.parquet"
    table = pa.table({"value": [0.0, 0.5, 0.99, 1.0, 1.5, None], "none": pa.array([None] * 6, pa.string())})
    pq.write_table(table, path)
    return path


def test_an_identifier_is_quoted_whatever_it_holds() -> None:
    assert quoted('a"b') == '"a""b"'


def test_no_files_make_no_view() -> None:
    with Tables() as tables:
        assert tables.add("nothing", []) is False


def test_a_path_with_quotes_and_stars_is_a_path(shard: Path, tmp_path: Path) -> None:
    odd = tmp_path / "o'dd"
    odd.mkdir()
    shard.rename(odd / "x.parquet")
    with Tables() as tables:
        tables.add("odd", [odd / "x.parquet"])
        assert tables.number(f"SELECT count(*) FROM {tables.name('odd')}") == 6


def test_records_of_another_kind_are_not_pages(shard: Path) -> None:
    with Tables() as tables:
        assert tables.add_pages("step", [shard]) is False


def test_a_column_of_nulls_has_no_values(shard: Path) -> None:
    with Tables() as tables:
        tables.add("step", [shard])
        assert [tables.has_values("step", name) for name in ("value", "none", "missing")] == [True, False, False]


def test_bins_take_both_ends_and_leave_out_the_rest(shard: Path) -> None:
    with Tables() as tables:
        tables.add("step", [shard])
        assert tables.bins("SELECT value FROM step", 4) == [1, 0, 1, 2]


def test_numbered_views_know_file_and_row(shard: Path) -> None:
    with Tables() as tables:
        tables.add("step", [shard], numbered=True)
        rows = tables.rows("SELECT filename, file_row_number FROM step WHERE value = $value", {"value": 0.5})
    assert rows == [(str(shard), 1)]


@pytest.mark.parametrize("place", [40, 3_000, 9_000])
def test_rot_inside_a_shard_is_an_error_with_a_cure(tmp_path: Path, place: int) -> None:
    path = tmp_path / "shard-00000.parquet"
    pq.write_table(pa.table({"text": [f"page {number}" for number in range(5_000)]}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[place : place + 200] = bytes(byte ^ 0xFF for byte in data[place : place + 200])
    path.write_bytes(data)
    with Tables() as tables:
        tables.add("step", [path])
        with pytest.raises(CorruptShardError, match="run again"):
            tables.rows("SELECT sum(length(text)) FROM step")


def test_a_query_at_fault_is_not_taken_for_rot(shard: Path) -> None:
    with Tables() as tables:
        tables.add("step", [shard])
        for query in ("SELECT nosuch FROM step", "SELECT regexp_matches('x', '(') FROM step", "SELEC"):
            with pytest.raises(duckdb.Error):
                tables.rows(query)


def test_rows_from_elsewhere_become_a_view_and_what_does_not_fit_is_null() -> None:
    columns = {
        "name": "VARCHAR",
        "count": "BIGINT",
        "share": "DOUBLE",
        "right": "BOOLEAN",
        "parts": "STRUCT(kind VARCHAR, text VARCHAR)[]",
    }
    rows: list[dict[str, object]] = [
        {"name": "lone \ud800", "count": 3, "share": 1, "right": True, "parts": [{"kind": "text", "text": "x"}]},
        {"name": 7, "count": 2**70, "share": "much", "right": 1, "parts": [3, {"text": None}], "more": 1},
        {"count": True, "share": 10**400},
    ]
    with Tables() as tables:
        tables.add_rows("rows", rows, columns)
        assert tables.rows("SELECT * FROM rows") == [
            ("lone ?", 3, 1.0, True, [{"kind": "text", "text": "x"}]),
            ("7", None, None, None, [{"kind": None, "text": None}]),
            (None, None, None, None, None),
        ]


def test_a_query_becomes_a_view() -> None:
    name = 'odd "name"'
    with Tables() as tables:
        tables.define(name, "SELECT 1 AS one")
        assert tables.columns(name) == {"one": "INTEGER"}
        assert tables.number(f"SELECT one FROM {tables.name(name)}") == 1
