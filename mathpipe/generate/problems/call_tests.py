"""Tests of a function as tests of a program: it reads one expression that calls the function and prints its value.

In: the conditions of asserts, or a call and its value. Out: `ProgramTest`s. What is expected stays outside of the
sandbox, where an `assert` behind the program could be skipped by leaving it early. Numbers compare as `==` does.
"""

from __future__ import annotations

import ast

from mathpipe.core.records import ProgramTest

# What a problem says of it, and what turns a function into such a program.
REQUEST = (
    "Write a Python program that defines `{name}`, reads one line from standard input, an expression that calls it "
    "(such as `{call}`), and prints the expression's value: `print(repr(eval(input())))`."
)
DRIVER = "\n\nprint(repr(eval(input())))\n"
_EXACT_FLOAT = 2**53  # whole numbers below stand for the same as a float


def condition_tests(condition: ast.expr) -> list[ProgramTest]:
    """Tests that the condition holds: of `f(1) == 2` the value of `f(1)`.

    Any other one is asked for as it is and denied: no constant satisfies both.
    """
    if isinstance(condition, ast.Compare) and len(condition.ops) == 1 and isinstance(condition.ops[0], ast.Eq):
        try:
            return value_tests(ast.unparse(condition.left), ast.literal_eval(condition.comparators[0]))
        except (ValueError, TypeError):
            pass  # what is expected is computed
    text = ast.unparse(condition)
    return [ProgramTest(f"bool({text})", "True"), ProgramTest(f"not ({text})", "False")]


def value_tests(call: str, value: object) -> list[ProgramTest]:
    """Tests that the call has the value; sets and mappings, which are written in any order, are compared inside."""
    if isinstance(value, int | float) and abs(value) < _EXACT_FLOAT:
        return [ProgramTest(f"0.0 + ({call})", repr(float(value)))]  # 8 is 8.0, and "8" is not
    if _has_order(value):
        return [ProgramTest(call, repr(value))]
    return [ProgramTest(f"({call}) == {value!r}", "True"), ProgramTest(f"({call}) != {value!r}", "False")]


def _has_order(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_has_order, value))
    return not isinstance(value, set | frozenset | dict)
