"""Real kills and a real full disk: what is finished stays, what comes out is the same to the byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.runner import Runner
from tests.core.toy import ToyConfig, shard_bytes, toy_steps, write_sources
from tests.small_disk import small_disk

ROOT = Path(__file__).resolve().parents[2]


def _start(run: Path, sources: Path, mode: str, workers: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.core.toy_run", str(run), str(sources), mode, str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A job in the background starts with Ctrl-C ignored, and hands that down; a terminal's does not.
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - these tests have no threads
    )


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _clean_run(tmp_path: Path, paths: tuple[str, ...]) -> dict[str, bytes]:
    clean = tmp_path / "clean"
    Runner(clean, toy_steps(paths, 3, sleep_seconds=0.01), RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    return shard_bytes(clean)


def _wait_for_work(run: Path, process: subprocess.Popen[str]) -> None:
    """Until the run has begun: a kill before that tests nothing."""
    deadline = time.time() + 90
    while process.poll() is None and time.time() < deadline and not (run / "run.json").exists():
        time.sleep(0.02)


@pytest.mark.parametrize(("mode", "kills"), [("inline", 6), ("ray", 2)])
def test_killed_at_random_points_and_resumed_the_bytes_are_the_same(tmp_path, mode, kills):
    paths = write_sources(tmp_path / "in", shards=8, numbers=16)
    expected = _clean_run(tmp_path, paths)
    chance = random.Random(7)
    run = tmp_path / "killed"
    for kill in range(kills):
        process = _start(run, tmp_path / "in", mode, 1 + kill % 3)
        _wait_for_work(run, process)
        time.sleep(chance.uniform(0.05, 0.5 if mode == "inline" else 6.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = _start(run, tmp_path / "in", mode, 2)
    _, errors = last.communicate(timeout=180)
    assert last.returncode == 0, errors
    assert shard_bytes(run) == expected


@pytest.mark.parametrize("mode", ["inline", "ray"])
def test_stopped_by_ctrl_c_no_process_stays_and_the_run_goes_on_later(tmp_path, mode):
    paths = write_sources(tmp_path / "in", shards=8, numbers=16)
    expected = _clean_run(tmp_path, paths)
    run = tmp_path / "stopped"
    process = _start(run, tmp_path / "in", mode, 2)
    deadline = time.time() + 90
    while process.poll() is None and time.time() < deadline and not list(run.glob("steps/times/shard-*")):
        time.sleep(0.02)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, errors = process.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    again = _start(run, tmp_path / "in", "inline", 1)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert shard_bytes(run) == expected


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", megabytes=1) as folder:
        yield folder


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(tmp_path, disk):
    paths = write_sources(tmp_path / "in", shards=8, numbers=16)
    expected = _clean_run(tmp_path, paths)
    filler = disk / "filler"
    filler.write_bytes(b"x" * 960_000)
    process = _start(disk / "run", tmp_path / "in", "inline", 1)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "there is no space left on its disk; free some space" in errors
    filler.unlink()
    again = _start(disk / "run", tmp_path / "in", "inline", 1)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert shard_bytes(disk / "run") == expected
