"""A worker can be killed whatever it does, and the next call finds a fresh one."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from verify.worker import RemoteError, Worker, WorkerDied, WorkerTimeout, call_bounded

HANDLER = "tests.verify.worker_handlers:any_of"


@pytest.fixture(scope="module")
def worker():
    with Worker(HANDLER) as made:
        assert made.call(("echo", 1), timeout_seconds=30) == 1
        yield made


@pytest.mark.parametrize("payload", [None, 0, "x" * 5_000_000, [1, {"a": (2, b"3")}], "\ud800"])
def test_a_payload_comes_back_as_it_was(worker, payload):
    assert worker.call(("echo", payload), timeout_seconds=10) == payload


@pytest.mark.parametrize("name", ["hang_in_c", "hang_in_a_regex", "sleep_through_signals"])
def test_what_hangs_is_killed_at_its_limit(worker, name):
    started = time.monotonic()
    with pytest.raises(WorkerTimeout, match=r"0\.3 s"):
        worker.call((name, None), timeout_seconds=0.3)
    assert 0.3 <= time.monotonic() - started < 5
    assert worker.call(("echo", 2), timeout_seconds=10) == 2


@pytest.mark.parametrize("name", ["exit_at_once", "crash", "kill_itself"])
def test_what_dies_is_said_to_have_died(worker, name):
    with pytest.raises(WorkerDied):
        worker.call((name, None), timeout_seconds=10)
    assert worker.call(("echo", 3), timeout_seconds=10) == 3


def test_memory_beyond_the_limit_is_an_error(worker):
    with pytest.raises(RemoteError, match="MemoryError"):
        worker.call(("eat_memory", None), timeout_seconds=10)


def test_an_exception_comes_back_with_its_traceback(worker):
    with pytest.raises(RemoteError, match="ValueError: no such number"):
        worker.call(("raise_an_error", None), timeout_seconds=10)


def test_what_a_handler_prints_does_not_disturb(worker):
    assert worker.call(("fill_stdout", None), timeout_seconds=30) == "done"


def test_a_kill_reaches_grandchildren(worker, tmp_path):
    noted = tmp_path / "pid"
    with pytest.raises(WorkerTimeout):
        worker.call(("start_a_child", str(noted)), timeout_seconds=1.5)
    grandchild = int(noted.read_text())
    deadline = time.monotonic() + 2
    while psutil.pid_exists(grandchild) and psutil.Process(grandchild).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lost_server_is_started_again():
    with Worker(HANDLER) as made:
        server = psutil.Process(made.call(("process", None), timeout_seconds=30)).parent()
        server.kill()
        time.sleep(0.1)  # its worker goes with it
        assert made.call(("echo", 1), timeout_seconds=30) == 1


def test_a_worker_that_was_killed_while_idle_costs_the_next_request_nothing(worker):
    for _ in range(3):
        process = psutil.Process(worker.call(("process", None), timeout_seconds=10))
        process.kill()
        time.sleep(0.05)
        assert worker.call(("process", None), timeout_seconds=10) != process.pid


def test_threads_share_workers_without_mixing_answers():
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: call_bounded(HANDLER, ("echo", n), timeout_seconds=30), range(300)))
    assert answers == list(range(300))


def test_it_works_under_asyncio_and_off_the_main_thread():
    async def both():
        slow = asyncio.to_thread(call_bounded, HANDLER, ("sleep_through_signals", 0), timeout_seconds=0.3)
        quick = asyncio.to_thread(call_bounded, HANDLER, ("echo", 7), timeout_seconds=10)
        return await asyncio.gather(slow, quick, return_exceptions=True)

    slow, quick = asyncio.run(both())
    assert isinstance(slow, WorkerTimeout)
    assert quick == 7


def test_a_forked_process_has_workers_of_its_own():
    parent = call_bounded(HANDLER, ("process", 0), timeout_seconds=30)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(call_bounded(HANDLER, ("process", 0), timeout_seconds=30)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 32)) != parent


SCRIPT = """
import os, sys, time
from verify.worker import Worker
worker = Worker("tests.verify.worker_handlers:any_of")
print(worker.call(("process", None), timeout_seconds=30), flush=True)
worker.call(("hang_in_c", None), timeout_seconds=1000)
"""


def test_workers_end_with_a_driver_that_is_killed():
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    driver = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, env=environment)
    child = psutil.Process(int(driver.stdout.readline()))
    processes = [child, child.parent()]
    time.sleep(0.2)
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(processes, timeout=2)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_nothing_is_left_after_close():
    made = Worker(HANDLER)
    child = psutil.Process(made.call(("process", None), timeout_seconds=30))
    before = threading.active_count()
    processes = [child, child.parent()]
    made.close()
    _, alive = psutil.wait_procs(processes, timeout=2)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert threading.active_count() == before
