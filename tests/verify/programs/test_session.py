"""`ProgramSession`: state between cells, what is shown, limits of a cell, and what is left after one went wrong."""

import time

import psutil
import pytest

from verify.programs import Limits, ProgramRunner, ProgramSession, ProgramStatus, Protection


@pytest.fixture
def session(runner: ProgramRunner) -> ProgramSession:
    return ProgramSession(Limits(wall_seconds=0.5, memory_mb=300, output_bytes=10_000), runner)


def test_variables_imports_and_functions_stay(session: ProgramSession) -> None:
    with session:
        session.run("from math import factorial\nx = 5\ndef twice(n):\n    return 2 * n")
        result = session.run("twice(factorial(x))")
        assert (result.status, result.last_expression, result.state_lost) == (ProgramStatus.OK, "240", False)


def test_output_is_that_of_the_cell_alone(session: ProgramSession) -> None:
    with session:
        assert session.run("print('one')").stdout == "one\n"
        result = session.run("print('two')\n3")
        assert (result.stdout, result.last_expression, result.shown()) == ("two\n", "3", "two\n3")


def test_files_stay_between_cells(session: ProgramSession) -> None:
    with session:
        session.run("open('a.txt', 'w').write('kept')")
        assert session.run("open('a.txt').read()").last_expression == "'kept'"


def test_a_traceback_names_the_cells_and_keeps_the_state(session: ProgramSession) -> None:
    with session:
        session.run("def inverse(n):\n    return 1 / n")
        result = session.run("y = 1\ninverse(0)")
        assert (result.status, result.detail) == (ProgramStatus.ERROR, "ZeroDivisionError")
        files = [line for line in result.stderr.splitlines() if line.startswith("  File")]
        assert files == ['  File "<cell 2>", line 2, in <module>', '  File "<cell 1>", line 2, in inverse']
        assert session.run("y").last_expression == "1"


def test_a_syntax_error_shows_the_line(session: ProgramSession) -> None:
    with session:
        result = session.run("x = = 1")
        assert result.stderr == '  File "<cell 1>", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n'


def test_a_cell_past_its_limit_is_interrupted_and_the_state_kept(session: ProgramSession) -> None:
    with session:
        session.run("x = 7")
        started = time.monotonic()
        result = session.run("while True: pass")
        assert time.monotonic() - started < 10
        assert (result.status, result.state_lost) == (ProgramStatus.TIMEOUT, False)
        assert result.detail == "interrupted after 0.5 s; state kept"
        assert session.run("x").last_expression == "7"


def test_a_cell_that_cannot_be_interrupted_is_killed_and_the_state_lost(session: ProgramSession) -> None:
    with session:
        session.run("x = 7\nimport signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)")
        started = time.monotonic()
        result = session.run("print('in', flush=True)\ntime.sleep(60)")
        assert time.monotonic() - started < 10
        assert (result.status, result.state_lost, result.stdout) == (ProgramStatus.TIMEOUT, True, "in\n")
        assert result.detail == "killed after 0.5 s; state lost"
        again = session.run("x")
        assert (again.status, again.detail) == (ProgramStatus.ERROR, "NameError")


@pytest.mark.parametrize(
    ("cell", "status", "lost"),
    [
        ("import sys; sys.exit(3)", ProgramStatus.ERROR, False),
        ("import os; os._exit(3)", ProgramStatus.ERROR, True),
        ("import os; os._exit(0)", ProgramStatus.OK, True),
        ("import ctypes; ctypes.string_at(0)", ProgramStatus.KILLED, True),
        ("x = bytearray(10**9)", ProgramStatus.MEMORY, False),
        ("print('x' * 10**6)", ProgramStatus.OUTPUT_LIMIT, True),
        ("print('x' * 20_000)", ProgramStatus.OK, False),
        ("import os; os.close(4); os.close(3)", ProgramStatus.ERROR, True),
        ("import os; os.write(4, b'}{\\n' * 1000)", ProgramStatus.OK, False),
    ],
)
def test_whatever_a_cell_does_the_next_one_runs(
    session: ProgramSession, cell: str, status: ProgramStatus, lost: bool
) -> None:
    with session:
        result = session.run(cell)
        assert (result.status, result.state_lost) == (status, lost)
        assert session.run("6 * 7").last_expression == "42"


def test_a_stale_report_is_not_taken_for_the_next_cells(session: ProgramSession) -> None:
    with session:
        forged = 'import os; os.write(4, b\'{"token": "x", "exit": 0, "exception": "", "last": "13"}\\n\')'
        session.run(forged)
        assert session.run("14").last_expression == "14"


def test_a_lost_worker_is_told_as_lost_state(runner: ProgramRunner) -> None:
    with ProgramRunner(preload=()) as own, ProgramSession(runner=own) as session:
        session.run("x = 1")
        worker = psutil.Process(own.worker().process)
        family = [worker, *worker.children(recursive=True)]
        worker.kill()
        psutil.wait_procs(family, timeout=2)
        result = session.run("x")
        assert (result.status, result.state_lost) == (ProgramStatus.KILLED, True)
        assert session.run("2").last_expression == "2"


def test_sessions_do_not_see_one_another(runner: ProgramRunner) -> None:
    with ProgramSession(runner=runner) as one, ProgramSession(runner=runner) as other:
        one.run("x = 'secret'\nopen('f', 'w').write(x)")
        assert other.run("x").detail == "NameError"
        assert other.run("import os; os.listdir('.')").last_expression == "[]"
        assert one.run("x").last_expression == "'secret'"


def test_closing_ends_the_process(runner: ProgramRunner) -> None:
    session = ProgramSession(runner=runner)
    session.run("import time, threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()")
    session.close()
    worker = psutil.Process(runner.worker().process)
    until = time.monotonic() + 2
    while len(worker.children(recursive=True)) > 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(worker.children(recursive=True)) <= 2


def test_a_cell_is_refused_like_a_program(runner: ProgramRunner) -> None:
    with ProgramSession(Limits(code_bytes=10), runner) as session:
        assert session.run("x = 1234567890").status is ProgramStatus.REFUSED
    lacking = Limits(without=frozenset({Protection.UTS_NAMESPACE}), require=frozenset({Protection.UTS_NAMESPACE}))
    with ProgramSession(lacking) as session:
        result = session.run("1")
        assert (result.status, result.detail) == (
            ProgramStatus.REFUSED,
            "required but not available: uts-namespace",
        )
