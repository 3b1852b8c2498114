"""Who is held to have killed a worker: a record that did it twice, a shard that cannot be finished, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from mathpipe.core.blame import Blame
from mathpipe.core.errors import StageError
from mathpipe.core.feed import Mark
from mathpipe.core.task import Task
from tests.core.toy import Number, Sum, Times, ToyConfig


def task(folder: Path, stage: type = Times) -> Task:
    (folder / ".tmp").mkdir(exist_ok=True)
    return Task("toy", 0, 1, "k", folder, stage, ToyConfig(), (), Number, Number)


def died_at(folder: Path, record_id: str) -> None:
    mark = Mark(Mark.path_of(folder, 0))
    mark.at(Number(record_id, "https://toy.example", 1))
    mark.close()


def test_a_record_is_left_out_when_a_worker_died_at_it_twice(tmp_path: Path) -> None:
    blame, first = Blame(100), task(tmp_path)
    died_at(tmp_path, "n0-4")
    second = blame.after_crash(first, "worker-died")
    assert (second.one_by_one, dict(second.skip)) == (True, {})
    third = blame.after_crash(second, "worker-died")
    assert dict(third.skip) == {"n0-4": "worker-died"}


def test_a_record_is_not_blamed_for_the_nodes_it_was_on(tmp_path: Path) -> None:
    blame, again = Blame(100), task(tmp_path)
    died_at(tmp_path, "n0-4")
    for _ in range(10):
        again = blame.after_loss(again)
    assert again == task(tmp_path)
    assert dict(blame.after_crash(again, "worker-died").skip) == {}


def test_a_shard_that_ends_eleven_nodes_stops_the_run(tmp_path: Path) -> None:
    blame, again = Blame(100), task(tmp_path)
    for _ in range(10):
        again = blame.after_loss(again)
    with pytest.raises(StageError, match="it went down with 11 nodes") as raised:
        blame.after_loss(again)
    assert raised.value.shard == 0


def test_a_gathering_task_is_tried_three_times(tmp_path: Path) -> None:
    blame, again = Blame(100), task(tmp_path, Sum)
    for _ in range(2):
        again = blame.after_crash(again, "worker-died")
        assert not again.one_by_one
    with pytest.raises(StageError, match="died or hung 3 times"):
        blame.after_crash(again, "worker-died")
