import json
from pathlib import Path

import pytest

from benchmarks.shared_data import shared_data
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind
from mathpipe.generate.problems import BENCHMARKS, Comparison, find_benchmark, read_benchmark
from mathpipe.generate.problems.rows import plain_text

ROWS = {
    "aime24": 30, "amc23": 40, "asdiv_test": 2215, "cmath_test": 1098, "college_math": 2818, "gsm-hard_test": 1319,
    "gsm8k_test": 1319, "gsm8k_train": 7473, "math500_test": 500, "math_test": 5000, "mawps_test": 2065,
    "minerva_math": 272, "minif2f_lean4": 488, "minif2f_lean4_proofs": 67, "ocw_test": 272, "olympiadbench": 675,
    "proofnet_lean4": 371, "sat_test": 32, "svamp_test": 1000,
}  # fmt: skip


def read(folder: Path, name: str, *rows: object, benchmark: str | None = None) -> list[Problem]:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read_benchmark(path, benchmark))


def test_gsm8k_answers_stand_after_the_hashes_without_commas(tmp_path: Path) -> None:
    row = {"question": "How many?", "answer": "2*600=<<2*600=1200>>1,200 in all.\n#### 1,200"}
    [problem] = read(tmp_path, "gsm8k_train.jsonl", row)
    assert (problem.answer, problem.solution) == ("1200", "2*600=1,200 in all.")
    assert (problem.source, problem.split, problem.license) == ("gsm8k", "train", "MIT")
    assert problem.origin == "gsm8k_train.jsonl:1"


def test_math_takes_the_last_box_the_subject_and_the_level(tmp_path: Path) -> None:
    row = {
        "problem": "?",
        "solution": r"First \boxed{1}, then $\boxed{\frac{1}{2}}$.",
        "type": "Algebra",
        "level": "Level 3",
    }
    [problem] = read(tmp_path, "math_test.jsonl", row)
    assert (problem.answer, problem.subject, problem.level) == (r"\frac{1}{2}", "Algebra", "Level 3")


def test_math_takes_every_box_where_all_values_are_asked_for(tmp_path: Path) -> None:
    row = {"problem": "Enter all values, separated by commas.", "solution": r"\boxed{-1} and \boxed{2}, so \boxed{2}"}
    assert read(tmp_path, "math_test.jsonl", row)[0].answer == "-1, 2"


def test_math500_has_numbers_for_levels(tmp_path: Path) -> None:
    row = {"problem": "?", "solution": "", "answer": "3", "subject": "Algebra", "level": 4}
    with pytest.raises(InputError, match="'solution'"):
        read(tmp_path, "math500_test.jsonl", row)
    [problem] = read(tmp_path, "math500_test.jsonl", {**row, "solution": "So 3."})
    assert (problem.answer, problem.level) == ("3", "Level 4")


def test_svamp_joins_body_and_question_and_writes_floats_plainly(tmp_path: Path) -> None:
    [problem] = read(tmp_path, "svamp_test.jsonl", {"Body": "He has 3", "Question": "How many?", "Answer": 3.0})
    assert (problem.question, problem.answer) == ("He has 3. How many?", "3")


def test_asdiv_leaves_the_unit_to_the_question(tmp_path: Path) -> None:
    rows = [
        {"body": "A.", "question": "B?", "answer": "9 (apples)"},
        {"body": "C.", "question": "D?", "answer": "3:30 p.m."},
    ]
    assert [problem.answer for problem in read(tmp_path, "asdiv_test.jsonl", *rows)] == ["9", "3:30 p.m."]


def test_options_are_listed_and_the_answer_keeps_what_the_option_says(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "options": "A) 1 B) 2 C) 3 D) 4", "Answer": "C"},
        {"question": "Which?", "options": "A. See B. Two. B. two C. three", "Answer": "B"},
    ]
    first, second = read(tmp_path, "sat_test.jsonl", *rows)
    assert (first.question, first.answer) == ("Which?\n(A) 1\n(B) 2\n(C) 3\n(D) 4", "(C) 3")
    assert second.answer == "(B) Two. B. two"


def test_an_answer_that_is_no_option_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sat_test.jsonl, line 1: an Answer among the options A, B"):
        read(tmp_path, "sat_test.jsonl", {"question": "?", "options": "A) 1 B) 2", "Answer": "E"})


