"""The repository's own crawl: what its index promises is what lies in its WARCs."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType, is_http

from mathpipe.core.records import FormulaSource

FIXTURE = Path(__file__).resolve().parents[1] / "data" / "fixture"
WARCS = sorted(FIXTURE.glob("crawl-*.warc.gz"))

Row = dict[str, Any]
Response = tuple[str, int | None, bytes, dict[str, str]]
"""URL, status, body, WARC headers."""


def _lines(name: str) -> list[Row]:
    return [json.loads(line) for line in (FIXTURE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_fixture", FIXTURE / "build_fixture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def index() -> list[Row]:
    return _lines("index.jsonl")


@pytest.fixture(scope="module")
def by_url(index: list[Row]) -> dict[str, Row]:
    return {row["url"]: row for row in index}


@pytest.fixture(scope="module")
def responses() -> list[Response]:
    """URL, status, body and WARC headers of every response, as FastWARC reads them."""
    found = []
    for path in WARCS:
        for record in ArchiveIterator(str(path), record_types=WarcRecordType.response, func_filter=is_http):
            headers = dict(record.headers.items())
            found.append((headers["WARC-Target-URI"], record.http_headers.status_code, record.reader.read(), headers))
    return found


def _hosts(rows: list[Row], kind: str) -> set[str]:
    return {urlsplit(row["url"]).netloc for row in rows if row["kind"] == kind}


def _words(html: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", html).lower())


def _deflates_as_the_committed_files_were() -> bool:
    """Other builds of zlib (zlib-ng, Apple's) pack the same bytes in another way."""
    sample = " ".join(str(number * number) for number in range(20_000)).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(sample) + packer.flush()
    return hashlib.sha256(packed).hexdigest().startswith("c9235e861439903a")


def _records(path: Path) -> bytes:
    """All records of a WARC, unpacked."""
    unpacked, rest = [], path.read_bytes()
    while rest:
        member = zlib.decompressobj(wbits=31)
        unpacked.append(member.decompress(rest) + member.flush())
        rest = member.unused_data
    return b"".join(unpacked)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_rebuilding_gives_the_committed_files(tmp_path: Path, hash_seed: str) -> None:
    command = [sys.executable, str(FIXTURE / "build_fixture.py"), "--out", str(tmp_path)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [str(tmp_path / path.name) for path in WARCS]
    for path in WARCS:
        assert _records(tmp_path / path.name) == _records(path)
        if _deflates_as_the_committed_files_were():
            assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_made_body_that_nobody_knows_is_refused(builder: ModuleType) -> None:
    with pytest.raises(ValueError, match="unknown body 'poem'"):
        builder.response_body({"made": "poem"})


def test_every_line_of_the_index_has_its_response_in_the_same_order(
    builder: ModuleType, index: list[Row], responses: list[Response]
) -> None:
    assert [(url, status) for url, status, _, _ in responses] == [(row["url"], row["status"]) for row in index]
    for row, (_, _, body, headers) in zip(index, responses, strict=True):
        assert body == builder.response_body(row)
        assert headers.get("WARC-Truncated") == row.get("truncated")


@pytest.mark.parametrize("path", WARCS, ids=lambda path: str(path.name))
def test_each_record_is_a_gzip_member_with_right_digests(path: Path) -> None:
    kinds: Counter[str] = Counter()
    offsets = []
    for record in ArchiveIterator(str(path), parse_http=False):
        kinds[str(record.record_type)] += 1
        offsets.append(record.stream_pos)
        assert record.headers["WARC-Date"] == "2025-10-05T12:00:00Z"
        if "WARC-Block-Digest" in record.headers:
            assert record.verify_block_digest()
    responses = kinds.pop(str(WarcRecordType.response))
    assert sorted(kinds.values()) == [1, responses, responses]  # warcinfo, requests, metadata
    packed = path.read_bytes()
    assert all(packed[offset : offset + 3] == b"\x1f\x8b\x08" for offset in offsets)
    assert len(set(offsets)) == 1 + 3 * responses


def test_the_two_warcs_hold_half_of_the_responses_each(index: list[Row]) -> None:
    counts = [
        sum(1 for _ in ArchiveIterator(str(path), record_types=WarcRecordType.response, parse_http=False))
        for path in WARCS
    ]
    assert counts == [len(index) // 2, len(index) // 2]


def test_every_formula_source_stands_in_some_page(index: list[Row]) -> None:
    assert {name for row in index for name in row["formats"]} == {str(source) for source in FormulaSource}


def test_formulas_are_listed_for_the_pages_that_have_them(index: list[Row]) -> None:
    listed = {row["url"]: len(row["formulas"]) for row in _lines("formulas.jsonl")}
    originals = [row for row in index if row.get("copy_kind") not in ("exact", "url-variant")]
    assert listed == {row["url"]: row["formulas"] for row in originals if row["formulas"]}
    assert all(bool(row["formats"]) == bool(row["formulas"]) for row in index)


def test_every_page_file_is_named_by_the_index(index: list[Row]) -> None:
    on_disk = {str(path.relative_to(FIXTURE / "pages")) for path in (FIXTURE / "pages").rglob("*") if path.is_file()}
    assert on_disk == {row["file"] for row in index if row["file"]}


def test_every_host_is_a_made_up_one(index: list[Row]) -> None:
    assert all(urlsplit(row["url"]).netloc.endswith(".example") for row in index)


def test_seed_labels_agree_with_the_index_and_leave_hosts_out(index: list[Row], by_url: dict[str, Row]) -> None:
    seed = _lines("labels.jsonl")
    assert all(by_url[row["url"]]["kind"] == row["kind"] for row in seed)
    assert min(Counter(row["kind"] for row in seed).values()) >= 40
    seed_hosts = {urlsplit(row["url"]).netloc for row in seed}
    assert len(_hosts(index, "math") - seed_hosts) >= 4
    assert len(_hosts(index, "other") - seed_hosts) >= 4


def test_seed_holds_mathematics_without_markup_and_markup_without_mathematics(by_url: dict[str, Row]) -> None:
    seed = [by_url[row["url"]] for row in _lines("labels.jsonl")]
    assert sum(row["kind"] == "math" and not row["formats"] for row in seed) >= 15
    pages = [(FIXTURE / "pages" / row["file"]).read_text(encoding="utf-8") for row in seed if row["kind"] == "other"]
    assert sum("\\documentclass" in page for page in pages) >= 2


def test_copies_name_a_page_of_the_index_and_are_what_they_claim(
    builder: ModuleType, index: list[Row], by_url: dict[str, Row]
) -> None:
    copies = [row for row in index if row["copy_of"]]
    assert Counter(row["copy_kind"] for row in copies) == {"near": 4, "exact": 3, "url-variant": 2}
    for row in copies:
        original = by_url[row["copy_of"]]
        same = builder.response_body(row) == builder.response_body(original)
        assert same == (row["copy_kind"] != "near")
        assert row["kind"] == original["kind"]


def test_three_pages_contain_a_benchmark_item_two_of_them_verbatim(index: list[Row]) -> None:
    items = {item["id"]: item.get("question") or item["problem"] for item in _lines("benchmark.jsonl")}
    assert len(items) == 20
    verbatim = {}
    for row in index:
        if row.get("contains"):
            html = (FIXTURE / "pages" / row["file"]).read_text(encoding="utf-8")
            verbatim[row["contains"]] = items[row["contains"]].replace("<", "&lt;") in html
    assert verbatim == {"bench-003": True, "bench-012": True, "bench-015": False}


def test_no_other_page_shares_ten_words_in_a_row_with_a_benchmark_item(index: list[Row]) -> None:
    grams = {}
    for item in _lines("benchmark.jsonl"):
        words = _words(item.get("question") or item["problem"])
        grams.update({tuple(words[at : at + 10]): item["id"] for at in range(len(words) - 9)})
    for row in index:
        if row["file"]:
            words = _words((FIXTURE / "pages" / row["file"]).read_text(encoding="utf-8"))
            hits = {grams.get(tuple(words[at : at + 10])) for at in range(len(words) - 9)} - {None}
            assert hits <= {row.get("contains")}, row["url"]


@pytest.mark.parametrize("charset", ["windows-1252", "windows-1251", "shift_jis", "utf-16"])
def test_charset_pages_are_served_in_their_charset(builder: ModuleType, index: list[Row], charset: str) -> None:
    (row,) = (row for row in index if row["charset"] == charset)
    text = (FIXTURE / "pages" / row["file"]).read_text(encoding="utf-8")
    body = builder.response_body(row)
    assert body != text.encode("utf-8")
    title = re.search("<title>(.*?)</title>", text)
    assert title is not None
    assert title[1] in body.decode(charset)
    assert body.startswith(b"\xff\xfe") == (charset == "utf-16")


def test_awkward_responses_are_there(builder: ModuleType, index: list[Row]) -> None:
    notes = {row["note"]: row for row in index if row.get("note")}
    assert notes["not HTML"]["content_type"] == "application/pdf"
    assert builder.response_body(notes["not HTML"]).startswith(b"%PDF-")
    assert notes["error page"]["status"] == 404
    assert notes["redirect"]["location"].endswith("/telescoping/")
    assert builder.response_body(notes["empty body"]) == b""
    assert notes["body cut by the crawl"]["truncated"] == "length"
    assert len(builder.response_body(notes["body cut by the crawl"])) == 9_000
    assert len(builder.response_body(notes["random bytes labelled HTML"])) == 4_096
    assert builder.response_body(notes["5,000 elements one in another"]).count(b"<div>") == 5_000


def test_the_fixture_stays_small() -> None:
    assert sum(path.stat().st_size for path in WARCS) <= 1_000_000
    assert sum(path.stat().st_size for path in FIXTURE.rglob("*") if path.is_file()) <= 2_500_000
