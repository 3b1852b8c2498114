"""Rows of files become claims, and what is wrong with a file is said by line and name."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import InputError
from verify.claims import AnswerClaim, IoTest, ProgramClaim, ProofClaim
from verify.rows import Columns, claim_of, find_columns, label_of, read_rows, text_of

CHAT = [{"content": "a"}, {"content": "b"}]
ROWS = [{"gold": "1", "pred": "2"}, {"gold": "3", "pred": "é\ud800"}]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_json_lines_are_read_as_they_are(tmp_path, name):
    path = tmp_path / name
    text = "".join(json.dumps(row) + "\n\n" for row in ROWS)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert list(read_rows(path)) == ROWS


def test_parquet_is_read_row_by_row(tmp_path):
    pq.write_table(pa.table({"gold": ["1", "3"], "pred": ["2", "4"]}), tmp_path / "rows.parquet")
    assert list(read_rows(tmp_path / "rows.parquet")) == [{"gold": "1", "pred": "2"}, {"gold": "3", "pred": "4"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}\n{bad", "line 2"), ("{}\n[1]\n", r"line 2.*not list"), ("7\n", "line 1.*not int")],
)
def test_a_line_that_is_no_object_is_named(tmp_path, text, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list(read_rows(path))


def test_a_missing_file_and_a_false_parquet_are_named(tmp_path):
    with pytest.raises(InputError, match="a file that exists"):
        list(read_rows(tmp_path / "none.jsonl"))
    (tmp_path / "false.parquet").write_text("no")
    with pytest.raises(InputError, match="a Parquet file"):
        list(read_rows(tmp_path / "false.parquet"))


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"gold": 1, "pred": 2, "expected": 1}, Columns(reference="gold", candidate="pred", label="expected")),
        ({"answer": 1, "completion": 2}, Columns(reference="answer", candidate="completion")),
        ({"statement": 1, "proof": 2}, Columns(statement="statement", proof="proof")),
        ({"code": "x", "answer": "1"}, Columns(code="code", reference="answer")),
    ],
)
def test_usual_columns_are_found(row, columns):
    assert find_columns(row, "file") == columns


def test_a_column_that_is_asked_for_is_taken_and_a_misspelt_one_corrected():
    row = {"gold": 1, "mine": 2}
    assert find_columns(row, "file", reference="gold", candidate="mine").candidate == "mine"
    with pytest.raises(InputError, match="did you mean --candidate mine"):
        find_columns(row, "file", reference="gold", candidate="mien")
    with pytest.raises(InputError, match=r"name one of its columns with --candidate \(gold, mine\)"):
        find_columns(row, "file")


def test_a_row_makes_the_claim_of_its_kind():
    answers = Columns(reference="answer", candidate="pred")
    assert claim_of({"answer": "so 5\n#### 5", "pred": 5.0}, answers) == AnswerClaim("5", "5")
    proofs = Columns(statement="statement", proof="proof")
    assert claim_of({"statement": "s", "proof": "p"}, proofs) == ProofClaim("s", "p")
    programs = Columns(code="code", reference="answer")
    tests = [{"input": "1", "output": "2"}]
    assert claim_of({"code": "c", "tests": tests}, programs) == ProgramClaim("c", (IoTest("1", "2"),), None)
    assert claim_of({"code": "c", "answer": 7}, programs) == ProgramClaim("c", (), "7")
    assert claim_of({"code": "c", "stdin": "a", "expected": "b"}, programs).tests == (IoTest("a", "b"),)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, ""),
        (3, "3"),
        (3.0, "3"),
        (3.5, "3.5"),
        ([], "[]"),
        ([{"content": "a"}, {"content": "b"}], "b"),
    ],
)
def test_values_become_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "label"), [(1, True), (0, False), (True, True), ("correct", True), ("False", False), ("?", None)]
)
def test_labels_in_every_spelling(value, label):
    assert label_of({"expected": value}, Columns(label="expected")) is label