def test_olympiad_answers_that_belong_together_are_one_list(tmp_path: Path) -> None:
    row = {
        "question": "?",
        "final_answer": ["$1$", "$2$"],
        "solution": ["a", "b"],
        "subfield": "Algebra",
        "unit": None,
    }
    [problem] = read(tmp_path, "olympiadbench.jsonl", row)
    assert (problem.answer, problem.solution, problem.subject) == ("1, 2", "a\n\nb", "Algebra")


def test_lean_statements_come_with_header_split_and_family(tmp_path: Path) -> None:
    row = {
        "name": "mathd_algebra_182",
        "split": "valid",
        "informal_prefix": "/-- Expand.-/\n",
        "formal_statement": "theorem t : 1 = 1 := by\n",
        "header": "import Mathlib\n",
    }
    [problem] = read(tmp_path, "minif2f_lean4.jsonl", row)
    assert problem.kind is ProblemKind.PROOF
    assert (problem.question, problem.answer) == ("Expand.", None)
    assert problem.statement == "import Mathlib\n\ntheorem t : 1 = 1 := by"
    assert (problem.split, problem.subject) == ("valid", "mathd_algebra")


def test_a_row_that_does_not_fit_names_file_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gsm8k_test.jsonl, line 2: a value in the column 'answer' \(the row has"):
        read(tmp_path, "gsm8k_test.jsonl", {"question": "a", "answer": "#### 1"}, {"question": "b"})
    with pytest.raises(InputError, match=r"line 1: an answer that ends with `#### 18`"):
        read(tmp_path, "gsm8k_test.jsonl", {"question": "a", "answer": "eighteen"})


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gsm8k_test.jsonl"
    path.write_text('{"question": "a", "answer": "#### 1"}\n{torn')
    with pytest.raises(InputError, match="line 2"):
        list(read_benchmark(path))


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one problem"):
        read(tmp_path, "gsm8k_test.jsonl")


def test_ids_depend_on_source_and_question_alone(tmp_path: Path) -> None:
    one = read(tmp_path, "amc23.jsonl", {"problem": "P", "answer": 27.0})
    other = read(tmp_path, "amc23.jsonl", {"problem": "Q", "answer": 1}, {"problem": "P", "answer": 28.0})
    assert one[0].problem_id == other[1].problem_id
    assert one[0].answer == "27"


def test_a_question_that_comes_again_gets_an_id_of_its_own(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, "mawps_test.jsonl", *[{"input": "P", "target": 1.0}] * 3)
    assert len({first.problem_id, second.problem_id, third.problem_id}) == 3


def test_a_file_of_no_known_benchmark_is_read_by_its_columns(tmp_path: Path) -> None:
    [problem] = read(tmp_path, "mine.jsonl", {"query": "P", "solution": r"so \boxed 5"})
    assert (problem.source, problem.answer, problem.license) == ("mine", "5", None)
    with pytest.raises(InputError, match="one of the columns question, problem"):
        read(tmp_path, "mine.jsonl", {"frage": "P"})


def test_the_name_decides_the_layout_where_the_file_has_another(tmp_path: Path) -> None:
    [problem] = read(tmp_path, "download.jsonl", {"question": "P", "answer": "#### 7"}, benchmark="gsm8k")
    assert (problem.source, problem.answer) == ("gsm8k", "7")


@pytest.mark.parametrize(
    ("value", "text"),
    [(27.0, "27"), (0.1 + 0.2, "0.3"), (1e-7, "0.0000001"), (-9867630.0, "-9867630"), (True, "True")],
)
def test_numbers_are_written_plainly(value: object, text: str) -> None:
    assert plain_text(value) == text


def test_an_unknown_benchmark_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="gsm8k"):
        find_benchmark("gms8k")
    assert find_benchmark("sat").comparison is Comparison.CHOICE
    assert {benchmark.kind for benchmark in BENCHMARKS.values()} == set(ProblemKind)


@pytest.mark.parametrize(("stem", "rows"), ROWS.items())
def test_every_shared_benchmark_is_read_row_by_row(stem: str, rows: int) -> None:
    folder = shared_data()
    if folder is None:
        pytest.skip("the shared data is not here")
    problems = list(read_benchmark(folder / "benchmarks" / f"{stem}.jsonl"))
    assert len(problems) == rows == len({problem.problem_id for problem in problems})
    assert all(problem.source in BENCHMARKS for problem in problems)
    assert all(problem.question and (problem.answer or problem.statement) for problem in problems)
