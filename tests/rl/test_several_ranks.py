"""The whole command in two processes (torchrun, gloo): it ends as one; where one dies all end, and it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from mathpipe.core.errors import InputError, StageError
from mathpipe.generate import EngineConfig
from rl.journal import Journal
from rl.lead import Lead
from rl.rollout import RolloutJob, SamplingConfig
from rl.samplers import Place, WorkerPlan, make_sampler
from tests.rl.loop_runs import ROOT, finished, outcome, start, values
from tests.rl.wavering_policy import write_problems

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def write_config(policy, folder, name, **options):
    """Three problems to a step, so that the ranks' parts differ in size, and two held-out ones."""
    held_out = {"path": str(write_problems(folder / "held.jsonl", [(3, 3), (2, 2)]))}
    sampling = {"sampling": {"problems": 3, "samples": 8, "max_tokens": 24}}
    given = values(policy, folder, name=name, steps=5, held_out=held_out, **sampling | options)
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(given))
    return path


def start_ranks(path):
    command = [*TORCHRUN, "-m", "mathpipe.cli", "grpo", str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def process_of(launcher, rank):
    """The process of a rank, a child of torchrun."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (found,) = [
        int(child) for child in children if f"\0RANK={rank}\0".encode() in Path(f"/proc/{child}/environ").read_bytes()
    ]
    return found


def wait_for_lines(launcher, journal, count):
    deadline = time.monotonic() + 120
    while launcher.poll() is None and time.monotonic() < deadline:
        if journal.is_file() and len(journal.read_text().splitlines()) >= count:
            return
        time.sleep(0.01)
    pytest.fail(f"no {count} steps were done: {launcher.stderr.read().decode()[-2000:]}")


@pytest.fixture(scope="module")
def by_two(policy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    finished(start_ranks(write_config(policy, folder, "two")))
    return folder / "two"


def assert_alike(ours, theirs):
    """Records, samples and weights within rounding."""
    for mine, other in zip(ours[0], theirs[0], strict=True):
        assert mine.held_out == other.held_out
        assert (mine.tokens_sampled, mine.groups_kept, mine.version) == (
            other.tokens_sampled, other.groups_kept, other.version
        )  # fmt: skip
        assert mine.reward_mean == other.reward_mean
        assert mine.loss == pytest.approx(other.loss, abs=1e-6)
        assert mine.grad_norm == pytest.approx(other.grad_norm, rel=1e-4)
        assert mine.sampler_gap < 1e-5
    assert [[row.text for row in rows] for rows in ours[1]] == [[row.text for row in rows] for rows in theirs[1]]
    assert ours[2].keys() == theirs[2].keys()
    for name, weights in ours[2].items():
        torch.testing.assert_close(torch.tensor(weights), torch.tensor(theirs[2][name]), rtol=1e-4, atol=2e-6)


def test_two_processes_end_as_one_does(policy, by_two, tmp_path):
    finished(start(write_config(policy, tmp_path, "one")))
    assert_alike(outcome(by_two), outcome(tmp_path / "one"))
    assert [line.record.step for line in Journal(by_two / "journal.jsonl").read()] == [1, 2, 3, 4, 5]
    newest = sorted((by_two / "checkpoints").iterdir())[-1]
    assert sorted(path.name for path in newest.iterdir()) == ["rank-00000.pt", "rank-00001.pt"]


@pytest.mark.slow
def test_where_one_rank_dies_all_end_with_a_line_and_a_new_start_goes_on(policy, by_two, tmp_path):
    path = write_config(policy, tmp_path, "killed")
    journal = tmp_path / "killed" / "journal.jsonl"
    for rank, lines in ((1, 1), (0, 3)):
        launcher = start_ranks(path)
        wait_for_lines(launcher, journal, lines)
        os.kill(process_of(launcher, rank), signal.SIGKILL)
        said = launcher.communicate(timeout=60)[1].decode()
        assert launcher.returncode != 0
        assert f"mathpipe: rank {1 - rank} of 2" in said
        assert "start the same command again" in said
    finished(start_ranks(path))
    assert outcome(tmp_path / "killed") == outcome(by_two)


@pytest.mark.slow
def test_two_processes_go_on_from_steps_as_one_does(stepwise_policy, tmp_path):
    reward = {"supervision": "process", "steps": {"verifier": "rollouts", "rollouts": 4}}
    sampling = {"problems": 2, "samples": 6, "max_tokens": 40}
    paths = [
        write_config(
            stepwise_policy, tmp_path, name, reward=reward, sampling=sampling,
            learner={"learning_rate": 1e-4, "warm_up_steps": 3, "offload_optimizer": name == "two"},
        )
        for name in ("two", "one")
    ]  # fmt: skip
    finished(start_ranks(paths[0]))
    finished(start(paths[1]))
    ours, theirs = outcome(tmp_path / "two"), outcome(tmp_path / "one")
    assert_alike(ours, theirs)
    rewards = [[row.step_rewards for row in rows] for rows in ours[1]]
    assert rewards == [[row.step_rewards for row in rows] for rows in theirs[1]]
    assert any(0.0 < share < 1.0 for rows in rewards for row in rows for share in row[:-1])


@pytest.mark.slow
@pytest.mark.vllm
def test_each_rank_samples_with_a_vllm_of_its_own(policy, by_two, tmp_path):
    engine = {"kind": "vllm", "dtype": "float32", "context_tokens": 256, "max_sequences": 32}
    finished(start_ranks(write_config(policy, tmp_path, "vllm", engine=engine)))
    records = outcome(tmp_path / "vllm")[0]
    assert [record.step for record in records] == [1, 2, 3, 4, 5]
    assert max(record.sampler_gap for record in records) < 1e-4
    assert records[-1].held_out.problems == 2


# --- what only the first rank does ---------------------------------------------------------------------------------


def part_of(job):
    return f"rank {os.environ['RANK']} of {job}"


def refuse(job):
    if os.environ["RANK"] == "1":
        raise InputError(f"{job}", "a rank that can", "ask another")
    return job


def ask(lead, name):
    return lead.shared(lambda: lead.everywhere(name, "a job"))


def one_rank(rank, folder):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    lead = Lead.here()
    lead.answer("part", part_of)
    lead.answer("refuse", refuse)
    found = [ask(lead, "part"), ask(lead, "part"), lead.gathered(rank)]
    try:
        ask(lead, "refuse")
    except InputError as error:
        found.append(str(error))
    try:
        if lead.leads:
            lead.everywhere("part", "outside")
    except StageError as error:
        found.append(str(error))
    (folder / f"{rank}.json").write_text(json.dumps(found))
    lead.leave()


def test_the_first_rank_asks_all_and_an_error_of_one_is_raised_on_all(tmp_path):
    multiprocessing.spawn(one_rank, args=(tmp_path,), nprocs=2)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    parts = ["rank 0 of a job", "rank 1 of a job"]
    assert first[:3] == second[:3] == [parts, parts, [0, 1]]
    assert first[3] == second[3]
    assert "a rank that can" in first[3]
    assert "within shared" in first[4]


def plan(**engine):
    return WorkerPlan(EngineConfig(model="x", **engine), SamplingConfig())


def test_an_engine_spread_over_several_devices_is_refused_in_place():
    with pytest.raises(InputError, match="tensor_parallel=2"):
        make_sampler(Place.INLINE, plan(vllm={"tensor_parallel": 2}), Lead(0, 2))


def test_vllm_in_a_thread_beside_other_ranks_is_refused():
    with pytest.raises(InputError, match="sampler: inline"):
        make_sampler(Place.THREAD, plan(kind="vllm"), Lead(0, 2))


def test_a_rank_that_only_learns_takes_weights_and_refuses_jobs():
    sampler = make_sampler(Place.RAY, plan(), Lead(1, 2))
    assert sampler.update_weights(iter([("w", torch.zeros(1))]), 1).result() == []
    assert sampler.rest() is False
    job = RolloutJob(name="j", problems=(), samples=1, max_tokens=1, temperature=1.0, seed=0)
    with pytest.raises(StageError, match="first rank"):
        sampler.sample(job)
