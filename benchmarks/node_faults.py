"""Nodes of a Ray cluster killed at random points of a run: raylets of their own on this machine, one CPU each.

In: how to start the pipeline, what it must come to. Out: a line for each kill and how many runs were byte-identical.
Half the kills take a node's raylet and all its workers, as when a machine is gone; the others its raylet alone.
A new node takes the place of each, as an autoscaler would bring one. Used by `benchmarks.faults`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_STORE_BYTES = 80 * 10**6


class Nodes:
    """A head that does no work and two worker nodes."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        # A node is given up after two seconds of silence and not after fifteen.
        quick = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "_system_config": quick,
            "object_store_memory": _STORE_BYTES,
        }
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._workers: list[Any] = []
        self.add()
        self.add()

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> None:
        self._workers.append(self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES))

    def kill(self, number: int, with_workers: bool) -> None:
        node = self._workers.pop(number)
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        children = raylet.children(recursive=True)
        os.kill(raylet.pid, signal.SIGKILL)
        for process in children if with_workers else []:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def close(self) -> None:
        self._cluster.shutdown()


def survive_nodes(
    folder: Path,
    kills: int,
    seed: int,
    start: Callable[[str, str], subprocess.Popen[bytes]],
    finish: Callable[[subprocess.Popen[bytes]], str],
    same: Callable[[str], bool],
) -> tuple[int, int]:
    """Kill nodes until the kills are spent, run after run; how many runs there were, and how many identical."""
    chance = random.Random(seed)
    nodes = Nodes()
    runs = identical = kill = 0
    print(f"{'kill':>5} {'run':>4} {'after s':>8} {'killed':>19} {'shards finished':>16}")
    try:
        while kill < kills:
            name = f"nodes{runs}"
            process, started = start(name, nodes.address), time.perf_counter()
            while kill < kills and _goes_on(process, chance.uniform(3.0, 15.0)):
                kill += 1
                whole = chance.random() < 0.5
                nodes.kill(chance.randrange(2), whole)
                done = sum(1 for _ in (folder / name).glob("steps/*/shard-*.parquet"))
                what = "raylet and workers" if whole else "raylet"
                print(f"{kill:>5} {runs:>4} {time.perf_counter() - started:>8.1f} {what:>19} {done:>16}", flush=True)
                nodes.add()
            finish(process)
            identical += same(name)
            runs += 1
    finally:
        nodes.close()
    return runs, identical


def _goes_on(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the run is still at work after so long. What it says is short: no pipe fills."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return False
    return True
