"""The cache folder: whole files, or a part that is taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crawl.remote import FetchConfig, FetchError, cached_file
from crawl.remote.download import cached_path
from crawl.warc import read_pages
from tests.crawl.remote.test_remote_file import QUICK, archive, on
from tests.web_server import Fault, Request, WebServer

CONTENT = bytes(range(256)) * 40


def after(number: int):
    """Busy for good from a request on."""
    return lambda request: Fault.BUSY if request.number >= number else None


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    with WebServer({"/f.gz": CONTENT}) as server:
        path = cached_file(server.address("/f.gz"), tmp_path, QUICK)
        asked = len(server.requests)
        assert cached_file(server.address("/f.gz"), tmp_path, QUICK) == path
        assert (path.read_bytes(), path.name) == (CONTENT, "f.gz")
        assert len(server.requests) == asked
        assert {item.name for item in path.parent.iterdir()} == {".lock", "f.gz"}


def test_a_download_that_stopped_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with WebServer({"/f": CONTENT}, after(6)) as server:
        with pytest.raises(FetchError):
            cached_file(server.address("/f"), tmp_path, QUICK)
        part = cached_path(server.address("/f"), tmp_path).with_name("f.part")
        done = part.stat().st_size
        assert done == 4_000
        server.faults = lambda request: None
        first = len(server.requests)
        assert cached_file(server.address("/f"), tmp_path, QUICK).read_bytes() == CONTENT
        assert min(request.start for request in server.requests[first + 2 :]) == done


def test_a_process_killed_in_a_download_leaves_what_the_next_one_takes_up(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crawl.remote import FetchConfig, cached_file;"
        "cached_file(sys.argv[1], Path(sys.argv[2]), FetchConfig(block_bytes=1000, requests_per_second=10000))"
    )
    reached = threading.Event()

    def halt(request: Request) -> Fault | None:
        if request.start >= 5_000 and request.end != len(CONTENT) + 1:
            reached.set()
            return Fault.DRIP
        return None

    with WebServer({"/f": CONTENT}, halt) as server:
        process = subprocess.Popen([sys.executable, "-c", code, server.address("/f"), str(tmp_path)])
        assert reached.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        server.faults = lambda request: None
        first = len(server.requests)
        assert cached_file(server.address("/f"), tmp_path, QUICK).read_bytes() == CONTENT
        assert min(request.start for request in server.requests[first + 2 :]) == 5_000


def test_a_file_that_changed_since_begins_anew(tmp_path: Path) -> None:
    with WebServer({"/f": CONTENT}, after(6)) as server:
        with pytest.raises(FetchError):
            cached_file(server.address("/f"), tmp_path, QUICK)
        server.faults = lambda request: None
        server.change("/f", CONTENT[::-1])
        assert cached_file(server.address("/f"), tmp_path, QUICK).read_bytes() == CONTENT[::-1]


def test_two_threads_fetch_a_file_once(tmp_path: Path) -> None:
    with WebServer({"/f": CONTENT}, pause_seconds=0.01) as server:
        address = server.address("/f")
        threads = [threading.Thread(target=cached_file, args=(address, tmp_path, QUICK)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cached_path(address, tmp_path).read_bytes() == CONTENT
        assert [request.start for request in server.requests].count(3_000) == 1


def test_an_archive_is_read_from_the_cache_and_mended_from_the_server(tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    config: FetchConfig = QUICK.model_copy(update={"cache": tmp_path / "cache"})
    with WebServer({"/a.warc.gz": content}, on(Fault.GARBAGE, 4)) as server:
        address = server.address("/a.warc.gz")
        assert list(read_pages(address, fetch=config)) == pages
        assert not cached_path(address, tmp_path / "cache").exists(), "the spoiled copy is gone"
        assert list(read_pages(address, fetch=config)) == pages
        asked = len(server.requests)
        assert list(read_pages(address, fetch=config)) == pages
        assert len(server.requests) == asked
