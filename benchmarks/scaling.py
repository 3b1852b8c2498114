"""Two workers beside one, and the memory each takes: the crawl step over the same WARCs on a real Ray.

    python -m benchmarks.scaling [--quick]

Ray's start and the workers' first imports are left out (one warm-up round per pool); rounds of one and two workers
alternate, and the ratio is of their medians. Target: two workers at least 1.8 times one.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.shared_data import shared_data
from crawl.stage import CrawlConfig, CrawlStage
from crawl.warc import expand_sources, read_pages
from mathpipe.core.executor import RayExecutor, RunnerConfig
from mathpipe.core.plan import Plan
from mathpipe.core.records import Page, RawPage
from mathpipe.core.step import Files, Step


def main() -> int:
    data = shared_data()
    if data is None:
        return 0
    rounds = 1 if "--quick" in sys.argv else 5
    paths = expand_sources([str(data / "web" / "*.warc.gz")])
    seconds: dict[int, list[float]] = {1: [], 2: []}
    peak: dict[int, int] = {}
    for number in range(rounds):
        for workers in (1, 2):
            elapsed, peak[workers] = crawl(tuple(paths), workers)
            seconds[workers].append(elapsed)
            print(f"round {number + 1}: {workers} worker(s) {elapsed:.1f} s", file=sys.stderr)
    one, two = (statistics.median(seconds[workers]) for workers in (1, 2))
    limit = RunnerConfig().worker_memory_gb
    print(f"{'workers':>8} {'median s':>9} {'min':>6} {'max':>6} {'peak MiB a worker':>18}")
    for workers, values in seconds.items():
        row = f"{workers:>8} {statistics.median(values):>9.1f} {min(values):>6.1f} {max(values):>6.1f}"
        print(f"{row} {peak[workers] / 2**20:>18.0f}")
    print(
        f"two workers are {one / two:.2f} times one (target 1.8); a worker may take {limit:.1f} GiB above its start"
    )
    return 0


def crawl(paths: tuple[str, ...], workers: int) -> tuple[float, int]:
    """Seconds for the crawl step with warm workers, and the largest worker's peak memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="mathpipe-scaling-") as folder:
        plan = Plan(Path(folder), [Step("crawl", CrawlStage, CrawlConfig(), Files(paths, read_pages), RawPage, Page)])
        plan.step_folder("crawl").joinpath(".tmp").mkdir(parents=True)
        tasks = plan.plan(plan.steps[0])
        with RayExecutor(RunnerConfig(workers=workers)) as executor:
            list(executor.run(tasks[:workers]))
            started = time.perf_counter()
            results = list(executor.run(tasks))
            elapsed = time.perf_counter() - started
    return elapsed, max(result.entry.peak_rss_bytes for result in results)


if __name__ == "__main__":
    sys.exit(main())
