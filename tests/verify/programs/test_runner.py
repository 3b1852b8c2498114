"""`run_program`: how runs end, what they may use, and that the worker outlives whatever happens to it."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from mathpipe.core.errors import ConfigError
from verify.programs import Limits, ProgramRunner, ProgramStatus, Protection, run_program


def test_output_exit_code_and_status_of_a_good_program(runner: ProgramRunner) -> None:
    result = runner.run("import sympy\nprint(sympy.factor('x**2 - 1'))")
    assert (result.status, result.exit_code, result.stdout, result.stderr) == (
        ProgramStatus.OK,
        0,
        "(x - 1)*(x + 1)\n",
        "",
    )
    assert 0 < result.seconds < 5


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("1 + 1", "2"),
        ("x = 3\nx", "3"),
        ("print(5)", None),
        ("x = 3", None),
        ("'text'", "'text'"),
        ("from fractions import Fraction\nFraction(1, 3)", "Fraction(1, 3)"),
        ("def f():\n    return [1]\nf()", "[1]"),
        ("if True:\n    7", None),
        ("", None),
        ("from __future__ import annotations\ndef f(x: undefined): pass\nf.__annotations__['x']", "'undefined'"),
    ],
)
def test_the_last_expression_is_reported(runner: ProgramRunner, code: str, last: str | None) -> None:
    assert runner.run(code).last_expression == last


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "detail"),
    [
        ("1 / 0", ProgramStatus.ERROR, 1, "ZeroDivisionError"),
        ("raise SystemExit", ProgramStatus.OK, 0, "it ended by itself"),
        ("import sys; sys.exit(4)", ProgramStatus.ERROR, 4, "exit code 4"),
        ("import sys; sys.exit('bye')", ProgramStatus.ERROR, 1, "exit code 1"),
        ("import sys; sys.exit(-1)", ProgramStatus.ERROR, 255, "exit code 255"),
        ("import os; os._exit(3)", ProgramStatus.ERROR, 3, "exit code 3"),
        ("import os; os._exit(0)", ProgramStatus.OK, 0, "it ended by itself"),
        ("1 +", ProgramStatus.ERROR, 1, "SyntaxError"),
        ("x = '\0'", ProgramStatus.ERROR, 1, "SyntaxError"),
        ("def f(): return f()\nf()", ProgramStatus.ERROR, 1, "RecursionError"),
        ("import ctypes; ctypes.string_at(0)", ProgramStatus.KILLED, -11, "ended by SIGSEGV"),
        ("x = bytearray(10**10)", ProgramStatus.MEMORY, 1, "it needs more than 1024 MB"),
        ("class E(BaseException): pass\nraise E", ProgramStatus.ERROR, 1, "E"),
    ],
)
def test_every_end_has_its_status(
    runner: ProgramRunner, code: str, status: ProgramStatus, exit_code: int, detail: str
) -> None:
    result = runner.run(code)
    assert (result.status, result.exit_code, result.detail) == (status, exit_code, detail)


def test_stdin_is_given_whole_and_cannot_be_changed(runner: ProgramRunner) -> None:
    text = "ä line\n" * 100_000
    assert runner.run("import sys; print(len(sys.stdin.read()))", stdin=text).stdout == "700000\n"
    assert runner.run("print(input()); print(input())", stdin="1\n2").stdout == "1\n2\n"
    result = runner.run("import os\ntry: os.write(0, b'x')\nexcept OSError as e: print(e.errno)", stdin="1")
    assert result.stdout == "1\n"
    assert runner.run("input()").detail == "EOFError"


def test_text_beyond_ascii_and_broken_bytes_come_back(runner: ProgramRunner) -> None:
    assert runner.run("print('π ≈ 22/7 😀')").stdout == "π ≈ 22/7 😀\n"
    assert runner.run("import sys; sys.stdout.buffer.write(b'a\\xff\\n')").stdout == "a\ufffd\n"
    assert runner.run("print('\ud800')").status is ProgramStatus.ERROR


def test_a_traceback_shows_the_programs_own_frames(runner: ProgramRunner) -> None:
    code = "import json\ndef read(text):\n    return json.loads(text)\nread('{')"
    lines = runner.run(code).stderr.splitlines()
    assert [line for line in lines if line.startswith("  File")] == [
        '  File "program.py", line 4, in <module>',
        '  File "program.py", line 3, in read',
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert "    return json.loads(text)" in lines


def test_exit_handlers_and_threads_are_waited_for(runner: ProgramRunner) -> None:
    code = (
        "import atexit, threading, time\n"
        "atexit.register(print, 'handler')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "print('main')"
    )
    assert runner.run(code).stdout == "main\nthread\nhandler\n"


def test_wall_time_is_bounded(runner: ProgramRunner) -> None:
    started = time.monotonic()
    result = runner.run("import time\nprint('before', flush=True)\ntime.sleep(60)", limits=Limits(wall_seconds=0.3))
    assert time.monotonic() - started < 10
    assert (result.status, result.detail, result.stdout) == (ProgramStatus.TIMEOUT, "killed after 0.3 s", "before\n")


def test_cpu_time_is_bounded_apart_from_wall_time(runner: ProgramRunner) -> None:
    result = runner.run("while True: pass", limits=Limits(wall_seconds=60, cpu_seconds=1))
    assert (result.status, result.detail) == (ProgramStatus.TIMEOUT, "killed after 1 s of CPU time")
    assert result.cpu_seconds == pytest.approx(1, abs=0.2)


def test_output_is_cut_with_a_mark_and_a_flood_ends_the_program(runner: ProgramRunner) -> None:
    some = runner.run("print('x' * 150)", limits=Limits(output_bytes=100))
    assert (some.status, some.stdout) == (ProgramStatus.OK, "x" * 100 + "\n[... 51 bytes more]")
    assert (some.stdout_truncated, some.stderr_truncated) == (True, False)
    flood = runner.run("import sys\nwhile True: sys.stderr.write('y' * 1000)", limits=Limits(output_bytes=100_000))
    assert flood.status is ProgramStatus.OUTPUT_LIMIT
    assert flood.stderr.startswith("y" * 100_000 + "\n[... ")


def test_memory_is_bounded_for_one_process_and_for_all_together(runner: ProgramRunner) -> None:
    limits = Limits(memory_mb=200)
    assert runner.run("x = bytearray(150 * 2**20)", limits=limits).status is ProgramStatus.OK
    assert runner.run("x = bytearray(250 * 2**20)", limits=limits).status is ProgramStatus.MEMORY
    if Protection.TOTAL_MEMORY in runner.worker().layers:
        many = "import os, time\nfor _ in range(3): os.fork()\nx = bytearray(b'1') * (150 * 2**20)\ntime.sleep(5)"
        result = runner.run(many, limits=limits)
        assert (result.status, result.seconds < 4) == (ProgramStatus.MEMORY, True)


def test_processes_files_and_descriptors_are_bounded(runner: ProgramRunner) -> None:
    limits = Limits(processes=4, open_files=32, file_mb=1, files=20)
    assert runner.run(_COUNT_FORKS, limits=limits).stdout == "3\n"
    assert runner.run(_COUNT_DESCRIPTORS, limits=limits).stdout == "True 24\n"
    assert runner.run(_WRITE_TOO_MUCH, limits=limits).stdout == "True\n"
    if Protection.MOUNT_NAMESPACE in runner.worker().layers:
        assert runner.run(_COUNT_FILES, limits=limits).stdout == "True\n"


_COUNT_FORKS = """
import os
n = 0
try:
    while True:
        if os.fork() == 0:
            os.read(os.pipe()[0], 1)
        n += 1
