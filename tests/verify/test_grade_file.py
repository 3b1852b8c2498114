"""A file is judged row by row; a killed run goes on where it was; a hostile row costs its own verdict."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from verify.grade_file import VerifyConfig, grade_file
from verify.pool import PoolLimits
from verify.rows import read_rows

ROWS = [
    {"gold": r"\frac12", "pred": r"so \boxed{0.5}", "expected": 1},
    {"gold": "3", "pred": r"\boxed{4}", "expected": 0},
    {"gold": "3", "pred": r"\boxed{}", "expected": 0},
    {"gold": "5", "pred": r"\boxed{10^{10^{10}}}", "expected": 0},
    {"gold": "3", "pred": r"\boxed{5}", "expected": 1},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_verdicts_stand_beside_the_rows_and_labels_are_compared(tmp_path):
    summary = grade_file(write(tmp_path / "rows.jsonl", ROWS), VerifyConfig(workers=2), quiet=True)
    assert summary.output == tmp_path / "rows.verdicts.jsonl"
    rows = list(read_rows(summary.output))
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    assert [row["outcome"] for row in rows] == ["correct", "wrong", "no-answer", "wrong", "wrong"]
    assert all(row["detail"] and row["reason"] and row["seconds"] >= 0 for row in rows)
    assert summary.outcomes == {"correct": 1, "wrong": 3, "no-answer": 1}
    assert summary.confusion == {(True, True): 1, (False, False): 3, (True, False): 1}
    assert [row["pred"] for row in summary.disagreements] == [r"\boxed{5}"]


def test_only_so_many_rows_are_judged_where_a_limit_is_set(tmp_path):
    path = write(tmp_path / "rows.jsonl", ROWS)
    summary = grade_file(path, VerifyConfig(workers=1, limit=2), tmp_path / "out.jsonl", quiet=True)
    assert summary.rows == 2


def test_programs_are_run(tmp_path):
    rows = [
        {"code": "print(int(input()) + 1)", "tests": [{"stdin": "1", "expected": "2"}]},
        {"code": "print(1)", "tests": [{"stdin": "", "expected": "2"}]},
        {"code": "print(2**10)", "answer": "1024"},
    ]
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), VerifyConfig(workers=1), quiet=True)
    assert [row["outcome"] for row in read_rows(summary.output)] == ["correct", "wrong", "correct"]


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(InputError, match="at least one row"):
        grade_file(write(tmp_path / "rows.jsonl", []), VerifyConfig(), quiet=True)


SCRIPT = """
import sys
from pathlib import Path
from verify.grade_file import VerifyConfig, grade_file
grade_file(Path(sys.argv[1]), VerifyConfig(workers=1), quiet=True)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    rows = [{"gold": str(n), "pred": rf"\boxed{{{n if n % 3 else n + 1}}}"} for n in range(20_000)]
    path = write(tmp_path / "rows.jsonl", rows)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], env=environment)
    deadline = time.monotonic() + 60
    while not any(found.stat().st_size for found in tmp_path.glob(".*.partial")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    partial = next(tmp_path.glob(".*.partial"))
    with partial.open("ab") as file:
        file.write(b'{"gold": "torn')
    summary = grade_file(path, VerifyConfig(workers=1), quiet=True)
    assert 0 < summary.resumed < len(rows)
    graded = list(read_rows(summary.output))
    assert [row["gold"] for row in graded] == [row["gold"] for row in rows]
    assert [row["outcome"] == Outcome.CORRECT for row in graded] == [n % 3 != 0 for n in range(20_000)]
    assert not list(tmp_path.glob(".*.partial"))


def test_other_limits_begin_anew(tmp_path):
    path = write(tmp_path / "rows.jsonl", ROWS)
    first = grade_file(path, VerifyConfig(workers=1), quiet=True)
    second = grade_file(path, VerifyConfig(workers=1, pool=PoolLimits(seconds=3)), quiet=True)
    assert (first.resumed, second.resumed) == (0, 0)
    assert first.outcomes == second.outcomes
