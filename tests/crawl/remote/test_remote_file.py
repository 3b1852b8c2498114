"""Remote files against a real server that breaks: the bytes are the file's, or there is one clear error."""

from __future__ import annotations

import gzip
import io
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from crawl.remote import FetchConfig, FetchError, RemoteFile, RemoteRaw
from crawl.warc import read_pages
from mathpipe.core.errors import InputError
from mathpipe.core.records import RawPage
from tests.crawl.warc_files import page, record, write_gzip
from tests.web_server import Fault, Request, WebServer

CONTENT = bytes(range(256)) * 40
QUICK = FetchConfig(
    backoff_seconds=0.001, timeout_seconds=0.3, min_bytes_per_second=2_000, requests_per_second=10_000, tries=4,
    block_bytes=1_000,
)  # fmt: skip


def on(fault: Fault, *numbers: int) -> Callable[[Request], Fault | None]:
    """The fault at the requests of these numbers."""
    return lambda request: fault if request.number in numbers else None


def read(server: WebServer, path: str = "/f", config: FetchConfig = QUICK) -> bytes:
    return io.BufferedReader(RemoteRaw(RemoteFile(server.address(path), config)), config.block_bytes).read()


def ranges(server: WebServer) -> list[tuple[int, int | None]]:
    return [(request.start, request.end) for request in server.requests]


@pytest.mark.parametrize("at", [0, 3, 10])
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.GARBAGE])
def test_a_fault_at_any_place_leaves_the_bytes_as_they_are(fault: Fault, at: int) -> None:
    if fault is Fault.ANOTHER_VERSION and at == 0:
        pytest.skip("nothing is known then of the right version")
    with WebServer({"/f": CONTENT}, on(fault, at)) as server:
        assert read(server) == CONTENT
        assert server.requests[at].fault is fault


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.SHORT_BODY, Fault.NO_ANSWER, Fault.BUSY, Fault.RANGE_WRONG])
def test_without_etags_faults_that_do_not_touch_the_length_pass_too(fault: Fault) -> None:
    with WebServer({"/f": CONTENT}, on(fault, 0, 2, 5), etags=False) as server:
        assert read(server) == CONTENT


def test_a_broken_body_is_taken_up_at_the_byte_where_it_broke() -> None:
    with WebServer({"/f": CONTENT}, on(Fault.SHORT_BODY, 1)) as server:
        assert read(server) == CONTENT
        assert ranges(server)[:4] == [(0, 1000), (1000, 2000), (1500, 2000), (2000, 3000)]


def test_the_end_is_where_the_server_has_no_byte_and_not_where_a_head_says() -> None:
    with WebServer({"/f": CONTENT[:1500]}, on(Fault.FILE_SEEMS_SHORTER, 1)) as server:
        assert read(server) == CONTENT[:1500]
        assert ranges(server)[-1][0] == 1500


@pytest.mark.parametrize("at", [0, 2])
def test_two_lies_that_agree_on_the_end_do_not_make_it_one(at: int) -> None:
    lies = {at: Fault.FILE_SEEMS_SHORTER, at + 1: Fault.NOTHING_THERE}
    with WebServer({"/f": CONTENT}, lambda request: lies.get(request.number)) as server:
        assert read(server) == CONTENT


def test_a_version_of_which_nothing_was_read_is_not_held_on_to() -> None:
    lies = {0: Fault.NOTHING_THERE, 1: Fault.ANOTHER_VERSION}
    with WebServer({"/f": CONTENT}, lambda request: lies.get(request.number)) as server:
        assert RemoteFile(server.address("/f"), QUICK).read(500, 900) == CONTENT[500:900]


def test_a_server_whose_refusals_name_no_size_can_still_tell_the_end() -> None:
    refusal = lambda request: Fault.NOTHING_THERE if request.start >= 1500 else None  # noqa: E731
    with WebServer({"/f": CONTENT[:1500]}, refusal) as server:
        assert read(server) == CONTENT[:1500]


