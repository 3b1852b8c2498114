"""The shard browser over a million pages: starts, first page, every filter, sort, search, page view.

    python -m benchmarks.browser [--quick] [--rows N] [--folder KEPT] [--repeat N]

Makes a run of a million pages from the real ones of `web/` of MATHPIPE_SHARED_DATA: their texts and formulas, each
with a line of its own, on 20,000 hosts of Zipf's sizes, with scores, languages and fates as a run gives them. Times
are of whole HTTP answers over one kept connection, as a browser on the same machine waits for them; beside them the
server's own seconds of CPU, which other work on the machine does not lengthen. `--quick` takes 20,000 pages. With
`--folder` the run is made there and found again the next time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from benchmarks.web_pages import read_web, web_folder
from crawl.extract import ExtractionError, extract_page
from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry
from mathpipe.core.records import Drop, Page
from mathpipe.core.store import schema_of, write_records

COMMAND = [sys.executable, "-m", "mathpipe.cli", "inspect", "--serve"]
SHARD_ROWS = 20_000
HOSTS = 20_000
WORDS = (
    "lemma theorem group integral series matrix prime vector field limit recipe score market garden report".split()
)


def base_table(folder: Path) -> pa.Table:
    """Every page of the crawl that can be extracted, as the crawl step writes them."""
    pages = []
    for raw in read_web(folder):
        try:
            page = extract_page(raw.body, raw.url, content_type=raw.content_type)
        except ExtractionError:
            continue
        pages.append(
            {name: getattr(page, name) for name in ("title", "text", "charset")}
            | {
                "formulas": [{"latex": f.latex, "display": f.display, "source": f.source} for f in page.formulas],
                "formula_counts": [
                    {"source": count.source, "found": count.found, "emitted": count.emitted}
                    for count in page.formula_counts
                ],
            }
        )
    schema = schema_of(Page)
    return pa.Table.from_pylist(pages, schema=pa.schema([schema.field(name) for name in pages[0]]))


def make_run(folder: Path, rows: int, web: Path) -> None:
    """A run folder: `crawl` with every page, `curate` with those kept, drops between, clusters of near-duplicates."""
    base, random = base_table(web), np.random.default_rng(0)
    for start in range(0, rows, SHARD_ROWS):
        count = min(SHARD_ROWS, rows - start)
        shard = start // SHARD_ROWS
        table, scores = _shard(base, start, count, random)
        kept = (scores >= 0.5) & (random.random(count) < 0.9)
        _write(folder, "crawl", shard, table, [])
        scored = table.set_column(table.schema.get_field_index("math_score"), "math_score", pa.array(scores))
        ids, urls = table["record_id"].to_pylist(), table["url"].to_pylist()
        _write(
            folder,
            "classify",
            shard,
            scored.filter(pa.array(scores >= 0.5)).slice(0, 1),
            [Drop(ids[i], "not-math", urls[i], f"{scores[i]:.3f}") for i in np.flatnonzero(scores < 0.5)],
        )
        gone = np.flatnonzero((scores >= 0.5) & ~kept)
        _write(
            folder,
            "deduplicate",
            shard,
            scored.slice(0, 0),
            [Drop(ids[i], "duplicate-near", urls[i], "0.93") for i in gone],
        )
        _write(folder, "curate", shard, scored.filter(pa.array(kept)), [])
        _write_clusters(folder, shard, ids, urls, gone, np.flatnonzero(kept))
    (folder / "run.json").write_text('{"name": "a million pages"}', encoding="utf-8")


def _shard(base: pa.Table, start: int, count: int, random: Any) -> tuple[pa.Table, Any]:
    chosen = base.take(pa.array(random.integers(0, len(base), count)))
    numbers = np.arange(start, start + count)
    hosts = [f"{WORDS[h % 15]}-{h}.example" for h in np.minimum(random.zipf(1.3, count), HOSTS)]
    folders = random.integers(0, 12, count)
    urls = [f"https://{host}/{WORDS[f]}/{n}.html" for host, f, n in zip(hosts, folders, numbers, strict=True)]
    titles = [f"{title} {n}" for title, n in zip(chosen["title"].to_pylist(), numbers, strict=True)]
    own = [f"Page {n} on {host}\n\n" for n, host in zip(numbers, hosts, strict=True)]
    scores = random.beta(0.6, 0.5, count)
    columns = {
        "record_id": [f"{n * 2654435761 % 2**32:08x}{n:024x}" for n in numbers],
        "url": urls,
        "host": hosts,
        "title": titles,
        "warc": [f"crawl-{n // 42000}.warc.gz" for n in numbers],
        "text": pa.compute.binary_join_element_wise(pa.array(own), chosen["text"].combine_chunks(), ""),
        "warc_offset": numbers * 9_000,
        "warc_length": [9_000] * count,
        "crawl_date": ["2026-05-01T00:00:00Z"] * count,
        "prefilter": ["markup:$$"] * count,
        "language": random.choice(["en", "en", "en", "en", "de", "fr"], count),
        "language_score": random.random(count),
        "math_score": [None] * count,
        "copies": [1] * count,
    }
    schema = schema_of(Page)
    arrays = []
    for field in schema:
        if field.name == "text":
            arrays.append(columns["text"])
        elif field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        else:  # as the crawl found it, or what no page of this crawl has
            found = field.name in chosen.schema.names
            arrays.append(chosen[field.name] if found else pa.nulls(count, field.type))
    return pa.Table.from_arrays(arrays, schema=schema), scores


def _write(folder: Path, step: str, shard: int, table: pa.Table, drops: list[Drop]) -> None:
    target = folder / "steps" / step
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"shard-{shard:05d}.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=1_100)  # about 16 MiB of text, as the store cuts
    dropped = write_records(target / f"drops-{shard:05d}.parquet", drops, Drop)
    outputs = tuple(OutputFile(p.name, p.stat().st_size, "") for p in (path, dropped.path))
    Manifest(target).add(
        ShardEntry(shard, "k", (), table.num_rows + len(drops), table.num_rows, 1.0, 1, 1, outputs=outputs)
    )


def _write_clusters(folder: Path, shard: int, ids: list[str], urls: list[str], gone: Any, kept: Any) -> None:
    target = folder / "steps" / "clusters"
    target.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[Any, ...]] = []
    for place, page in enumerate(gone):
        stays = kept[place % max(len(kept) // 3, 1)]
        rows.append((ids[page], ids[stays], urls[stays], "near", 0.93, 2))
        rows.append((ids[stays], ids[stays], urls[stays], None, 1.0, 2))
    names = ("record_id", "kept_record_id", "kept_url", "kind", "similarity", "copies")
    table = pa.table(
        {name: list(column) for name, column in zip(names, zip(*dict.fromkeys(rows), strict=True), strict=True)}
    )
    path = target / f"shard-{shard:05d}.parquet"
    pq.write_table(table, path, compression="zstd")
    outputs = (OutputFile(path.name, path.stat().st_size, ""),)
    Manifest(target).add(ShardEntry(shard, "k", (), len(table), len(table), 1.0, 1, 1, outputs=outputs))


class Running(NamedTuple):
    """A browser's process, a connection to it, and the seconds from its start until its first page was there."""

    process: psutil.Process
    connection: http.client.HTTPConnection
    seconds: float

    def cpu_seconds(self) -> float:
        """What the process has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def server(run: Path, cache: Path) -> Iterator[Running]:
    """A running browser as a person starts it."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, str(run), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    try:
        address = next(line for line in process.stdout or () if line.startswith("browser:")).split()[1]
        connection = http.client.HTTPConnection(address.removeprefix("http://").strip("/"), timeout=600)
        ask(connection, "/pages")
        yield Running(psutil.Process(process.pid), connection, time.perf_counter() - started)
        connection.close()
    finally:
        process.terminate()
        process.wait()


