"""Over real sockets: what is answered, and to whom."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import Decision, read_decisions
from mathpipe.inspect.browser.application import POLICY
from tests.inspect.browser.conftest import Serve
from tests.inspect.browser.shelf import HOSTILE, plain_pages, write_shelf

A = "https://a.example/wiki/"


class Tags(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


ADDRESSES = (
    "/",
    "/pages",
    "/page/0",
    "/prefixes",
    "/clusters",
    "/explain",
    "/explain?url=https://a.example/",
    "/nope",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_forbids_foreign_and_inline_scripts_and_has_none(serve: Serve, shelf: Path, address: str) -> None:
    _, page, headers = serve(shelf).get(address)
    assert headers["Content-Security-Policy"] == POLICY
    assert "script-src 'self';" in POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    for tag, attributes in Tags(page).found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "style"
        assert tag != "script" or attributes["src"] == "/assets/browser.js"
        assert (attributes.get("src") or attributes.get("href") or "/").startswith(("/", "#", "https://"))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil.example",
        "evil.example:80",
        "[::1",
        "0.0.0.0",
        "127.0.0.1%00.evil.example",
    ],
)
def test_a_foreign_host_header_is_refused(serve: Serve, shelf: Path, host: str) -> None:
    client = serve(shelf)
    assert client.get("/pages", Host=host)[0] == 403
    assert client.decide({"prefix": A, "decision": "accept"}, Host=host)[0] == 403
    assert not client.decisions.exists()


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "localhost:9000", "[::1]:80", "LOCALHOST"])
def test_this_machines_names_are_answered_whatever_the_port_of_a_tunnel(serve: Serve, shelf: Path, host: str) -> None:
    assert serve(shelf).get("/pages", Host=host)[0] == 200


def test_a_decision_is_written_and_leads_back(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    status, _, headers = client.decide({"prefix": A, "decision": "accept", "back": "/prefixes?host=a.example"})
    assert (status, headers["Location"]) == (303, "/prefixes?host=a.example")
    client.decide({"prefix": A, "decision": "refuse"})
    assert read_decisions(client.decisions) == {A: Decision.REFUSE}
    assert [json.loads(line)["by"] for line in client.decisions.read_text().splitlines()] == ["browser", "browser"]


@pytest.mark.parametrize(
    "back", ["//evil.example/", "/\\evil.example", "https://evil.example/", "/a\r\nX: y", "/ü", ""]
)
def test_a_decision_never_leads_elsewhere(serve: Serve, shelf: Path, back: str) -> None:
    assert serve(shelf).decide({"prefix": A, "decision": "accept", "back": back})[2]["Location"] == "/prefixes"


@pytest.mark.parametrize(
    ("values", "headers"),
    [
        ({"token": ""}, {}),
        ({"token": "wrong"}, {}),
        ({"token": "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Sec_Fetch_Site": "cross-site"}),
        ({}, {"Sec_Fetch_Site": "same-site"}),
    ],
)
def test_a_decision_of_another_site_is_refused(
    serve: Serve, shelf: Path, values: dict[str, str], headers: dict[str, str]
) -> None:
    client = serve(shelf)
    assert client.decide({"prefix": A, "decision": "accept", **values}, **headers)[0] == 403
    assert not client.decisions.exists()


@pytest.mark.parametrize(
    "values", [{"prefix": "javascript:x/", "decision": "accept"}, {"prefix": A, "decision": "maybe"}, {"prefix": A}]
)
def test_a_decision_that_is_none_is_told_and_not_written(serve: Serve, shelf: Path, values: dict[str, str]) -> None:
    client = serve(shelf)
    assert client.decide(values)[0] == 400
    assert not client.decisions.exists()


def test_plain_shards_without_a_file_for_decisions_offer_none(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    assert 'value="refuse"' in client.get("/prefixes")[1]
    client.server.application._views._environment.globals["deciding"] = False
    assert 'value="refuse"' not in client.get("/prefixes")[1]


@pytest.mark.parametrize(
    "target",
    [
        "/assets/../server.py",
        "/assets/%2e%2e/server.py",
        "/../../etc/passwd",
        "/assets//etc/passwd",
        "/assets/",
        "/page/../1",
        "/page/-1",
        "/page/1e3",
        "/page/999999999999999",
        "//evil.example/",
    ],
)
def test_no_address_reaches_a_file(serve: Serve, shelf: Path, target: str) -> None:
    status, page, _ = serve(shelf).get(target)
    assert status == 404
    assert "root:" not in page


@pytest.mark.parametrize(
    "query",
    [
        "min_score=abc",
        "sort=;",
        "order=x",
        "after=-1",
        "after=" + "9" * 16,
        "before=%F0%9F",
        "part=x",
        "q=" + "x" * 2_001,
        "&".join(f"a{number}=1" for number in range(80)),
        "max_length=1%00",
        "after=²",
    ],
)
def test_a_query_that_cannot_be_meant_is_told_in_one_line(serve: Serve, shelf: Path, query: str) -> None:
    address = "/page/0" if query.startswith("part") else "/pages"
    status, page, _ = serve(shelf).get(f"{address}?{quote(query, safe='=&%')}")
    assert status == 400
    assert "That did not work" in page


@pytest.mark.parametrize("value", [*HOSTILE, "%ED%A0%80", "%00", "%FF", "ÿ", "' OR '1'='1", "%25_", "\\"])
@pytest.mark.parametrize("name", ["q", "text", "host", "under", "format", "language", "fate"])
def test_any_words_can_be_asked_for(serve: Serve, hostile: Path, name: str, value: str) -> None:
    client = serve(hostile)
    query = f"{name}={value}" if value.startswith("%") else urlencode({name: value[:500]})
    for path in ("/pages", "/", "/prefixes"):
        status, page, _ = client.get(f"{path}?{query}")
        assert status == 200
        assert "<script>document" not in page


def test_hostile_pages_are_text_in_every_view(serve: Serve, hostile: Path) -> None:
    client = serve(hostile)
    for address in ("/", "/pages", "/prefixes", *(f"/page/{number}" for number in range(len(HOSTILE)))):
        status, page, _ = client.get(address)
        assert status == 200
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
        for tag, attributes in Tags(page).found:
            assert tag not in ("img", "iframe", "object", "base")
            assert tag != "script" or attributes == {"src": "/assets/browser.js", "defer": None}
            assert not [name for name in attributes if name.startswith("on")]
            assert re.match(r"(/|#|https?://)", attributes.get("href") or "/")
            assert re.match(r"/(?!/)", attributes.get("action") or "/")


def test_a_page_shows_its_way_its_origin_and_its_formulas(serve: Serve, run: Path) -> None:
    client = serve(run)
    number = re.search(r'href="/page/(\d+)[^"]*" dir="auto">Title of /gauss', client.get("/pages")[1])
    assert number
    page = client.get(f"/page/{number[1]}")[1]
    for told in ("crawl-0.warc.gz", "<dd>100</dd>", "math score 0.97", "<mo>∫</mo>", "tex-delimiters", "markup:$$"):
        assert told in page
    assert [step for step in re.findall(r"<strong>(\w+)</strong>", page) if step != "small"] == [
        "crawl",
        "language",
        "quality",
        "classify",
        "deduplicate",
        "decontaminate",
        "curate",
    ]


def test_explain_says_what_the_terminal_says(serve: Serve, run: Path) -> None:
    page = serve(run).get("/explain?url=https://b.example/cooking")[1]
    assert "not-math" in page
    assert "0.1200" in page
    near = serve(run).get("/explain?url=https://b.example/cookin")[1]
    assert "https://b.example/cooking" in near


def test_a_form_that_is_too_large_is_refused_unread(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    assert client.decide({"prefix": A, "decision": "accept", "x": "y" * 20_000})[0] == 413


def test_a_length_that_no_form_has_is_refused_unread(serve: Serve, shelf: Path) -> None:
    port = serve(shelf).server.server_address[1]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"POST /decide HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_cannot_search_but_may_link_here(serve: Serve, shelf: Path, site: str) -> None:
    client = serve(shelf)
    for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
        headers = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": dest}
        assert client.get("/pages?q=prime", **headers)[0] == 403
    headers = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert client.get("/pages?q=prime", **headers)[0] == 200


def test_a_shard_written_anew_shows_no_page_under_another_ones_title(
    serve: Serve, shelf: Path, tmp_path: Path
) -> None:
    folder = write_shelf(tmp_path / "shards", plain_pages(6), shards=1)
    client = serve(folder)
    shutil.rmtree(folder)
    write_shelf(folder, plain_pages(6)[::-1], shards=1)
    status, page, _ = client.get("/page/0")
    assert status == 500
    assert "written anew" in page


def test_scores_that_are_no_probability_are_shown_or_not_known(serve: Serve, tmp_path: Path) -> None:
    scores = (float("nan"), float("inf"), -0.5, 1.00001)
    pages = [replace(page, math_score=score) for page, score in zip(plain_pages(4), scores, strict=True)]
    client = serve(write_shelf(tmp_path / "shards", pages, shards=1))
    told = [
        re.sub(r"<[^>]+>", "", cell)
        for cell in re.findall(r'class="score number">(.*?)</td>', client.get("/pages")[1])
    ]
    assert told == ["–", "–", "-0.50", "1.00"]
    for address in ("/", "/page/0", "/page/2", "/page/3", "/prefixes"):
        status, page, _ = client.get(address)
        assert status == 200
        assert not re.search(r'width="(-|nan|1\d\d\.[1-9])', page)


def test_indexes_deleted_below_a_server_are_told(
    serve: Serve, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    client = serve(shelf)
    shutil.rmtree(tmp_path / "cache")
    assert client.get("/pages?q=prime")[0] == 200
    status, page, _ = client.get("/pages?text=prime")
    assert status == 400
    assert "which is gone; start the browser again" in page


def test_rows_of_a_search_over_text_show_where_its_words_stand(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    plain = client.get("/pages?text=prime+lemma&sort=score")[1]
    assert 'class="snippet"' not in plain
    link = re.search(r'id="snippets"><a rel="nofollow" href="([^"]+)"', plain)
    assert link
    page = client.get(unescape(link[1]))[1]
    rows = re.findall(r'<span class="snippet" dir="auto">(.*?)</span>', page)
    assert len(rows) == 50
    assert all("<mark>prime</mark>" in row or "<mark>lemma</mark>" in row for row in rows)


def test_a_phrase_is_searched_as_its_words_and_the_page_says_so(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    assert "A phrase is searched as its words" in client.get("/pages?text=%22prime+lemma%22")[1]
    page = client.get("/pages?text=%22prime+lemma%22&snippets=1")[1]
    listed = re.findall(r'<span class="snippet" dir="auto">(.*?)</span>', page)
    assert 0 < sum("words apart" in line for line in listed) < len(listed) == 50
    for line in listed:
        assert ("words apart" in line) != ("<mark>prime</mark> <mark>lemma</mark>" in line)


def test_hostile_texts_stay_text_in_the_lines_of_a_search(serve: Serve, hostile: Path) -> None:
    page = (
        serve(hostile).get("/pages?text=script+x&snippets=1")[1] + serve(hostile).get("/pages?text=x&snippets=1")[1]
    )
    assert "<mark>script</mark>" in page
    for tag, attributes in Tags(page).found:
        assert tag not in ("img", "svg2", "iframe")
        assert tag != "script" or attributes == {"src": "/assets/browser.js", "defer": None}
        assert not [name for name in attributes if name.startswith("on")]


def test_another_method_is_refused(serve: Serve, shelf: Path) -> None:
    client = serve(shelf)
    port = client.server.server_address[1]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 501")


def test_only_this_machine_is_listened_to(serve: Serve, shelf: Path) -> None:
    assert serve(shelf).server.server_address[0] == "127.0.0.1"


def test_a_shard_that_went_away_is_one_clear_page(serve: Serve, shelf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(shelf, folder)
    client = serve(folder)
    (folder / "shard-00000.parquet").unlink()
    status, page, _ = client.get("/page/1")
    assert status == 500
    assert "Parquet cannot read it" in page
    assert client.get("/pages")[0] == 200


def test_shards_that_are_no_pages_are_refused_in_one_line(serve: Serve, run: Path) -> None:
    with pytest.raises(InputError, match="shards of pages"):
        serve(run / "steps" / "crawl" / "drops-00000.parquet")


def test_the_command_serves_until_interrupted(shelf: Path, tmp_path: Path) -> None:
    # A job in the background starts with Ctrl-C ignored, and hands that down; a terminal's does not.
    heeding = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); from mathpipe.cli import main; main()"
    command = [sys.executable, "-c", heeding, "inspect", "--serve", str(shelf), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    told = [process.stdout.readline()]
    while not told[-1].startswith("browser:"):
        told.append(process.stdout.readline())
    assert re.search(r"http://127\.0\.0\.1:\d+/", told[-1])
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "stopped\n", "")
