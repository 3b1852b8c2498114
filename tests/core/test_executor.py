"""The runner on a real Ray, with workers that are killed, hang and eat memory."""

import os
import shutil
import threading
import time
from contextlib import suppress

import psutil
import pytest

from mathpipe.core.errors import InputError, StageError
from mathpipe.core.executor import Mode, RayExecutor, RunnerConfig
from mathpipe.core.metrics import read_json_lines
from mathpipe.core.plan import Plan
from mathpipe.core.runner import Runner
from mathpipe.core.step import Files, Gather, Step
from tests.core.toy import Broods, Number, Total, ToyConfig, read_numbers, shard_bytes, toy_steps, write_sources

pytestmark = pytest.mark.usefixtures("ray_cluster")


def _run(folder, paths, *, workers=2, limits=None, only=None, **values):
    config = RunnerConfig(mode=Mode.RAY, workers=workers, **(limits or {}))
    return Runner(folder, toy_steps(paths, 3, **values), config, print).run(ToyConfig(), only)


def _tasks(folder, steps):
    """The tasks of the first step, ready to be handed to an executor."""
    plan = Plan(folder, steps)
    (plan.step_folder(steps[0].name) / ".tmp").mkdir(parents=True)
    return plan.plan(steps[0])


def _inline(folder, paths, **values):
    Runner(folder, toy_steps(paths, 3, **values), RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())


def test_ray_gives_the_bytes_that_inline_gives(tmp_path):
    paths = write_sources(tmp_path / "in", shards=4)
    _run(tmp_path / "ray", paths)
    _inline(tmp_path / "inline", paths)
    assert shard_bytes(tmp_path / "ray") == shard_bytes(tmp_path / "inline")


def test_a_step_that_gathers_very_many_shards_gets_them_all(tmp_path):
    paths = write_sources(tmp_path / "in", shards=1, numbers=2) * 600
    step = Step("brood", Broods, ToyConfig(), Files(paths, read_numbers), Number, Total, (), Gather())
    with RayExecutor(RunnerConfig(workers=1)) as executor:
        (result,) = executor.run(_tasks(tmp_path / "run", [step]))
    assert result.entry.rows_in == 1200


def test_workers_put_their_shards_on_the_mirror(tmp_path):
    paths = write_sources(tmp_path / "in", shards=3)
    _run(tmp_path / "run", paths, limits={"mirror": (tmp_path / "mirror").as_uri()})
    assert shard_bytes(tmp_path / "mirror") == shard_bytes(tmp_path / "run")


@pytest.mark.parametrize(
    ("how", "limits", "reason"),
    [
        ("kill", {}, "worker-died"),
        ("hang", {"record_timeout_seconds": 3.0}, "timeout"),
        ("eat", {"worker_memory_gb": 2.0}, "MemoryError"),
        ("raise", {}, "ValueError"),
    ],
)
def test_one_bad_record_costs_one_row_whatever_it_does_to_its_worker(tmp_path, how, limits, reason):
    paths = write_sources(tmp_path / "in")
    values = {"poison": "n1-4", "how": how, "batch": 3}
    summaries = _run(tmp_path / "run", paths, limits=limits, only="times", **values)
    assert summaries[0].quarantined == 1
    assert summaries[0].rows_out == 29
    (row,) = read_json_lines(tmp_path / "run" / "ledger.jsonl")
    assert (row["record_id"], row["reason"]) == ("n1-4", reason)


def test_a_worker_whose_clock_is_an_hour_behind_has_time_for_each_record(tmp_path):
    paths, ended = write_sources(tmp_path / "in", shards=1), threading.Event()

    def turn_back_clocks() -> None:
        while not ended.wait(0.02):
            for mark in (tmp_path / "run").rglob("at-00000"):
                with suppress(FileNotFoundError):
                    seconds = mark.stat().st_mtime
                    if seconds > time.time() - 1800:
                        os.utime(mark, (seconds - 3600, seconds - 3600))

    clock = threading.Thread(target=turn_back_clocks)
    clock.start()
    limits = {"record_timeout_seconds": 1.5}
    try:
        (times, *_) = _run(tmp_path / "run", paths, limits=limits, only="times", sleep_seconds=0.4)
    finally:
        ended.set()
        clock.join()
    assert (times.rows_out, times.quarantined) == (10, 0)  # in four seconds, none of them longer at one record