def ask(connection: http.client.HTTPConnection, address: str) -> tuple[float, str]:
    """Seconds until the whole answer was there, and the answer."""
    started = time.perf_counter()
    connection.request("GET", address)
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"{address}: {answer.status}")
    return time.perf_counter() - started, body


REQUESTS = {
    "first page of the list": "/pages",
    "filter: host": "/pages?host=lemma-15.example",
    "filter: score from, to": "/pages?min_score=0.4&max_score=0.6",
    "filter: format": "/pages?format=tex-delimiters",
    "filter: language": "/pages?language=de",
    "filter: fate": "/pages?fate=classify%3A+not-math",
    "filter: formulas": "/pages?min_formulas=10",
    "filter: address begins": "/pages?under=https%3A%2F%2Flemma-",
    "filter: six at once": "/pages?format=tex-delimiters&language=en&fate=kept&min_score=0.5&min_formulas=1"
    "&max_length=9000",
    "filter, nothing found": "/pages?host=nowhere.example",
    "sort: score": "/pages?sort=score",
    "sort: length, least first": "/pages?sort=length&order=up",
    "sort: formulas": "/pages?sort=formulas",
    "sort: host": "/pages?sort=host",
    "sort: title": "/pages?sort=title",
    "filter and sort": "/pages?language=en&min_score=0.5&sort=length",
    "page 10,000 of the list by score": "/pages?sort=score&after=500000",
    "search title, address: common": "/pages?q=theorem",
    "search title, address: rare": "/pages?q=777777",
    "search title, address: none": "/pages?q=qqqqqqqq",
    "search text: common word": "/pages?text=function",
    "search text: two words": "/pages?text=riemann+surface",
    "search text: rare word": "/pages?text=777777",
    "search text, sort: score": "/pages?text=theorem&sort=score",
    "lines of the text of 50 found rows": "/pages?text=theorem&snippets=1",
    "overview": "/",
    "overview, filter: score": "/?min_score=0.5",
    "overview, filter: host": "/?host=lemma-15.example",
    "overview, search text": "/?text=theorem",
    "overview, search title, address": "/?q=theorem",
    "prefixes": "/prefixes",
    "prefixes of a host": "/prefixes?host=lemma-15.example",
    "clusters": "/clusters",
    "page view": "/page/{number}",
    "page view in a search": "/page/{number}?q=theorem",
    "explain what the run saw": "/explain?url={url}",
    "explain what it never saw": "/explain?url=https%3A%2F%2Fnowhere.example%2F",
    "explain what it never saw, much alike": "/explain?url={url}%3Fx",
}
EARLY = (
    "first page of the list",
    "filter: host",
    "filter: score from, to",
    "sort: score",
    "search title, address: common",
    "overview",
    "prefixes",
    "clusters",
    "page view",
)


