"""A file is judged row by row; a killed run goes on where it was; a hostile row costs its own verdict."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from verify.grade_file import VerifyConfig, grade_file
from verify.pool import PoolLimits
from verify.programs import describe_protections, probe_protections
from verify.programs.protections import missing_protection
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


# --- what is written and counted ---------------------------------------------------------------------------------


def verdicts(summary):
    return [json.loads(line) for line in summary.output.read_text().splitlines()]


def test_reasons_and_labels_of_every_spelling_are_counted(tmp_path):
    rows = [
        {"answer": "x = 2\n#### 18", "completion": "so \\boxed{18}", "label": True},
        {"answer": "18", "completion": "The answer is 19.", "label": False},
        {"answer": "30", "completion": "30\\%", "label": "correct"},
        {"answer": "\\frac{1}{2}", "completion": "0.5", "label": 0},
        {"answer": "7", "completion": "I do not know.", "label": "wrong"},
        {"answer": "", "completion": "7"},
        {"answer": "18", "completion": [{"role": "assistant", "content": "#### 18"}], "label": "?"},
    ]
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), VerifyConfig(workers=1), quiet=True)
    assert summary.reasons == {
        ("correct", "same-text"): 2,
        ("correct", "equal"): 1,
        ("wrong", "different"): 1,
        ("wrong", "different-unit"): 1,
        ("no-answer", "no-answer-found"): 1,
        ("no-answer", "unreadable-reference"): 1,
    }
    assert summary.confusion == {(True, True): 1, (False, False): 2, (True, False): 1, (False, True): 1}
    assert [row["completion"] for row in summary.disagreements] == ["30\\%", "0.5"]
    assert summary.metrics.outcomes == {Outcome.CORRECT: 3, Outcome.WRONG: 2, Outcome.NO_ANSWER: 2}
    added = ["outcome", "reason", "detail", "seconds", "grader"]
    assert [list(row) for row in verdicts(summary)] == [[*row, *added] for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "rows.verdicts.jsonl"]


def test_at_most_twenty_contradicted_rows_are_shown(tmp_path):
    path = write(tmp_path / "rows.jsonl", [{"gold": "1", "pred": "2", "label": True}] * 25)
    summary = grade_file(path, VerifyConfig(workers=1), quiet=True)
    assert (len(summary.disagreements), summary.confusion) == (20, {(True, False): 25})


def test_packed_rows_and_tables_are_judged_and_their_outputs_named_alike(tmp_path):
    rows = [{"gold": "18", "pred": "18.0"}, {"gold": "18", "pred": "19"}]
    (tmp_path / "a.b.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    for name, output in (("a.b.jsonl.gz", "a.b.verdicts.jsonl"), ("c.parquet", "c.verdicts.jsonl")):
        summary = grade_file(tmp_path / name, VerifyConfig(workers=1), quiet=True)
        assert summary.output == tmp_path / output
        assert [row["outcome"] for row in verdicts(summary)] == ["correct", "wrong"]


def test_two_workers_write_what_one_writes(tmp_path):
    rows = [{"gold": str(number), "pred": str(number + number % 2)} for number in range(300)]
    path = write(tmp_path / "rows.jsonl", rows)
    one = grade_file(path, VerifyConfig(workers=1), tmp_path / "one.jsonl", quiet=True)
    two = grade_file(path, VerifyConfig(workers=2), tmp_path / "two.jsonl", quiet=True)
    assert without_seconds(one.output) == without_seconds(two.output)


def test_a_bad_line_is_found_before_anything_is_judged(tmp_path):
    path = write(tmp_path / "rows.jsonl", ROWS)
    path.write_text(path.read_text() + "{torn")
    with pytest.raises(InputError, match=r"rows\.jsonl, line 6"):
        grade_file(path, VerifyConfig(workers=1), quiet=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl"]


# --- kills at random moments -------------------------------------------------------------------------------------

MANY = 2_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A file of some thousand rows, what an undisturbed run writes, and how many bytes that is."""
    folder = tmp_path_factory.mktemp("many")
    rows = [{"id": n, "gold": f"{n}/7", "pred": rf"\frac{{{2 * n}}}{{{14 if n % 3 else 15}}}"} for n in range(MANY)]
    path = write(folder / "rows.jsonl", rows)
    whole = grade_file(path, VerifyConfig(workers=1), folder / "whole.jsonl", quiet=True).output
    return path, without_seconds(whole), whole.stat().st_size


def without_seconds(path):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [json.dumps({name: value for name, value in row.items() if name != "seconds"}) for row in rows]


def kill_at(path, output, size):
    """Grade in a process of its own, killed when so many bytes are written. The partial file."""
    script = SCRIPT.replace("quiet", "output=Path(sys.argv[2]), quiet")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen([sys.executable, "-c", script, str(path), str(output)], env=environment)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any(found.stat().st_size > size for found in output.parent.glob(f".{output.name}.*.partial")):
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"
    assert not output.exists()
    return next(output.parent.glob(f".{output.name}.*.partial"))