def test_too_many_bad_records_stop_the_run_with_the_cure(tmp_path):
    paths = write_sources(tmp_path / "in", shards=1)
    limits = {"max_quarantined_per_shard": 0}
    with pytest.raises(StageError, match="raise runner.worker_memory_gb"):
        _run(tmp_path / "run", paths, limits=limits, poison="n0-4", how="kill")
    (row,) = read_json_lines(tmp_path / "run" / "ledger.jsonl")
    assert (row["step"], row["shard"], row["reason"]) == ("times", 0, "StageError")
    assert "died or hung 2 times, the last: worker-died at record n0-4" in str(row["message"])


def test_a_worker_that_has_grown_is_replaced_between_shards(tmp_path):
    paths = write_sources(tmp_path / "in", shards=3)
    pids = tmp_path / "pids"
    pids.mkdir()
    _run(tmp_path / "run", paths, workers=1, only="times", limits={"recycle_memory_gb": 0.01}, pid_folder=str(pids))
    assert len(list(pids.iterdir())) == 3


def test_a_worker_is_kept_while_it_is_small(tmp_path):
    paths = write_sources(tmp_path / "in", shards=3)
    pids = tmp_path / "pids"
    pids.mkdir()
    _run(tmp_path / "run", paths, workers=1, only="times", pid_folder=str(pids))
    assert len(list(pids.iterdir())) == 1


def test_a_worker_works_in_the_folder_of_its_driver(tmp_path, monkeypatch):
    write_sources(tmp_path / "in", shards=1)
    monkeypatch.chdir(tmp_path)
    (times, *_) = _run(tmp_path / "run", ("in/n0.txt",), only="times")
    assert times.rows_out == 10


def test_rot_that_one_task_finds_leaves_nothing_of_its_neighbours_behind(tmp_path):
    paths = write_sources(tmp_path / "in", shards=6)
    steps = toy_steps(paths, 3, sleep_seconds=0.05)
    _run(tmp_path / "run", paths, sleep_seconds=0.05)
    expected = shard_bytes(tmp_path / "run")
    shard = tmp_path / "run" / "steps" / "times" / "shard-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)
    shutil.rmtree(tmp_path / "run" / "steps" / "add")
    _run(tmp_path / "run", paths, sleep_seconds=0.05)
    assert shard_bytes(tmp_path / "run") == expected
    plan = Plan(tmp_path / "run", steps)
    for step in plan.steps:
        for task in plan.plan(step):
            assert plan.manifest(step.name).finished(task.shard, task.key), task


def test_an_executor_that_failed_has_no_results_left_for_its_next_tasks(tmp_path):
    paths = write_sources(tmp_path / "in", shards=3)
    (tmp_path / "in" / "n0.txt").write_text("0 x")
    tasks = _tasks(tmp_path / "run", toy_steps(paths, 3, sleep_seconds=0.1))
    with RayExecutor(RunnerConfig(workers=2)) as executor:
        with pytest.raises(StageError, match="its input can be read to the end"):
            list(executor.run(tasks[:2]))
        assert [result.entry.shard for result in executor.run(tasks[2:])] == [2]


def test_more_workers_than_cpus_are_cut_to_what_can_start(tmp_path):
    tasks = _tasks(tmp_path / "run", toy_steps(write_sources(tmp_path / "in")))
    said: list[str] = []
    with RayExecutor(RunnerConfig(workers=9), said.append) as executor:
        assert executor.workers == 2
        assert len(list(executor.run(tasks))) == 3
    assert said == ["9 workers were asked for, the cluster has 2 CPUs: 2 it is"]


class Squatter:
    def here(self) -> bool:
        return True


def _squat(ray, cpus):
    """An actor of somebody else's that holds CPUs."""
    squatter = ray.remote(Squatter).options(num_cpus=cpus).remote()
    assert ray.get(squatter.here.remote())
    return squatter