def measure(run: Path, cache: Path, repeat: int) -> None:
    """Print the table."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with server(run, cache) as running:
        print(f"first start until the first page:  {running.seconds:7.2f} s")
        began = time.perf_counter()
        print(f"\n{'milliseconds while the table is made':40} {'first':>7} {'median':>7} {'max':>7} {'CPU':>7}")
        for name in EARLY:
            measure_request(running, name, REQUESTS[name], 3)
        for made in ("table", "words"):
            while json.loads(ask(running.connection, "/state")[1])["made"] == made:
                time.sleep(1)
            seconds = time.perf_counter() - began
            print(f"{made} made after {seconds:6.1f} s; {running.cpu_seconds():6.1f} s of CPU so far", flush=True)
    starts, used = [], []
    for _ in range(3):
        with server(run, cache) as running:
            starts.append(running.seconds)
            used.append(running.cpu_seconds())
    print(
        f"second start until the first page: {statistics.median(starts):7.2f} s, at most {max(starts):.2f} s; "
        f"{statistics.median(used):.2f} s of CPU"
    )
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    print(f"indexes: {size / 1e6:,.0f} MB\n\n{'milliseconds':40} {'first':>7} {'median':>7} {'max':>7} {'CPU':>7}")
    with server(run, cache) as running:
        url = quote(
            re.findall(r'class="url" dir="ltr">(https[^<]+)<', ask(running.connection, "/pages")[1])[0], safe=""
        )
        for name, address in REQUESTS.items():
            measure_request(running, name, address.replace("{url}", url), repeat)
    print(f"load {os.getloadavg()[0]:.1f}")


def measure_request(running: Running, name: str, address: str, repeat: int) -> None:
    """Print a line: the first time, the median, the longest, and the server's CPU for one, all threads together."""
    before = running.cpu_seconds()
    times = [1_000 * ask(running.connection, address.format(number=7 + 1_301 * turn))[0] for turn in range(repeat)]
    used = 1_000 * (running.cpu_seconds() - before) / repeat
    print(f"{name:40} {times[0]:7.0f} {statistics.median(times):7.0f} {max(times):7.0f} {used:7.0f}", flush=True)


