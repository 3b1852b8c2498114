"""A snapshot by its name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from crawl.snapshot import _lines, is_snapshot, snapshot_index, snapshot_warcs
from crawl.warc import PageReader, expand_sources
from mathpipe.core.errors import InputError
from tests.crawl.remote.test_remote_file import QUICK, archive, on
from tests.web_server import Fault, WebServer

NAME = "CC-MAIN-2026-04"
PATHS = [f"crawl-data/{NAME}/segments/1.{number}/warc/CC-MAIN-{number:05d}.warc.gz" for number in range(12)]
TABLE = [f"cc-index/table/cc-main/warc/crawl={NAME}/subset={kind}/part-0.parquet" for kind in ("robotstxt", "warc")]
FILES = {
    f"/crawl-data/{NAME}/warc.paths.gz": gzip.compress("\n".join([*PATHS, ""]).encode()),
    f"/crawl-data/{NAME}/cc-index-table.paths.gz": gzip.compress("\n".join(TABLE).encode()),
}


@pytest.fixture(autouse=True)
def _nothing_is_known_of_other_tests_servers() -> None:
    _lines.cache_clear()


def config_for(server: WebServer, **more: object):
    return QUICK.model_copy(update={"base_url": server.base, **more})


def test_a_name_gives_the_addresses_of_its_archives_in_the_listing_s_order() -> None:
    with WebServer(FILES) as server:
        assert snapshot_warcs(NAME, config_for(server)) == [server.address(path) for path in PATHS]


def test_a_listing_is_asked_for_once_a_process(tmp_path: Path) -> None:
    with WebServer(FILES) as server:
        config = config_for(server)
        first = snapshot_warcs(NAME, config)
        asked = len(server.requests)
        first.clear()
        assert len(snapshot_warcs(NAME, config)) == 12
        assert len(expand_sources([f"{NAME}[2:5]"], config)) == 3
        assert len(server.requests) == asked
        assert snapshot_index(NAME, config) == [server.address(TABLE[1])]


def test_a_listing_that_could_not_be_had_is_asked_for_again() -> None:
    with WebServer(FILES, on(Fault.BUSY, *range(4))) as server:
        with pytest.raises(InputError):
            snapshot_warcs(NAME, config_for(server))
        assert len(snapshot_warcs(NAME, config_for(server))) == 12


@pytest.mark.parametrize(("part", "paths"), [("[:2]", PATHS[:2]), ("[10:]", PATHS[10:]), ("[3:5]", PATHS[3:5])])
def test_a_part_of_a_snapshot_can_be_named(part: str, paths: list[str]) -> None:
    with WebServer(FILES) as server:
        assert snapshot_warcs(NAME + part, config_for(server)) == [server.address(path) for path in paths]


def test_the_columnar_index_is_that_of_the_pages() -> None:
    with WebServer(FILES) as server:
        assert snapshot_index(NAME, config_for(server)) == [server.address(TABLE[1])]


def test_a_part_of_a_snapshot_s_index_counts_the_pages_files_alone() -> None:
    with WebServer(FILES) as server:
        assert snapshot_index(f"{NAME}[:1]", config_for(server)) == [server.address(TABLE[1])]


@pytest.mark.parametrize("part", ["[12:]", "[5:5]", "[7:3]"])
def test_a_part_that_holds_nothing_is_an_input_error_that_tells_how_many_there_are(part: str) -> None:
    with WebServer(FILES) as server, pytest.raises(InputError, match=r"\]: a part of the 12 files"):
        expand_sources([NAME + part], config_for(server))


def test_an_unknown_snapshot_is_an_input_error_that_names_it() -> None:
    with WebServer(FILES) as server, pytest.raises(InputError, match=r"CC-MAIN-1999-01: a snapshot listed at http"):
        snapshot_warcs("CC-MAIN-1999-01", config_for(server))


@pytest.mark.parametrize("name", ["", "CC-MAIN", "cc-main-2026-04", f"{NAME}[3]", f"{NAME}[-1:]", f"{NAME}/../x"])
def test_what_is_no_name_is_an_input_error_and_asks_nobody(name: str) -> None:
    assert not is_snapshot(name)
    with WebServer(FILES) as server:
        with pytest.raises(InputError):
            snapshot_warcs(name, config_for(server))
        assert not server.requests


def test_a_listing_that_was_spoiled_on_the_way_is_fetched_again(tmp_path: Path) -> None:
    with WebServer(FILES, on(Fault.GARBAGE, 0)) as server:
        assert len(snapshot_warcs(NAME, config_for(server))) == 12
    with WebServer(FILES, on(Fault.GARBAGE, 2)) as server:
        assert len(snapshot_warcs(NAME, config_for(server, cache=tmp_path))) == 12


def test_a_listing_that_is_rotten_is_an_input_error() -> None:
    rotten = {f"/crawl-data/{NAME}/warc.paths.gz": b"\x1f\x8b nothing"}
    with WebServer(rotten) as server, pytest.raises(InputError, match="a listing of paths"):
        snapshot_warcs(NAME, config_for(server))


def test_sources_mix_names_addresses_and_globs(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(b"x")
    with WebServer(FILES) as server:
        found = expand_sources(
            [f"{NAME}[:1]", "https://a.example/b.warc.gz", str(tmp_path / "*.gz")], config_for(server)
        )
        assert found == sorted([server.address(PATHS[0]), "https://a.example/b.warc.gz", str(tmp_path / "a.warc.gz")])


def test_a_page_reader_takes_its_own_config_and_hides_it_from_the_step_s_key(tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    with WebServer({"/a.warc.gz": content}, on(Fault.BUSY, 1)) as server:
        reader = PageReader(QUICK)
        assert list(reader(server.address("/a.warc.gz"))) == pages
        assert repr(reader) == "PageReader()"
