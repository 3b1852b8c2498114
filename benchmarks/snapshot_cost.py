"""What a Common Crawl snapshot costs in core-hours, stage by stage, and how far more nodes shorten it.

    python -m benchmarks.snapshot_cost [--warcs 2] [--tasks 400]

The demo's pipeline over a few WARCs of the labelled crawl, in CPU seconds of one process, a stage at a time; taken to
90,000 WARCs x 42,000 responses with the share of pages that a real crawl parses. The labelled crawl holds
mathematics by the half: what goes through there is no guide, so every parsed page is counted in every later stage (an
upper bound). Beside it: a bare FastWARC pass, and full extraction of every response as OpenWebMath's extractor or
trafilatura would do it. Then `benchmarks.scaling_model`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.scaling_model import Shuffle, measure_driver, print_scaling, print_shuffle
from benchmarks.speed import RESPONSES_A_WARC, WARCS, bare, prefiltered, timed, write_only
from benchmarks.web_pages import REPOSITORY, archives, labels, web_folder
from crawl.extract import ExtractionError, extract_page
from crawl.ngrams import NGRAMS_FILE, NgramTable
from crawl.prefilter import DecisionKind, Prefilter
from crawl.warc import read_pages
from filters.certificate import CertificateConfig
from filters.certificate_sample import ShardRanks, lowest
from filters.certificate_stage import removed_pages
from filters.duplicate_keys import DuplicateKey
from filters.duplicate_matches import MatchesConfig, MatchesStage
from mathpipe.core.config import load_config
from mathpipe.core.plan import Plan
from mathpipe.core.records import RawPage
from mathpipe.core.step import Gather, SplitConfig, SplitStage, Step
from mathpipe.core.store import digest_file, read_records
from mathpipe.core.task import run_task
from mathpipe.pipeline import PipelineConfig, steps_of

PARSED_SHARES = (0.01, 0.02, 0.05)  # of a crawl's responses; the first is the budget's own assumption
CRAWL_BYTES_A_RESPONSE = 24_000  # compressed: a snapshot is about 90 TB of WARCs
TARGET_HOURS = 1_500
# Their cost is the seed's and the benchmarks', not the snapshot's.
ONCE = ("seed", "ngrams", "classifier", "benchmark_index", "certificate")
# One task, whatever the number of nodes. The certificate plants its items in a sample of fixed size; what grows is
# the number of shards whose ranks and lists of removed pages it reads.
CERTIFICATE_GATHER = "certificate, of every shard"
SERIAL = ("clusters", CERTIFICATE_GATHER)
MANY_PARTITIONS = 256


@dataclass(frozen=True, slots=True)
class StageCost:
    """CPU seconds of one step over the measured WARCs, and the records that went in."""

    name: str
    seconds: float
    rows_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds a response or a page."""

    bare: float
    prefilter: float
    bytes_a_response: float
    parsed_share: float
    extract_parsed: float
    extract_other: float
    trafilatura: float
    gather_a_shard: float  # what the certificate reads of each


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--warcs", type=int, default=2, help="archives of the labelled crawl to measure on")
    parser.add_argument("--tasks", type=int, default=400, help="empty tasks through a real Ray")
    arguments = parser.parse_args()
    folder = web_folder()
    if folder is None:
        print("snapshot_cost: skipped, the labelled crawl is missing (set MATHPIPE_SHARED_DATA)")
        return
    paths = archives(folder)[: arguments.warcs]
    with tempfile.TemporaryDirectory(prefix="mathpipe-snapshot-") as name:
        plan, costs = measure_stages(Path(name), paths)
        ngrams = NgramTable.load(plan.step_folder("ngrams") / "files-00000" / NGRAMS_FILE)
        reading = measure_reading(Path(name), paths, Prefilter(ngrams), folder, plan)
        shuffle = measure_shuffle(plan, costs)
    by_stage = print_costs(costs, reading)
    parallel = {stage: seconds for stage, seconds in by_stage.items() if stage not in SERIAL}
    serial = {stage: seconds for stage, seconds in by_stage.items() if stage in SERIAL}
    print_scaling(parallel, serial, measure_driver(arguments.tasks))
    print_shuffle(WARCS * RESPONSES_A_WARC * PARSED_SHARES[0], shuffle)


