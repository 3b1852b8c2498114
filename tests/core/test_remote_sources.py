"""Steps over files on other machines: keys that ask nobody, and runs that go on where they stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawl.stage import CrawlConfig, CrawlStage
from crawl.warc import PageReader
from mathpipe.core.errors import InputError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.manifest import address_digest
from mathpipe.core.plan import Plan
from mathpipe.core.records import Page, RawPage
from mathpipe.core.runner import Runner
from mathpipe.core.step import Files, Step
from tests.crawl.remote.test_remote_file import QUICK, on
from tests.crawl.warc_files import page, write_gzip
from tests.web_server import Fault, WebServer

BODY = b"<html><body><p>" + b"Let $x^2 + y^2 = z^2$ and \\(a_1 < a_2\\) hold. " * 5 + b"</p></body></html>"


def step(*addresses: str) -> Step:
    return Step("crawl", CrawlStage, CrawlConfig(), Files(addresses, PageReader(QUICK)), RawPage, Page)


def test_an_address_stands_for_its_bytes_and_nobody_is_asked(tmp_path: Path) -> None:
    with WebServer({}) as server:
        address = server.address("/a.warc.gz")
        first, again, other = (
            Plan(tmp_path, [step(name)]).plan(step(name))[0].key for name in (address, address, address + "x")
        )
        assert first == again != other
        assert address_digest(address) != address_digest(address + "x")
        assert not server.requests


def test_a_run_over_the_network_stops_at_a_dead_server_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    for name in ("a.warc.gz", "b.warc.gz"):
        write_gzip(tmp_path / name, *(page(BODY, f"https://x.example/{name}/{number}") for number in range(3)))
    with WebServer(tmp_path, lambda request: Fault.BUSY if "b.warc" in request.path else None) as server:
        steps = [step(server.address("/a.warc.gz"), server.address("/b.warc.gz"))]
        run = tmp_path / "run"
        with pytest.raises(InputError, match=r"b\.warc\.gz.*status 503"):
            Runner(run, steps, RunnerConfig(mode=Mode.INLINE), print).run(CrawlConfig())
        server.faults = on(Fault.CUT, len(server.requests))
        asked = len(server.requests)
        (summary,) = Runner(run, steps, RunnerConfig(mode=Mode.INLINE), print).run(CrawlConfig())
        assert (summary.made, summary.rows_in, summary.rows_out) == (1, 6, 6)
        assert all("b.warc" in request.path for request in server.requests[asked:])
