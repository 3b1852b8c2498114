"""Rows with tests become problems whose own solutions pass these tests in the sandbox, and wrong ones do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind, ProgramTest
from mathpipe.generate.problems import read_benchmark
from verify import IoTest
from verify.programs.io_tests import run_tests

STDIN_ROW = {"question": "Add two numbers.", "difficulty": "interview"}
ADD = "print(sum(map(int, input().split())))"
TESTS = [ProgramTest("1 2\n", "3\n"), ProgramTest("5 6\n", "11\n")]
MBPP_ROW = {
    "task_id": 1,
    "text": "Write a function to halve a number and name its parity.",
    "code": "def parity(n):\n  return 'even' if n % 2 == 0 else 'odd'\r\ndef halves(n):\n  return (n / 2, parity(n))",
    "test_list": ["assert halves(6) == (3.0, 'even')", 'assert halves(7) == (3.5, "odd")'],
    "test_setup_code": "",
}
CHECK = """
METADATA = {}

def check(candidate):
    assert candidate([3, 1]) == [1, 3], "sorts"
    assert True, "shows only"
    assert math.isclose(candidate([0.5])[0], 0.5)
"""
HUMANEVAL_ROW = {
    "task_id": "T/0",
    "prompt": 'import math\n\ndef in_order(numbers):\n    """Sort them."""\n',
    "canonical_solution": "    return sorted(numbers)\n",
    "test": CHECK,
    "entry_point": "in_order",
}


def read(folder: Path, row: dict[str, Any], name: str | None = None) -> Problem:
    path = folder / "made.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    [problem] = read_benchmark(path, name)
    return problem


def outcome(problem: Problem, code: str) -> str:
    return run_tests(code, [IoTest(test.stdin, test.stdout) for test in problem.tests]).outcome


@pytest.mark.parametrize(
    "tests",
    [
        {"input_output": json.dumps({"inputs": ["1 2\n", "5 6\n"], "outputs": ["3\n", "11\n"]})},
        {"tests": [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "5 6\n", "stdout": "11\n"}]},
        {"tests": json.dumps([{"input": "1 2\n", "output": "3\n"}, {"input": "5 6\n", "output": "11\n"}])},
        {
            "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
            "private_tests": {"input": ["5 6\n"], "output": ["11\n"]},
        },
    ],
    ids=["apps", "stdin", "input as JSON", "two columns"],
)
def test_tests_in_every_layout_are_the_same_tests(tmp_path: Path, tests: dict[str, Any]) -> None:
    problem = read(tmp_path, {**STDIN_ROW, **tests})
    assert (problem.kind, problem.tests, problem.level) == (ProblemKind.CODE, TESTS, "interview")
    assert problem.question == "Add two numbers."
    assert outcome(problem, ADD) == "correct"
    assert outcome(problem, ADD.replace("sum", "max")) == "wrong"


def test_lists_in_apps_are_lines_and_the_first_solution_is_kept(tmp_path: Path) -> None:
    tests = json.dumps({"inputs": [["1 2", "x"]], "outputs": [["3"]]})
    problem = read(tmp_path, {**STDIN_ROW, "input_output": tests, "solutions": json.dumps([ADD, "other"])}, "apps")
    assert problem.tests == [ProgramTest("1 2\nx", "3")]
    assert (problem.solution, problem.license) == (ADD, "MIT")


@pytest.mark.parametrize("starter", ["", "class Solution:\n    def twice(self, text, times):\n"])
def test_a_function_of_apps_is_called_by_a_line_of_input(tmp_path: Path, starter: str) -> None:
    tests = json.dumps({"fn_name": "twice", "inputs": [["ab", 2], ["c", 0]], "outputs": [["abab"], [""]]})
    own = "def twice(text, times):\n    return text * times"
    if starter:
        own = "class Solution:\n    def twice(self, text, times):\n        return text * times"
    problem = read(
        tmp_path, {**STDIN_ROW, "input_output": tests, "starter_code": starter, "solutions": json.dumps([own])}
    )
    assert problem.tests[0] == ProgramTest(f"{'Solution().' if starter else ''}twice('ab', 2)", "'abab'")
    assert outcome(problem, problem.solution or "") == "correct"
    assert outcome(problem, (problem.solution or "").replace("* times", "")) == "wrong"


def test_asserts_of_mbpp_are_calls_and_their_values(tmp_path: Path) -> None:
    problem = read(tmp_path, MBPP_ROW, "mbpp")
    assert problem.tests == [ProgramTest("halves(6)", "(3.0, 'even')"), ProgramTest("halves(7)", "(3.5, 'odd')")]
    assert problem.question == (
        "Write a function to halve a number and name its parity.\n\nWrite a Python program that defines `halves`, "
        "reads one line from standard input, an expression that calls it (such as `halves(6)`), and prints the "
        "expression's value: `print(repr(eval(input())))`."
    )
    assert outcome(problem, problem.solution or "") == "correct"
    assert outcome(problem, (problem.solution or "").replace("n / 2", "n")) == "wrong"
    assert outcome(problem, MBPP_ROW["code"] + "\nimport os; os._exit(0)") == "wrong"


def test_asserts_of_humaneval_are_calls_and_conditions(tmp_path: Path) -> None:
    problem = read(tmp_path, HUMANEVAL_ROW)
    assert problem.tests == [
        ProgramTest("in_order([3, 1])", "[1, 3]"),
        ProgramTest("bool(math.isclose(in_order([0.5])[0], 0.5))", "True"),
        ProgramTest("not (math.isclose(in_order([0.5])[0], 0.5))", "False"),
    ]
    assert outcome(problem, problem.solution or "") == "correct"
    for constant in (True, False, [1, 3]):
        assert outcome(problem, f"print({constant!r})") == "wrong"


@pytest.mark.parametrize(
    ("condition", "body", "expected"),
    [
        ("f() == 8", "8.0", "correct"),
        ("f() == 8", "'8'", "wrong"),
        ("f() == 1", "True", "correct"),
        ("f() == False", "None", "wrong"),
        (f"f() == {2**60 + 1}", str(2**60), "wrong"),
        ("f() == 'a\\nb'", "'a\\nb'", "correct"),
        ("f() == [1, 2]", "(1, 2)", "wrong"),
        ("f() == {3, 1, 2}", "{1, 2, 3}", "correct"),
        ("f() == {3, 1}", "{1, 2}", "wrong"),
        ("f() == {'b': 1, 'a': 2}", "{'a': 2, 'b': 1}", "correct"),
        ("set(f()) == set((1, 2))", "[2, 1]", "correct"),
        ("f() != 5", "4", "correct"),
        ("not f()", "[]", "correct"),
        ("f()", "0", "wrong"),
    ],
)
def test_values_compare_as_the_assert_compares_them(tmp_path: Path, condition: str, body: str, expected: str) -> None:
    code = f"def f():\n    return {body}"
    problem = read(tmp_path, {"text": "F.", "code": code, "test_list": [f"assert {condition}"]})
    assert outcome(problem, problem.solution or "") == expected


def test_what_the_tests_import_is_asked_for(tmp_path: Path) -> None:
    row = {
        **MBPP_ROW,
        "test_imports": ["import math"],
        "test_list": ["assert halves(math.floor(6.5)) == (3.0, 'even')"],
    }
    problem = read(tmp_path, row)
    assert problem.question.endswith("Begin it with:\nimport math")
    assert outcome(problem, problem.solution or "") == "correct"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"tests": [{"stdin": "1"}]}, r"line 1: one of stdout, output, .* in the tests \(they have stdin\)"),
        ({"tests": ["assert f() == 1"]}, "tests like {stdin, stdout}, not 'assert f"),
        ({"input_output": "{"}, "JSON in the column 'input_output'"),
        ({"input_output": {"inputs": ["1"], "outputs": []}}, "inputs and outputs in two lists of one length"),
        ({"input_output": {"fn_name": "f", "inputs": ["1"], "outputs": [1]}}, "a list of arguments"),
        ({"test_list": ["f(1)"]}, "plain asserts, not `f"),
        ({"test_list": ["assert f(1) =="]}, "Python"),
        ({"test_list": ["assert len([1]) == 1"]}, "tests that call a function"),
        ({"test_list": ["assert f(1)"], "test_setup_code": "root = f(1)"}, "imports only before the tests"),
        ({"entry_point": "f", "test": "def check(c):\n    for n in [1]:\n        assert c(n)"}, "`for n in .1.:`"),
        ({"entry_point": "f", "test": "assert f()"}, "a function check"),
        ({"question": "", "tests": [{"stdin": "1", "stdout": "1"}]}, "one of the columns question, text"),
    ],
)
def test_rows_that_cannot_be_told_as_input_and_output_are_named(
    tmp_path: Path, row: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InputError, match=fault):
        read(tmp_path, {**STDIN_ROW, **row})


def test_a_code_benchmark_without_tests_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one test"):
        read(tmp_path, STDIN_ROW, "apps")
