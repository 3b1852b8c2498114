"""S3 against a real local server (moto)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawl.common_crawl import (
    Capture,
    FailedPage,
    FetchConfig,
    FetchError,
    build_index,
    fetch_captures,
    find_captures,
    snapshot_warcs,
)
from crawl.remote import cached_file
from crawl.warc import read_pages
from tests.crawl.common_crawl.zipnum_files import cdx_lines, write_zipnum
from tests.crawl.remote.test_remote_file import QUICK, archive


@pytest.fixture(scope="module")
def s3() -> Iterator[FetchConfig]:
    # Not at the top: beside Flask, which it brings, vLLM loads no model, and a collection imports every file.
    moto = pytest.importorskip("moto.server", reason="moto, a local S3 server, is not installed")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        config = QUICK.model_copy(
            update={
                "s3_endpoint": f"http://{host}:{port}",
                "base_url": "s3://crawl",
                "timeout_seconds": 5.0,
                "tries": 2,
            }
        )
        yield config
        server.stop()


def put(config: FetchConfig, key: str, content: bytes) -> str:
    import boto3

    client = boto3.client("s3", endpoint_url=config.s3_endpoint, region_name=config.s3_region)
    client.create_bucket(Bucket="crawl")
    client.put_object(Bucket="crawl", Key=key, Body=content)
    return f"s3://crawl/{key}"


def test_an_archive_in_s3_reads_as_from_disk(s3: FetchConfig, tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    assert list(read_pages(put(s3, "w/a.warc.gz", content), fetch=s3)) == pages


def test_a_snapshot_its_index_and_its_pages_come_from_s3(s3: FetchConfig, tmp_path: Path) -> None:
    content, pages = archive(tmp_path)
    put(s3, "crawl-data/CC-MAIN-2026-04/warc.paths.gz", gzip.compress(b"w/a.warc.gz\n"))
    put(s3, "w/a.warc.gz", content)
    assert snapshot_warcs("CC-MAIN-2026-04", s3) == ["s3://crawl/w/a.warc.gz"]
    local = build_index(["s3://crawl/w/a.warc.gz"], tmp_path / "i.parquet", config=s3)
    index = put(s3, "i.parquet", local.read_bytes())
    found = list(fetch_captures(find_captures(index, prefixes=["a.example"], config=s3), s3))
    assert sorted(found, key=lambda row: row.warc_offset) == pages


def test_a_cdx_in_s3_is_read_by_its_cluster_or_without_one(s3: FetchConfig, tmp_path: Path) -> None:
    urls = [f"https://a{number}.example/x" for number in range(9)]
    write_zipnum(tmp_path, cdx_lines(urls), per_block=2, per_file=20)
    places = [put(s3, f"blocks/{path.name}", path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    alone = put(s3, "alone/cdx-00000.gz", (tmp_path / "cdx-00000.gz").read_bytes())
    for place in (*places, alone):
        assert [capture.url for capture in find_captures(place, prefixes=["a7.example"], config=s3)] == [urls[7]]


def test_an_s3_server_that_is_gone_is_given_up_once(s3: FetchConfig) -> None:
    gone = s3.model_copy(update={"s3_endpoint": "http://127.0.0.1:9", "connections": 1})
    captures = [Capture("https://a.example/", "s3://crawl/a.warc.gz", number, 9) for number in range(50)]
    found = list(fetch_captures(captures, gone))
    assert {page.detail for page in found if isinstance(page, FailedPage)} == {found[0].detail}  # type: ignore[attr-defined]
    assert len(found) == 50


def test_an_object_is_kept_in_the_cache(s3: FetchConfig, tmp_path: Path) -> None:
    content, _ = archive(tmp_path)
    path = cached_file(put(s3, "w/a.warc.gz", content), tmp_path / "cache", s3)
    assert (path.name, path.read_bytes()) == ("a.warc.gz", content)


def test_an_object_that_changes_is_an_error(s3: FetchConfig, tmp_path: Path) -> None:
    content, _ = archive(tmp_path)
    pages = read_pages(put(s3, "w/a.warc.gz", content), fetch=s3)
    next(pages)
    put(s3, "w/a.warc.gz", content[::-1])
    with pytest.raises(FetchError, match="another version"):
        list(pages)


@pytest.mark.parametrize("address", ["s3://crawl/none", "s3://no-such-bucket/a.warc.gz"])
def test_a_missing_object_is_an_error_that_names_it(address: str, s3: FetchConfig) -> None:
    with pytest.raises(FetchError, match=address):
        list(read_pages(address, fetch=s3))
