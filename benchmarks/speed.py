"""Speed on one core: bare FastWARC against reading and prefiltering, the whole crawl stage, and a snapshot's cost.

    python -m benchmarks.speed [--quick]

Measured in CPU seconds, as medians of interleaved rounds over the same archive; the ratio is what carries over to
another machine. Two archives: one of the labelled crawl, in which every second page is of a mathematics manual and is
therefore scored or parsed, and the same one cut down to its pages labelled other, which is what a crawl looks like.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick, MatchKind
from fastwarc import ArchiveIterator, WarcRecordType

from benchmarks.web_pages import archives, labels, read_web, seed_pages, web_folder
from crawl.extract import extract_page
from crawl.markup_marks import SEARCH_GROUPS
from crawl.ngrams import NGRAMS_FILE, NgramTable, mine_ngrams
from crawl.prefilter import DecisionKind, Prefilter
from crawl.stage import CrawlConfig, CrawlStage
from crawl.warc import read_pages
from mathpipe.core.records import Page
from mathpipe.core.stage import StageContext, StepOutput

WARCS = 90_000
RESPONSES_A_WARC = 42_000
EXTRACTED_SHARE = 0.01  # of a real snapshot's pages; the benchmark's archive holds mathematics by the half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a smaller seed")
    arguments = parser.parse_args()
    folder = web_folder()
    if folder is None:
        print("speed: skipped, the labelled crawl is missing (set MATHPIPE_SHARED_DATA)")
        return
    bodies = {page.url: page.body for page in read_web(folder)}
    table = mine_ngrams(seed_pages(folder, bodies, lambda _: True, 0.3 if arguments.quick else 1.0))
    rounds = 5 if arguments.quick else 9
    print(f"n-grams: {len(table.weights)}, anchors: {len(table.anchors)}; medians of {rounds} rounds")
    archive = archives(folder)[2]
    prefilter = Prefilter(table)
    other = {row["url"] for row in labels(folder) if row["kind"] == "other"}
    compare_reading("every second page a mathematics manual's", archive, prefilter, rounds)
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / "other.warc.gz"
        write_only(plain, archive, other)
        read = compare_reading("its pages labelled other", str(plain), prefilter, rounds)
    compare_prefilter([body for url, body in bodies.items() if url in other], table, rounds)
    extraction, share = measure_extraction(archive, table)
    print_snapshot(read, extraction, share)


def write_only(path: Path, archive: str, urls: set[str]) -> None:
    """A copy of the archive's members, those of other responses left out."""
    data = Path(archive).read_bytes()
    end = 0
    with path.open("wb") as file:
        for page in read_pages(archive):
            start, end = end, page.warc_offset + page.warc_length
            if page.url in urls:
                file.write(data[start:end])


def compare_reading(name_of: str, archive: str, prefilter: Prefilter, rounds: int) -> float:
    """Responses a second of bare iteration, of our reader, and with the prefilter; returns the last."""
    arms: dict[str, Callable[[], int]] = {
        "bare FastWARC, bodies read": lambda: bare(archive),
        "read_pages": lambda: sum(1 for _ in read_pages(archive)),
        "read_pages and markup": lambda: prefiltered(archive, markup),
        "read_pages and prefilter": lambda: prefiltered(archive, prefilter),
    }
    markup = Prefilter(None)
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    count = bare(archive)
    for _ in range(rounds):
        for name, arm in arms.items():
            seconds[name].append(timed(arm))
    base = seconds["bare FastWARC, bodies read"]
    print(
        f"\n{Path(archive).name}, {name_of}: {count} responses"
        f"\n{'':<30}{'responses/s':>12}{'times bare':>12}   target"
    )
    for name, times in seconds.items():
        ratio = statistics.median(mine / bare_time for mine, bare_time in zip(times, base, strict=True))
        target = "<= 2.0" if name == "read_pages and prefilter" else ""
        print(f"{name:<30}{count / statistics.median(times):>12,.0f}{ratio:>12.2f}   {target}")
    return count / statistics.median(seconds["read_pages and prefilter"])


