"""The Ray cluster as a driver sees it: joining it, its CPUs and GPUs, and which of its nodes are gone.

In: an address, or none to start Ray here. Out: numbers and yes or no; errors are for the caller to put in words.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import ray

_CONNECT_SECONDS = 10.0
_PROBE_SECONDS = 3.0
# Records never pass through the object store, only descriptions of tasks: nothing is ever spilled.
OBJECT_STORE_BYTES = 10**8


def connect(address: str | None, workers: int | None) -> None:
    """Join the cluster at `address`, or start Ray here.

    Raises OSError, RuntimeError or ValueError where none answers.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "mathpipe"}
    if address is None:
        # "local": else Ray would join a cluster that someone happens to have running on this machine.
        address = "local"
        options.update(num_cpus=workers, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES)
    _check_reachable(address)
    ray.init(address=address, **options)


def _check_reachable(address: str) -> None:
    """Raises `OSError` where nothing listens: Ray itself would go on trying for minutes without a word."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()


def cpus() -> int:
    """CPUs of the nodes that are there now."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1.0)))


def free_cpus() -> float:
    """CPUs that nobody holds now."""
    resources: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    return resources.get("CPU", 0.0)


def room_on_gpus(of_each: float) -> int:
    """How many workers the cluster's GPUs hold."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = int(resources.get("GPU", 0.0))
    return gpus * int(1 / of_each) if of_each <= 1 else gpus // int(of_each)


class LostNodes:
    """Tells a worker that died from one whose node went with it: the second says nothing about its record."""

    def __init__(self) -> None:
        self._before = {node["NodeID"] for node in _nodes() if not node["Alive"]}

    def took(self, node_id: str) -> bool:
        """Whether that node is gone; of a worker that never said where it was (''), whether any went in this run."""
        nodes = _nodes()
        dead = {node["NodeID"] for node in nodes if not node["Alive"]}
        if not node_id:
            return bool(dead - self._before)
        return node_id in dead or any(node["NodeID"] == node_id and not _answers(node) for node in nodes)


def _nodes() -> Iterable[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _answers(node: dict[str, Any]) -> bool:
    """Whether the node's raylet takes connections: Ray itself believes in a dead one for up to half a minute."""
    if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        return True  # a driver outside the cluster (ray://) cannot ask its nodes
    try:
        with closing(socket.create_connection((node["NodeManagerAddress"], node["NodeManagerPort"]), _PROBE_SECONDS)):
            return True
    except OSError:
        return False