def test_a_full_cluster_is_named_while_the_run_waits_for_it(tmp_path, ray_cluster):
    tasks = _tasks(tmp_path / "run", toy_steps(write_sources(tmp_path / "in", shards=1)))
    squatter = _squat(ray_cluster, 2)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        ray_cluster.kill(squatter)

    with RayExecutor(RunnerConfig(notice_after_seconds=1.0), say) as executor:
        assert len(list(executor.run(tasks))) == 1
    assert said[0] == "step times, shard 0: 1 s, waiting for a worker to start (the cluster has 0 of 2 CPUs free)"


def test_an_idle_worker_makes_room_for_one_that_finds_no_cpu(tmp_path, ray_cluster):
    tasks = _tasks(tmp_path / "run", toy_steps(write_sources(tmp_path / "in", shards=2)))
    squatter = _squat(ray_cluster, 1)
    with RayExecutor(RunnerConfig(workers=2, notice_after_seconds=1.0)) as executor:
        assert sorted(result.entry.shard for result in executor.run(tasks)) == [0, 1]
    ray_cluster.kill(squatter)


def test_a_gather_step_that_takes_long_is_named(tmp_path):
    paths = write_sources(tmp_path / "in", shards=2)
    step = Step(
        "brood", Broods, ToyConfig(sleep_seconds=3.0), Files(paths, read_numbers), Number, Total, (), Gather()
    )
    said: list[str] = []
    with RayExecutor(RunnerConfig(workers=1, notice_after_seconds=1.5), said.append) as executor:
        (result,) = executor.run(_tasks(tmp_path / "run", [step]))
    assert result.entry.rows_in == 40
    assert any(line.startswith("step brood, shard 0: ") for line in said)


def test_a_task_is_taken_when_a_worker_is_free_and_not_before(tmp_path):
    tasks = _tasks(tmp_path / "run", toy_steps(write_sources(tmp_path / "in", shards=4)))
    taken: list[int] = []
    with RayExecutor(RunnerConfig(workers=1)) as executor:
        results = executor.run(tasks, lambda task: taken.append(task.shard) or task)
        assert next(results).entry.shard == 0
        assert taken == [0]
        results.close()


def test_a_cluster_that_grows_is_asked_for_more_workers_than_it_has_cpus(tmp_path):
    tasks = _tasks(tmp_path / "run", toy_steps(write_sources(tmp_path / "in", shards=3)))
    said: list[str] = []
    with RayExecutor(RunnerConfig(workers=3, autoscaling=True), said.append) as executor:
        assert executor.workers == 3
        # No node comes here: the third worker finds no CPU, and one of the other two does its task.
        assert sorted(result.entry.shard for result in executor.run(tasks)) == [0, 1, 2]
        assert executor.workers == 3
    assert said == []


def test_autoscaling_without_a_bound_is_refused():
    with pytest.raises(ValueError, match="autoscaling needs `workers`"):
        RunnerConfig(autoscaling=True)


def test_a_cluster_that_does_not_answer_is_one_clear_error_at_once():
    executor = RayExecutor(RunnerConfig(address="127.0.0.1:9"))
    with pytest.raises(
        InputError, match=r"runner.address 127.0.0.1:9: a Ray cluster that answers .*Connection refused"
    ):
        executor._connect()


def test_a_worker_without_memory_for_anything_dies_and_does_not_linger(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # workers take the driver's folder: ours are those that are here
    paths = write_sources(tmp_path / "in", shards=1)
    with RayExecutor(RunnerConfig(workers=1)) as executor:
        list(executor.run(_tasks(tmp_path / "healthy", toy_steps(paths))))
        assert len(_workers_in(tmp_path)) == 1  # so they are seen where there are any
    with pytest.raises(StageError):
        _run(tmp_path / "run", paths, only="times", limits={"worker_memory_gb": 1e-6}, how="eat", poison="all")
    deadline = time.time() + 15
    while _workers_in(tmp_path) and time.time() < deadline:
        time.sleep(0.2)
    assert _workers_in(tmp_path) == []


def _workers_in(folder):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with suppress(psutil.Error):
            if "ray::_Worker" in " ".join(process.info["cmdline"] or []) and process.cwd() == str(folder):
                found.append(process.pid)
    return found
