"""Decontamination on real pages: every benchmark item planted and looked for, real pages removed, speed, memory.

    python -m benchmarks.decontamination [--quick]

Reads `benchmarks/` and `web/` of MATHPIPE_SHARED_DATA (default: ../shared/data). `--quick` plants 60 items a
benchmark and reads two WARCs. Every item is planted in a real page five ways: verbatim, and rewritten by
`filters.planting`, which shares neither table nor code with the search (formal statements: verbatim, in a code block,
renamed and broken elsewhere). A planting counts as found when decontamination removes the page.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from crawl import extract_page, read_pages
from crawl.extract import ExtractionError
from filters.benchmark_index import BenchmarkIndex, Matchable
from filters.benchmark_items import BenchmarkItem, load_benchmark
from filters.build_benchmark_index import build_index
from filters.certificate import Certificate, CertificateConfig, RemovedPage, build_certificate, host_sample
from filters.decontaminate import DecontaminateConfig, searched_text
from filters.planting import Rewrite
from mathpipe.core.records import Page

DATA = Path(os.environ.get("MATHPIPE_SHARED_DATA", Path(__file__).parents[1] / "../shared/data"))


def real_pages(warcs: Iterable[Path]) -> Iterator[Page]:
    for warc in warcs:
        for raw in read_pages(str(warc)):
            try:
                page = extract_page(raw.body, raw.url, content_type=raw.content_type)
            except ExtractionError:
                continue
            yield replace(page, record_id=raw.record_id)


def search(pages: list[Page], index: BenchmarkIndex) -> list[RemovedPage]:
    """Search every real page, print the speed beside that of a plain split, and list what is removed."""
    texts = [searched_text(page, DecontaminateConfig()) for page in pages]
    megabytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    started = time.process_time()
    hits = [index.hit(text) for text in texts]
    seconds = time.process_time() - started
    started = time.process_time()
    for text in texts:
        re.findall(r"\w+", text.lower())
    split = time.process_time() - started
    print(f"\nSpeed, one core: {len(pages) / seconds:,.0f} pages/s, {megabytes / seconds:.1f} MB/s; "
          f"{seconds / split:.1f} times as long as splitting the text into words")  # fmt: skip
    return [
        RemovedPage(page.record_id, page.url, *index.names[hit.item], hit.form, hit.matched)
        for page, hit in zip(pages, hits, strict=True)
        if hit is not None
    ]


def share(found: int, planted: int) -> str:
    return f"{100 * found / planted:>10.1f}" if planted else f"{'-':>10}"


def report_planted(certificate: Certificate) -> None:
    print("\nItems planted in real pages and found, per cent (of those that can be matched)")
    print(f"  {'benchmark':<29}{'items':>6}{'n-gram':>8}{'whole':>7}{'not':>5}"
          + "".join(f"{rewrite:>10}" for rewrite in Rewrite))  # fmt: skip
    totals: dict[tuple[Rewrite, Matchable], list[int]] = defaultdict(lambda: [0, 0])
    for row in certificate.benchmarks:
        shares: dict[Rewrite, list[int]] = defaultdict(lambda: [0, 0])
        for count in row.planted:
            for tally in (shares[count.rewrite], totals[count.rewrite, count.matchable]):
                tally[0] += count.found
                tally[1] += count.planted
        cells = "".join(share(*shares[rewrite]) for rewrite in Rewrite)
        print(f"  {row.benchmark:<29}{row.items:>6}{row.by_ngram:>8}{row.by_whole:>7}{row.not_matchable:>5}{cells}")
    for kind in (Matchable.NGRAM, Matchable.WHOLE):
        pairs = [totals[rewrite, kind] for rewrite in Rewrite]
        print(f"  all matched by {kind:<40}" + "".join(f"{100 * f / max(1, p):>10.2f}" for f, p in pairs))
    print(f"  {'all':<55}" + "".join(f"{100 * certificate.found_share(rewrite):>10.2f}" for rewrite in Rewrite))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    files = sorted((DATA / "benchmarks").glob("*.jsonl"))
    warcs = sorted((DATA / "web").glob("*.warc.gz"))[: 2 if options.quick else None]
    if not files or not warcs:
        print(f"decontamination: skipped, no benchmarks or WARCs in {DATA}")
        return
    items: list[BenchmarkItem] = [item for file in files for item in load_benchmark(file)]
    started = time.process_time()
    index = build_index(items)
    print(f"{len(items):,} items of {len(files)} files indexed in {time.process_time() - started:.1f} s; ", end="")
    with TemporaryDirectory() as folder:
        index.save(Path(folder) / "index.npz")
        size = (Path(folder) / "index.npz").stat().st_size
    print(f"{index.nbytes / 1e6:.1f} MB in memory, {size / 1e6:.1f} MB on disk")
    pages = list(real_pages(warcs))
    removed = search(pages, index)
    rate = 1000 * len(removed) / len(pages)
    print(f"\nReal pages removed: {len(removed)} of {len(pages):,} ({rate:.2f} in a thousand)")
    for page in removed:
        print(f"  {page.url}\n    {page.benchmark} {page.item_id} ({page.form}): {page.matched}")
    config = CertificateConfig(items_per_benchmark=60 if options.quick else None, shown=25)
    hosts, _ = host_sample(pages, config)
    report_planted(build_certificate(hosts, items, index, config, pages=len(pages), removed=removed))


if __name__ == "__main__":
    main()
