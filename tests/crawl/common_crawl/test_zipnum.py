"""CDX files of gzip blocks: the same captures as from end to end, by reading only blocks that can hold them."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.common_crawl import FetchError, build_index, find_captures, zipnum
from crawl.common_crawl.prefix import any_matches, key_starts, parse_prefixes
from mathpipe.core.errors import InputError
from tests.crawl.common_crawl.zipnum_files import cdx_lines, write_zipnum
from tests.crawl.remote.test_remote_file import QUICK, on
from tests.crawl.warc_files import page, write_gzip
from tests.web_server import Fault, WebServer

# In the order of their keys; what is asked for is easily taken for its neighbours.
URLS = [
    "https://a.example/", "https://example.com/", "https://example.org/", "https://www.example.org/a",
    "https://example.org/a/b", "https://example.org/b", "https://s.example.org/", "https://t.s.example.org/a",
    "https://example-x.org/", "https://example2.org/", "http://example.org:8080/a", "https://examplez.org/",
    "http://137.184.1.0/x", "http://z.example/",
]  # fmt: skip
PREFIXES = [
    "example.org", "www.example.org", "*.example.org", "s.example.org", "*.s.example.org", "example.org/a",
    "example.org/a/", "example2.org", "*.org", "137.184.1.0", "a.example", "z.example", "*.example",
    "nowhere.example", "0.example", "zz.example",
]  # fmt: skip


def found(index: Path | str, *prefixes: str) -> list[int]:
    return [capture.offset for capture in find_captures(index, prefixes=prefixes, config=QUICK)]


def expected(urls: list[str], *prefixes: str) -> list[int]:
    wanted = parse_prefixes(prefixes)
    order = [int(line.rpartition(b'"offset": "')[2].split(b'"')[0]) for line in cdx_lines(urls)]
    return [number for number in order if any_matches(wanted, urls[number])]


@pytest.mark.parametrize("per_block", [1, 2, 3, 20])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_gives_its_captures_and_no_neighbour_s(prefix: str, per_block: int, tmp_path: Path) -> None:
    cluster = write_zipnum(tmp_path, cdx_lines(URLS), per_block=per_block, per_file=6)
    assert found(cluster, prefix) == expected(URLS, prefix)


HOSTS = st.sampled_from(
    ["a.org", "www.a.org", "b.a.org", "www.b.a.org", "a-b.org", "a2.org", "aa.org", "org", "1.2.3.4"]
)
ADDRESSES = st.builds(
    "{}{}{}/{}".format,
    st.sampled_from(["http://", "https://"]),
    HOSTS,
    st.sampled_from(["", ":81"]),
    st.sampled_from(["", "x", "x/", "X/y", "x?b=1&a=2", "x%41", "x//y", "x;sid", "~u/.z", "xy", "é", "x y", "{x}"]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(ADDRESSES, max_size=40),
    st.lists(
        st.one_of(ADDRESSES, HOSTS, HOSTS.filter(lambda host: host != "1.2.3.4").map("*.{}".format)),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 6),
    st.integers(60, 300),
)
def test_any_prefixes_give_what_a_walk_over_all_lines_gives(
    urls: list[str], texts: list[str], per_block: int, page_bytes: int
) -> None:
    texts = [text.replace(":81", "") for text in texts]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipnum, "_PAGE_BYTES", page_bytes)
        cluster = write_zipnum(Path(folder), cdx_lines(urls), per_block=per_block, per_file=per_block * 3)
        assert found(cluster, *texts) == expected(urls, *texts)
        files = sorted(Path(folder).glob("cdx-*.gz"))
        assert [number for file in files for number in found(file, *texts)] == expected(urls, *texts)


def test_captures_of_one_key_over_many_blocks_all_come(tmp_path: Path) -> None:
    urls = ["https://a.example/", *["https://b.example/x"] * 11, "https://c.example/"]
    cluster = write_zipnum(tmp_path, cdx_lines(urls), per_block=3, per_file=6)
    assert found(cluster, "b.example/x") == list(range(1, 12))


def test_only_blocks_that_can_match_and_a_few_pages_of_the_cluster_are_read(tmp_path: Path) -> None:
    urls = [f"https://host{number:05d}.example/{'path' * 20}" for number in range(60_000)]
    write_zipnum(tmp_path, cdx_lines(urls), per_block=10, per_file=20_000)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    with WebServer(tmp_path) as server:
        assert found(server.address("cluster.idx"), "host43210.example", "host43219.example") == [43_210, 43_219]
        read = dict.fromkeys(sizes, 0)
        for request in server.requests:
            name = request.path.lstrip("/")
            read[name] += min(request.end or 0, sizes[name]) - min(request.start, sizes[name])
        assert sizes["cluster.idx"] > 500_000
        assert read["cluster.idx"] <= 8 * (1 << 15)
        assert read["cdx-00000.gz"] == read["cdx-00001.gz"] == 0
        assert 0 < read["cdx-00002.gz"] < sizes["cdx-00002.gz"] / 500
        first = len(server.requests)
        assert found(server.address("cdx-00002.gz"), "host00001.example") == []
        assert found(server.address("cdx-00002.gz"), "host43210.example") == [43_210]
        assert sum((request.end or 0) - request.start for request in server.requests[first:]) < 30 * (1 << 15)


def test_blocks_that_lie_one_behind_the_other_are_asked_for_together(tmp_path: Path) -> None:
    urls = [f"https://a.example/{number:03d}" for number in range(200)]
    write_zipnum(tmp_path, cdx_lines(urls), per_block=10, per_file=100)
    config = QUICK.model_copy(update={"block_bytes": 2**20})
    with WebServer(tmp_path) as server:
        captures = list(find_captures(server.address("cluster.idx"), prefixes=["a.example"], config=config))
        assert [capture.offset for capture in captures] == list(range(200))
        assert [request.path for request in server.requests if "cdx-" in request.path] == [
            "/cdx-00000.gz", "/cdx-00001.gz"
        ]  # fmt: skip


@pytest.mark.parametrize("name", ["cluster.idx", "cdx-00001.gz"])
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.ANOTHER_VERSION])
def test_blocks_come_whole_over_the_network_whatever_breaks(fault: Fault, name: str, tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=6)
    right = found(tmp_path / name, "*.org")
    assert right
    for place in range(4):
        with WebServer(tmp_path, on(fault, place, place + 3, place + 7)) as server:
            assert found(server.address(name), "*.org") == right


@pytest.mark.parametrize("place", range(5))
def test_another_version_on_the_way_is_asked_again_or_an_error_but_never_a_mixture(
    place: int, tmp_path: Path
) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=6)
    with WebServer(tmp_path, on(Fault.ANOTHER_VERSION, place)) as server:
        try:
            came = found(server.address("cluster.idx"), "*.org")
        except FetchError:
            came = []
        assert came in ([], expected(URLS, "*.org"))


def test_without_a_cluster_a_file_of_blocks_is_read_from_end_to_end(tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=100).unlink()
    assert found(tmp_path / "cdx-00000.gz", "*.example.org") == expected(URLS, "*.example.org")
    with WebServer(tmp_path) as server:
        assert found(server.address("cdx-00000.gz"), "*.example.org") == expected(URLS, "*.example.org")


def test_a_file_that_the_cluster_does_not_tell_of_is_read_from_end_to_end(tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=100)
    lines = cdx_lines(["https://a.example/new", *URLS])
    (tmp_path / "more.cdxj.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    (tmp_path / "cdx-00000.gz").replace(tmp_path / "cdx-00007.gz")
    assert found(tmp_path / "more.cdxj.gz", "a.example") == [1, 0]
    assert found(tmp_path / "cdx-00007.gz", "a.example") == [0]


def test_a_cluster_of_another_version_of_its_file_is_an_input_error_and_no_silence(tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=100)
    cluster = (tmp_path / "cluster.idx").read_bytes()
    urls = [URLS[0], "https://example.com/0", *URLS[1:]]
    write_zipnum(tmp_path, cdx_lines(urls), per_block=2, per_file=100)
    (tmp_path / "cluster.idx").write_bytes(cluster)
    with pytest.raises(InputError, match=r"cdx-00000\.gz.*two versions"):
        found(tmp_path / "cluster.idx", "example.org")
    assert found(tmp_path / "cdx-00000.gz", "example.org") == expected(urls, "example.org")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a line\n" * 9, "key, file, offset and length"),
        (b"org,example)/ 2026\tnone.gz\t0\t9\t1\n", "none.gz"),
        (b"org,example)/ 2026\tcdx-00000.gz\t999999\t9\t1\n", "gzip block"),
    ],
)
def test_what_is_no_cluster_is_an_input_error(content: bytes, message: str, tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=100)
    (tmp_path / "cluster.idx").write_bytes(content)
    with pytest.raises(InputError, match=message):
        found(tmp_path / "cluster.idx", "*.org")


def test_an_empty_cluster_has_no_captures(tmp_path: Path) -> None:
    (tmp_path / "cluster.idx").write_bytes(b"")
    assert found(tmp_path / "cluster.idx", "*.org") == []


def test_a_folder_and_a_glob_of_blocks_give_each_capture_once(tmp_path: Path) -> None:
    write_zipnum(tmp_path, cdx_lines(URLS), per_block=2, per_file=6)
    right = expected(URLS, "*.org", "*.example")
    for index in (tmp_path, tmp_path / "*", tmp_path / "cdx-*.gz", tmp_path / "cluster.idx"):
        assert found(index, "*.org", "*.example") == right


def test_an_index_that_is_built_here_has_a_cluster_by_which_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawl.common_crawl.build.LINES_PER_BLOCK", 4)
    warc = tmp_path / "a.warc.gz"
    write_gzip(warc, *(page(url.encode(), url) for url in URLS))
    index = build_index([warc], tmp_path / "i" / "index.cdxj.gz")
    lines = gzip.decompress(index.read_bytes()).splitlines()
    assert [line.split(b" ")[0] for line in lines] == [line.split(b" ")[0] for line in cdx_lines(URLS)]
    assert (tmp_path / "i" / "cluster.idx").read_text().splitlines()[1].split("\t")[::4] == [
        "org,example)/ 20261001000000", "2"
    ]  # fmt: skip
    with WebServer(tmp_path / "i") as server:
        captures = find_captures(server.address("index.cdxj.gz"), prefixes=["a.example"], config=QUICK)
        assert [capture.url for capture in captures] == ["https://a.example/"]
    assert {path.name for path in (tmp_path / "i").iterdir()} == {"index.cdxj.gz", "cluster.idx"}


def test_of_two_indexes_in_a_folder_both_give_their_captures(tmp_path: Path) -> None:
    for name, urls in (("a", URLS[:7]), ("b", URLS[7:])):
        write_gzip(tmp_path / f"{name}.warc.gz", *(page(url.encode(), url) for url in urls))
        build_index([tmp_path / f"{name}.warc.gz"], tmp_path / "i" / f"{name}.cdxj.gz")
    captures = find_captures(tmp_path / "i", prefixes=["*.org"])
    assert sorted(capture.url for capture in captures) == sorted(url for url in URLS if ".org" in url)


def test_starts_are_sorted_and_none_begins_with_another() -> None:
    assert key_starts(parse_prefixes(["example.org/a/b", "*.example.org", "example.org"])) == (
        "org,example)", "org,example,", "org,example:"
    )  # fmt: skip