def test_a_file_that_changes_on_the_way_is_an_error_and_no_mixture() -> None:
    def change(request: Request) -> None:
        if request.number == 3:
            server.change("/f", CONTENT[::-1])

    with WebServer({"/f": CONTENT}, change) as server, pytest.raises(FetchError, match="another version"):
        read(server)


def test_a_file_without_marks_that_changes_its_length_is_an_error() -> None:
    def grow(request: Request) -> None:
        if request.number == 3:
            server.change("/f", b"!" * 20_000)

    with WebServer({"/f": CONTENT}, grow, etags=False) as server, pytest.raises(FetchError, match="20000 bytes that"):
        read(server)


def test_a_server_that_takes_no_ranges_can_give_a_short_file_and_says_so_for_a_long_one() -> None:
    with WebServer({"/f": b"short", "/long": CONTENT}, ranges=False) as server:
        assert RemoteFile(server.address("/f"), QUICK).read(0, 1000) == b"short"
        with pytest.raises(FetchError, match="takes no ranges"):
            read(server, "/long")


def test_a_missing_file_is_asked_for_once() -> None:
    with WebServer({}) as server:
        with pytest.raises(FetchError, match=r"/f: a file, not status 404 .*; check the address"):
            read(server)
        assert len(server.requests) == 1


def test_an_empty_file_is_empty() -> None:
    with WebServer({"/f": b""}) as server:
        assert read(server) == b""


def test_a_server_that_stays_busy_is_given_up_with_its_status() -> None:
    with WebServer({"/f": CONTENT}, lambda request: Fault.BUSY) as server:
        with pytest.raises(FetchError, match=r"4 attempts in a row failed.*status 503"):
            read(server)
        assert len(server.requests) == 4


def test_nobody_at_home_is_an_error_that_names_the_address() -> None:
    with WebServer({}) as server:
        address = server.address("/f")
    with pytest.raises(FetchError, match=r"http://127\.0\.0\.1:\d+/f.*no connection"):
        RemoteFile(address, QUICK).read(0, 10)


@pytest.mark.parametrize("address", ["https://", "http://[::1", "http://a b/c", "http://127.0.0.1:99999/"])
def test_an_impossible_address_is_an_input_error(address: str) -> None:
    with pytest.raises(InputError):
        RemoteFile(address, QUICK).read(0, 10)


@pytest.mark.parametrize("fault", [Fault.BUSY_RETRY_AFTER, Fault.THROTTLED_RETRY_AFTER])
def test_retry_after_holds_back_every_thread(fault: Fault) -> None:
    with WebServer({"/f": CONTENT}, on(fault, 0), retry_after_seconds=2) as server:
        read(server)
        later = threading.Thread(target=read, args=(server,))
        later.start()
        later.join()
        # A date counts whole seconds: up to one of the two is past when it is read.
        assert server.requests[1].at_seconds - server.requests[0].at_seconds >= 0.99


