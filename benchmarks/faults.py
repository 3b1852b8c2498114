"""A run killed with SIGKILL at random points, resumed with other worker counts, beside one left alone.

    python -m benchmarks.faults [--quick]

The whole pipeline over the pages that the repository ships, on Ray. Each attempt is killed after a random time, half
of them with all their worker processes, half the driver alone; the next attempt resumes with another number of workers.
When a run gets to its end before the kill it is compared and started afresh. At the end: the shards byte by byte.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KILLS, SEED = 20, 11


def main() -> int:
    kills = 4 if "--quick" in sys.argv else KILLS
    with tempfile.TemporaryDirectory(prefix="mathpipe-faults-") as folder:
        started = time.perf_counter()
        finish(start(Path(folder), "clean", 2))
        clean_seconds = time.perf_counter() - started
        expected = published(Path(folder) / "clean")
        print(f"left alone: {clean_seconds:.0f} s, {len(expected)} files, {sum(map(len, expected.values())):,} bytes")
        print(f"{'kill':>5} {'after s':>8} {'workers':>8} {'killed':>13} {'shards finished':>16}")
        runs, same = survive(Path(folder), kills, clean_seconds, expected)
        print(f"{kills} kills over {runs} runs: {same} of {runs} runs byte-identical to the one left alone")
        return 0 if same == runs else 1


def survive(folder: Path, kills: int, clean_seconds: float, expected: dict[str, bytes]) -> tuple[int, int]:
    """Kill and resume until the kills are spent; how many runs came to an end, and how many identical."""
    chance = random.Random(SEED)
    runs = same = kill = 0
    while kill < kills:
        name, workers = f"run{runs}", chance.choice((1, 2, 3))
        process = start(folder, name, workers)
        after = chance.uniform(0.1, 0.7) * clean_seconds
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            kill += 1
            everyone = chance.random() < 0.5
            send_kill(process, everyone)
            done = sum(1 for _ in (folder / name).glob("steps/*/shard-*.parquet"))
            print(
                f"{kill:>5} {after:>8.1f} {workers:>8} {'all processes' if everyone else 'the driver':>13} {done:>16}"
            )
            continue
        same += published(folder / name) == expected
        runs += 1
    finish(start(folder, f"run{runs}", 2))
    same += published(folder / f"run{runs}") == expected
    return runs + 1, same


def start(folder: Path, name: str, workers: int) -> subprocess.Popen[bytes]:
    """The pipeline in a session of its own, so that all its processes can be killed together."""
    settings = [f"name={name}", f"output={folder}", f"runner.workers={workers}"]
    command = [sys.executable, "-m", "mathpipe.cli", "run", "configs/fixture.yaml"]
    for setting in settings:
        command += ["--set", setting]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def send_kill(process: subprocess.Popen[bytes], everyone: bool) -> None:
    if everyone:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"the run failed: {errors.decode()[-2000:]}")


def published(run: Path) -> dict[str, bytes]:
    """Every published data file of a run by its name."""
    files = [path for path in (run / "steps").rglob("*") if path.is_file() and ".tmp" not in path.parts]
    return {str(path.relative_to(run)): path.read_bytes() for path in files if path.name != "manifest.jsonl"}


if __name__ == "__main__":
    sys.exit(main())
