"""Benchmark files of every layout as items, and clear errors for files that are none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.benchmark_items import BenchmarkFile, BenchmarkItem, load_benchmark, read_benchmark
from mathpipe.core.errors import InputError
from mathpipe.core.store import read_records, write_records

SHARED = Path(os.environ.get("MATHPIPE_SHARED_DATA", Path(__file__).parents[2] / "../shared/data")) / "benchmarks"


def written(folder: Path, *rows: object, name: str = "bench.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "question"),
    [
        ({"question": "What is 2+2?", "answer": "4"}, "What is 2+2?"),
        ({"problem": "Find $x$.", "solution": "1"}, "Find $x$."),
        ({"input": "Joan has 3 shells.", "target": 3.0}, "Joan has 3 shells."),
        ({"Body": "Ann has 2 pens.", "Question": "How many pens?", "Answer": 2}, "Ann has 2 pens. How many pens?"),
        ({"body": "Ann has 2 pens. ", "question": " How many pens?"}, "Ann has 2 pens. How many pens?"),
        ({"context": None, "question": "Prove it."}, "Prove it."),
        ({"context": "Let $T=3$.", "question": "Find $T^2$."}, "Let $T=3$. Find $T^2$."),
        ({"problem": "Same.", "question": "Same.", "id": 1}, "Same."),
        ({"question": ["Part one.", "Part two."]}, "Part one. Part two."),
    ],
)
def test_the_usual_layouts_are_read(row: dict[str, object], question: str, tmp_path: Path) -> None:
    items = load_benchmark(written(tmp_path, row))
    assert [item.question for item in items] == [question]
    assert items[0].benchmark == "bench"


def test_a_formal_statement_is_an_item_of_its_own(tmp_path: Path) -> None:
    row = {"name": "add_two", "informal_prefix": "/-- Show that 1 + 1 = 2. -/\n",
           "formal_statement": "theorem add_two : 1 + 1 = 2 := by\n", "formal_proof": "norm_num"}  # fmt: skip
    assert load_benchmark(written(tmp_path, row, name="lean.jsonl")) == [
        BenchmarkItem(benchmark="lean", item_id="add_two", question="Show that 1 + 1 = 2.", solution="norm_num"),
        BenchmarkItem(
            benchmark="lean/formal", item_id="add_two", question="theorem add_two : 1 + 1 = 2 := by",
            solution="norm_num", formal=True,
        ),
    ]  # fmt: skip


def test_ids_are_the_files_own_where_they_are_unique(tmp_path: Path) -> None:
    rows = [{"question": "A?", "ID": "x-1"}, {"question": "B?", "ID": "x-2"}]
    assert [item.item_id for item in load_benchmark(written(tmp_path, *rows))] == ["x-1", "x-2"]


def test_ids_are_row_numbers_where_the_files_own_repeat_or_lack(tmp_path: Path) -> None:
    repeated = [{"question": "A?", "id": 1}, {"question": "B?", "id": 1}]
    assert [item.item_id for item in load_benchmark(written(tmp_path, *repeated))] == ["0", "1"]
    without = [{"question": "A?"}, {"question": "B?"}]
    assert [item.item_id for item in load_benchmark(written(tmp_path, *without))] == ["0", "1"]


def test_other_field_names_are_named_in_the_config(tmp_path: Path) -> None:
    path = written(tmp_path, {"frage": "Was ist 2+2?", "teil": "Begründe.", "nr": 7, "loesung": ["4"]})
    file = BenchmarkFile(
        path=path, name="deutsch", question=("frage", "teil"), solution=("loesung",), item_id=("nr",)
    )  # fmt: skip
    assert load_benchmark(file) == [
        BenchmarkItem(benchmark="deutsch", item_id="7", question="Was ist 2+2? Begründe.", solution="4")
    ]


def test_json_arrays_and_parquet_give_the_same_items(tmp_path: Path) -> None:
    rows = [{"problem": "Find $x$.", "solution": "1"}, {"problem": "Find $y$.", "solution": "2"}]
    lines = load_benchmark(written(tmp_path, *rows))
    array = tmp_path / "bench.json"
    array.write_text(json.dumps(rows), encoding="utf-8")
    table = tmp_path / "bench.parquet"
    pq.write_table(pa.Table.from_pylist(rows), table)
    assert load_benchmark(array) == lines == load_benchmark(table)


def test_blank_lines_are_skipped_and_the_reader_takes_a_path_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "A?"}\n\n  \n{"question": "B?"}\n', encoding="utf-8")
    assert [item.question for item in read_benchmark(str(path))] == ["A?", "B?"]


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        ("", "a.jsonl", "at least one item"),
        ('{"question": "A?"}\n{"question": \n', "a.jsonl", "line 2.*JSON"),
        ("[" * 100_000, "a.jsonl", "line 1.*JSON"),
        ('["a", "b"]\n', "a.jsonl", "row 0.*JSON object"),
        ('{"q": "A?"}\n', "a.jsonl", r"row 0.*Body\+Question or.*it has q.*name the file's own fields"),
        ('{"question": "  "}\n', "a.jsonl", "not empty"),
        ('{"question": "A?"}', "a.json", "array"),
        ("question\nA?\n", "a.csv", r"\.jsonl, \.json or \.parquet"),
        ("PAR1 no", "a.parquet", "Parquet"),
    ],
)
def test_a_file_that_is_no_benchmark_says_what_is_wrong(
    content: str, name: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=complaint):
        load_benchmark(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        load_benchmark(tmp_path / "nowhere.jsonl")


def test_a_field_named_in_the_config_must_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, {"question": "A?"})
    with pytest.raises(InputError, match="the fields frage"):
        load_benchmark(BenchmarkFile(path=path, question=("frage",)))


def test_items_survive_the_store(tmp_path: Path) -> None:
    items = [BenchmarkItem(benchmark="b", item_id="1", question="Was?", formal=True)]
    write_records(tmp_path / "items.parquet", items, BenchmarkItem)
    assert list(read_records(tmp_path / "items.parquet", BenchmarkItem)) == items


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no benchmark files in {SHARED}")
def test_every_shared_benchmark_loads_with_distinct_ids() -> None:
    counts = {}
    for path in sorted(SHARED.glob("*.jsonl")):
        items = load_benchmark(path)
        assert len({(item.benchmark, item.item_id) for item in items}) == len(items)
        assert all(item.question.strip() for item in items)
        counts[path.stem] = len(items)
    assert counts["math_test"] == 5000
    assert counts["gsm8k_test"] == 1319
    assert counts["svamp_test"] == 1000
    assert counts["minif2f_lean4"] == 2 * 488


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no benchmark files in {SHARED}")
def test_split_questions_are_joined_in_the_shared_files() -> None:
    first = load_benchmark(SHARED / "asdiv_test.jsonl")[0].question
    assert first.startswith("Seven red apples")
    assert first.endswith("How many apples are in the basket?")