def measure_stages(folder: Path, paths: list[str]) -> tuple[Plan, dict[str, StageCost]]:
    """Every step of the demo over the archives, in this process."""
    sources = ",".join(f'"{path}"' for path in paths)
    shared = Path(paths[0]).parents[1]
    overrides = [
        f"sources=[{sources}]",
        f'benchmarks=["{shared}/benchmarks/*.jsonl"]',
        f'seed.labels=["{shared}/web/labels.jsonl"]',
    ]
    config = load_config(REPOSITORY / "configs" / "demo.yaml", PipelineConfig, overrides)
    plan = Plan(folder / "run", steps_of(config))
    costs = {}
    for step in plan.steps:
        (plan.step_folder(step.name) / ".tmp").mkdir(parents=True)
        manifest = plan.manifest(step.name)
        seconds = 0.0
        for task in plan.plan(step):
            started = time.process_time()
            result = run_task(task)
            seconds += time.process_time() - started
            manifest.add(result.entry)
        entries = manifest.entries.values()
        rows, size = sum(entry.rows_in for entry in entries), sum(entry.size_bytes for entry in entries)
        costs[step.name] = StageCost(step.name, seconds, rows, size)
    return plan, costs


def measure_reading(folder: Path, paths: list[str], prefilter: Prefilter, web: Path, plan: Plan) -> Reading:
    """Reading and extraction a response, on the first archive cut down to its pages labelled other."""
    plain = folder / "other.warc.gz"
    write_only(plain, paths[0], {row["url"] for row in labels(web) if row["kind"] == "other"})
    count = bare(str(plain))
    pages = [page for path in paths for page in read_pages(path)]
    parsed = [page for page in pages if prefilter.decide(page.body).kind is not DecisionKind.NONE]
    others = list(read_pages(str(plain)))
    share = sum(prefilter.decide(page.body).kind is not DecisionKind.NONE for page in others) / len(others)
    return Reading(
        bare=min(timed(lambda: bare(str(plain))) for _ in range(3)) / count,
        prefilter=min(timed(lambda: prefiltered(str(plain), prefilter)) for _ in range(3)) / count,
        bytes_a_response=plain.stat().st_size / count,
        parsed_share=share,
        extract_parsed=extraction(parsed[:150]),
        extract_other=extraction(others[:150]),
        trafilatura=timed(lambda: with_trafilatura(others[:60])) / len(others[:60]),
        gather_a_shard=gather(plan),
    )


def gather(plan: Plan) -> float:
    """CPU seconds of the certificate for each shard: its sample digested and ranked, its removed pages read."""
    step = next(step for step in plan.steps if step.name == "certificate")
    task = plan.plan(step)[0]
    files = [Path(item.path) for item in (*task.inputs, *task.side_files) if "benchmark_index" not in item.path]

    def once() -> None:
        for path in files:
            digest_file(path)
        rows = (row for item in task.inputs for row in read_records(Path(item.path), ShardRanks))
        lowest(rows, CertificateConfig())
        removed_pages(task.sides["decontaminate"])

    return min(timed(once) for _ in range(3)) / len(task.inputs)


def extraction(pages: list[RawPage]) -> float:
    """CPU seconds of our extraction, a page."""

    def all_of_them() -> None:
        for page in pages:
            try:
                extract_page(page.body, page.url)
            except ExtractionError:
                continue

    return timed(all_of_them) / len(pages)


def with_trafilatura(pages: list[RawPage]) -> int:
    """How many pages trafilatura finds a text in."""
    import trafilatura

    return sum(trafilatura.extract(page.body.decode(errors="replace")) is not None for page in pages)


