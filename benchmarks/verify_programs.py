"""The sandbox for programs: milliseconds a warm run, runs a second, and ToRA's programs run again.

    python -m benchmarks.verify_programs

In: nothing, or `tora-70b_python_blocks.jsonl` from the shared data (code and the output recorded when the model ran).
Out: a table beside other ways to run a program, and each block whose output differs, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.shared_data import shared_data
from verify.programs import Limits, ProgramRunner, ProgramStatus, describe_protections

PRINT = "print(6 * 7)"
SYMPY = "import sympy\nx = sympy.Symbol('x')\nprint(sympy.expand((x + 1) ** 3))"
SOLVE = "from sympy import *\nx = symbols('x')\nprint(solve(x**2 - 5*x + 6, x))"
EXPECTED = {PRINT: "42\n", SYMPY: "x**3 + 3*x**2 + 3*x + 1\n", SOLVE: "[2, 3]\n"}
NAMES = {PRINT: "print", SYMPY: "SymPy expand", SOLVE: "SymPy solve"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="warm runs a figure")
    arguments = parser.parse_args()
    print(describe_protections(), end="\n\n")
    print(f"{'way':34} {'program':13} {'p50 ms':>8} {'p99 ms':>8} {'runs/s':>7}")
    with ProgramRunner() as runner:
        for code in (PRINT, SYMPY, SOLVE):
            _row("verify.programs, one worker", code, lambda code: runner.run(code).stdout, arguments.runs)
        for threads in (2, 4):
            _together(runner, threads, arguments.runs)
        for way, run, runs in _others():
            for code in (PRINT, SYMPY):
                _row(way, code, run, runs)
        _rerun(runner)


def _row(way: str, code: str, run: Callable[[str], str], runs: int) -> None:
    for _ in range(min(5, runs)):
        if run(code) != EXPECTED[code]:
            raise SystemExit(f"{way}: wrong output for {NAMES[code]}")
    times = []
    started = time.perf_counter()
    for _ in range(runs):
        before = time.perf_counter()
        run(code)
        times.append((time.perf_counter() - before) * 1e3)
    rate = runs / (time.perf_counter() - started)
    times.sort()
    print(f"{way:34} {NAMES[code]:13} {times[runs // 2]:8.2f} {times[int(runs * 0.99)]:8.2f} {rate:7.0f}")


def _together(runner: ProgramRunner, threads: int, runs: int) -> None:
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(runner.run, [PRINT] * runs):
            pass
    rate = runs / (time.perf_counter() - started)
    print(f"{f'the same, {threads} threads':34} {'print':13} {'':8} {'':8} {rate:7.0f}")


def _others() -> list[tuple[str, Callable[[str], str], int]]:
    """Without a sandbox a new interpreter, and a bare fork of one with SymPy loaded; bubblewrap, if it is there."""

    def cold(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    def bubblewrap(code: str) -> str:
        words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--tmpfs", "/tmp", sys.executable, "-c", code]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    ways: list[tuple[str, Callable[[str], str], int]] = [
        ("python -c (no sandbox)", cold, 5),
        ("bare fork, SymPy loaded (no sandbox)", _fork, 100),
    ]
    if shutil.which("bwrap"):
        ways.append(("bubblewrap, python -c", bubblewrap, 5))
    else:
        print("bubblewrap is not installed: left out")
    return ways


def _fork(code: str) -> str:
    """What any sandbox that forks pays at least: this process loads SymPy and forks."""
    import sympy  # noqa: F401 - loaded here, before the first fork

    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(theirs, 1)
        sys.stdout = os.fdopen(1, "w")
        exec(code, {})
        sys.stdout.flush()
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as stream:
        printed = stream.read()
    os.waitpid(child, 0)
    return printed


def _rerun(runner: ProgramRunner) -> None:
    data = shared_data()
    path = data / "outputs" / "tora-70b_python_blocks.jsonl" if data else Path()
    if not path.is_file():
        print("ToRA's programs: skipped, the file is missing")
        return
    blocks = [json.loads(line) for line in path.read_text().splitlines()]
    started = time.perf_counter()
    different = []
    for block in blocks:
        result = runner.run(block["code"], limits=Limits(wall_seconds=10))
        if result.stdout != block["recorded_stdout"]:
            different.append((block, result))
    seconds = time.perf_counter() - started
    same = len(blocks) - len(different)
    print(f"\nToRA's programs: {same} of {len(blocks)} print what was recorded, byte for byte, {seconds:.1f} s")
    for block, result in different:
        last = result.stderr.strip().rpartition("\n")[2]
        why = "failed then and now" if _is_error(block["recorded_stdout"]) and _failed(result.status) else "DIFFERENT"
        print(f"  question {block['idx']}, block {block['block']}: {why}")
        print(f"    recorded {block['recorded_stdout']!r}; now {result.status}: {result.stdout!r} {last!r}")


def _is_error(recorded: str) -> bool:
    return "Error" in recorded.partition("\n")[0]


def _failed(status: ProgramStatus) -> bool:
    return status is not ProgramStatus.OK


if __name__ == "__main__":
    main()
