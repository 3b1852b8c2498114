"""The runner on a real Ray, with workers that are killed, hang and eat memory."""

import pytest

from mathpipe.core.errors import StageError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.metrics import read_json_lines
from mathpipe.core.runner import Runner
from tests.core.toy import ToyConfig, shard_bytes, toy_steps, write_sources


@pytest.fixture(scope="module")
def ray_cluster():
    import ray

    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="mathpipe", object_store_memory=10**8
    )
    yield
    ray.shutdown()


def _run(folder, paths, *, workers=2, limits=None, **values):
    config = RunnerConfig(mode=Mode.RAY, workers=workers, **(limits or {}))
    return Runner(folder, toy_steps(paths, 3, **values), config, print).run(ToyConfig())


def _inline(folder, paths, **values):
    Runner(folder, toy_steps(paths, 3, **values), RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_that_inline_gives(tmp_path, workers):
    paths = write_sources(tmp_path / "in", shards=5)
    _run(tmp_path / "ray", paths, workers=workers)
    _inline(tmp_path / "inline", paths)
    assert shard_bytes(tmp_path / "ray") == shard_bytes(tmp_path / "inline")


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize(
    ("how", "limits", "reason"),
    [
        ("kill", {}, "worker-died"),
        ("hang", {"record_timeout_seconds": 5.0}, "timeout"),
        ("eat", {"worker_memory_gb": 2.0}, "MemoryError"),
        ("raise", {}, "ValueError"),
    ],
)
def test_one_bad_record_costs_one_row_whatever_it_does_to_its_worker(tmp_path, how, limits, reason):
    paths = write_sources(tmp_path / "in")
    values = {"poison": "n1-4", "how": how, "batch": 3}
    summaries = _run(tmp_path / "run", paths, limits=limits, **values)
    assert summaries[0].quarantined == 1
    assert summaries[0].rows_out == 29
    (row,) = read_json_lines(tmp_path / "run" / "ledger.jsonl")
    assert (row["record_id"], row["reason"]) == ("n1-4", reason)


@pytest.mark.usefixtures("ray_cluster")
def test_too_many_bad_records_stop_the_run_with_the_cure(tmp_path):
    paths = write_sources(tmp_path / "in", shards=1)
    limits = {"max_quarantined_per_shard": 0}
    with pytest.raises(StageError, match="raise runner.worker_memory_gb"):
        _run(tmp_path / "run", paths, limits=limits, poison="n0-4", how="kill")


@pytest.mark.usefixtures("ray_cluster")
def test_a_worker_that_has_grown_is_replaced_between_shards(tmp_path):
    paths = write_sources(tmp_path / "in", shards=4)
    pids = tmp_path / "pids"
    pids.mkdir()
    _run(tmp_path / "run", paths, workers=1, limits={"recycle_memory_gb": 0.01}, pid_folder=str(pids))
    assert len(list(pids.iterdir())) == 4


@pytest.mark.usefixtures("ray_cluster")
def test_a_worker_is_kept_while_it_is_small(tmp_path):
    paths = write_sources(tmp_path / "in", shards=4)
    pids = tmp_path / "pids"
    pids.mkdir()
    _run(tmp_path / "run", paths, workers=1, pid_folder=str(pids))
    assert len(list(pids.iterdir())) == 1