def test_no_more_connections_than_allowed_and_no_faster_than_allowed() -> None:
    config = QUICK.model_copy(update={"connections": 2, "requests_per_second": 50.0})
    with WebServer({"/f": CONTENT[:2000]}, pause_seconds=0.05) as server:
        threads = [threading.Thread(target=read, args=(server, "/f", config)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times = [request.at_seconds for request in server.requests]
        assert server.most_open <= 2
        assert len(times) == 18
        assert max(times) - min(times) >= 16 / 50


def test_the_user_agent_says_who_asks_and_whom_to_write_to() -> None:
    with WebServer({"/f": b"x"}) as server:
        read(server, config=QUICK.model_copy(update={"contact": "crawl@lab.example"}))
        assert server.requests[0].headers["User-Agent"].startswith("mathpipe/")
        assert server.requests[0].headers["User-Agent"].endswith(" (+crawl@lab.example)")


def test_seek_reads_only_what_is_asked_for() -> None:
    with WebServer({"/f": CONTENT}) as server:
        raw = RemoteRaw(RemoteFile(server.address("/f"), QUICK))
        raw.seek(-6, io.SEEK_END)
        assert raw.read(4) == CONTENT[-6:-2]
        assert (len(CONTENT) - 6, len(CONTENT) - 2) in ranges(server)


def archive(folder: Path, count: int = 12) -> tuple[bytes, list[RawPage]]:
    """Bytes of an archive and its pages as they are read from disk."""
    path = folder / "a.warc.gz"
    bodies = [random.Random(number).randbytes(900) for number in range(count)]
    write_gzip(path, record(b"info", kind="warcinfo"), *(page(body) for body in bodies))
    return path.read_bytes(), list(read_pages(str(path)))


@pytest.mark.parametrize("fault", list(Fault))
def test_an_archive_reads_over_the_network_as_from_disk_whatever_breaks(fault: Fault, tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    every_third = on(fault, *range(0, 200, 3))
    with WebServer({"/x/a.warc.gz": content}, every_third) as server:
        assert list(read_pages(server.address("/x/a.warc.gz"), fetch=QUICK)) == pages
        assert any(request.fault for request in server.requests)


def test_of_a_whole_archive_only_the_last_record_is_asked_for_twice(
    tmp_path: Path,
) -> None:
    content, pages = archive(tmp_path)
    block = len(content) // 3
    with WebServer({"/a.warc.gz": content}) as server:
        config = QUICK.model_copy(update={"block_bytes": block})
        assert list(read_pages(server.address("/a.warc.gz"), fetch=config)) == pages
        starts = [request.start for request in server.requests]
        assert starts[0] == 0
        assert starts[-2:] == [len(content), pages[-1].warc_offset]
        assert starts[:-1] == sorted(set(starts[:-1]))


def test_a_record_that_is_rotten_on_the_server_costs_one_row_as_on_disk(tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    rotten = bytearray(content)
    at = pages[4].warc_offset
    rotten[at + 30 : at + 80] = b"\xff" * 50
    (tmp_path / "rotten").mkdir()
    (tmp_path / "rotten" / "a.warc.gz").write_bytes(rotten)
    expected = list(read_pages(str(tmp_path / "rotten" / "a.warc.gz")))
    assert [row.clipped for row in expected].count(True) == 1
    with WebServer({"/a.warc.gz": bytes(rotten)}) as server:
        assert list(read_pages(server.address("/a.warc.gz"), fetch=QUICK)) == expected


def test_a_bad_spell_at_one_record_does_not_use_up_the_patience_with_later_ones(tmp_path: Path) -> None:
    content, pages = archive(tmp_path, 300)
    first, later = iter(range(3)), iter(range(1))

    def spells(request: Request) -> Fault | None:
        spell = later if request.start > len(content) // 2 else first
        return Fault.GARBAGE if request.start and next(spell, None) is not None else None

    with WebServer({"/a.warc.gz": content}, spells) as server:
        assert list(read_pages(server.address("/a.warc.gz"), fetch=QUICK)) == pages
        assert [request.fault for request in server.requests].count(Fault.GARBAGE) == 4


def test_an_archive_that_is_cut_on_the_server_ends_as_on_disk(tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    cut = content[: pages[-1].warc_offset + 100]
    (tmp_path / "a.warc.gz").write_bytes(cut)
    with WebServer({"/a.warc.gz": cut}) as server:
        assert list(read_pages(server.address("/a.warc.gz"), fetch=QUICK)) == list(
            read_pages(str(tmp_path / "a.warc.gz"))
        )


def test_a_plain_archive_reads_over_the_network_as_from_disk(tmp_path: Path) -> None:
    content, _ = archive(tmp_path)
    path = tmp_path / "a.warc"
    path.write_bytes(gzip.decompress(content))
    with WebServer({"/a.warc": path.read_bytes()}, on(Fault.CUT, 1, 4)) as server:
        assert list(read_pages(server.address("/a.warc"), fetch=QUICK)) == list(read_pages(str(path)))


@pytest.mark.parametrize("content", [b"", b"<html>no archive</html>", b"\x1f\x8b\x08 garbage"])
def test_what_is_no_archive_is_an_input_error(content: bytes) -> None:
    with WebServer({"/a.warc.gz": content}) as server, pytest.raises(InputError, match=r"a\.warc\.gz"):
        list(read_pages(server.address("/a.warc.gz"), fetch=QUICK))
