"""A run killed with SIGKILL at random points, resumed with other worker counts, beside one left alone.

    python -m benchmarks.faults [--quick] [--drivers 20] [--nodes 20]

The whole pipeline over the pages that the repository ships, on Ray. Each attempt is killed after a random time,
half of them with all their worker processes, half the driver alone; the next resumes with another number of workers.
When a run gets to its end before the kill it is compared and started afresh. At the end: the shards byte by byte.
Nodes of a cluster are killed the same way (`benchmarks.node_faults`); there the run itself goes on.
Then a shard is spoiled and must come back as it was, and a WARC is clipped: what it still holds whole must be kept. A
full disk is tested in tests/core/test_kill_and_resume.py, where a small file system may be mounted.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.node_faults import survive_nodes
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.manifest import Manifest

ROOT = Path(__file__).resolve().parent.parent
SEED = 11


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="four driver kills and two node kills")
    parser.add_argument("--drivers", type=int, default=20, help="kills of the driver or of all its processes")
    parser.add_argument("--nodes", type=int, default=20, help="kills of nodes")
    arguments = parser.parse_args()
    kills, node_kills = (4, 2) if arguments.quick else (arguments.drivers, arguments.nodes)
    with tempfile.TemporaryDirectory(prefix="mathpipe-faults-") as folder:
        started = time.perf_counter()
        finish(start(Path(folder), "clean", 2))
        clean_seconds = time.perf_counter() - started
        expected = published(Path(folder) / "clean")
        print(f"left alone: {clean_seconds:.0f} s, {len(expected)} files, {sum(map(len, expected.values())):,} bytes")
        runs, same = survive(Path(folder), kills, clean_seconds, expected) if kills else (0, 0)
        print(f"{kills} kills over {runs} runs: {same} of {runs} runs byte-identical to the one left alone")
        node_runs, node_same = kill_nodes(Path(folder), node_kills, expected)
        print(f"{node_kills} node kills over {node_runs} runs: {node_same} of {node_runs} runs byte-identical")
        mended = spoil_a_shard(Path(folder), expected)
        kept = clip_a_warc(Path(folder))
        print_memory(Path(folder) / "clean")
        return 0 if same == runs and node_same == node_runs and mended and kept else 1


def kill_nodes(folder: Path, kills: int, expected: dict[str, bytes]) -> tuple[int, int]:
    """Runs on a cluster that loses nodes: how many there were, and how many identical."""

    def start_on(name: str, address: str) -> subprocess.Popen[bytes]:
        return start(folder, name, 2, f"runner.address={address}")

    def same(name: str) -> bool:
        return published(folder / name) == expected and quarantined(folder / name) == quarantined(folder / "clean")

    return survive_nodes(folder, kills, SEED, start_on, finish, same) if kills else (0, 0)


def quarantined(run: Path) -> int:
    """Records that were held to be poison: a lost node must not make one so."""
    manifests = [Manifest(path.parent) for path in run.glob("steps/*/manifest.jsonl")]
    return sum(entry.quarantined for manifest in manifests for entry in manifest.entries.values())


def spoil_a_shard(folder: Path, expected: dict[str, bytes]) -> bool:
    """One byte of a finished shard turned over, and the step that reads it asked for again."""
    steps = folder / "clean" / "steps"
    shard = steps / "language" / "shard-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)
    shutil.rmtree(steps / "quality")
    said = finish(start(folder, "clean", 2)) + (folder / "clean.out").read_text()
    mended = published(folder / "clean") == expected
    line = next((line for line in said.splitlines() if "rebuilding" in line), "nothing was said")
    print(f"a spoiled shard: {'rebuilt to the byte' if mended else 'NOT MENDED'}; {line[:60]}…")
    return mended


def clip_a_warc(folder: Path) -> bool:
    """The second WARC ends in mid-record: its whole pages are kept, the one cut through is dropped by name."""
    warcs = folder / "warcs"
    shutil.copytree(ROOT / "data" / "fixture", warcs)
    clipped = sorted(warcs.glob("*.warc.gz"))[-1]
    clipped.write_bytes(clipped.read_bytes()[: clipped.stat().st_size * 2 // 3])
    finish(start(folder, "clipped", 2, f'sources=["{warcs}/*.warc.gz"]', 'seed_sources=["data/fixture/*.warc.gz"]'))
    whole, left = (Manifest(folder / name / "steps" / "crawl").entries for name in ("clean", "clipped"))
    kept = whole[0].rows_out == left[0].rows_out and 0 < left[1].rows_in < whole[1].rows_in
    print(
        f"a clipped WARC: {left[1].rows_in} of {whole[1].rows_in} responses read, {left[1].rows_out} pages kept,"
        f" dropped {dict(left[1].dropped)}, ledger rows {left[1].quarantined}; the other WARC's {left[0].rows_out}"
        f" pages {'all kept' if kept else 'NOT ALL KEPT'}"
    )
    return kept


def print_memory(run: Path) -> None:
    """The largest worker beside its bound."""
    entries = [
        entry for path in run.glob("steps/*/manifest.jsonl") for entry in Manifest(path.parent).entries.values()
    ]
    peak = max(entry.peak_rss_bytes for entry in entries) / 2**20
    print(f"memory: largest worker {peak:,.0f} MiB; a worker may take {RunnerConfig().worker_memory_gb:.1f} GiB more")


def survive(folder: Path, kills: int, clean_seconds: float, expected: dict[str, bytes]) -> tuple[int, int]:
    """Kill and resume until the kills are spent; how many runs came to an end, and how many identical."""
    chance = random.Random(SEED)
    print(f"{'kill':>5} {'after s':>8} {'workers':>8} {'killed':>13} {'shards finished':>16}")
    runs = same = kill = 0
    while kill < kills:
        name, workers = f"run{runs}", chance.choice((1, 2, 3))
        process = start(folder, name, workers)
        after = chance.uniform(0.3, 0.95) * clean_seconds
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


def start(folder: Path, name: str, workers: int, *more: str) -> subprocess.Popen[bytes]:
    """The pipeline in a session of its own, so that all its processes can be killed together."""
    settings = [f"name={name}", f"output={folder}", f"runner.workers={workers}", *more]
    command = [sys.executable, "-m", "mathpipe.cli", "run", "configs/fixture.yaml"]
    for setting in settings:
        command += ["--set", setting]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / f"{name}.out").open("ab") as out:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, start_new_session=True, stdout=out, stderr=subprocess.PIPE
        )


def send_kill(process: subprocess.Popen[bytes], everyone: bool) -> None:
    if everyone:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def finish(process: subprocess.Popen[bytes]) -> str:
    """What the run said on its way to a good end."""
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"the run failed: {errors.decode()[-2000:]}")
    return errors.decode()


def published(run: Path) -> dict[str, bytes]:
    """Every published data file of a run by its name."""
    files = [path for path in (run / "steps").rglob("*") if path.is_file() and ".tmp" not in path.parts]
    return {str(path.relative_to(run)): path.read_bytes() for path in files if path.name != "manifest.jsonl"}


if __name__ == "__main__":
    sys.exit(main())
