"""Where more nodes stop helping: constants measured on a real Ray here, put together for 10, 100 and 1,000 nodes.

In: core-seconds of a snapshot by stage. Out: a table and the paper sum for 40 billion pages. What is measured: the
driver's own time for a task (plan, hand out, Ray, commit, journal), a look at tasks under way, bytes of a task's
description and result, rows and bytes of duplicate keys, and what a split file costs. What is not: the network, the
shared folder under load, and the start of thousands of actors.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mathpipe.core import cluster
from mathpipe.core.config import Config
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.metrics import read_json_lines
from mathpipe.core.plan import Plan
from mathpipe.core.records import Drop, RawPage
from mathpipe.core.runner import Runner
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.step import Files, Step
from mathpipe.core.task import run_task

CORES_A_NODE = 16
SHARDS = 90_000
PAGES_40B = 40_000_000_000
TASK_MEMORY_BYTES = 4 * 2**30
_PENDING = 1_000


class NothingConfig(Config):
    """No values."""


class Nothing(Stage[RawPage, RawPage]):
    """Hands on what it gets, which is nothing: what a task costs apart from its work."""

    def __init__(self, config: NothingConfig, context: StageContext) -> None:
        pass

    def run(self, shard: Iterable[RawPage]) -> Iterator[RawPage | Drop]:
        yield from shard


def read_nothing(path: str) -> Iterator[RawPage]:
    """No page, of whatever file."""
    del path
    yield from ()


@dataclass(frozen=True, slots=True)
class Driver:
    """Seconds of the driver's process and bytes, a task."""

    cpu_seconds: float  # all its threads, Ray's among them
    clock_seconds: float
    plan_seconds: float  # planning and checking a finished task of a run that is started again
    wait_seconds: float  # one look at one task under way
    task_bytes: int
    result_bytes: int


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Duplicate keys, and the files they are split into."""

    rows_a_page: float
    bytes_a_row: float
    memory_bytes_a_row: int
    keys_seconds_a_page: float
    match_seconds_a_row: float
    file_bytes: float  # of a split file apart from its rows
    file_seconds: float


def measure_driver(tasks: int) -> Driver:
    """A step of empty shards through the whole runner on Ray with two workers."""
    import ray
    from ray import cloudpickle as any_cloudpickle

    cloudpickle: Any = any_cloudpickle
    with tempfile.TemporaryDirectory(prefix="mathpipe-driver-") as name:
        folder = Path(name)
        source = folder / "empty.txt"
        source.touch()
        step = Step(
            "nothing", Nothing, NothingConfig(), Files((str(source),) * tasks, read_nothing), RawPage, RawPage
        )
        config = RunnerConfig(workers=2)
        cluster.connect(None, 2)
        try:
            cpu = time.process_time()
            Runner(folder / "run", [step], config, lambda _: None).run(NothingConfig())
            cpu = time.process_time() - cpu
            wait = _wait_seconds(ray)
        finally:
            ray.shutdown()
        started = time.process_time()
        again = Plan(folder / "run", [step])
        planned = again.plan(again.steps[0])
        finished = [again.manifest("nothing").finished(task.shard, task.key) for task in planned]
        plan = time.process_time() - started
        if None in finished:
            raise RuntimeError("the empty step did not finish")
        result = run_task(planned[0])
        sizes = [len(cloudpickle.dumps(item)) for item in (planned[0], result)]
        clock = _seconds_between(folder / "run" / "metrics.jsonl")
    return Driver(cpu / tasks, clock, plan / tasks, wait, *sizes)


def _seconds_between(metrics: Path) -> float:
    """From one finished shard to the next, by the clock."""
    rows = [row for row in read_json_lines(metrics) if row["event"] == "shard_finished"]
    first, last = (datetime.fromisoformat(str(rows[number]["time"])) for number in (0, -1))
    return (last - first).total_seconds() / (len(rows) - 1)


def _wait_seconds(ray: Any) -> float:
    """One `ray.wait` over a thousand calls under way, a call."""

    class Sleeper:
        def rest(self, seconds: float) -> None:
            time.sleep(seconds)

    sleeper = ray.remote(Sleeper).options(num_cpus=0).remote()
    pending = [sleeper.rest.remote(600.0) for _ in range(_PENDING)]
    started = time.process_time()
    for _ in range(10):
        ray.wait(pending, num_returns=1, timeout=0)
    seconds = (time.process_time() - started) / 10 / _PENDING
    ray.kill(sleeper)
    return seconds


def print_scaling(parallel: dict[str, float], serial: dict[str, float], driver: Driver) -> None:
    """Hours and use of the cores at 10, 100 and 1,000 nodes. `parallel`: core-seconds by step of a task a shard.

    Under load the driver takes in all that is ready at each look, so a look is shared by as many tasks as wait.
    """
    alone = sum(serial.values())
    most = 1 / driver.cpu_seconds
    print(f"\ndriver: {driver.cpu_seconds * 1e3:.2f} ms of its process a task, {most:,.0f} tasks/s at most")
    print(f"({driver.clock_seconds * 1e3:.1f} ms by the clock here, with two workers on the same two cores)")
    print(f"a finished task is planned and found finished in {driver.plan_seconds * 1e3:.2f} ms")
    print(f"a look at a task under way: {driver.wait_seconds * 1e6:.2f} us")
    print(
        f"through Ray: description {driver.task_bytes:,} B, result {driver.result_bytes:,} B, both under the 100 KB"
    )
    print("that travel in the message itself: the object store stays empty, nothing is spilled")
    print(f"steps of one task, which no node helps: {alone / 3600:.2f} h ({_named(serial)})")
    names = ("work h", "driver h", "waves h", "single h", "in all h")
    print(f"{'nodes':>6} {'cores':>7} " + "".join(f"{name:>9}" for name in names) + f"{'use':>7}")
    for nodes in (10, 100, 1000, 10_000):
        cores = nodes * CORES_A_NODE
        work = sum(parallel.values()) / cores
        driving = len(parallel) * SHARDS * (driver.cpu_seconds + 2 * driver.wait_seconds)
        waves = sum(seconds / SHARDS * math.ceil(SHARDS / cores) for seconds in parallel.values())
        total = max(driving, waves) + alone
        row = (work, driving, waves, alone, total)
        print(f"{nodes:>6} {cores:>7,} {''.join(f'{value / 3600:>9.2f}' for value in row)} {work / total:>6.0%}")
    rate = SHARDS * len(parallel) / sum(parallel.values()) * CORES_A_NODE
    print(f"a node asks for {rate:.2f} tasks a second: one driver keeps {most / rate:,.0f} nodes busy")
    print(f"beyond {SHARDS // CORES_A_NODE:,} nodes there are more cores than shards")


def _named(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value / 3600:.2f}" for name, value in seconds.items())


def print_shuffle(pages: float, shuffle: Shuffle) -> None:
    """What the dedup of a snapshot and of 40 billion pages moves and holds."""
    s = shuffle
    print(f"\nduplicate keys: {s.rows_a_page:.1f} rows a page, {s.bytes_a_row:.0f} B a row on disk,")
    print(
        f"{s.memory_bytes_a_row:,} B in memory (as the step states), {s.keys_seconds_a_page * 1e3:.2f} ms a page to"
    )
    print(f"sign, {s.match_seconds_a_row * 1e6:.1f} us a row to match; a split file costs {s.file_bytes:,.0f} B and")
    print(f"{s.file_seconds * 1e3:.2f} ms")
    head = ("pages", "keys TB", "sign h", "match h", "partitions", "shards", "split files", "files h", "files TB")
    print("".join(f"{name:>12}" for name in head))
    for count, shards in ((pages, SHARDS), (PAGES_40B, SHARDS * 100), (PAGES_40B, 10_000)):
        rows = count * shuffle.rows_a_page
        partitions = math.ceil(rows * shuffle.memory_bytes_a_row / TASK_MEMORY_BYTES)
        files = partitions * shards
        values = (
            f"{count:.2e}",
            f"{rows * shuffle.bytes_a_row / 1e12:,.2f}",
            f"{count * shuffle.keys_seconds_a_page / 3600:,.0f}",
            f"{rows * shuffle.match_seconds_a_row / 3600:,.0f}",
            f"{partitions:,}",
            f"{shards:,}",
            f"{files:.2e}",
            f"{files * shuffle.file_seconds / 3600:,.0f}",
            f"{files * shuffle.file_bytes / 1e12:,.2f}",
        )
        print("".join(f"{value:>12}" for value in values))