def bare(archive: str) -> int:
    count = 0
    for record in ArchiveIterator(archive, record_types=WarcRecordType.response):
        record.reader.read()
        count += 1
    return count


def prefiltered(archive: str, prefilter: Prefilter) -> int:
    return sum(prefilter.decide(page.body).kind is not DecisionKind.NONE for page in read_pages(archive))


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def compare_prefilter(bodies: list[bytes], table: NgramTable, rounds: int) -> None:
    """What each part costs on pages that are not mathematics, which nearly all pages of a crawl are."""
    marks = [mark for group in SEARCH_GROUPS for mark in group]
    groups = [BytesAhoCorasick(group, matchkind=MatchKind.LeftmostFirst) for group in SEARCH_GROUPS]
    single = BytesAhoCorasick(marks, matchkind=MatchKind.Standard)
    parts: dict[str, Callable[[], object]] = {
        "marks, one plain automaton": lambda: [single.find_matches_as_indexes(body) for body in bodies],
        "marks, two SIMD groups": lambda: [
            automaton.find_matches_as_indexes(body) for body in bodies for automaton in groups
        ],
        "markup in all": lambda: [markup.decide(body) for body in bodies],
        "markup and n-grams": lambda: [whole.decide(body) for body in bodies],
        "n-grams without anchors": lambda: [unanchored.decide(body) for body in bodies],
    }
    markup = Prefilter(None)
    whole = Prefilter(table)
    unanchored = Prefilter(NgramTable(table.weights, table.threshold, table.words_scored))
    size = sum(map(len, bodies))
    print(f"\n{len(bodies)} pages labelled other, {size / len(bodies) / 1000:.0f} kB each")
    print(f"{'':<30}{'us a page':>12}{'MB/s':>12}")
    for name, part in parts.items():
        seconds = statistics.median(timed(part) for _ in range(max(3, rounds // 3)))
        print(f"{name:<30}{seconds / len(bodies) * 1e6:>12.0f}{size / seconds / 1e6:>12,.0f}")


def measure_extraction(archive: str, table: NgramTable) -> tuple[float, float]:
    """Pages a second of the extraction alone on parsed pages, and the share of responses parsed here."""
    prefilter = Prefilter(table)
    pages = list(read_pages(archive))
    parsed = [page for page in pages if prefilter.decide(page.body).kind is not DecisionKind.NONE]
    with tempfile.TemporaryDirectory() as folder:
        table.save(Path(folder) / NGRAMS_FILE)
        side = StepOutput((), (Path(folder),))
        stage = CrawlStage(CrawlConfig(), StageContext(Path(folder), {"ngrams": side}))
        start = time.process_time()
        kept = sum(isinstance(page, Page) for page in stage.run(read_pages(archive)))
        whole = time.process_time() - start
    holding = [page for page in parsed if extract_page(page.body, page.url).formulas]
    rate = len(holding) / timed(lambda: [extract_page(page.body, page.url) for page in holding])
    print(f"\n{'crawl stage, responses/s':<44}{len(pages) / whole:>10,.0f}   ({kept} pages out)")
    print(f"{'extraction, pages with formulas/s':<44}{rate:>10,.1f}   target >= 15 ({len(holding)} pages)")
    return rate, len(parsed) / len(pages)


def print_snapshot(read: float, extraction: float, share: float) -> None:
    """Core-hours of a snapshot, from the rates measured above."""
    responses = WARCS * RESPONSES_A_WARC
    reading = responses / read / 3600
    print(f"\nsnapshot of {WARCS:,} archives x {RESPONSES_A_WARC:,} responses, core-hours on this machine")
    print(f"{'read and prefilter':<44}{reading:>10,.0f}")
    for name, part in (
        (f"extract {EXTRACTED_SHARE:.0%} of the pages", EXTRACTED_SHARE),
        (f"extract {share:.0%}, as here", share),
    ):
        extracting = responses * part / extraction / 3600
        target = "   target <= 1,500" if part == EXTRACTED_SHARE else ""
        print(f"{name:<44}{extracting:>10,.0f}   in all {reading + extracting:>10,.0f}{target}")


if __name__ == "__main__":
    main()