def compare_text_ways(shard: Path) -> None:
    """Three ways to find a word in texts, over one shard; seconds for a million pages are by its share of them."""
    connection = duckdb.connect(config={"threads": 2})
    texts = connection.execute(
        "SELECT file_row_number, text FROM read_parquet(?, file_row_number=true)", [str(shard)]
    )
    pages = texts.fetchall()
    scale = 1e6 / len(pages)
    scan = f"SELECT count(*) FROM '{shard}' WHERE regexp_matches(text, 'riemann', 'i')"
    scanned = _seconds(lambda: connection.execute(scan).fetchall())
    print(f"\nfinding a word in the text, {len(pages):,} pages, in seconds for a million")
    _told("scan of the shards", 0, 0, scanned * scale)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "words.sqlite"
        with closing(sqlite3.connect(path)) as words:
            words.execute("CREATE VIRTUAL TABLE t USING fts5(x, content='', detail=none, columnsize=0)")
            made = _seconds(lambda: words.executemany("INSERT INTO t (rowid, x) VALUES (?, ?)", pages))
            words.commit()
            asked = _seconds(lambda: words.execute("SELECT rowid FROM t WHERE t MATCH 'riemann'").fetchall())
            size = path.stat().st_size * scale / 1e6
        _told("FTS5 without positions", made * scale, size, asked * scale)
        path = Path(folder) / "words.duckdb"
        with closing(duckdb.connect(str(path), config={"threads": 2})) as lists:
            words_of = "unnest(list_distinct(regexp_extract_all(lower(text), '[\\pL\\pN]+')))"
            make = (
                f"CREATE TABLE words AS SELECT {words_of} AS word, file_row_number AS page "
                f"FROM read_parquet('{shard}', file_row_number=true) ORDER BY word, page"
            )
            made = _seconds(lambda: lists.execute(make))
            asked = _seconds(lambda: lists.execute("SELECT page FROM words WHERE word = 'riemann'").fetchall())
        size = path.stat().st_size * scale / 1e6
        _told("word lists in DuckDB", made * scale, size, asked * scale)


def _told(way: str, made: float, size: float, asked: float) -> None:
    print(f"{way:24} made in {made:6.0f}, {size:6,.0f} MB; a search {asked:8.2f}")


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--folder", type=Path, help="keep run and indexes there, take what is there")
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args()
    web = web_folder()
    if web is None:
        print("skipped: the crawl is missing; set MATHPIPE_SHARED_DATA to the data folder")
        return 0
    rows = options.rows or (20_000 if options.quick else 1_000_000)
    with TemporaryDirectory() as scratch:
        run = options.folder or Path(scratch) / "run"
        if not (run / "run.json").is_file():
            print(f"made {rows:,} pages in {_seconds(lambda: make_run(run, rows, web)):.0f} s", flush=True)
        measure(run, run / "browser-cache" if options.folder else Path(scratch) / "cache", options.repeat)
        compare_text_ways(run / "steps" / "crawl" / "shard-00000.parquet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
