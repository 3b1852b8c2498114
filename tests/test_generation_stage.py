"""Generation over shards: killed for real and gone on with, cut anew, on Ray, with vLLM; one engine a process."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import psutil
import pytest
import torch
from rich.console import Console

from mathpipe.core.config import load_config
from mathpipe.core.errors import InputError
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.records import Problem, Sample
from mathpipe.core.store import read_records, write_records
from mathpipe.generate import EngineConfig, GenerationConfig, SampleStore
from mathpipe.generation import GenerateRunConfig, run_generation
from mathpipe.generation_stage import GenerateStageConfig, close_engines, engine_of, rearrange_store, store_path
from tests.generate.problems_at_hand import word_problem
from tests.generate.test_sample_store import SAMPLE
from tests.generate.tiny_model import save_tiny_model

ROOT = Path(__file__).resolve().parent.parent
PROBLEMS, SAMPLES, SHARDS = 12, 4, 3
CONFIG = """
name: {name}
output: {output}
problems: {{path: {output}/given}}
engine: {{kind: {kind}, model: {model}, dtype: float32, context_tokens: 512, max_sequences: 4}}
generation: {{form: tir, temperature: 0.9, samples: {samples}, max_tokens: 40, in_flight: 6, tools: {{rounds: 1}}}}
shards: {shards}
runner: {{mode: {mode}, workers: {workers}}}
"""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads of torch's wait for each other at every step where anything else runs: fifty times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and problems, which the runs of this file share."""
    folder = tmp_path_factory.mktemp("stage")
    save_tiny_model(folder / "model", sharp=1.0)
    (folder / "given").mkdir()
    write_records(folder / "given/shard-00000.parquet", map(word_problem, range(PROBLEMS)), Problem)
    return folder


def write_config(folder: Path, name: str, **values: object) -> Path:
    usual = {"kind": "transformers", "mode": "inline", "workers": 1, "samples": SAMPLES, "shards": SHARDS}
    text = CONFIG.format(**{**usual, **values, "name": name, "output": folder, "model": folder / "model"})
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{name}.yaml"


def generate(folder: Path, name: str, **values: object) -> str:
    """What a run in this process prints."""
    console = Console(record=True, width=200)
    run_generation(load_config(write_config(folder, name, **values), GenerateRunConfig, ()), console)
    return console.export_text()


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, bytes]:
    """The shards of an undisturbed run."""
    assert "48 samples (0 were stored before)" in generate(folder, "whole")
    return shards(folder / "whole")


def shards(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "samples").iterdir())}


def stored(run: Path) -> list[str]:
    """Ids of the whole lines that the run's shards have stored."""
    lines = [line for path in sorted((run / "stored").glob("*.jsonl")) for line in path.open("rb")]
    return [json.loads(line)["sample_id"] for line in lines if line.endswith(b"\n")]


