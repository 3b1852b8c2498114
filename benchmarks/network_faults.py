"""Pages over a network that breaks: 1,000 faults, and what was lost or came twice.

    python -m benchmarks.network_faults [FAULTS] [--quick]

A local server serves WARCs (the shared ones, else those that the repository ships) and breaks down in every way that
tests/web_server.py knows, half of the faults while whole archives are read, half while single pages are found in the
index, columnar and CDX, and fetched by byte range. Each page must come once, its bytes as they are on disk.
"""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks.shared_data import shared_data
from crawl import read_pages
from crawl.common_crawl import FailedPage, FetchConfig, build_index, fetch_captures, find_captures
from mathpipe.core.records import RawPage
from tests.web_server import Fault, Request, WebServer

FAULTS, QUICK_FAULTS, SEED = 1_000, 100, 7
# Faults cost no long pauses here, and a slow body is cut soon.
CONFIG = FetchConfig(
    requests_per_second=10_000, connections=4, timeout_seconds=0.3, min_bytes_per_second=2_000, tries=20,
    backoff_seconds=0.002, block_bytes=128 * 1024,
)  # fmt: skip
FIXTURE = Path(__file__).resolve().parent.parent / "data" / "fixture"


class Schedule:
    """Which requests break, and how: every kind in turn, in a shuffled order, until so many were injected."""

    def __init__(self, share: float) -> None:
        self._chance = random.Random(SEED)
        self._share = share
        self._queue: list[Fault] = []
        self._lock = threading.Lock()
        self.left = 0
        self.injected: Counter[Fault] = Counter()

    def __call__(self, request: Request) -> Fault | None:
        with self._lock:
            if not self.left or self._chance.random() > self._share:
                return None
            if not self._queue:
                self._queue = self._chance.sample(list(Fault), len(Fault))
            self.left -= 1
            fault = self._queue.pop()
            self.injected[fault] += 1
            return fault


class Account:
    """Pages that came beside pages that should have."""

    def __init__(self, expected: dict[str, RawPage], schedule: Schedule) -> None:
        self._expected = expected
        self._schedule = schedule
        self.rows: list[tuple[str, int, int, int, int, int, int]] = []

    def take(self, name: str, pages: Iterable[RawPage]) -> None:
        """One pass over all pages, and the faults that it met."""
        before = self._schedule.left
        came: Counter[str] = Counter()
        wrong = failed = 0
        for page in pages:
            came[page.record_id] += 1
            failed += isinstance(page, FailedPage)
            wrong += page != self._expected.get(page.record_id)
        lost = len(self._expected.keys() - came.keys())
        double = sum(count - 1 for count in came.values())
        self.rows.append((name, before - self._schedule.left, len(self._expected), lost, double, wrong, failed))


def main() -> int:
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    faults = numbers[0] if numbers else QUICK_FAULTS if "--quick" in sys.argv else FAULTS
    data = shared_data()
    folder = data / "web" if data else FIXTURE
    warcs = sorted(path.name for path in folder.glob("*.warc.gz"))[: 2 if "--quick" in sys.argv else None]
    expected = {page.record_id: page for name in warcs for page in read_pages(str(folder / name))}
    schedule = Schedule(share=0.4)
    account = Account(expected, schedule)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mathpipe-network-") as scratch, WebServer(folder, schedule) as server:
        addresses = [server.address(name) for name in warcs]
        inject(schedule, faults // 2, "whole archives", account, lambda: read_all(addresses))
        indexes = [build_index(addresses, Path(scratch) / name, config=CONFIG) for name in ("a.parquet", "a.cdxj.gz")]
        hosts = sorted({page.url.split("/")[2] for page in expected.values()})
        with WebServer(Path(scratch), schedule) as index_server:
            left = faults - schedule.injected.total()
            for index, part in zip(indexes, (left - left // 2, left // 2), strict=True):
                address = index_server.address(index.name)
                inject(schedule, part, f"by index, {index.name}", account, lambda at=address: read_some(at, hosts))
        requests = len(server.requests) + len(index_server.requests)
    report(account, schedule, requests, time.perf_counter() - started)
    return int(any(lost or double or wrong for _, _, _, lost, double, wrong, _ in account.rows))


def inject(
    schedule: Schedule, faults: int, name: str, account: Account, read: Callable[[], Iterator[RawPage]]
) -> None:
    """Read all pages again and again until so many faults were met."""
    schedule.left = faults
    number = 0
    while schedule.left:
        number += 1
        account.take(f"{name}, pass {number}", read())


def read_all(addresses: Iterable[str]) -> Iterator[RawPage]:
    for address in addresses:
        yield from read_pages(address, fetch=CONFIG)


def read_some(index: str, hosts: list[str]) -> Iterator[RawPage]:
    yield from fetch_captures(find_captures(index, prefixes=hosts, config=CONFIG), CONFIG)


def report(account: Account, schedule: Schedule, requests: int, seconds: float) -> None:
    print(f"{'fault':<44} {'injected':>8}")
    for fault in Fault:
        print(f"{fault.value:<44} {schedule.injected[fault]:>8}")
    print(f"{'all':<44} {schedule.injected.total():>8}   in {requests:,} requests, {seconds:.0f} s\n")
    print(f"{'read':<32} {'faults':>7} {'expected':>9} {'lost':>5} {'double':>7} {'wrong':>6} {'failed':>7}")
    for name, *numbers in account.rows:
        print("{:<32} {:>7} {:>9} {:>5} {:>7} {:>6} {:>7}".format(name, *numbers))
    totals = [sum(row[column] for row in account.rows) for column in range(1, 7)]
    print("{:<32} {:>7} {:>9} {:>5} {:>7} {:>6} {:>7}".format("all", *totals))


if __name__ == "__main__":
    sys.exit(main())
