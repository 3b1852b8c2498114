"""Which task a worker gets: one whose input its own node made, if one of the next is such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ray import cloudpickle

from mathpipe.core.crew import Crew, Waiting, Worker, _description, _read
from mathpipe.core.task import Task, TaskInput
from tests.core.toy import Number, Times, ToyConfig


def task(step: str, shard: int, *inputs: Path) -> Task:
    files = tuple(TaskInput(str(path)) for path in inputs)
    return Task(step, shard, 9, "k", Path("run/steps") / step, Times, ToyConfig(), files, Number, Number)


def reader(shard: int) -> Task:
    return task("second", shard, Path(f"run/steps/first/shard-{shard:05d}.parquet"))


def crew_with_shards_of(nodes: str) -> Crew:
    """A crew whose idle worker sits on node `b`, after shard i of the first step was made on `nodes[i]`."""
    crew = Crew(1.0, 0.0)
    for shard, node in enumerate(nodes):
        crew.release(Worker(None, None, _node=node), task("first", shard))
    crew.idle = [Worker(None, None, _node="b")]
    return crew


def test_a_worker_gets_the_task_whose_input_its_node_made() -> None:
    crew, waiting = crew_with_shards_of("aab"), Waiting([reader(0), reader(1), reader(2)])
    assert [getattr(crew.choose(waiting), "shard", None) for _ in range(4)] == [2, 0, 1, None]


def test_a_task_of_many_inputs_and_one_of_none_come_in_turn() -> None:
    crew = crew_with_shards_of("ab")
    both = task("gather", 0, *(Path(f"run/steps/first/shard-{shard:05d}.parquet") for shard in (1, 0)))
    waiting = Waiting([task("read", 5), both])
    assert [crew.choose(waiting), crew.choose(waiting)] == [task("read", 5), both]


def test_a_task_that_is_done_again_comes_before_those_that_nobody_had() -> None:
    crew, waiting = crew_with_shards_of("aa"), Waiting([reader(0), reader(1)])
    assert crew.choose(waiting) == reader(0)
    waiting.again([reader(0)])
    assert crew.choose(waiting) == reader(0)


def test_a_task_of_very_many_inputs_goes_by_a_file_and_no_other_does(tmp_path: Path) -> None:
    (tmp_path / ".tmp").mkdir()
    few, many = (replace(task("gather", 3), folder=tmp_path, inputs=(TaskInput("a" * 80, "b" * 32),) * count)
                 for count in (499, 500))  # fmt: skip
    assert _description(few) is few
    assert len(cloudpickle.dumps(few)) < 100_000  # type: ignore[no-untyped-call]
    path = _description(many)
    assert path == bytes(tmp_path / ".tmp" / "task-00003")
    assert _read(path) == many


def test_tasks_are_looked_at_a_window_at_a_time() -> None:
    asked: list[int] = []

    def tasks() -> Iterator[Task]:
        for shard in range(1_000):
            asked.append(shard)
            yield task("first", shard)

    Crew(1.0, 0.0).choose(Waiting(tasks()))
    assert len(asked) == 256
