"""One object a node: counted by the processes that built it."""

import functools
import os
import time
from pathlib import Path

import pytest

from mathpipe.core.node_service import shared, stop_services


class Counter:
    """Notes each process that builds one, and counts calls over all callers."""

    def __init__(self, folder: str) -> None:
        (Path(folder) / f"built-{os.getpid()}-{time.time_ns()}").touch()
        self.calls = 0

    def add(self, number: int) -> int:
        self.calls += number
        return self.calls

    def die(self) -> None:
        os._exit(1)


def _built(folder: Path) -> int:
    return len(list(folder.glob("built-*")))


def _ask(folder: str, number: int) -> tuple[int, int]:
    return os.getpid(), shared("counter", functools.partial(Counter, folder)).add(number)


def test_without_ray_the_object_is_built_once_in_the_process(tmp_path):
    factory = functools.partial(Counter, str(tmp_path))
    assert shared(f"inline-{tmp_path}", factory).add(1) == 1
    assert shared(f"inline-{tmp_path}", factory).add(2) == 3
    assert _built(tmp_path) == 1


@pytest.fixture
def ray_here():
    import ray

    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="mathpipe", object_store_memory=10**8
    )
    yield ray
    ray.shutdown()


def test_on_ray_all_workers_of_a_node_ask_the_same_object(tmp_path, ray_here):
    ask = ray_here.remote(max_calls=1)(_ask)  # a fresh worker process for every call
    answers = [ray_here.get(ask.remote(str(tmp_path), 10)) for _ in range(3)]
    assert len({pid for pid, _ in answers}) == 3
    assert [total for _, total in answers] == [10, 20, 30]
    assert _built(tmp_path) == 1


def test_a_service_that_died_is_started_again_for_the_next_call(tmp_path, ray_here):
    proxy = shared("mortal", functools.partial(Counter, str(tmp_path)))
    assert proxy.add(5) == 5
    with pytest.raises(ray_here.exceptions.RayActorError):
        proxy.die()
    assert proxy.add(1) == 1
    stop_services()
    assert ray_here.util.list_named_actors() == []
