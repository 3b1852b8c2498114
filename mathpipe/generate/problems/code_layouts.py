"""Problems whose solution is a program: rows with input and expected output, or with calls and their values.

In: a `Row`. Out: `Parts` with tests, each what the program reads and must print. Layouts: APPS (`input_output`),
CodeContests (`public_tests` and its kin), plain lists of {stdin, stdout} or {input, output} in `tests`; and functions
of MBPP (`test_list`), HumanEval (`test`) and APPS (`fn_name`), which become programs by `call_tests`, so that a score
on them is not one by the papers' protocol. Columns may hold JSON as text, as APPS' do.
"""

from __future__ import annotations

import ast
import builtins
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from mathpipe.core.records import ProgramTest
from mathpipe.generate.problems.call_tests import DRIVER, REQUEST, condition_tests, value_tests
from mathpipe.generate.problems.layouts import Parts, generic
from mathpipe.generate.problems.rows import Row, plain_text

_TESTS = ("tests", "input_output", "public_tests", "private_tests", "generated_tests")
_INPUTS, _OUTPUTS = ("stdin", "input", "inputs"), ("stdout", "output", "outputs", "expected", "expected_output")
_QUESTIONS = ("question", "text", "prompt", "problem", "description")
_BUILTINS = frozenset(dir(builtins))


def usual(row: Row) -> Parts:
    """Any file with usual column names: a program is asked for where there are tests, else an answer."""
    columns = (*_TESTS, "test_list")
    return program(row) if _has_check(row) or any(row.values.get(name) for name in columns) else generic(row)


def program(row: Row) -> Parts:
    """A problem with its tests. Raises `InputError` for a row whose tests cannot be told as input and output."""
    if _has_check(row):
        return _humaneval(row)
    if row.values.get("test_list"):
        return _mbpp(row)
    columns = {name: _json(row, name) for name in _TESTS if row.values.get(name)}
    known = columns.get("input_output")
    if isinstance(known, Mapping) and known.get("fn_name"):
        return _apps_function(row, known)
    tests = chain.from_iterable(_io_tests(row, column) for column in columns.values())
    return _parts(row, list(tests), solution=_first_solution(row))


def _has_check(row: Row) -> bool:
    return bool(row.maybe("entry_point") and row.maybe("test"))


def _parts(row: Row, tests: Sequence[ProgramTest], *, request: str = "", solution: str | None = None) -> Parts:
    question = next((text for name in _QUESTIONS if (text := row.maybe(name))), None)
    if question is None:
        row.fail(f"one of the columns {', '.join(_QUESTIONS)}", "rename the column")
    if not tests:
        row.fail("at least one test", "mend or remove the row")
    return Parts(
        question=f"{question}\n\n{request}" if request else question,
        tests=tuple(tests),
        solution=solution,
        subject=row.maybe("subject"),
        level=row.maybe("difficulty") or row.maybe("level"),
        license=row.maybe("license"),
        split=row.maybe("split"),
    )


def _first_solution(row: Row) -> str | None:
    """The solution, or the first of APPS' list."""
    found = _json(row, "solutions") if row.values.get("solutions") else None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, str) else row.maybe("solution") or row.maybe("code")


def _json(row: Row, column: str) -> Any:
    value = row.values[column]
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        row.fail(f"JSON in the column {column!r} ({error})", "mend or remove the row")


def _io_tests(row: Row, column: object) -> Iterator[ProgramTest]:
    """A list of tests, or the tests' inputs and outputs as two lists."""
    if isinstance(column, Mapping):
        yield from (ProgramTest(_text(given), _text(out)) for given, out in _pairs(row, column))
        return
    for test in column if isinstance(column, list) else [column]:
        if not isinstance(test, Mapping):
            row.fail(f"tests like {{stdin, stdout}}, not {str(test)[:60]!r}", "mend or remove the row")
        yield ProgramTest(_text(_one_of(row, test, _INPUTS)), _text(_one_of(row, test, _OUTPUTS)))


