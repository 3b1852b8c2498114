"""One object a node: counted by the processes that built it."""

import functools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mathpipe.core.node_service import _Host, shared, stop_services

ROOT = Path(__file__).resolve().parents[2]


class Counter:
    """Notes each process that builds one, and counts calls over all callers."""

    def __init__(self, folder: str) -> None:
        (Path(folder) / f"built-{os.getpid()}-{time.time_ns()}").touch()
        self.calls = 0

    def add(self, number: int) -> int:
        self.calls += number
        return self.calls

    def rest(self, seconds: float) -> str:
        time.sleep(seconds)
        return "rested"

    def die(self) -> None:
        os._exit(1)


def _built(folder: Path) -> int:
    return len(list(folder.glob("built-*")))


def _ask(folder: str, number: int) -> tuple[int, int]:
    return os.getpid(), shared("counter", functools.partial(Counter, folder)).add(number)


def test_without_ray_the_object_is_built_once_in_the_process(tmp_path):
    code = (
        "import functools; from tests.core.test_node_service import Counter, shared\n"
        f"factory = functools.partial(Counter, {str(tmp_path)!r})\n"
        "print(shared('a', factory).add(1), shared('a', factory).add(2))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["1", "3"]
    assert _built(tmp_path) == 1


def test_on_ray_all_workers_of_a_node_ask_the_same_object(tmp_path, ray_cluster):
    ask = ray_cluster.remote(max_calls=1)(_ask)  # a fresh worker process for every call
    answers = [ray_cluster.get(ask.remote(str(tmp_path), 10)) for _ in range(3)]
    assert len({pid for pid, _ in answers}) == 3
    assert [total for _, total in answers] == [10, 20, 30]
    assert _built(tmp_path) == 1


def test_a_service_that_died_is_started_again_for_the_next_call(tmp_path, ray_cluster):
    proxy = shared("mortal", functools.partial(Counter, str(tmp_path)))
    assert proxy.add(5) == 5
    with pytest.raises(ray_cluster.exceptions.RayActorError):
        proxy.die()
    assert proxy.add(1) == 1
    stop_services()
    assert ray_cluster.util.list_named_actors() == []


def test_a_service_nobody_asks_ends_itself_and_one_that_works_does_not(tmp_path, ray_cluster):
    host = ray_cluster.remote(_Host).remote(functools.partial(Counter, str(tmp_path)), str(tmp_path), 1.0)
    assert ray_cluster.get(host.call.remote("rest", 2.5)) == "rested"
    time.sleep(2.5)
    with pytest.raises(ray_cluster.exceptions.RayActorError):
        ray_cluster.get(host.call.remote("add", 1))
