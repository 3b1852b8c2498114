"""Rows of files become claims, and what is wrong with a file is said by line and name."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from verify.claims import AnswerClaim, IoTest, ProgramClaim, ProofClaim
from verify.rows import CANDIDATES, REFERENCES, Columns, claim_of, find_columns, label_of, read_rows, text_of

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
        ([], ""),
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


# --- files that are none, and what stands in them ----------------------------------------------------------------


def _write(path, content):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"a": 1', "a JSON object (Expecting"),
        (b'"text"', "a JSON object, not str"),
        (b"null", "a JSON object, not NoneType"),
        (b'{"a": 1} {"a": 2}', "a JSON object (Extra data"),
        (b"1" * 5000, "a JSON object (Exceeds the limit"),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_a_bad_line_is_named_by_its_number_after_the_rows_before_it(tmp_path, line, said, name):
    path = _write(tmp_path / name, b'{"a": 1}\n\n' + line + b'\n{"a": 4}\n')
    rows = read_rows(path)
    assert next(rows) == {"a": 1}
    with pytest.raises(InputError) as caught:
        next(rows)
    assert caught.value.offender == f"{path}, line 3"
    assert caught.value.expected.startswith(said)


def test_blank_lines_carriage_returns_and_a_missing_last_newline_are_no_rows(tmp_path):
    path = _write(tmp_path / "rows.jsonl", b'{"a": 1}\r\n\r\n   \n{"a": 2}')
    assert list(read_rows(path)) == [{"a": 1}, {"a": 2}]


def test_an_empty_file_has_no_rows(tmp_path):
    pq.write_table(pa.table({"gold": pa.array([], pa.string())}), tmp_path / "rows.parquet")
    _write(tmp_path / "rows.jsonl", b"")
    _write(tmp_path / "rows.jsonl.gz", b"")
    for name in ("rows.parquet", "rows.jsonl", "rows.jsonl.gz"):
        assert list(read_rows(tmp_path / name)) == []


def test_a_table_of_several_batches_comes_whole_and_in_order(tmp_path):
    pq.write_table(pa.table({"gold": list(range(3000))}), tmp_path / "rows.parquet", row_group_size=700)
    assert [row["gold"] for row in read_rows(tmp_path / "rows.parquet")] == list(range(3000))


def test_bytes_that_are_no_utf_8_are_read_as_they_are(tmp_path):
    path = _write(tmp_path / "rows.jsonl", b'{"a": "\\ud800"}\n{"a": "1 \xff"}\n')
    assert [row["a"] for row in read_rows(path)] == ["\ud800", "1 \udcff"]


def test_a_line_nested_too_deep_is_a_bad_line(tmp_path):
    with pytest.raises(InputError, match="line 1"):
        next(read_rows(_write(tmp_path / "rows.jsonl", b"[" * 100_000)))


@pytest.mark.parametrize("content", [gzip.compress(b'{"a": 1}\n' * 9)[:-9], b'{"a": 1}\n'], ids=["cut", "not-packed"])
def test_what_is_no_whole_gzip_file_is_named(tmp_path, content):
    (tmp_path / "rows.jsonl.gz").write_bytes(content)
    with pytest.raises(InputError):
        list(read_rows(tmp_path / "rows.jsonl.gz"))


# --- which columns are taken -------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("reference", REFERENCES)
def test_each_usual_pair_of_names_is_found_wherever_it_stands(reference, candidate):
    row = {"question": "?", candidate: "x", "idx": 3, reference: "y"}
    assert find_columns(row, "f") == Columns(reference=reference, candidate=candidate)


def test_of_several_usual_names_the_first_of_the_list_is_taken():
    row = {"solution": "long", "answer": "5", "output": "old", "prediction": "5", "is_correct": True, "label": True}
    assert find_columns(row, "f") == Columns(reference="answer", candidate="prediction", label="label")


def test_the_column_that_is_not_asked_for_is_still_looked_for():
    row = {"answer": "1", "mine": "2", "pred": "3"}
    assert find_columns(row, "f", reference="mine") == Columns(reference="mine", candidate="pred")
    assert find_columns(row, "f", candidate="mine") == Columns(reference="answer", candidate="mine")


def test_asked_columns_make_a_row_with_code_a_row_of_answers():
    row = {"code": "print(1)", "answer": "1", "pred": "1"}
    assert find_columns(row, "f", candidate="pred") == Columns(reference="answer", candidate="pred")


def test_a_list_of_codes_beside_a_prediction_is_a_row_of_answers_as_tora_writes_them():
    row = {"idx": 0, "gt": "18", "code": ["print(18)"], "pred": ["18"], "report": [None]}
    columns = find_columns(row, "f")
    assert columns == Columns(reference="gt", candidate="pred")
    assert claim_of(row, columns) == AnswerClaim("18", "18")


@pytest.mark.parametrize(
    ("asked", "expected", "repair"),
    [
        ({"reference": "answr"}, "a column 'answr'", "did you mean --reference answer?"),
        ({"candidate": "zzz"}, "a column 'zzz'", "name one of its columns with --candidate (answer, response)"),
    ],
)
def test_an_asked_column_that_is_not_there_is_answered_with_the_nearest(asked, expected, repair):
    with pytest.raises(InputError) as caught:
        find_columns({"answer": 1, "response": 2}, "rows.jsonl", **asked)
    assert (caught.value.offender, caught.value.expected, caught.value.repair) == ("rows.jsonl", expected, repair)


# --- claims and labels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "cut"),
    [
        ("16-3-4 = <<16-3-4=9>>9\n#### 18", "18"),
        ("one #### 2 #### 1,000 ", "1,000"),
        ("  18 ", "18"),
        ("####", ""),
        (None, ""),
    ],
)
def test_a_reference_is_cut_to_what_stands_behind_its_hashes(reference, cut):
    columns = Columns(reference="answer", candidate="pred")
    assert claim_of({"answer": reference, "pred": " #### 5\n"}, columns) == AnswerClaim(cut, " #### 5\n")


@pytest.mark.parametrize(("content", "text"), [(None, ""), ("", ""), ([], "")])
def test_of_messages_the_last_counts_also_where_it_says_nothing(content, text):
    chat = [{"role": "user", "content": "2 + 2 is 4, isn't it?"}, {"role": "assistant", "content": content}]
    assert text_of(chat) == text


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        ({"program": "print(1)", "answer": 1.0}, ProgramClaim("print(1)", (), "1")),
        ({"code": "c", "stdin": "1\n", "expected": 2}, ProgramClaim("c", (IoTest("1\n", "2"),))),
        (
            {"code": "c", "tests": [{"stdin": "1", "expected": "2"}, {"input": 3, "output": 4}], "answer": "9"},
            ProgramClaim("c", (IoTest("1", "2"), IoTest("3", "4"))),
        ),
        ({"code": "c", "tests": None, "answer": "9"}, ProgramClaim("c", (), "9")),
        ({"formal_statement": "s", "proof": None, "answer": "1"}, ProofClaim("s", "")),
    ],
)
def test_programs_and_proofs_make_their_claims(row, claim):
    assert claim_of(row, find_columns(row, "f")) == claim


@pytest.mark.parametrize("row", [{"answer": "1"}, {"code": "c", "tests": ["1"]}, {"code": "c", "tests": 5}])
def test_a_program_row_of_another_shape_still_makes_a_claim(row):
    assert isinstance(claim_of(row, Columns(code="code", reference="answer")), ProgramClaim)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, _JSON)
def test_any_two_json_values_make_a_claim_of_two_texts(reference, candidate):
    row = {"gold": reference, "pred": candidate}
    claim = claim_of(row, find_columns(row, "f"))
    assert isinstance(claim, AnswerClaim)
    assert (type(claim.reference), type(claim.candidate)) == (str, str)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ((True, 1, 1.0, "true", "TRUE", "1", "correct", "Correct"), True),
        ((False, 0, 0.0, "false", "False", "0", "wrong", "WRONG"), False),
        ((None, "", "yes", "42", [], {}), None),
    ],
)
@pytest.mark.parametrize("column", ["expected", "label", "is_correct"])
def test_each_spelling_of_a_label_counts_in_each_column_of_labels(column, values, label):
    for value in values:
        row = {"gold": "1", "pred": "1", column: value}
        assert label_of(row, find_columns(row, "f")) is label, value


def test_the_expected_output_of_a_program_is_no_label():
    row = {"code": "print(0)", "stdin": "", "expected": "0"}
    assert label_of(row, find_columns(row, "f")) is None
