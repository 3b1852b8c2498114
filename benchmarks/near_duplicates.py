"""Duplicates on real pages: what is found, what is merged wrongly, recall against exact Jaccard, speed and memory.

    python -m benchmarks.near_duplicates [--quick]

Reads `web/` of MATHPIPE_SHARED_DATA (default: ../shared/data). `--quick` takes two of its six WARCs.

Recall: the exact Jaccard similarity of every pair of pages (a sparse product of pages and shingles), and of real
pages with words replaced at random, which fills the bins from 0.5 to 1.0. Beside the measured share of pairs that
met in a band stands the theoretical one, 1 - (1 - s^rows)^bands, averaged over the same pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from scipy.sparse import csr_matrix

from crawl import extract_page, read_pages
from crawl.extract import ExtractionError
from filters.clusters import ClustersStage, Membership, memberships_of
from filters.duplicate_keys import DuplicateKey, keys_of
from filters.duplicate_matches import Match, MatchesConfig, MatchesStage, matches_of
from filters.minhash import Signer, collision_probability, estimated_jaccard, low_bytes
from mathpipe.core.records import Page, record_id_of
from mathpipe.core.store import read_records, write_records

DATA = Path(os.environ.get("MATHPIPE_SHARED_DATA", Path(__file__).parents[1] / "../shared/data")) / "web"
BINS = [round(0.5 + 0.05 * step, 2) for step in range(10)]


def real_pages(warcs: Iterable[Path]) -> Iterator[Page]:
    for warc in warcs:
        for raw in read_pages(str(warc)):
            try:
                page = extract_page(raw.body, raw.url, content_type=raw.content_type)
            except ExtractionError:
                # No text to extract: such pages are compared by their bytes here, so that no planted copy is lost.
                page = Page(record_id="", url=raw.url, host="", title="", text=raw.body.decode("latin-1"))
            yield replace(page, record_id=raw.record_id)


def planted(pages: list[Page], warcs: list[Path]) -> dict[str, tuple[str, str]]:
    """By record id of a planted copy: its kind, and its original's record id, where that is among the pages."""
    kinds: dict[str, str] = {}
    for line in (DATA / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        kind = row["source"].partition(":")[2]
        if kind and row["warc"] in {warc.name for warc in warcs}:
            kinds[row["url"]] = kind
    originals = {page.url: page.record_id for page in pages if page.url not in kinds}
    answer = {}
    for page in pages:
        if page.url in kinds:
            original = re.sub(r"//mirror\.", "//", page.url).partition("?")[0]
            if original in originals:
                answer[page.record_id] = kinds[page.url], originals[original]
    return answer


def report_planted(pages: list[Page], warcs: list[Path], rows: list[Membership]) -> None:
    home = {row.record_id: row.kept_record_id for row in rows}
    kind_of = {row.record_id: row.kind for row in rows}
    counts: Counter[tuple[str, str]] = Counter()
    for copy, (kind, original) in planted(pages, warcs).items():
        together = home.get(copy) is not None and home.get(copy) == home.get(original)
        how = kind_of.get(copy) or kind_of.get(original)
        counts[kind, (how.value if how else "kept") if together else "NOT FOUND"] += 1
    print("\nPlanted copies in one cluster with their original, by the kind of the drop")
    for (kind, how), count in sorted(counts.items()):
        print(f"  {kind:<9} {how:<10} {count:>4}")
    found = sum(count for (_, how), count in counts.items() if how != "NOT FOUND")
    print(f"  found {found} of {sum(counts.values())}")


def report_drops(pages: list[Page], rows: list[Membership], signer: Signer, copies: set[str], show: bool) -> None:
    by_id = {page.record_id: page for page in pages}
    drops = [row for row in rows if row.kind is not None]
    print("\nPages dropped, planted copies and all:", dict(Counter(str(row.kind) for row in drops)))
    near = [row for row in drops if row.kind == "near" and not {row.record_id, row.kept_record_id} & copies]
    exact = [jaccard(signer, by_id[row.record_id], by_id[row.kept_record_id]) for row in near]
    if not exact:
        return
    print(f"Near-duplicates among pages that nobody planted: {len(near)}")
    low = {limit: sum(value < limit for value in exact) for limit in (0.8, 0.75)}
    print(f"  exact Jaccard with the page that stays: min {min(exact):.3f}, median {statistics.median(exact):.3f}; "
          f"below 0.80: {low[0.8]}, below 0.75: {low[0.75]}")  # fmt: skip
    for row, value in sorted(zip(near, exact, strict=True), key=lambda pair: pair[1])[: 400 if show else 8]:
        names = ("/".join(by_id[name].url.split("/")[-2:])[-60:] for name in (row.record_id, row.kept_record_id))
        size = len(by_id[row.record_id].text)
        print(f"  {value:.3f} (estimated {row.similarity:.3f}) {size:>6} chars  {'  <  '.join(names)}")


def jaccard(signer: Signer, one: Page, two: Page) -> float:
    a, b = signer.shingles(one.text), signer.shingles(two.text)
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)


def similar_pairs(sets: list[np.ndarray], floor: float) -> Iterator[tuple[int, int, float]]:
    """Every pair of shingle sets at or above the floor, with its exact Jaccard similarity."""
    sizes = np.array([len(one) for one in sets])
    _, columns = np.unique(np.concatenate(sets), return_inverse=True)
    table = csr_matrix((np.ones(len(columns), np.int32), columns, np.concatenate([[0], np.cumsum(sizes)])))
    for start in range(0, len(sets), 200):
        common = (table[start : start + 200] @ table.T).tocoo()
        rows = common.row + start
        values = common.data / (sizes[rows] + sizes[common.col] - common.data)
        keep = (rows < common.col) & (values >= floor)
        yield from zip(rows[keep].tolist(), common.col[keep].tolist(), values[keep].tolist(), strict=True)