def start(module: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()[-2000:]


def wait_for(process: subprocess.Popen[bytes], run: Path, more: int) -> None:
    """Until the run has stored so many samples more, or has ended."""
    wanted, deadline = len(stored(run)) + more, time.monotonic() + 120
    while process.poll() is None and len(stored(run)) < wanted and time.monotonic() < deadline:
        time.sleep(0.002)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_over_several_shards_it_leaves_the_same_bytes_and_asks_for_nothing_twice(
    folder: Path, whole: dict[str, bytes], kills: int
) -> None:
    random, run, log = Random(kills), folder / f"killed{kills}", folder / f"killed{kills}.log"
    config, lines = write_config(folder, run.name), list[str]()
    for round_ in range(kills + 1):
        had = stored(run)
        process = start("tests.generate.killed_shards", config, log)
        if round_ < kills:
            wait_for(process, run, 0 if round_ == 1 else random.randrange(1, 2 * PROBLEMS * SAMPLES // kills))
            kill(process)
        else:
            finish(process)
        asked = log.read_text().splitlines() if log.exists() else []
        assert not set(had) & set(asked[len(lines) :])
        assert set(had) <= set(stored(run))
        lines = asked
    assert len(had) > 0
    assert len(stored(run)) == len(set(stored(run))) == PROBLEMS * SAMPLES
    assert shards(run) == whole


@pytest.mark.slow
def test_on_ray_a_killed_run_and_a_killed_worker_leave_the_same_bytes(folder: Path) -> None:
    finish(start("mathpipe.cli", "generate", write_config(folder, "inline", samples=60)))
    run, config = folder / "ray", write_config(folder, "ray", samples=60, mode="ray", workers=2)
    process = start("mathpipe.cli", "generate", config)
    wait_for(process, run, 5)
    kill(process)
    had = stored(run)
    process = start("mathpipe.cli", "generate", config)
    worker = first_worker(process)
    wait_for(process, run, 5)
    worker.kill()
    finish(process)
    assert 5 <= len(had) < len(stored(run))
    assert set(had) <= set(stored(run))
    assert len(stored(run)) == len(set(stored(run))) == PROBLEMS * 60
    assert shards(run) == shards(folder / "inline")


def first_worker(process: subprocess.Popen[bytes]) -> psutil.Process:
    """A worker of the run that the process drives, as soon as there is one."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "_WorkerBody" in " ".join(child.cmdline()):
                    return child
        time.sleep(0.01)
    raise AssertionError("the run ended before it had a worker")


def test_another_cut_of_the_problems_and_more_samples_generate_what_is_missing_only(
    folder: Path, whole: dict[str, bytes]
) -> None:
    assert "24 samples (0 were stored before)" in generate(folder, "cut", samples=2, shards=5)
    assert "48 samples (24 were stored before)" in generate(folder, "cut")
    assert shards(folder / "cut") == whole
    assert "48 samples (48 were stored before)" in generate(folder, "cut")


def test_a_policy_that_was_trained_further_is_another_policy(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "model", sharp=1.0)
    (tmp_path / "given").mkdir()
    write_records(tmp_path / "given/shard-00000.parquet", map(word_problem, range(2)), Problem)
    generate(tmp_path, "policy", shards=1)
    before = shards(tmp_path / "policy")
    save_tiny_model(tmp_path / "model", sharp=1.0, seed=1)
    assert "8 samples (0 were stored before)" in generate(tmp_path, "policy", shards=1)
    assert shards(tmp_path / "policy") != before


def test_a_rotten_shard_is_written_again_from_what_is_stored(folder: Path) -> None:
    generate(folder, "rotten")
    before = shards(folder / "rotten")
    (folder / "rotten/steps/generate/shard-00001.parquet").write_bytes(b"rot")
    assert "48 samples (48 were stored before)" in generate(folder, "rotten")
    assert shards(folder / "rotten") == before


def test_a_process_loads_its_engine_once(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "model", tmp_path / "model")
    config = EngineConfig(kind="transformers", model=str(tmp_path / "model"), dtype="float32", context_tokens=512)
    first = engine_of(config)
    assert engine_of(config.model_copy()) is first
    other = engine_of(config.model_copy(update={"context_tokens": 256}))
    assert other is not first
    save_tiny_model(tmp_path / "model", seed=1)
    assert engine_of(config.model_copy(update={"context_tokens": 256})) is not other
    close_engines()


def test_an_engine_is_kept_for_another_run_that_asks_for_it(folder: Path) -> None:
    kept = load_config(write_config(folder, "kept"), GenerateRunConfig, ())
    run_generation(kept, Console(quiet=True), keep_engine=True)
    engine = engine_of(kept.engine)
    run_generation(kept.model_copy(update={"name": "again"}), Console(quiet=True), keep_engine=True)
    assert engine_of(kept.engine) is engine
    close_engines()
    assert engine_of(kept.engine) is not engine
    close_engines()


def test_where_samples_are_stored_is_no_part_of_what_decides_them(folder: Path) -> None:
    engine = EngineConfig(model=str(folder / "model"))
    here, there = (GenerateStageConfig.of(engine, GenerationConfig(), 5.0, folder / name) for name in ("a", "b"))
    assert here.store != there.store
    assert here.model_dump_json() == there.model_dump_json()


def test_samples_of_problems_that_are_gone_stay_where_they_are(tmp_path: Path) -> None:
    first, second = word_problem(1), word_problem(2)
    old = store_path(tmp_path, 0, [first, second])
    with SampleStore(old) as store:
        for problem in (first, second):
            store.add(replace(SAMPLE, sample_id=f"s{problem.problem_id}", problem_id=problem.problem_id))
    for _ in range(2):
        rearrange_store(tmp_path, [[second]])
        with SampleStore(store_path(tmp_path, 0, [second])) as store:
            assert [one.problem_id for one in store] == ["p2"]
        with SampleStore(old) as store:
            assert [one.problem_id for one in store] == ["p1", "p2"]
    rearrange_store(tmp_path, [[second], [first]])
    assert not old.exists()
    with SampleStore(store_path(tmp_path, 1, [first])) as store:
        assert [one.problem_id for one in store] == ["p1"]


def test_a_shard_waits_for_the_writer_that_a_kill_left_behind(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mathpipe.generate import SampleStore\n"
        "with SampleStore(Path(sys.argv[1])):\n print(flush=True); time.sleep(1)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s.jsonl")], env=environment, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError, match="one writer at a time"):
            SampleStore(tmp_path / "s.jsonl")
        with SampleStore(tmp_path / "s.jsonl", wait_seconds=60) as store:
            assert len(store) == 0


@pytest.mark.slow
def test_a_gpu_for_each_worker_bounds_their_number(folder: Path, whole: dict[str, bytes]) -> None:
    """Ray counts the GPUs it is told of: here one, which no program touches."""
    code = (
        "import ray, sys; from mathpipe.cli import main\n"
        "ray.init(address='local', num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False,"
        " object_store_memory=10**8)\n"
        "main()"
    )
    config = write_config(folder, "gpu", mode="ray", workers=2)
    command = [sys.executable, "-c", code, "generate", str(config), "--set", "runner.num_gpus=1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "the cluster's GPUs hold 1 workers: 1 it is, not 2" in done.stderr
    assert shards(folder / "gpu") == whole


def test_gpus_are_whole_or_a_part_of_one() -> None:
    assert [RunnerConfig(num_gpus=number).num_gpus for number in (0, 0.25, 2)] == [0, 0.25, 2]
    with pytest.raises(ValueError, match="whole GPUs or a part of one"):
        RunnerConfig(num_gpus=1.5)


@pytest.mark.slow
def test_gpus_that_are_not_there_are_one_clear_error(folder: Path) -> None:
    config = write_config(folder, "none", mode="ray")
    done = subprocess.run(
        [sys.executable, "-m", "mathpipe.cli", "generate", str(config), "--set", "runner.num_gpus=64"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "mathpipe: runner.num_gpus 64: a cluster with that many GPUs" in done.stderr


@pytest.fixture
def ray_head() -> Iterator[str]:
    """A real Ray head on this machine, on ports of its own, ended with all its processes afterwards."""
    ports = ["--port=0", "--dashboard-port=8271", "--dashboard-agent-listen-port=52371"]
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as head:
        assert head.stdout is not None
        for line in head.stdout:
            if b"Ray runtime started" in line:
                break
        yield "http://127.0.0.1:8271"
        os.killpg(head.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_submitted_run_leaves_the_same_bytes(folder: Path, whole: dict[str, bytes], ray_head: str) -> None:
    config = write_config(folder, "submitted", workers=2)
    finish(start("mathpipe.cli", "generate", config, "--submit", ray_head))
    assert json.loads((folder / "submitted/run.json").read_text())["mode"] == "ray"
    assert shards(folder / "submitted") == whole
    failing = start("mathpipe.cli", "generate", config, "--set", "problems.split=none", "--submit", ray_head)
    _, errors = failing.communicate(timeout=300)
    assert failing.returncode == 1
    assert b"a job that succeeds" in errors


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
def test_vllm_goes_from_shard_to_shard_in_a_worker(folder: Path) -> None:
    """In a worker of Ray's: this process may hold a vLLM of another test's."""
    finish(start("mathpipe.cli", "generate", write_config(folder, "vllm", kind="vllm", mode="ray", shards=2)))
    samples = [one for path in sorted((folder / "vllm/samples").iterdir()) for one in read_records(path, Sample)]
    assert [one.index for one in samples] == list(range(SAMPLES)) * PROBLEMS
    assert {one.completion_tokens > 0 for one in samples} == {True}