def _pairs(row: Row, column: Mapping[str, object]) -> list[tuple[object, object]]:
    inputs, outputs = _one_of(row, column, _INPUTS), _one_of(row, column, _OUTPUTS)
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        row.fail("inputs and outputs in two lists of one length", "mend or remove the row")
    return list(zip(inputs, outputs, strict=True))


def _one_of(row: Row, test: Mapping[str, object], names: Sequence[str]) -> object:
    found = [test[name] for name in names if name in test]
    if not found:
        row.fail(f"one of {', '.join(names)} in the tests (they have {', '.join(test)})", "mend or remove the row")
    return found[0]


def _text(value: object) -> str:
    """Text as it is; a list stands for lines."""
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return "" if value is None else plain_text(value)


def _apps_function(row: Row, known: Mapping[str, Any]) -> Parts:
    """APPS with `fn_name`: lists of arguments, and values that may stand in lists of their own."""
    name = str(known["fn_name"])
    called = f"Solution().{name}" if "class Solution" in (row.maybe("starter_code") or "") else name
    tests: list[ProgramTest] = []
    for given, out in _pairs(row, known):
        if not isinstance(given, list):
            row.fail("a list of arguments for each call", "mend or remove the row")
        value = out[0] if isinstance(out, list) and len(out) == 1 else out
        tests += value_tests(f"{called}({', '.join(map(repr, given))})", value)
    return _function(row, called.replace("()", ""), tests, _first_solution(row))


def _mbpp(row: Row) -> Parts:
    """`text` or `prompt`, `code`, and asserts in `test_list` with the imports that they need."""
    setup = "\n".join([*_lines(row, "test_imports"), row.maybe("test_setup_code") or ""]).strip()
    if any(not isinstance(line, ast.Import | ast.ImportFrom) for line in _parsed(row, setup)):
        row.fail("imports only before the tests", "remove the row: what it sets up is no input")
    asserts, code = _parsed(row, "\n".join(_lines(row, "test_list"))), row.maybe("code")
    calls = [node.func.id for line in asserts for node in ast.walk(line)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]  # fmt: skip
    own = [name for name in calls if name not in _BUILTINS]
    if not own:
        row.fail("tests that call a function", "mend or remove the row")
    solution = f"{setup}\n{code}".strip() if code else None
    return _function(row, own[0], _assert_tests(row, asserts), solution, setup)


def _humaneval(row: Row) -> Parts:
    """`prompt` (imports, signature, docstring), `canonical_solution`, and asserts in the function `check`."""
    name, body = row.text("entry_point"), row.values.get("canonical_solution")
    functions = (line for line in _parsed(row, row.text("test")) if isinstance(line, ast.FunctionDef))
    check = next((function for function in functions if function.name == "check"), None)
    if check is None:
        row.fail("a function check in the column 'test'", "mend or remove the row")
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == "candidate":
            node.id = name
    solution = f"{row.values.get('prompt')}{body}" if body else None
    return _function(row, name, _assert_tests(row, check.body), solution)


def _function(row: Row, name: str, tests: Sequence[ProgramTest], solution: str | None, setup: str = "") -> Parts:
    request = REQUEST.format(name=name, call=tests[0].stdin if tests else f"{name}()")
    if setup:
        request += f" Begin it with:\n{setup}"
    return _parts(row, tests, request=request, solution=f"{solution.rstrip()}{DRIVER}" if solution else None)


def _assert_tests(row: Row, lines: Sequence[ast.stmt]) -> list[ProgramTest]:
    tests: list[ProgramTest] = []
    for line in lines:
        if not isinstance(line, ast.Assert):
            shown = ast.unparse(line).partition("\n")[0]
            row.fail(f"plain asserts, not `{shown}`", "remove the row: it cannot be told as input and output")
        if not isinstance(line.test, ast.Constant):  # HumanEval's `assert True` tests nothing
            tests += condition_tests(line.test)
    return tests


def _lines(row: Row, column: str) -> list[str]:
    value = row.values.get(column)
    return [str(item) for item in value] if isinstance(value, list) else []


def _parsed(row: Row, code: str) -> list[ast.stmt]:
    try:
        return ast.parse(code).body
    except (SyntaxError, ValueError) as error:
        row.fail(f"Python ({error})", "mend or remove the row")