except OSError:
    print(n)
"""
_COUNT_DESCRIPTORS = """
files = []
try:
    while True:
        files.append(open("/dev/null"))
except OSError as error:
    print(len(files) < 32, error.errno)
"""
_WRITE_TOO_MUCH = """
import os
with open("f", "wb", buffering=0) as file:
    try:
        for _ in range(20):
            file.write(bytes(2**17))
    except OSError:
        pass
print(os.path.getsize("f") <= 2**20)
"""
_COUNT_FILES = """
n = 0
try:
    while n < 100:
        open(str(n), "w")
        n += 1
except OSError:
    print(n < 20)
"""


def test_a_run_has_an_empty_folder_of_its_own_that_goes_away(runner: ProgramRunner) -> None:
    code = "import os\nprint(os.listdir('.'))\nopen('kept.txt', 'w').write('x')\nimport tempfile\ntempfile.mkdtemp()"
    assert [runner.run(code).stdout for _ in range(3)] == ["[]\n"] * 3


def test_random_numbers_differ_and_sets_print_in_the_same_order(runner: ProgramRunner) -> None:
    draws = {runner.run("import random; print(random.random())").stdout for _ in range(3)}
    assert len(draws) == 3
    if "numpy" in runner.worker().loaded:
        draws = {runner.run("import numpy; print(numpy.random.random())").stdout for _ in range(3)}
        assert len(draws) == 3
    orders = {runner.run("print({'a', 'b', 'c', 'd', 'e', 'f'})").stdout for _ in range(3)}
    assert len(orders) == 1


def test_multiprocessing_and_threads_work_within_the_limits(runner: ProgramRunner) -> None:
    code = "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n    print(pool.map(abs, [-1, -2, -3]))\n"
    result = runner.run(code, limits=Limits(processes=24))
    assert (result.stdout, result.status) == ("[1, 2, 3]\n", ProgramStatus.OK)


def test_modules_that_were_not_preloaded_can_be_imported(runner: ProgramRunner) -> None:
    code = (
        "import csv, sqlite3, unittest, zoneinfo\nprint(sqlite3.connect(':memory:').execute('select 42').fetchone())"
    )
    assert runner.run(code).stdout == "(42,)\n"
    assert runner.run("import mpmath; print(mpmath.nstr(mpmath.pi, 10))").stdout == "3.141592654\n"
    assert runner.run("import verify").detail == "ModuleNotFoundError"


def test_code_that_is_too_long_never_runs(runner: ProgramRunner) -> None:
    result = runner.run("x = 1\n" * 100, limits=Limits(code_bytes=500))
    assert (result.status, result.exit_code, result.detail) == (
        ProgramStatus.REFUSED,
        None,
        "600 bytes of code, more than 500",
    )


def test_nothing_runs_where_a_required_layer_is_missing() -> None:
    limits = Limits(without=frozenset({Protection.UTS_NAMESPACE}), require=frozenset({Protection.UTS_NAMESPACE}))
    result = run_program("print(1)", limits=limits)
    assert (result.status, result.stdout) == (ProgramStatus.REFUSED, "")
    assert result.detail == "required but not available: uts-namespace"


def test_nothing_runs_below_the_minimum() -> None:
    lacking = frozenset({Protection.NETWORK_NAMESPACE, Protection.SECCOMP})
    result = run_program("print(1)", limits=Limits(without=lacking))
    assert result.status is ProgramStatus.REFUSED
    assert result.detail.startswith("no network: needs network-namespace or seccomp")


def test_limits_that_no_run_could_live_under_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Limits.wall_seconds=0: a number of at least 0.01"):
        Limits(wall_seconds=0)
    with pytest.raises(ConfigError, match=r"Limits.memory_mb=nan"):
        Limits(memory_mb=float("nan"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"Limits.wall_seconds=inf"):
        Limits(wall_seconds=float("inf"))


def test_limits_beyond_what_the_machine_can_count_are_refused_not_ignored(runner: ProgramRunner) -> None:
    result = runner.run("print(1)", limits=Limits(memory_mb=2**60))
    assert (result.status, result.stdout) == (ProgramStatus.REFUSED, "")
    assert result.detail.startswith("could not protect the run: ")


def test_many_threads_share_a_worker(runner: ProgramRunner) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: runner.run(f"print({n} ** 2)").stdout, range(40)))
    assert results == [f"{n**2}\n" for n in range(40)]


def test_a_slow_program_does_not_hold_up_another(runner: ProgramRunner) -> None:
    slow = threading.Thread(target=runner.run, args=("import time; time.sleep(3)",))
    slow.start()
    assert runner.run("print(1)").stdout == "1\n"
    assert slow.is_alive()
    slow.join()


def test_it_works_inside_asyncio(runner: ProgramRunner) -> None:
    async def both() -> list[str]:
        runs = [asyncio.to_thread(runner.run, f"print({n})") for n in range(2)]
        return [result.stdout for result in await asyncio.gather(*runs)]

    assert asyncio.run(both()) == ["0\n", "1\n"]


def test_a_dead_worker_is_replaced() -> None:
    with ProgramRunner(preload=()) as runner:
        assert runner.run("print(1)").stdout == "1\n"
        first = runner.worker().process
        os.kill(first, signal.SIGKILL)
        assert runner.run("print(2)").stdout == "2\n"
        assert runner.worker().process != first


def test_a_worker_that_dies_during_a_run_costs_only_time() -> None:
    with ProgramRunner(preload=()) as runner:
        worker = psutil.Process(runner.worker().process)
        threading.Timer(0.3, worker.kill).start()
        result = runner.run("import time; time.sleep(0.6); print('done')")
        assert (result.status, result.stdout) == (ProgramStatus.OK, "done\n")


def test_a_stopped_worker_does_not_hold_up_the_result() -> None:
    with ProgramRunner(preload=()) as runner:
        worker = psutil.Process(runner.worker().process)
        for process in [worker, *worker.children(recursive=True)]:
            process.suspend()
        started = time.monotonic()
        result = runner.run("print(1)", limits=Limits(wall_seconds=0.5))
        assert time.monotonic() - started < 10
        assert result.status is ProgramStatus.TIMEOUT
        assert runner.run("print(1)").stdout == "1\n"


def test_closing_ends_every_process_of_the_worker() -> None:
    runner = ProgramRunner(preload=())
    process = psutil.Process(runner.worker().process)
    family = [process, *process.children(recursive=True)]
    runner.close()
    assert psutil.wait_procs(family, timeout=2)[1] == []
    assert runner.run("print('again')").stdout == "again\n"
    runner.close()


def _run_in_fork(runner: ProgramRunner, answers: "multiprocessing.Queue[tuple[str, int]]") -> None:
    answers.put((runner.run("print('forked')").stdout, runner.worker().process))
    runner.close()


def test_a_forked_process_starts_a_worker_of_its_own(runner: ProgramRunner) -> None:
    runner.run("print(1)")
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[tuple[str, int]] = context.Queue()
    child = context.Process(target=_run_in_fork, args=(runner, answers))
    child.start()
    stdout, worker = answers.get(timeout=30)
    child.join()
    assert stdout == "forked\n"
    assert worker != runner.worker().process
    assert runner.run("print('still here')").stdout == "still here\n"


def test_the_worker_ends_with_a_parent_that_is_killed() -> None:
    script = (
        "import verify.programs as p\nr = p.ProgramRunner(preload=())\nprint(r.worker().process, flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        family = [worker, *worker.children(recursive=True)]
        parent.kill()
    assert psutil.wait_procs(family, timeout=4)[1] == []


def test_every_result_names_the_layers_that_were_active(runner: ProgramRunner) -> None:
    result = runner.run("1")
    assert result.protections == runner.worker().layers
    assert {Protection.RLIMITS, Protection.PROCESS_GROUP_KILL} <= result.protections


def test_a_result_is_shown_as_a_notebook_would(runner: ProgramRunner) -> None:
    assert runner.run("print('a')\n1 + 1").shown() == "a\n2"
    assert runner.run("print('a')\n1 / 0").shown().startswith("a\nTraceback")
    late = runner.run("import time; time.sleep(9)", limits=Limits(wall_seconds=0.05))
    assert late.shown() == "[timeout: killed after 0.05 s]"
