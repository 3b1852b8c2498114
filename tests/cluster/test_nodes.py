"""The runner on a Ray of several nodes (raylets of their own on this machine), whose nodes are killed in mid-run."""

from __future__ import annotations

import functools
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from mathpipe.core.cluster import LostNodes
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.node_service import shared, stop_services
from mathpipe.core.runner import Runner
from mathpipe.core.stage import StageContext
from mathpipe.core.step import Files, Step
from tests.core.toy import Number, Times, ToyConfig, read_numbers, shard_bytes, toy_steps, write_sources

pytestmark = pytest.mark.slow

SLOW = {"sleep_seconds": 0.05}


class Nodes:
    """A Ray cluster: a head that does no work, and worker nodes of one CPU each."""

    def __init__(self, count: int) -> None:
        from ray.cluster_utils import Cluster

        store: dict[str, Any] = {"object_store_memory": 80 * 10**6}
        # A dead node is found within two seconds and not within fifteen.
        quick = {
            "health_check_period_ms": 500,
            "health_check_failure_threshold": 3,
            "health_check_initial_delay_ms": 0,
        }
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": quick, **store}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.workers = [self.cluster.add_node(num_cpus=1, **store) for _ in range(count)]
        ray.init(address=self.cluster.address, log_to_driver=False, logging_level=logging.ERROR, namespace="mathpipe")

    def kill(self, number: int) -> str:
        """SIGKILL to a node's raylet and all its workers, as when the machine is gone; the node's id."""
        node = self.workers.pop(number)
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        for process in (raylet, *raylet.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return str(node.node_id)

    def close(self) -> None:
        ray.shutdown()
        self.cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    ray.shutdown()  # a cluster that tests before this one left
    made = Nodes(2)
    try:
        yield made
    finally:
        made.close()


def run_on(folder: Path, paths: tuple[str, ...], **values: Any) -> None:
    Runner(folder, toy_steps(paths, 3, **values), RunnerConfig(mode=Mode.RAY), print).run(ToyConfig())


def undisturbed(folder: Path, paths: tuple[str, ...], **values: Any) -> dict[str, bytes]:
    Runner(folder, toy_steps(paths, 3, **values), RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    return shard_bytes(folder)


def kill_after(nodes: Nodes, run: Path, shards: int) -> threading.Thread:
    """Kills the first node when so many shards are finished."""

    def wait_and_kill() -> None:
        manifest = run / "steps" / "times" / "manifest.jsonl"
        while not manifest.exists() or manifest.read_text().count('"key"') < shards:
            time.sleep(0.02)
        nodes.kill(0)

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    return thread


def commits(run: Path) -> Counter[tuple[str, int]]:
    """How often each shard was committed."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return Counter((row["step"], row["shard"]) for row in rows if row["event"] == "shard_finished")


def test_a_node_has_one_model_that_all_its_workers_ask(tmp_path: Path, nodes: Nodes) -> None:
    ask = ray.remote(max_calls=1, num_cpus=1, scheduling_strategy="SPREAD")(_ask)
    answers = ray.get([ask.remote(str(tmp_path)) for _ in range(6)])
    assert {node for node, _ in answers} == {node.node_id for node in nodes.workers}
    for node in nodes.workers:
        assert len({pid for place, pid in answers if place == node.node_id}) == 1
    assert len(list(tmp_path.glob("built-*"))) == 2
    stop_services()


class Model:
    """Notes each process that loads it."""

    def __init__(self, folder: str) -> None:
        (Path(folder) / f"built-{os.getpid()}").touch()

    def pid(self) -> int:
        return os.getpid()


def _ask(folder: str) -> tuple[str, int]:
    return str(ray.get_runtime_context().get_node_id()), shared("model", functools.partial(Model, folder)).pid()


def test_a_task_goes_to_the_node_that_made_its_shard(tmp_path: Path, nodes: Nodes) -> None:
    paths = write_sources(tmp_path / "in", shards=12, numbers=6)
    places = tmp_path / "places"
    places.mkdir()
    steps = [
        Step(name, Placed, ToyConfig(pid_folder=str(places), sleep_seconds=0.1), reads, Number, Number)
        for name, reads in (("first", Files(paths, read_numbers)), ("second", "first"))
    ]
    Runner(tmp_path / "run", steps, RunnerConfig(mode=Mode.RAY), print).run(ToyConfig())
    made = {path.name.split("-")[1]: path.name.split("-")[2] for path in places.glob("first-*")}
    read = {path.name.split("-")[1]: path.name.split("-")[2] for path in places.glob("second-*")}
    assert set(made.values()) == {node.node_id for node in nodes.workers}
    # All but the last few: a node that has none of its own left helps the other.
    assert sum(made[shard] == read[shard] for shard in made) >= 10


class Placed(Times):
    """Leaves a file that says on which node a shard was made."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        self.config = config
        node = ray.get_runtime_context().get_node_id()
        (Path(config.pid_folder) / f"{context.files.parents[2].name}-{context.shard_index}-{node}").touch()


def test_a_killed_node_costs_its_own_shard_alone_and_no_byte(
    tmp_path: Path, nodes: Nodes, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write_sources(tmp_path / "in", shards=5, numbers=12)
    expected = undisturbed(tmp_path / "inline", paths, **SLOW)
    thread = kill_after(nodes, tmp_path / "run", 1)
    run_on(tmp_path / "run", paths, **SLOW)
    thread.join()
    assert shard_bytes(tmp_path / "run") == expected
    assert set(commits(tmp_path / "run").values()) == {1}
    assert not (tmp_path / "run" / "ledger.jsonl").exists()
    # Once for the worker that was at it, and once more if Ray still placed the next one there.
    assert 1 <= capsys.readouterr().err.count("its node is gone") <= 2


def test_every_worker_of_a_lost_node_is_its_loss_also_those_that_never_said_where_they_were(nodes: Nodes) -> None:
    nodes.workers.append(nodes.cluster.add_node(num_cpus=1, object_store_memory=80 * 10**6))
    lost = LostNodes()  # the node that the test above killed was lost before
    here, others = str(nodes.workers[0].node_id), len(nodes.workers)
    assert not lost.took("")
    killed = nodes.kill(others - 1)
    deadline = time.monotonic() + 30
    while not lost.took("") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [lost.took(""), lost.took("")] == [True, True]
    assert lost.took(killed)
    assert not lost.took(here)