def measure_shuffle(plan: Plan, costs: dict[str, StageCost]) -> Shuffle:
    """Rows and bytes of the duplicate keys, and one of their shards split into many parts."""
    keys = costs["keys"]
    shards = sorted(plan.step_folder("keys").glob("shard-*.parquet"))
    rows = sum(int(pq.read_metadata(path).num_rows) for path in shards)
    few, many = (_split(plan, partitions) for partitions in (2, MANY_PARTITIONS))
    more = MANY_PARTITIONS - 2
    return Shuffle(
        rows_a_page=rows / keys.rows_in,
        bytes_a_row=keys.bytes_out / rows,
        memory_bytes_a_row=MatchesStage.memory_bytes(MatchesConfig(), 10**6) // 10**6,
        keys_seconds_a_page=keys.seconds / keys.rows_in,
        match_seconds_a_row=costs["matches"].seconds / rows,
        file_bytes=(many.bytes_out - few.bytes_out) / more,
        file_seconds=max(0.0, many.seconds - few.seconds) / more,
    )


def _split(plan: Plan, partitions: int) -> StageCost:
    """The first shard of keys, split."""
    from filters.duplicate_keys import partition_of

    name = f"part{partitions}"
    gather = Gather(partitions, partition_of)
    step = Step(name, MatchesStage, MatchesConfig(), "keys", DuplicateKey, DuplicateKey, gather=gather)
    known = [other for other in plan.steps if other.stage is not SplitStage]
    own = Plan(plan.run_folder, [*known, step])
    split = next(other for other in own.steps if other.name == f"{name}-split")
    if not isinstance(split.config, SplitConfig):
        raise TypeError("a split step has a split's configuration")
    (own.step_folder(split.name) / ".tmp").mkdir(parents=True)
    task = own.plan(split)[0]
    started = time.process_time()
    entry = run_task(task).entry
    return StageCost(name, time.process_time() - started, entry.rows_in, entry.size_bytes)


def print_costs(costs: dict[str, StageCost], reading: Reading) -> dict[str, float]:
    """The table; returns the core-seconds of each stage at the first share."""
    responses = WARCS * RESPONSES_A_WARC
    scale = max(1.0, CRAWL_BYTES_A_RESPONSE / reading.bytes_a_response)
    print(f"measured on {costs['crawl'].rows_in:,} responses; of other pages {reading.parsed_share:.1%} are parsed")
    here, crawl = reading.bytes_a_response / 1e3, CRAWL_BYTES_A_RESPONSE / 1e3
    print(f"a response here has {here:.1f} kB compressed, a crawl's {crawl:.0f}:")
    print(f"what reads all of them is counted {scale:.2f} times")
    title = f"core-hours, {WARCS:,} archives x {RESPONSES_A_WARC:,}"
    print(f"{title:<50}" + "".join(f"{f'{share:.0%} parsed':>12}" for share in PARSED_SHARES))
    reading_all = [responses * reading.prefilter * scale] * len(PARSED_SHARES)
    table: dict[str, list[float]] = {"read and prefilter": reading_all}
    table["extract"] = [responses * share * reading.extract_parsed for share in PARSED_SHARES]
    for cost in costs.values():
        if cost.name in (*ONCE, "crawl") or not cost.rows_in:
            continue
        a_page = cost.seconds / costs["language"].rows_in
        table[cost.name] = [responses * share * a_page for share in PARSED_SHARES]
    table[CERTIFICATE_GATHER] = [WARCS * reading.gather_a_shard] * len(PARSED_SHARES)
    for name, seconds in table.items():
        print(f"{name:<50}" + "".join(f"{value / 3600:>12,.1f}" for value in seconds))
    totals = [sum(column) / 3600 for column in zip(*table.values(), strict=True)]
    row = "".join(f"{value:>12,.0f}" for value in totals)
    print(f"{'in all':<50}{row}   target <= {TARGET_HOURS:,} at {PARSED_SHARES[0]:.0%}")
    once = sum(costs[name].seconds for name in ONCE)
    print(f"once a run, whatever its size: {once:,.0f} CPU s here ({', '.join(ONCE)})")
    print("beside it, of every response:")
    for name, each in (
        ("bare FastWARC pass, bodies read", reading.bare * scale),
        ("read, and extract all with our extractor", reading.bare * scale + reading.extract_other),
        ("read, and extract all with trafilatura", reading.bare * scale + reading.trafilatura),
        ("read, and OpenWebMath's extractor (8.7 pages/s)", reading.bare * scale + 1 / 8.7),
    ):
        print(f"{name:<50}{responses * each / 3600:>12,.0f}")
    return {name: seconds[0] for name, seconds in table.items()}


if __name__ == "__main__":
    main()