def test_killed_at_a_random_moment_nothing_is_judged_twice_and_the_bytes_are_the_same(many, tmp_path):
    path, whole, size = many
    output = tmp_path / "out.jsonl"
    kill_at(path, output, random.Random(7).randrange(size * 2 // 3))
    summary = grade_file(path, VerifyConfig(workers=1), output, quiet=True)
    assert 0 < summary.resumed < MANY
    assert (summary.metrics.claims, summary.rows) == (MANY - summary.resumed, MANY)
    assert without_seconds(output) == whole
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_line_torn_in_its_middle_is_judged_again(many, tmp_path):
    path, whole, _ = many
    output = tmp_path / "out.jsonl"
    partial = kill_at(path, output, 0)
    lines = [line for line in partial.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    partial.write_bytes(b"".join(lines)[:-9])
    summary = grade_file(path, VerifyConfig(workers=1), output, quiet=True)
    assert (summary.resumed, summary.metrics.claims) == (len(lines) - 1, MANY - len(lines) + 1)
    assert without_seconds(output) == whole


def test_what_a_kill_left_is_not_gone_on_from_under_other_columns_or_limits_or_for_another_file(many, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(many[0].read_bytes())
    output = tmp_path / "out.jsonl"
    kill_at(path, output, 0)
    other = VerifyConfig(workers=1, limit=5, pool=PoolLimits(seconds=9))
    swapped = VerifyConfig(workers=1, limit=5, reference="pred", candidate="gold")
    assert grade_file(path, other, output, quiet=True).resumed == 0
    assert grade_file(path, swapped, output, quiet=True).resumed == 0
    write(path, [{"gold": "1", "pred": "1"}] * 3)
    summary = grade_file(path, VerifyConfig(workers=1), output, quiet=True)
    assert (summary.resumed, summary.outcomes) == (0, {"correct": 3})


def test_a_limit_below_what_a_kill_left_is_kept(many, tmp_path):
    output = tmp_path / "out.jsonl"
    kill_at(many[0], output, 0)
    assert grade_file(many[0], VerifyConfig(workers=1, limit=5), output, quiet=True).rows == 5


# --- rows that mean harm -----------------------------------------------------------------------------------------

HOSTILE = [
    "9" * 4000 + "!" * 300,
    "9^{9^{9^{9^9}}}",
    "(" * 50_000,
    "\\frac{1}{" * 5_000,
    "\\boxed{" * 5_000 + "3",
    "\ud800 \udfff \x00 \u202e 2",
    "\\text{" + "\\$" * 9_000 + "}",
    "\\prod_{k=1}^{10^{99}} \\sum_{j=1}^{10^{99}} \\sin(jk)",
    "x" * 2_000_000,
    {"deep": [[[["2"]]]]},
    [],
    True,
    1e308,
    float("nan"),
]


@pytest.mark.parametrize("side", ["pred", "gold"])
def test_hostile_rows_cost_only_their_own_verdicts(tmp_path, side):
    other = "gold" if side == "pred" else "pred"
    good = {"gold": "2", "pred": "4/2"}
    rows = [good] + [row for value in HOSTILE for row in ({side: value, other: "2"}, good)]
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), VerifyConfig(workers=2), quiet=True)
    outcomes = [row["outcome"] for row in verdicts(summary)]
    assert outcomes[::2] == ["correct"] * (len(HOSTILE) + 1)
    assert [str(value)[:40] for value, said in zip(HOSTILE, outcomes[1::2], strict=True) if said == "correct"] == []


def test_a_row_past_its_time_is_a_timeout_and_the_next_goes_on(tmp_path):
    hard = "\\int_0^1 x^x e^{x^2} \\sin(\\cos x) dx"
    rows = [{"gold": "2", "pred": "2"}, {"gold": hard, "pred": hard.replace("0", "3")}, {"gold": "2", "pred": "3"}]
    config = VerifyConfig(workers=1, pool=PoolLimits(seconds=0.5))
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), config, quiet=True)
    assert [row["outcome"] for row in verdicts(summary)] == ["correct", "timeout", "wrong"]
    assert summary.metrics.restarts == 1


def test_later_rows_that_lack_the_columns_of_the_first_are_no_answers(tmp_path):
    rows = [{"gold": "2", "pred": "2"}, {"gold": "2"}, {"pred": "2"}, {}, {"gold": "2", "pred": "2"}]
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), VerifyConfig(workers=1), quiet=True)
    assert [row["outcome"] for row in verdicts(summary)] == ["correct", *["no-answer"] * 3, "correct"]


@pytest.fixture
def sandbox():
    if missing_protection(probe_protections(), frozenset()):
        pytest.skip(f"no sandbox here: {describe_protections()}")


def test_a_hostile_program_costs_its_own_verdict(tmp_path, sandbox):
    written = tmp_path / "was-here"
    rows = [
        {"code": "print(6 * 7)", "answer": "6*7=42\n#### 42", "label": True},
        {"code": "print(6 * 7)", "answer": "43", "label": False},
        {"code": "1 / 0", "answer": "42"},
        {"code": "import os; os.kill(os.getppid(), 9); os._exit(0)", "answer": "42"},
        {"code": f"open({str(written)!r}, 'w').write('x'); print(42)", "answer": "42"},
        {"code": None, "answer": "42"},
        {"code": "print(42)", "answer": "42"},
    ]
    summary = grade_file(write(tmp_path / "rows.jsonl", rows), VerifyConfig(workers=1), quiet=True)
    outcomes = [row["outcome"] for row in verdicts(summary)]
    assert (outcomes[0], outcomes[1], outcomes[6]) == ("correct", "wrong", "correct")
    assert "correct" not in outcomes[2:6]
    assert not written.exists()
    assert summary.confusion == {(True, True): 1, (False, False): 1}


@pytest.mark.parametrize("row", [{"answer": "1"}, {"code": "print(1)", "tests": ["1"]}])
def test_a_program_row_of_another_shape_costs_only_its_verdict(tmp_path, row, sandbox):
    good = {"code": "print(1)", "answer": "1"}
    summary = grade_file(write(tmp_path / "rows.jsonl", [good, row, good]), VerifyConfig(workers=1), quiet=True)
    assert summary.outcomes["correct"] == 2
