"""Killed at random moments (SIGKILL, for real) and started again: the same dataset, nothing generated twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10


def start(folder, tmp_path, name, kind):
    paths = [str(tmp_path / f"{name}.{part}") for part in ("store", "log", "out")]
    command = [sys.executable, "-m", "tests.generate.killed_run", str(folder), *paths, kind]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def stored(path):
    """Ids of whole lines."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line)["sample_id"] for line in text.splitlines(keepends=True) if line.endswith("\n")]


def kill_after(process, store, more):
    """Kill the process when it has stored so many samples more."""
    before = len(stored(store))
    deadline = time.monotonic() + 120
    while process.poll() is None and len(stored(store)) < before + more and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("wanted_kills", [2, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_kills_change_nothing(taught_folder, tmp_path, wanted_kills):
    random = Random(0)
    whole = start(taught_folder, tmp_path, "whole", "transformers")
    assert whole.wait(240) == 0, whole.stderr.read().decode()[-2000:]
    whole.stderr.close()
    expected = (tmp_path / "whole.out").read_bytes()
    store, log, out = (tmp_path / f"killed.{part}" for part in ("store", "log", "out"))
    kills = 0
    while kills < wanted_kills:
        process = start(taught_folder, tmp_path, "killed", "transformers")
        asked_before, had = len(lines(log)), set(stored(store))
        kill_after(process, store, random.randrange(9))
        kills += 1
        assert not had & set(lines(log)[asked_before:])
    process = start(taught_folder, tmp_path, "killed", "transformers")
    asked_before, had = len(lines(log)), set(stored(store))
    assert process.wait(240) == 0, process.stderr.read().decode()[-2000:]
    process.stderr.close()
    assert not had & set(lines(log)[asked_before:])
    assert 0 < len(had) < 90
    assert len(stored(store)) == len(set(stored(store))) == 90
    assert out.read_bytes() == expected
