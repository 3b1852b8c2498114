"""Faults that a run meets: a verifier or a rollout actor that dies, a full disk. Nothing is lost or counted twice."""

import json
import os
import signal
import threading
import time

import psutil
import pytest

from mathpipe.core.store import read_records
from rl.run_files import RolloutSample
from rl.samplers import RaySampler
from rl.trainer import Trainer
from tests.rl.loop_runs import config, finished, outcome, run, start, values
from tests.small_disk import small_disk


def is_verifier(child):
    try:
        return any("worker_child" in part for part in child.cmdline())
    except psutil.Error:  # ended, or a zombie
        return False


def kill_verifiers(after_seconds, spared, victims):
    time.sleep(after_seconds)
    for child in set(filter(is_verifier, psutil.Process().children())) - spared:
        child.kill()
        victims.append(child.pid)


@pytest.mark.parametrize("phase", ["verify", "score"])
def test_a_verifier_that_dies_costs_no_step_and_no_sample(policy, tmp_path, phase):
    """Killed while it judges or is idle: another one goes on. A claim that met two deaths has no verdict."""
    killed, victims = [], []
    spared = set(psutil.Process().children())  # other tests' verifiers

    def murder(name):
        if name == phase:
            killed.append(threading.Thread(target=kill_verifiers, args=(0.01 * len(killed), spared, victims)))
            killed[-1].start()

    settings = config(policy, tmp_path, name="killed", steps=3)
    with Trainer(settings, say=lambda _: None, phase=murder) as trainer:
        records = [trainer.step().record for _ in range(3)]
    for thread in killed:
        thread.join()
    assert len(killed) == 3
    assert victims
    assert [record.samples for record in records] == [32, 32, 32]
    assert all(record.unjudged <= 1 for record in records)
    written = [list(read_records(path, RolloutSample)) for path in sorted((settings.folder / "samples").iterdir())]
    assert [len({(row.group, row.index) for row in rows}) for rows in written] == [32, 32, 32]
    assert [sum(row.outcome is None for row in rows) for rows in written] == [one.unjudged for one in records]


@pytest.mark.slow
def test_a_rollout_actor_that_dies_does_its_samples_again(policy, tmp_path):
    options = {"sampler": "ray", "sampler_actors": 2, "steps": 3}
    expected = run(config(policy, tmp_path, name="whole", **options))
    settings = config(policy, tmp_path, name="killed", **options)
    with Trainer(settings, say=lambda _: None) as trainer:
        records = [trainer.step().record]
        os.kill(trainer._sampler.process_ids()[1], signal.SIGKILL)
        records += [trainer.step().record for _ in range(2)]
    assert records == expected


def test_a_rollout_actor_that_dies_again_while_it_is_restored_is_started_once_more(tmp_path):
    import ray

    class Mortal:
        """Dies at its first job, and once more when it is given its weights again."""

        def __init__(self):
            self.version = 0

        def update_weights(self, weights, version):
            if (tmp_path / "job").exists() and not (tmp_path / "restored").exists():
                (tmp_path / "restored").touch()
                os._exit(1)
            self.version = version

        def sample(self, job):
            if not (tmp_path / "job").exists():
                (tmp_path / "job").touch()
                os._exit(1)
            return (job, self.version)

    class OneMortal(RaySampler):
        def __init__(self):
            self._weights = (ray.put([]), 7)
            self._actors = [self._start(0)]

        def _start(self, number):
            return ray.remote(Mortal).options(num_cpus=1).remote()

    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)
    try:
        assert OneMortal()._call(0, "sample", "a job") == ("a job", 7)
        assert (tmp_path / "restored").exists()
    finally:
        ray.shutdown()


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(policy, tmp_path):
    with small_disk(tmp_path / "disk", megabytes=64) as disk:
        whole, full = (values(policy, tmp_path, name=name, steps=4) for name in ("whole", "full"))
        full["output"] = str(disk)
        for name, given in (("whole", whole), ("full", full)):
            (tmp_path / f"{name}.yaml").write_text(json.dumps(given))
        finished(start(tmp_path / "whole.yaml"))
        filler = disk / "filler"
        filler.write_bytes(b"x" * (64 * 2**20 - 300_000))  # room for the first lines, not for a checkpoint
        process = start(tmp_path / "full.yaml")
        errors = process.communicate(timeout=300)[1].decode()
        assert process.returncode != 0
        assert "no space left" in errors
        assert "Traceback" not in errors
        filler.unlink()
        finished(start(tmp_path / "full.yaml"))
        assert outcome(disk / "full") == outcome(tmp_path / "whole")
