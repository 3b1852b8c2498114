import subprocess
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.errors import CorruptShardError, DiskFullError, InputError
from mathpipe.core.records import Formula, FormulaCount, FormulaSource, Page
from mathpipe.core.store import ShardWriter, digest_file, read_records, schema_of, write_records


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    name: str
    weight: float | None


@dataclass(frozen=True)
class Outer:
    number: int
    raw: bytes
    colour: Colour
    maybe: str | None = None
    inners: list[Inner] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    yes: bool = False


inner_values = st.builds(Inner, st.text(), st.none() | st.floats(allow_nan=False))
outer_values = st.builds(
    Outer,
    st.integers(-(2**63), 2**63 - 1),
    st.binary(),
    st.just(Colour.RED),
    st.none() | st.text(),
    st.lists(inner_values, max_size=4),
    st.lists(st.text(), max_size=4),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(records=st.lists(outer_values, max_size=20))
def test_records_come_back_as_they_went_in(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "shard.parquet"
    write_records(path, records, Outer)
    assert list(read_records(path, Outer)) == records


def test_schema_follows_the_fields():
    schema = schema_of(Outer)
    assert schema.names == ["number", "raw", "colour", "maybe", "inners", "words", "yes"]
    assert str(schema.field("inners").type) == "list<item: struct<name: string, weight: double>>"


def test_a_field_that_arrow_cannot_hold_is_refused():
    @dataclass
    class Bad:
        thing: complex

    with pytest.raises(InputError, match="complex"):
        schema_of(Bad)


def test_written_digest_and_size_are_those_of_the_file(tmp_path):
    written = write_records(tmp_path / "a.parquet", [Outer(1, b"x", Colour.RED)] * 1000, Outer)
    assert written.digest == digest_file(tmp_path / "a.parquet")
    assert written.size_bytes == (tmp_path / "a.parquet").stat().st_size
    assert written.rows == 1000


def test_same_records_give_same_bytes(tmp_path):
    records = [Outer(n, bytes([n % 256]), Colour.RED, inners=[Inner("i", n / 3)]) for n in range(3000)]
    write_records(tmp_path / "a.parquet", records, Outer)
    write_records(tmp_path / "b.parquet", iter(records), Outer)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_large_shards_are_cut_into_row_groups_of_bounded_size(tmp_path):
    page = "x" * 100_000
    records = [Outer(n, page.encode() + bytes([n % 256]) * n, Colour.RED) for n in range(600)]
    write_records(tmp_path / "a.parquet", records, Outer)
    assert pq.ParquetFile(tmp_path / "a.parquet").metadata.num_row_groups == 3


def _page(number: int) -> Page:
    return Page(
        record_id=f"id{number}",
        url=f"https://host.example/{number}",
        host="host.example",
        title="t",
        text="$x$",
        formulas=[Formula("x", False, FormulaSource.KATEX)],
        formula_counts=[FormulaCount(FormulaSource.KATEX, 2, 1)],
    )


def test_shards_open_in_duckdb_pandas_and_datasets(tmp_path):
    path = tmp_path / "shard-00000.parquet"
    write_records(path, [_page(0), _page(1)], Page)
    assert duckdb.sql(f"select formulas[1].latex, url from '{path}' order by url").fetchall() == [
        ("x", "https://host.example/0"),
        ("x", "https://host.example/1"),
    ]
    assert list(pd.read_parquet(path)["record_id"]) == ["id0", "id1"]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    assert loaded[1]["formulas"] == [{"latex": "x", "display": False, "source": "katex"}]


def test_a_shard_of_other_records_is_refused_by_name(tmp_path):
    write_records(tmp_path / "a.parquet", [_page(0)], Page)
    with pytest.raises(InputError, match=r"a\.parquet: a shard of Outer records \(column 'number' is missing\)"):
        list(read_records(tmp_path / "a.parquet", Outer))


@dataclass(frozen=True)
class Older:
    """`Outer` before it had `maybe`."""

    number: int
    raw: bytes
    colour: Colour
    inners: list[Inner]
    words: list[str]
    yes: bool


def test_a_column_of_an_earlier_version_s_shard_that_may_be_none_is_none(tmp_path):
    older = [Older(n, b"x", Colour.RED, [Inner("i", 0.5)], ["w"], True) for n in range(300)]
    write_records(tmp_path / "a.parquet", older, Older)
    assert list(read_records(tmp_path / "a.parquet", Outer)) == [
        Outer(n, b"x", Colour.RED, None, [Inner("i", 0.5)], ["w"], True) for n in range(300)
    ]


def test_a_missing_column_with_another_default_is_an_error(tmp_path):
    table = pa.table({"number": [1], "raw": [b"x"], "colour": ["red"], "inners": [[]], "words": [[]]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a shard of Outer records \(column 'yes' is missing\)"):
        list(read_records(tmp_path / "a.parquet", Outer))


@pytest.mark.parametrize("damage", ["clip", "zero", "garbage"])
def test_a_rotten_shard_says_so_and_how_to_mend_it(tmp_path, damage):
    path = tmp_path / "a.parquet"
    write_records(path, [_page(n) for n in range(300)], Page)
    data = path.read_bytes()
    spoiled = {"clip": data[: len(data) // 2], "zero": b"", "garbage": b"\x00" * len(data)}[damage]
    path.write_bytes(spoiled)
    with pytest.raises(CorruptShardError, match=r"a\.parquet.*run again"):
        list(read_records(path, Page))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named():
    with pytest.raises(DiskFullError, match="no space left"):
        write_records(Path("/dev/full"), [_page(n) for n in range(300)], Page)


def test_values_that_arrow_cannot_hold_are_refused_one_by_one_and_the_others_stay(tmp_path):
    records = [Outer(n, b"", Colour.RED, maybe="\ud800" if n == 3 else "x") for n in range(300)] + [
        Outer(2**63, b"", Colour.RED)
    ]
    refused: list[int] = []
    with ShardWriter(tmp_path / "a.parquet", Outer, lambda row, error: refused.append(row["number"])) as writer:
        for record in records:
            writer.write(record)
    assert refused == [3, 2**63]
    assert writer.written.rows == 299
    assert [record.number for record in read_records(tmp_path / "a.parquet", Outer)] == [
        n for n in range(300) if n != 3
    ]
    with pytest.raises(InputError, match="values that Arrow can hold"):
        write_records(tmp_path / "b.parquet", records, Outer)


def test_a_worker_short_of_memory_does_not_take_a_sound_shard_for_a_rotten_one(tmp_path):
    path = tmp_path / "a.parquet"
    write_records(path, [Outer(n, bytes(60 << 20), Colour.RED) for n in range(4)], Outer)
    code = (
        "from pathlib import Path; from mathpipe.core.memory import bound_private_bytes\n"
        "from mathpipe.core.store import read_records; from tests.core.test_store import Outer\n"
        "bound_private_bytes(40 << 20)\n"
        f"try:\n    list(read_records(Path({str(path)!r}), Outer))\n"
        "except MemoryError:\n    print('short of memory')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "short of memory\n", done.stderr
