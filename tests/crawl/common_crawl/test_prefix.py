"""Prefixes and sort keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawl.common_crawl.prefix import (
    UrlPrefix,
    any_matches,
    key_starts,
    parse_prefix,
    parse_prefixes,
    split_url,
    surt_key,
)
from mathpipe.core.errors import InputError

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
# No domain ends in a number.
HOST = st.builds(
    lambda labels, last: ".".join([*labels, last]),
    st.lists(LABEL, max_size=3),
    LABEL.filter(lambda label: not label.isdigit()),
)
PATH = st.from_regex(r"(/[a-zA-Z0-9._-]{0,6}){0,4}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("https://mathoverflow.net/questions", UrlPrefix("mathoverflow.net", "/questions")),
        ("mathoverflow.net/questions", UrlPrefix("mathoverflow.net", "/questions")),
        ("HTTP://MathOverflow.net", UrlPrefix("mathoverflow.net")),
        ("mathoverflow.net", UrlPrefix("mathoverflow.net")),
        ("*.example.org", UrlPrefix("example.org", subdomains=True)),
        ("bücher.example", UrlPrefix("xn--bcher-kva.example")),
    ],
)
def test_a_prefix_is_an_address_a_host_or_a_domain(text: str, prefix: UrlPrefix) -> None:
    assert parse_prefix(text) == prefix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*.",
        "*",
        "https://",
        "a b",
        "*.a.example/path",
        "*.https://a.example",
        "ftp://a.example",
        "a..b",
        "/x",
        "*.1",
        "*.a.1",
    ],
)
def test_what_is_no_prefix_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"host or \*\.domain"):
        parse_prefix(text)


def test_no_prefix_at_all_is_an_input_error() -> None:
    with pytest.raises(InputError):
        parse_prefixes([])


@pytest.mark.parametrize(
    ("prefix", "url", "matches"),
    [
        ("https://a.example/x", "https://a.example/x/1", True),
        ("https://a.example/x", "http://a.example/xyz?q", True),
        ("https://a.example/x", "https://a.example/X", False),
        ("https://a.example/x?id=", "https://a.example/x?id=7", True),
        ("a.example", "https://a.example", True),
        ("a.example", "https://user@A.example:8080/p", True),
        ("a.example", "https://www.a.example/", False),
        ("*.a.example", "https://www.a.example/", True),
        ("*.a.example", "https://a.example/", True),
        ("*.a.example", "https://ba.example/", False),
        ("a.example", "http://[::1", False),
        ("a.example", "", False),
    ],
)
def test_matching_is_by_host_and_by_what_the_path_begins_with(prefix: str, url: str, matches: bool) -> None:
    assert any_matches([parse_prefix(prefix)], url) is matches


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.Example.com/A/b/?z=1&a=2", "com,example)/a/b?a=2&z=1"),
        ("http://sub.example.com", "com,example,sub)/"),
        ("http://www2.example.com:8080/", "com,example:8080)/"),
        ("https://example.com:443/x", "com,example)/x"),
        ("http://192.168.1.5/x", "5,1,168,192)/x"),
        ("http://www.com/", "com)/"),
    ],
)
def test_sort_keys_turn_the_host_around(url: str, key: str) -> None:
    assert surt_key(url) == key


@pytest.mark.parametrize(
    ("prefix", "starts"),
    [
        ("example.org", ["org,example)", "org,example:"]),
        ("*.example.org", ["org,example)", "org,example,", "org,example:"]),
        ("www.example.org", ["org,example)", "org,example,www)", "org,example,www:", "org,example:"]),
        ("example.org/A/b/", ["org,example)/a/b", "org,example:"]),
        ("example.org/a?x", ["org,example)/a", "org,example:"]),
        ("example.org/a%20b/c", ["org,example)/a", "org,example:"]),
        ("example.org/a//b", ["org,example)/a", "org,example:"]),
        ("example.org/a/.b", ["org,example)/a", "org,example:"]),
        ("example.org/\u212a", ["org,example)", "org,example:"]),
        ("1.2.3.4", ["1.2.3.4)", "1.2.3.4:", "4,3,2,1)", "4,3,2,1:"]),
    ],
)
def test_what_keys_begin_with_is_no_more_of_the_path_than_every_index_keeps(prefix: str, starts: list[str]) -> None:
    assert list(key_starts([parse_prefix(prefix)])) == starts


@given(st.text())
def test_any_text_is_a_prefix_or_an_input_error_and_has_a_key(text: str) -> None:
    surt_key(text)
    split_url(text)
    try:
        prefix = parse_prefix(text)
    except InputError:
        return
    assert any_matches([prefix], f"https://{prefix.host}{prefix.path}")


@given(HOST, PATH, st.sampled_from(["http", "https"]))
def test_every_address_below_a_prefix_matches_it_and_has_its_key(host: str, path: str, scheme: str) -> None:
    url = f"{scheme}://{host}{path}/more"
    for text in (f"{host}{path}", host, f"*.{host}", f"*.{host.partition('.')[2] or host}"):
        prefix = parse_prefix(text)
        assert any_matches([prefix], url)
        assert surt_key(url).startswith(prefix.key_starts)
