"""One object a node: a 2 GB model is loaded once and every worker of the node asks it.

On Ray the object lives in a named actor pinned to the node; without Ray it lives in the process. Callers
see the object's own methods either way. The driver ends the actors with its run; after a driver that was killed,
they end themselves.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

T = TypeVar("T")

ACTOR_PREFIX = "mathpipe-service-"
# A caller that comes later only waits for the object to be built again.
IDLE_SECONDS = 1800.0
_local: dict[str, Any] = {}


class _Host:
    """The actor's body: builds the object, forwards calls, and ends itself when it is long asked for nothing."""

    def __init__(self, factory: Callable[[], Any], folder: str, idle_seconds: float) -> None:
        os.chdir(folder)
        self._service = factory()
        self._idle_seconds = idle_seconds
        self._asked = time.monotonic()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self._asked = math.inf  # not idle while it answers
        try:
            return getattr(self._service, method)(*args, **kwargs)
        finally:
            self._asked = time.monotonic()

    def _end_when_idle(self) -> None:
        while (left := self._idle_seconds - (time.monotonic() - self._asked)) > 0:
            time.sleep(min(left, self._idle_seconds))
        os._exit(0)


class _Proxy:
    """Looks like the object; each method call goes to this node's actor, which is started again if it died."""

    def __init__(self, key: str, factory: Callable[[], Any]) -> None:
        self._key = key
        self._factory = factory
        self._actor = self._find()

    def _find(self) -> Any:
        node_id = ray.get_runtime_context().get_node_id()
        options = {
            "name": f"{ACTOR_PREFIX}{self._key}-{node_id}",
            "get_if_exists": True,
            # A worker is recycled while the others go on asking: the service must outlive the one that made it.
            "lifetime": "detached",
            "num_cpus": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node_id, soft=False),
        }
        return ray.remote(_Host).options(**options).remote(self._factory, str(Path.cwd()), IDLE_SECONDS)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return ray.get(self._actor.call.remote(method, *args, **kwargs))
            except RayActorError:
                self._actor = self._find()
                return ray.get(self._actor.call.remote(method, *args, **kwargs))

        return call


def shared(key: str, factory: Callable[[], T]) -> T:
    """The node's one object under `key`, built by the picklable `factory` where it is not there yet.

    The key names the content (a model's digest, say): two objects under one key would be one.
    """
    if ray.is_initialized():
        return cast(T, _Proxy(key, factory))
    if key not in _local:
        _local[key] = factory()
    return cast(T, _local[key])


def stop_services() -> None:
    """End this cluster's services; called by the driver when a run ends."""
    for name in ray.util.list_named_actors():
        if name.startswith(ACTOR_PREFIX):
            with suppress(ValueError):  # it went down with its node since it was listed
                ray.kill(ray.get_actor(name))
