"""Pages by byte range: the same as of the whole archive, or a failure with a name."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawl.common_crawl import (
    Capture,
    FailedPage,
    FetchFailure,
    IndexedPages,
    build_index,
    fetch_captures,
    find_captures,
)
from crawl.common_crawl.record import RecordError, page_of
from crawl.stage import CrawlConfig, refusal
from crawl.warc import read_pages
from mathpipe.core.records import RawPage, record_id_of
from tests.crawl.remote.test_remote_file import QUICK, on
from tests.crawl.warc_files import http, page, record, write_gzip
from tests.web_server import Fault, WebServer

URLS = [f"https://a.example/{number}" for number in range(9)]


def sha1(body: bytes) -> str:
    return base64.b32encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()


def archive(folder: Path) -> tuple[list[RawPage], list[Capture]]:
    """Pages of an archive `w/a.warc.gz` below the folder, and their captures by that path."""
    path = folder / "w" / "a.warc.gz"
    path.parent.mkdir()
    bodies = [os.urandom(300) for _ in URLS]
    write_gzip(path, *(page(body, url, f"X-N: {url[-1]}") for url, body in zip(URLS, bodies, strict=True)))
    pages = list(read_pages(str(path)))
    captures = [
        Capture(row.url, "w/a.warc.gz", row.warc_offset, row.warc_length, sha1(body))
        for row, body in zip(pages, bodies, strict=True)
    ]
    return pages, captures


def fetch(server: WebServer, captures: Sequence[Capture]) -> list[RawPage]:
    return list(fetch_captures(captures, QUICK.model_copy(update={"base_url": server.base, "tries": 20})))


@pytest.mark.parametrize("fault", [None, *Fault])
def test_pages_come_in_order_as_they_are_in_the_archive_whatever_breaks(fault: Fault | None, tmp_path: Path) -> None:
    pages, captures = archive(tmp_path)
    faults = on(fault, *range(0, 100, 3)) if fault else on(Fault.BUSY)
    with WebServer(tmp_path, faults) as server:
        assert fetch(server, captures[::-1]) == pages[::-1]


@pytest.mark.parametrize("connections", [1, 4])
def test_a_host_that_was_given_up_is_asked_no_more_and_every_page_is_reported(
    connections: int, tmp_path: Path
) -> None:
    pages, captures = archive(tmp_path)
    config = QUICK.model_copy(update={"tries": 5, "connections": connections})
    with WebServer(tmp_path) as server, WebServer({}, lambda request: Fault.NO_ANSWER) as dead:
        mixed = [
            replace(capture, warc=(dead if number % 3 else server).address("w/a.warc.gz"))
            for number, capture in enumerate(captures * 20)
        ]
        found = list(fetch_captures(mixed, config))
        assert len(dead.requests) <= 5 * connections, "the patience of those at work when it is given up"
    assert len(found) == len(mixed)
    assert [page for page in found if not isinstance(page, FailedPage)] == [
        page for number, page in enumerate(pages * 20) if not number % 3
    ]
    failed = [page for page in found if isinstance(page, FailedPage)]
    assert {page.failure for page in failed} == {FetchFailure.HOST_GIVEN_UP}
    assert all("5 attempts in a row failed, the last: no answer" in page.detail for page in failed)


def test_a_host_that_stays_busy_is_given_up_and_a_file_that_fails_alone_is_not(tmp_path: Path) -> None:
    pages, captures = archive(tmp_path)
    config = QUICK.model_copy(update={"connections": 1, "tries": 3})
    for fault, asked in ((Fault.BUSY, 3), (Fault.SERVER_ERROR, 2 * 3), (Fault.RANGE_REFUSED, 2 * 3)):
        with WebServer(tmp_path, lambda request, fault=fault: fault) as server:
            there = config.model_copy(update={"base_url": server.base})
            assert all(isinstance(row, FailedPage) for row in fetch_captures(captures[:2], there))
            assert len(server.requests) == asked
            server.faults = lambda request: None
            assert list(fetch_captures(captures[:2], there)) == pages[:2], "another call asks again"


def test_only_the_record_s_bytes_are_asked_for(tmp_path: Path) -> None:
    _, captures = archive(tmp_path)
    with WebServer(tmp_path) as server:
        fetch(server, captures[2:3])
        assert [(request.start, request.end) for request in server.requests] == [
            (captures[2].offset, captures[2].offset + captures[2].length)
        ]


def test_captures_of_a_local_archive_need_no_network(tmp_path: Path) -> None:
    pages, captures = archive(tmp_path)
    local = [replace(capture, warc=str(tmp_path / "w" / "a.warc.gz")) for capture in captures]
    assert list(fetch_captures(local)) == pages


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"url": "https://a.example/other"}, FetchFailure.WRONG_URL),
        ({"digest": sha1(b"other")}, FetchFailure.WRONG_DIGEST),
        ({"digest": "md5:" + hashlib.md5(b"x", usedforsecurity=False).hexdigest()}, FetchFailure.WRONG_DIGEST),
        ({"offset": 1}, FetchFailure.CUT_RECORD),
        ({"length": 50}, FetchFailure.CUT_RECORD),
        ({"length": 5_000_000}, FetchFailure.CUT_RECORD),
        ({"offset": 5_000_000}, FetchFailure.CUT_RECORD),
        ({"length": 0}, FetchFailure.BAD_CAPTURE),
        ({"offset": -1}, FetchFailure.BAD_CAPTURE),
        ({"length": 2**50}, FetchFailure.BAD_CAPTURE),
        ({"warc": "w/none.warc.gz"}, FetchFailure.NO_ANSWER),
        ({"warc": "http://[::1/a"}, FetchFailure.NO_ANSWER),
    ],
)
def test_a_page_that_cannot_be_had_is_a_failure_with_a_name_among_the_others(
    change: dict[str, object], failure: FetchFailure, tmp_path: Path
) -> None:
    pages, captures = archive(tmp_path)
    wrong = replace(captures[4], **change)  # type: ignore[arg-type]
    with WebServer(tmp_path) as server:
        found = fetch(server, [*captures[:4], wrong, *captures[5:]])
    failed = found[4]
    assert isinstance(failed, FailedPage)
    assert (failed.failure, failed.url, failed.clipped) == (failure, wrong.url, True)
    assert found[:4] + found[5:] == pages[:4] + pages[5:]


def test_a_digest_that_the_record_itself_belies_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(http(b"body"), f"WARC-Payload-Digest: sha1:{sha1(b'another')}"))
    (found,) = fetch_captures([Capture("http://a.example/page", str(path), 0, path.stat().st_size)])
    assert isinstance(found, FailedPage)
    assert found.failure is FetchFailure.WRONG_DIGEST
    assert sha1(b"body") in found.detail


@pytest.mark.parametrize(
    "stated", ["sha1:" + sha1(b"body"), "sha256:" + hashlib.sha256(b"body").hexdigest(), "crc:1", "sha1:-"]
)
def test_digests_in_base_16_and_32_are_checked_and_unknown_kinds_are_let_be(stated: str, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(http(b"body"), f"WARC-Payload-Digest: {stated}"))
    (found,) = fetch_captures([Capture("http://a.example/page", str(path), 0, path.stat().st_size, sha1(b"body"))])
    assert (found.body, found.clipped) == (b"body", False)


@pytest.mark.parametrize("digested", [b"4\r\nbody\r\n0\r\n\r\n", b"body"])
def test_a_body_in_chunks_may_have_the_digest_of_the_bytes_or_of_the_body(digested: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    block = http(b"4\r\nbody\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
    write_gzip(path, record(block, f"WARC-Payload-Digest: sha1:{sha1(digested)}"))
    captures = list(find_captures(build_index([path], tmp_path / "i.parquet"), prefixes=["a.example"]))
    (found,) = fetch_captures(captures)
    assert (found.body, found.clipped) == (b"body", False)


@pytest.mark.parametrize("body", [b"body", b"4\r\nbo", b"zz\r\nbody"])
def test_chunks_that_are_none_do_not_hide_a_wrong_digest(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(http(body, "Transfer-Encoding: chunked"), f"WARC-Payload-Digest: sha1:{sha1(b'x')}"))
    (found,) = fetch_captures([Capture("http://a.example/page", str(path), 0, path.stat().st_size)])
    assert isinstance(found, FailedPage)


def test_a_record_that_is_no_response_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(b"x", kind="metadata"))
    (found,) = fetch_captures([Capture("http://a.example/page", str(path), 0, path.stat().st_size)])
    assert isinstance(found, FailedPage)
    assert found.failure is FetchFailure.NO_RESPONSE


def test_a_failed_page_is_dropped_by_the_crawl_stage_under_its_own_id(tmp_path: Path) -> None:
    _, captures = archive(tmp_path)
    with WebServer({}) as server:
        (failed,) = fetch(server, captures[:1])
    assert failed.record_id == record_id_of("a.warc.gz", captures[0].offset)
    dropped = refusal(failed, CrawlConfig())
    assert dropped is not None
    assert dropped.record_id == failed.record_id


def test_captures_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    _, captures = archive(tmp_path)
    taken = []

    def counted():
        for capture in captures * 100:
            taken.append(capture)
            yield capture

    with WebServer(tmp_path) as server:
        config = QUICK.model_copy(update={"base_url": server.base, "connections": 2})
        pages = fetch_captures(counted(), config)
        next(pages)
        pages.close()
        assert len(taken) <= 4


def test_the_pages_of_an_index_are_a_step_s_source(tmp_path: Path) -> None:
    pages, _ = archive(tmp_path)
    index = build_index([str(tmp_path / "w" / "a.warc.gz")], tmp_path / "i.parquet")
    reader = IndexedPages(("a.example/3", "a.example/5"))
    assert [row.url for row in reader(str(index))] == [pages[3].url, pages[5].url]
    assert repr(reader) == "IndexedPages(prefixes=('a.example/3', 'a.example/5'))"


@given(st.data())
def test_any_bytes_are_the_page_or_a_named_error(data: st.DataObject) -> None:
    member = bytearray(gzip.compress(record(http(b"body" * 20), f"WARC-Payload-Digest: sha1:{sha1(b'body' * 20)}")))
    for _ in range(data.draw(st.integers(0, 3))):
        member[data.draw(st.integers(0, len(member) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(member[: data.draw(st.integers(0, len(member)))]) + data.draw(st.binary(max_size=20))
    try:
        found = page_of(content, Capture("http://a.example/page", "a.warc.gz", 0, len(content)), 1000)
    except RecordError:
        return
    assert found.body == b"body" * 20


@given(st.binary(max_size=300))
def test_plain_bytes_are_a_page_or_a_named_error(content: bytes) -> None:
    try:
        page_of(b"WARC/1.0\r\n" + content, Capture("http://a.example/page", "a.warc", 0, 1), 1000)
    except RecordError:
        return


def shared_web() -> Path | None:
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("MATHPIPE_SHARED_DATA", default)) / "web"
    return folder if folder.is_dir() else None


@pytest.mark.skipif(shared_web() is None, reason="the shared data with crawled pages is not there")
def test_a_host_of_a_real_archive_comes_whole_by_index(tmp_path: Path) -> None:
    folder = shared_web()
    assert folder is not None
    warc = sorted(folder.glob("*.warc.gz"))[0]
    pages = [row for row in read_pages(str(warc)) if row.url.startswith("https://postgresql.example/")]
    assert len(pages) > 10
    with WebServer(folder, on(Fault.CUT, *range(5, 2000, 11))) as server:
        config = QUICK.model_copy(update={"block_bytes": 500_000})
        index = build_index([server.address(warc.name)], tmp_path / "i.parquet", config=config)
        captures = list(find_captures(index, prefixes=["postgresql.example"]))
        found = list(fetch_captures(captures, config))
    assert sorted(found, key=lambda row: row.warc_offset) == pages
