import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.generate.problems import BENCHMARKS, read_benchmark
from mathpipe.generate.problems.boxes import boxes, last_box
from mathpipe.generate.problems.layouts import joined
from mathpipe.generate.problems.rows import read_rows
from verify import extract_answer

ROW = {"question": "Q?", "answer": "#### 7"}


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"\boxed{5}", "5"),
        (r"\boxed{\frac{1}{2}} and more", r"\frac{1}{2}"),
        (r"\boxed{a} then \boxed{b}", "b"),
        (r"\boxed 5", "5"),
        (r"\fbox{x}", "x"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{1} \boxed{}", "1"),
        (r"\boxed{never closed", None),
        ("no box", None),
    ],
)
def test_the_last_box_with_something_in_it(solution: str, answer: str | None) -> None:
    assert last_box(solution) == answer


@given(st.text(alphabet="\\boxed{} 1a$", max_size=60))
def test_boxes_are_total_and_the_last_is_among_them(solution: str) -> None:
    found = boxes(solution)
    assert last_box(solution) == (found[-1] if found else None)


@given(st.from_regex(r"[a-z0-9+]{1,8}(\{[a-z0-9]{1,3}\})?", fullmatch=True))
def test_a_box_is_read_as_the_verifier_reads_it(content: str) -> None:
    assert last_box(f"So $\\boxed{{{content}}}$.") == extract_answer(f"So $\\boxed{{{content}}}$.")


def test_json_lists_gzip_and_parquet_hold_the_same_problems(tmp_path: Path) -> None:
    lines = json.dumps(ROW) + "\n\n" + json.dumps({**ROW, "question": "R?"})
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.json").write_text(json.dumps([ROW, {**ROW, "question": "R?"}]))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(lines)
    pq.write_table(pa.Table.from_pylist([ROW, {**ROW, "question": "R?"}]), tmp_path / "a.parquet")
    found = [
        [(one.question, one.answer) for one in read_benchmark(tmp_path / f"a.{suffix}", "gsm8k")]
        for suffix in ("jsonl", "json", "jsonl.gz", "parquet")
    ]
    assert found == [[("Q?", "7"), ("R?", "7")]] * 4


def test_an_object_of_numbered_rows_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"0": ROW, "1": ROW}))
    assert [row.number for row in read_rows(tmp_path / "a.json")] == [1, 2]
    (tmp_path / "a.json").write_text(json.dumps(ROW))
    assert len(list(read_rows(tmp_path / "a.json"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"[1]\n", "line 1: a JSON object"),
        ("a.jsonl", b'{"a": 1}\n\xff\xfe', "readable text"),
        ("a.jsonl.gz", b"no gzip", "readable text"),
        ("a.json", b"3", "a JSON list"),
        ("a.json", b"[3]", "line 1: a JSON object"),
        ("a.parquet", b"no parquet", "a Parquet file"),
        ("a.csv", b"a,b", "ends in .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        list(read_rows(tmp_path / name))
    assert name in caught.value.offender


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file that exists"):
        list(read_rows(tmp_path / "absent.jsonl"))


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("He has 3", "How many?", "He has 3. How many?"),
        ("He has 3.", " How many?", "He has 3. How many?"),
        ("If he has 3,", "how many?", "If he has 3, how many?"),
    ],
)
def test_two_parts_of_a_question_are_joined_with_a_stop(first: str, second: str, whole: str) -> None:
    assert joined(first, second) == whole


def test_college_rows_bring_their_licence_and_topic(tmp_path: Path) -> None:
    row = {"question": "Q?", "answer": "$1$", "license": "CC BY 3.0", "data_topic": "college_math.algebra"}
    (tmp_path / "college_math.jsonl").write_text(json.dumps(row))
    [problem] = read_benchmark(tmp_path / "college_math.jsonl")
    assert (problem.license, problem.subject, problem.answer) == ("CC BY 3.0", "algebra", "$1$")


def test_chinese_problems_have_a_grade(tmp_path: Path) -> None:
    (tmp_path / "cmath_test.jsonl").write_text(json.dumps({"question": "几盒？", "golden": "1/5", "grade": 6}))
    [problem] = read_benchmark(tmp_path / "cmath_test.jsonl")
    assert (problem.question, problem.answer, problem.level) == ("几盒？", "1/5", "grade 6")


def test_hard_gsm_keeps_its_program_as_the_solution(tmp_path: Path) -> None:
    row = {"input": "Q?", "target": 2.9000000000000004, "code": "def solution(): ..."}
    (tmp_path / "gsm-hard_test.jsonl").write_text(json.dumps(row))
    [problem] = read_benchmark(tmp_path / "gsm-hard_test.jsonl")
    assert (problem.answer, problem.solution) == ("2.9", "def solution(): ...")


def test_a_split_that_is_given_goes_before_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "gsm8k_test.jsonl").write_text(json.dumps(ROW))
    [problem] = read_benchmark(tmp_path / "gsm8k_test.jsonl", split="valid")
    assert problem.split == "valid"


def test_every_benchmark_says_where_it_comes_from_and_no_file_is_claimed_twice() -> None:
    stems = [stem for benchmark in BENCHMARKS.values() for stem in benchmark.files]
    assert len(stems) == len(set(stems))
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.name == name
        assert benchmark.url.startswith("https://")
        assert benchmark.files
        assert set(benchmark.files.values()) <= {"train", "valid", "test"}
