"""Reading archives: what is read, and what every fault costs."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.http_body import decode_body
from crawl.warc import ReadConfig, expand_sources, read_pages
from mathpipe.core.errors import InputError
from mathpipe.core.records import RawPage, record_id_of
from tests.crawl.warc_files import http, page, record, write_gzip


def read(path: Path, limit: int = 1_000_000) -> list[RawPage]:
    return list(read_pages(str(path), config=ReadConfig(max_body_bytes=limit)))


def test_only_responses_are_read_with_offsets_and_lengths(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(
        path, record(b"x", kind="warcinfo"), page(b"<p>1</p>"), record(b"y", kind="metadata"), page(b"<p>2</p>")
    )
    first, second = read(path)
    assert (first.body, second.body) == (b"<p>1</p>", b"<p>2</p>")
    assert (first.warc_offset, first.warc_length) == (offsets[1], offsets[2] - offsets[1])
    assert (second.warc_offset, second.warc_length) == (offsets[3], path.stat().st_size - offsets[3])
    assert first.record_id == record_id_of("a.warc.gz", offsets[1])
    assert (first.url, first.status, first.content_type) == ("http://a.example/page", 200, "text/html")
    assert (first.crawl_date, first.body_length, first.clipped) == ("2026-10-01T00:00:00Z", 8, False)


def test_a_member_can_be_read_again_from_its_offset_and_length(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"<p>1</p>"), page(b"<p>2</p>"))
    second = read(path)[1]
    member = path.read_bytes()[second.warc_offset : second.warc_offset + second.warc_length]
    assert gzip.decompress(member) == page(b"<p>2</p>")


def test_plain_archives_read_like_compressed_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(page(b"<p>1</p>") + page(b"<p>2</p>"))
    assert [item.body for item in read(path)] == [b"<p>1</p>", b"<p>2</p>"]
    assert read(path)[1].warc_offset == len(page(b"<p>1</p>"))


def test_an_error_page_keeps_its_status(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(http(b"gone", "Content-Type: text/html", status=404)))
    assert [item.status for item in read(path)] == [404]


def test_a_response_without_http_headers_has_status_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(b"garbage\r\n\r\nbody"), page())
    assert [item.status for item in read(path)] == [0, 200]


def test_dns_responses_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(b"a. 1 IN A 1.2.3.4", "Content-Type: text/dns"), page())
    assert len(read(path)) == 1


def test_a_long_body_is_cut_and_its_length_told(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"x" * 5000), page(b"<p>2</p>"))
    long, short = read(path, limit=1000)
    assert (len(long.body), long.body_length, long.clipped) == (1000, 5000, False)
    assert short.body == b"<p>2</p>"


def test_a_body_of_just_the_limit_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"x" * 1000))
    (only,) = read(path, limit=1000)
    assert (len(only.body), only.body_length) == (1000, 1000)


def test_truncated_by_the_crawl_is_clipped(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, record(http(b"<p>", "Content-Type: text/html"), "WARC-Truncated: length"))
    assert read(path)[0].clipped


def test_shorter_than_its_content_length_is_clipped(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"<p>", "http://a.example/", "Content-Length: 900"), page(b"ok"))
    assert [item.clipped for item in read(path)] == [True, False]


def test_longer_than_its_content_length_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"<p>more</p>", "http://a.example/", "Content-Length: 3"))
    assert not read(path)[0].clipped


def test_an_archive_cut_in_a_body_gives_one_clipped_row(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(path, page(b"<p>1</p>"), page(bytes(range(256)) * 400))
    path.write_bytes(path.read_bytes()[: offsets[1] + 500])
    first, second = read(path)
    assert (first.body, first.clipped) == (b"<p>1</p>", False)
    assert (second.clipped, second.record_id) == (True, record_id_of("a.warc.gz", offsets[1]))


def test_an_archive_cut_in_a_header_gives_one_row_without_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(path, page(b"<p>1</p>"), page(b"<p>2</p>"))
    path.write_bytes(path.read_bytes()[: offsets[1] + 20])
    first, lost = read(path)
    assert first.body == b"<p>1</p>"
    assert (lost.clipped, lost.url, lost.body, lost.warc_offset) == (True, "", b"", offsets[1])


def test_a_whole_archive_gives_no_row_too_many(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(b"<p>1</p>"), record(b"y", kind="metadata"))
    assert len(read(path)) == 1


def test_a_corrupt_member_costs_one_row_and_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(path, page(b"<p>1</p>"), page(b"<p>2</p>"), page(b"<p>3</p>"))
    data = bytearray(path.read_bytes())
    data[offsets[1] + 12 : offsets[1] + 60] = b"\xff" * 48
    path.write_bytes(bytes(data))
    rows = read(path)
    assert [row.body for row in rows] == [b"<p>1</p>", b"", b"<p>3</p>"]
    assert [row.clipped for row in rows] == [False, True, False]
    assert [row.warc_offset for row in rows] == offsets


def test_a_corrupt_first_member_does_not_hide_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(path, page(b"<p>1</p>"), page(b"<p>2</p>"))
    data = bytearray(path.read_bytes())
    data[12:60] = b"\xff" * 48
    path.write_bytes(bytes(data))
    assert [(row.body, row.warc_offset) for row in read(path)] == [(b"", 0), (b"<p>2</p>", offsets[1])]


def test_junk_between_plain_records_marks_the_page_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(page(b"<p>1</p>") + b"junk junk\r\n\r\n" + page(b"<p>2</p>"))
    rows = read(path)
    assert [row.body for row in rows if row.body] == [b"<p>1</p>", b"<p>2</p>"]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=1, max_value=10_000), flip=st.integers(min_value=0, max_value=10_000))
def test_no_damage_raises_once_a_record_was_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("warc") / "a.warc.gz"
    offsets = write_gzip(path, page(b"<p>1</p>"), page(b"<p>22</p>" * 50), page(b"<p>3</p>"))
    data = bytearray(path.read_bytes())
    place = offsets[1] + flip % (len(data) - offsets[1])
    data[place] ^= 0x55
    path.write_bytes(bytes(data[: offsets[1] + cut % (len(data) - offsets[1])]))
    rows = read(path)
    assert rows[0].body == b"<p>1</p>"
    assert len({row.record_id for row in rows}) == len(rows) <= 3


@pytest.mark.parametrize("content", [b"", b"<html>no archive</html>", gzip.compress(b"text" * 500), b"\x1f\x8b\x08"])
def test_what_is_no_archive_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.warc\.gz"):
        read(path)


def test_globs_are_expanded_sorted_and_once_each(tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.warc.gz", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    found = expand_sources([str(tmp_path / "*.warc.gz"), str(tmp_path / "a.warc.gz")])
    assert [Path(path).name for path in found] == ["a.warc.gz", "b.warc.gz"]


def test_a_pattern_without_a_match_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        expand_sources([str(tmp_path / "*.warc.gz")])


def chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


BODY = b"<html>" + b"hello " * 200
ENCODED = {
    "gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "br": brotli.compress(BODY),
}


@pytest.mark.parametrize("name", list(ENCODED))
def test_content_encodings_are_undone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, page(ENCODED[name], "http://a.example/", f"Content-Encoding: {name}"))
    (only,) = read(path)
    assert (only.body, only.clipped, only.body_length) == (BODY, False, len(BODY))


@pytest.mark.parametrize("name", ["gzip", "br", "deflate", "zstd", "unheard-of"])
def test_a_header_that_lies_leaves_the_body_as_it_is(name: str) -> None:
    body = decode_body(BODY, transfer_encoding="", content_encoding=name, max_bytes=10_000)
    assert body.data == BODY


def test_raw_deflate_without_zlib_header_is_undone() -> None:
    raw = zlib.compress(BODY)[2:-4]
    assert decode_body(raw, transfer_encoding="", content_encoding="deflate", max_bytes=10_000).data == BODY


def test_chunks_are_joined_before_the_content_is_decoded() -> None:
    payload = chunked(gzip.compress(BODY))
    body = decode_body(payload, transfer_encoding="chunked", content_encoding="gzip", max_bytes=10_000)
    assert (body.data, body.complete) == (BODY, True)


def test_a_missing_last_chunk_is_told() -> None:
    payload = chunked(BODY)[:-30]
    body = decode_body(payload, transfer_encoding="chunked", content_encoding="", max_bytes=10_000)
    assert not body.complete
    assert BODY.startswith(body.data)


def test_a_cut_gzip_stream_gives_what_there_is() -> None:
    body = decode_body(ENCODED["gzip"][:-12], transfer_encoding="", content_encoding="gzip", max_bytes=10_000)
    assert not body.complete
    assert BODY.startswith(body.data)


def test_a_compression_bomb_is_held_to_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    body = decode_body(bomb, transfer_encoding="", content_encoding="gzip", max_bytes=1000)
    assert len(body.data) == 1000
    assert body.length == 1001


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["gzip", "br", "deflate", "zstd", "gzip, br"]))
def test_no_body_makes_the_decoding_raise(payload: bytes, encoding: str) -> None:
    body = decode_body(payload, transfer_encoding="chunked", content_encoding=encoding, max_bytes=200)
    assert len(body.data) <= 200