def perturbed(text: str, rate: float, random: Random) -> str:
    return " ".join(f"w{random.randrange(10**9)}" if random.random() < rate else word for word in text.split())


def recall_pairs(pages: list[Page], signer: Signer) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Exact similarity and both signatures: pairs of real pages, then pages and their perturbed selves."""
    signed = [(signer.sign(page.text), signer.shingles(page.text)) for page in pages]
    usable = [(signature, shingles) for signature, shingles in signed if signature is not None]
    for one, two, similarity in similar_pairs([shingles for _, shingles in usable], BINS[0]):
        if similarity < 1.0:
            yield similarity, usable[one][0], usable[two][0]
    random = Random(1)
    long = [page for page in pages if 200 <= len(page.text.split()) <= 2000]
    for page in random.sample(long, min(500, len(long))):
        for _ in range(4):
            target = random.uniform(BINS[0], 1.0)
            changed = perturbed(page.text, 1 - (2 * target / (1 + target)) ** (1 / 5), random)
            one, two = signer.sign(page.text), signer.sign(changed)
            if one is not None and two is not None:
                a, b = signer.shingles(page.text), signer.shingles(changed)
                common = len(np.intersect1d(a, b, assume_unique=True))
                yield common / (len(a) + len(b) - common), one, two


def report_recall(pages: list[Page], signer: Signer, config: MatchesConfig) -> None:
    bands, rows = config.bands_and_rows
    table: dict[float, list[tuple[float, bool, bool]]] = {}
    for similarity, one, two in recall_pairs(pages, signer):
        if similarity >= BINS[0]:
            met = bool(set(enumerate(signer.band_hashes(one))) & set(enumerate(signer.band_hashes(two))))
            low = np.frombuffer(low_bytes(one), np.uint8), np.frombuffer(low_bytes(two), np.uint8)
            agreed = met and float(estimated_jaccard(low[0], low[1][None])[0]) >= config.threshold
            bin_ = BINS[min(int((similarity - BINS[0]) / 0.05 + 1e-9), len(BINS) - 1)]
            table.setdefault(bin_, []).append((similarity, met, agreed))
    print(f"\nRecall by exact Jaccard: {bands} bands of {rows} rows, threshold {config.threshold}")
    print("  Jaccard        pairs   met in a band   theory   found (met and estimate >= threshold)")
    for bin_, found in sorted(table.items()):
        theory = statistics.mean(collision_probability(similarity, bands, rows) for similarity, _, _ in found)
        met, agreed = (statistics.mean(row[column] for row in found) for column in (1, 2))
        print(f"  {bin_:.2f} - {bin_ + 0.05:.2f}  {len(found):>6}   {met:>13.3f}   {theory:>6.3f}   {agreed:>5.3f}")


def report_memory(keys: list[DuplicateKey], matches: list[Match], config: MatchesConfig) -> None:
    """Peak of a partition as a worker sees it, rows read from Parquet, beside what the stage states beforehand."""
    print("\nMemory of a task (Python's own count), bytes a row: measured, stated")
    with TemporaryDirectory() as folder:
        for name, rows, kind, stage, work in (
            ("matches", keys, DuplicateKey, MatchesStage, matches_of),
            ("clusters", matches, Match, ClustersStage, memberships_of),
        ):
            path = Path(folder) / f"{name}.parquet"
            size = write_records(path, rows, kind).size_bytes
            tracemalloc.start()
            for _ in work(read_records(path, kind), config):
                pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            stated = stage.memory_bytes(config, len(rows)) - stage.memory_bytes(config, 0)
            print(f"  {name:<9} {len(rows):>8,} rows  {peak / len(rows):>6.0f}  {stated / len(rows):>6.0f}   "
                  f"on disk {size / len(rows):.0f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--show", action="store_true", help="list every near-duplicate that was merged")
    options = parser.parse_args()
    warcs = sorted(DATA.glob("*.warc.gz"))[: 2 if options.quick else None]
    if not warcs:
        print(f"near_duplicates: skipped, no WARCs in {DATA}")
        return
    config = MatchesConfig()
    signer = Signer(config)
    pages = list(real_pages(warcs))
    characters = sum(len(page.text) for page in pages)
    print(f"{len(pages):,} pages, {characters / 1e6:.1f} million characters; {config.scheme}")
    started = time.process_time()
    keys = [key for page in pages for key in keys_of(page, signer, config.scheme)]
    signing = time.process_time() - started
    matches = list(matches_of(keys, config))
    rows = list(memberships_of(matches, config))
    rest = time.process_time() - started - signing
    digest = time.process_time()
    for page in pages:
        record_id_of(page.text)
    digest = time.process_time() - digest
    print(f"keys: {len(pages) / signing:,.0f} pages/s, {signing / digest:,.0f} times one BLAKE2b of the text; edges "
          f"and clusters: {rest / signing:.1%} of that; {len(keys):,} keys, {len(matches):,} edges")  # fmt: skip
    report_planted(pages, warcs, rows)
    report_drops(pages, rows, signer, set(planted(pages, warcs)), options.show)
    report_recall(pages, signer, config)
    report_memory(keys, matches, config)


if __name__ == "__main__":
    main()
