"""Indexes: built from archives, searched in every form, here and over the network."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawl.common_crawl import Capture, build_index, find_captures
from crawl.common_crawl.prefix import surt_key
from crawl.warc import read_pages
from mathpipe.core.errors import InputError
from tests.crawl.remote.test_remote_file import QUICK, on
from tests.crawl.test_snapshot import NAME, TABLE
from tests.crawl.warc_files import http, page, record, write_gzip
from tests.web_server import Fault, Request, WebServer

URLS = [
    "https://b.example.com/questions/1", "https://a.example.com/x", "https://www.example.com/questions/2",
    "https://b.example.com/about", "https://example.org/", "https://example.community/",
]  # fmt: skip
FORMS = ["index.parquet", "index.cdxj", "index.cdxj.gz"]
# The payloads' digests, by `printf ... | sha1sum | xxd -r -p | base32`.
DIGEST_OF_HELLO = "VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N"


def archive(folder: Path, name: str = "a.warc.gz", urls: list[str] = URLS) -> Path:
    path = folder / name
    write_gzip(path, record(b"x", kind="warcinfo"), *(page(b"<p>%s</p>" % url.encode(), url) for url in urls))
    return path


def urls_of(index: Path | str, *prefixes: str) -> list[str]:
    return [capture.url for capture in find_captures(index, prefixes=prefixes, config=QUICK)]


@pytest.mark.parametrize("form", FORMS)
def test_an_index_tells_of_each_page_where_it_lies(form: str, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    block = http(b"hello", "Content-Type: text/html; charset=utf-8", status=404)
    offsets = write_gzip(path, page(b"first"), record(block, url="https://a.example/x"))
    index = build_index([str(path)], tmp_path / form)
    (found,) = find_captures(index, prefixes=["a.example/x"])
    length = path.stat().st_size - offsets[1]
    assert found == Capture(
        "https://a.example/x", str(path), offsets[1], length, DIGEST_OF_HELLO, 404, "text/html", "20261001000000"
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("prefix", "numbers"),
    [
        ("https://b.example.com/questions", [0]),
        ("b.example.com", [3, 0]),
        ("*.example.com", [2, 1, 3, 0]),
        ("example.org", [4]),
        ("nowhere.example", []),
    ],
)
def test_pages_are_found_by_address_host_and_domain(
    form: str, prefix: str, numbers: list[int], tmp_path: Path
) -> None:
    index = build_index([archive(tmp_path)], tmp_path / form)
    assert urls_of(index, prefix) == [URLS[number] for number in numbers]


def test_the_columns_are_common_crawl_s_and_sorted_by_key(tmp_path: Path) -> None:
    table = pq.read_table(build_index([archive(tmp_path)], tmp_path / "i.parquet"))
    row = next(row for row in table.to_pylist() if row["url"] == URLS[0])
    assert row["url_surtkey"] == "com,example,b)/questions/1"
    assert (row["url_host_name"], row["url_path"]) == ("b.example.com", "/questions/1")
    assert row["url_host_registered_domain"] == "example.com"
    assert row["fetch_time"].isoformat() == "2026-10-01T00:00:00"
    keys = table["url_surtkey"].to_pylist()
    assert keys == sorted(map(surt_key, URLS))


def test_a_clipped_end_is_left_out_of_the_index(tmp_path: Path) -> None:
    path = archive(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert len(urls_of(build_index([path], tmp_path / "i.parquet"), "*.com", "*.org", "*.community")) == 5


def test_an_archive_in_one_gzip_member_cannot_be_indexed(tmp_path: Path) -> None:
    path = tmp_path / "whole.warc.gz"
    path.write_bytes(gzip.compress(page(b"1") + page(b"2")))
    with pytest.raises(InputError, match="compressed one by one"):
        build_index([path], tmp_path / "i.parquet")


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("place", range(12))
def test_a_page_that_is_spoiled_on_the_way_is_not_missing_from_the_index(
    place: int, cache: bool, tmp_path: Path
) -> None:
    records = [page(random.Random(url).randbytes(900), url, "Content-Length: 900") for url in URLS]
    records[3] = record(http(b"x" * 900), "WARC-Truncated: length", url=URLS[3])
    write_gzip(tmp_path / "a.warc.gz", *records)
    config = QUICK.model_copy(update={"cache": tmp_path / "cache" if cache else None})
    with WebServer(tmp_path, on(Fault.GARBAGE, place)) as server:
        index = build_index([server.address("a.warc.gz")], tmp_path / "i.parquet", config=config)
    assert sorted(pq.read_table(index)["url"].to_pylist()) == sorted(URLS)


@pytest.mark.parametrize("form", FORMS)
def test_addresses_with_braces_spaces_and_numbers_for_hosts_are_found(form: str, tmp_path: Path) -> None:
    urls = ["https://a.example/{x}/ {y}", "http://137.184.1.0/x", "no address {z}", "https://a.example/é/x"]
    index = build_index([archive(tmp_path, urls=urls)], tmp_path / form)
    assert urls_of(index, "a.example", "137.184.1.0") == [urls[1], urls[0], urls[3]]


def test_a_host_that_is_a_number_is_found_in_common_crawl_s_own_order(tmp_path: Path) -> None:
    rows = [
        {"url_surtkey": key, "url": url, "warc_filename": "x", "warc_record_offset": number, "warc_record_length": 9}
        for number, (key, url) in enumerate(
            [("0,1,184,137)/x", "http://137.184.1.0/x"), ("org,example)/", "http://example.org/")]
        )
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "i.parquet", row_group_size=1)
    assert urls_of(tmp_path / "i.parquet", "137.184.1.0") == ["http://137.184.1.0/x"]


def test_rows_of_any_number_of_archives_are_sorted_beyond_what_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawl.common_crawl.build._ROWS_PER_GROUP", 3)
    monkeypatch.setattr("crawl.common_crawl.build._ROWS_PER_BATCH", 2)
    chance = random.Random(5)
    urls = [f"https://{chance.choice('aZé')}{chance.choice('-._~')}x.example/{number % 7}" for number in range(40)]
    archives = [archive(tmp_path, f"{number}.warc.gz", urls[number::4]) for number in range(4)]
    table = pq.read_table(build_index(archives, tmp_path / "i.parquet"))
    keys = [key.encode() for key in table["url_surtkey"].to_pylist()]
    assert keys == sorted(surt_key(url).encode() for url in urls)
    assert pq.ParquetFile(tmp_path / "i.parquet").metadata.num_row_groups == 14
    assert {path.name for path in tmp_path.iterdir()} == {"i.parquet", *(f"{number}.warc.gz" for number in range(4))}


def test_a_run_that_was_killed_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    (tmp_path / ".i.parquet.part").mkdir()
    (tmp_path / ".i.parquet.part" / "found.parquet").write_bytes(b"half")
    assert urls_of(build_index([archive(tmp_path)], tmp_path / "i.parquet"), "example.org") == [URLS[4]]
    assert not (tmp_path / ".i.parquet.part").exists()


def test_of_a_gzip_index_no_line_is_given_out_before_its_checksum_is_known(tmp_path: Path) -> None:
    line = b'com,a)/ 20260101000000 {"url": "https://a.com/", "filename": "x", "offset": "%d", "length": "9"}\n'
    whole = gzip.compress(b"".join(line % number for number in range(20)), compresslevel=0, mtime=0)
    spoiled = whole.replace(b'"7"', b'"8"')
    with WebServer({"/a.cdxj.gz": spoiled}, etags=False) as server:

        def mend(request: Request) -> None:
            if request.number > 4:
                server.change("/a.cdxj.gz", whole)

        server.faults = mend
        captures = find_captures(server.address("/a.cdxj.gz"), prefixes=["a.com"], config=QUICK)
        assert [capture.offset for capture in captures] == list(range(20))


def test_a_long_gzip_member_comes_in_pieces_and_where_it_is_spoiled_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawl.common_crawl.cdx._HELD_BYTES", 500)
    line = b'com,a)/ 20260101000000 {"url": "https://a.com/", "filename": "x", "offset": "%d", "length": "9"}\n'
    text = b"".join(line % number for number in range(300))
    content = gzip.compress(text[:999]) + gzip.compress(text[999:], mtime=0)
    with WebServer({"/a.cdxj.gz": content, "/b.cdxj.gz": content[:-8] + b"spoiled!"}) as server:
        captures = find_captures(server.address("a.cdxj.gz"), prefixes=["a.com"], config=QUICK)
        assert [capture.offset for capture in captures] == list(range(300))
        spoiled = find_captures(server.address("b.cdxj.gz"), prefixes=["a.com"], config=QUICK)
        with pytest.raises(InputError, match=r"b\.cdxj\.gz: .*a CDX file that can be read"):
            list(spoiled)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", list(Fault))
def test_a_remote_index_answers_as_a_local_one_whatever_breaks(form: str, fault: Fault, tmp_path: Path) -> None:
    if fault is Fault.GARBAGE and form == "index.cdxj":
        pytest.skip("a plain file has no checksum")
    index = build_index([archive(tmp_path)], tmp_path / form)
    expected = urls_of(index, "*.com")
    with WebServer(tmp_path, on(fault, *((1, 4, 7) if fault is Fault.ANOTHER_VERSION else (0, 2, 4, 7)))) as server:
        assert urls_of(server.address(form), "*.com") == expected


def test_of_a_remote_parquet_file_only_row_groups_that_can_match_are_fetched(tmp_path: Path) -> None:
    rows = [
        {
            "url_surtkey": f"com,host{number:03d})/", "url": f"https://host{number:03d}.com/",
            "url_host_name": f"host{number:03d}.com", "warc_filename": "x" * 500 + str(number),
            "warc_record_offset": number, "warc_record_length": 9,
        }
        for number in range(400)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "i.parquet", row_group_size=20, compression="none")
    with WebServer(tmp_path) as server:
        found = list(find_captures(server.address("i.parquet"), prefixes=["host123.com"], config=QUICK))
        assert [capture.offset for capture in found] == [123]
        footer_at = (tmp_path / "i.parquet").stat().st_size - 65_536
        fetched = sum((request.end or 0) - request.start for request in server.requests if request.start < footer_at)
        assert fetched < 30_000


def test_a_snapshot_s_own_index_is_found_by_its_name(tmp_path: Path) -> None:
    place = tmp_path / TABLE[1]
    build_index([archive(tmp_path)], place)
    listing = tmp_path / "crawl-data" / NAME / "cc-index-table.paths.gz"
    listing.parent.mkdir(parents=True)
    listing.write_bytes(gzip.compress("\n".join(TABLE).encode()))
    with WebServer(tmp_path) as server:
        config = QUICK.model_copy(update={"base_url": server.base})
        found = find_captures(NAME, prefixes=["example.org"], config=config)
        assert [capture.url for capture in found] == ["https://example.org/"]


def test_a_folder_and_a_glob_stand_for_their_files_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build_index([archive(tmp_path, "a.warc.gz", URLS[:2])], folder / "part-0.parquet")
    build_index([archive(tmp_path, "b.warc.gz", URLS[3:4])], folder / "part-1.cdxj")
    assert urls_of(folder, "b.example.com") == [URLS[0], URLS[3]]
    both = [str(folder), str(folder / "part-*")]
    assert len(list(find_captures(both, prefixes=["b.example.com"]))) == 2


def test_a_classic_cdx_whose_keys_are_plain_addresses_is_read_by_its_addresses(tmp_path: Path) -> None:
    classic = tmp_path / "a.cdx"
    classic.write_text(
        " CDX N b a m s k r M S V g\n"
        "example.com/{x} 20260115083000 https://example.com/{x} text/html 200 ABC - - 120 7 a.warc.gz\n"
        "example.org/x 20260115083000 https://example.org/x text/html 200 ABC - - 120 8 a.warc.gz\n"
    )
    assert urls_of(classic, "example.com") == ["https://example.com/{x}"]


def test_words_about_the_file_and_empty_files_are_let_be(tmp_path: Path) -> None:
    line = 'com,a)/ 2026 {"url": "https://a.com/", "filename": "x", "offset": "1", "length": "9"}\n'
    for content, found in (
        ("!meta words\n" + line, ["https://a.com/"]),
        ("\r\n" + line, ["https://a.com/"]),
        ("", []),
    ):
        (tmp_path / "a.cdxj").write_text(content)
        assert urls_of(tmp_path / "a.cdxj", "a.com") == found


def test_classic_cdx_and_bare_json_lines_are_read_too(tmp_path: Path) -> None:
    classic = tmp_path / "a.cdx"
    classic.write_text(
        " CDX N b a m s k r M S V g\n"
        "com,example)/x 20260115083000 https://example.com/x text/html 200 ABC - - 120 7 a.warc.gz\n"
    )
    bare = tmp_path / "b.cdxj"
    bare.write_text(
        json.dumps(
            {"urlkey": "com,example)/x", "timestamp": "20260115083000", "url": "https://example.com/x",
             "mime": "text/html", "status": "200", "digest": "ABC", "length": "120", "offset": "7",
             "filename": "a.warc.gz"}
        )
    )  # fmt: skip
    expected = Capture("https://example.com/x", "a.warc.gz", 7, 120, "ABC", 200, "text/html", "20260115083000")
    for index in (classic, bare):
        assert list(find_captures(index, prefixes=["example.com"])) == [expected]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"no parquet"),
        ("a.cdxj", b"com,example)/ 2026 {broken"),
        ("a.cdxj", b'com,example)/ 2026 {"url": "https://example.com/"}'),
        ("a.cdxj.gz", b"\x1f\x8b garbage"),
        ("a.cdxj.gz", gzip.compress(page(b"an archive"))),
        ("a.cdx", b"example.com/ 2026 https://example.com/ no header says which field is which\n"),
        ("readme.txt", b"# A text\n"),
        (
            "a.cdxj",
            b'com,example)/ 2026 {"url": "https://example.com/", "filename": "x", "offset": "x"}',
        ),
    ],
)
def test_what_is_no_index_is_an_input_error_that_names_the_file(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        list(find_captures(tmp_path / name, prefixes=["*.com"]))


def test_a_parquet_file_of_other_columns_is_an_input_error_that_names_them(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["https://a.example/"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="warc_filename, warc_record_offset"):
        list(find_captures(tmp_path / "a.parquet", prefixes=["a.example"]))


def test_an_index_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Parquet or CDX file"):
        find_captures(tmp_path / "none.parquet", prefixes=["a.example"])


def test_an_index_of_remote_archives_names_their_addresses(tmp_path: Path) -> None:
    pages = list(read_pages(str(archive(tmp_path))))
    with WebServer(tmp_path) as server:
        index = build_index([server.address("a.warc.gz")], tmp_path / "i.parquet", config=QUICK)
        found = list(find_captures(index, prefixes=["*.com", "*.org", "*.community"]))
        assert {capture.warc for capture in found} == {server.address("a.warc.gz")}
        assert {(capture.url, capture.offset) for capture in found} == {(row.url, row.warc_offset) for row in pages}
