"""The GPU benchmark of GRPO: the very same code with small numbers, and what a part that fails leaves of the rest."""

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.grpo_gpu import LEARNERS, TINY, run_job, show_learners
from benchmarks.grpo_gpu_learners import operations, save_shape

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_part_runs_with_small_numbers_on_a_cpu(tmp_path):
    output = tmp_path / "tables.txt"
    command = [sys.executable, "-m", "benchmarks.grpo_gpu", "--tiny", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    written = output.read_text()
    for title, *_ in LEARNERS:
        (row,) = [line for line in written.splitlines() if line.startswith(f"│ {title} ")]
        assert float(row.split("│")[3]) > 0  # seconds of an update
    assert "held-out pass@1" in written
    assert [line.split("│")[1].strip() for line in written.splitlines() if "cold start " in line and "│" in line]


def test_operations_are_six_a_parameter_and_token_and_those_of_attention(tmp_path):
    save_shape(TINY, tmp_path)
    width, inner, half = 64, 192, 32  # half: keys, as values, have two of four heads
    biases_and_norms = (width + 2 * half) + 2 * width
    layer = 2 * width * width + 2 * width * half + 3 * width * inner + biases_and_norms
    tokens, completions = 4 * 64, 4 * 48
    linear = 6 * (2 * layer + width) * tokens + 6 * 512 * width * completions
    assert operations(TINY, tmp_path) == linear + 6 * 2 * width * 4 * 64**2


def test_a_part_that_fails_is_a_row_that_says_why(capsys):
    broken = asdict(replace(TINY, dtype="float31"))
    found = {
        "died": run_job("learner", {"scale": broken, "ours": True}, 120),
        "late": run_job("learner", {"scale": asdict(TINY), "ours": True}, 1.0),
        "over": run_job("learner", {"scale": asdict(TINY), "ours": True}, 0.0),
    }
    assert "Error" in found["died"]["failure"]
    assert found["late"]["failure"] == "not done within 1 s"
    assert "time was over" in found["over"]["failure"]
    console = Console(width=150)
    paper = type("Paper", (), {"show": lambda _, what: console.print(what)})()
    show_learners(found, TINY, paper)
    printed = capsys.readouterr().out
    assert all(title in printed for title in found)
    assert "no learner ran" in printed
