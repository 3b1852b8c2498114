"""What part of the web is asked for, and the sort keys by which an index finds it.

A prefix is `https://host/path` or `host/path` (addresses that begin so; http and https alike), `host` (that host
alone) or `*.domain` (the domain and all its subdomains). SURT, the key of Common Crawl's indexes, turns the host
around: `https://www.example.com/a` is `com,example)/a` (https://github.com/internetarchive/surt).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mathpipe.core.errors import InputError

_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_WWW = re.compile(r"^www\d*\.(?=.)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class UrlPrefix:
    """A host, or a domain with its subdomains, and what the path begins with."""

    host: str
    path: str = "/"
    subdomains: bool = False

    def has_host(self, host: str) -> bool:
        """Whether a host belongs to it."""
        return host == self.host or (self.subdomains and host.endswith("." + self.host))

    def matches(self, url: str) -> bool:
        """Whether an address begins with it."""
        host, path = split_url(url)
        return self.has_host(host) and path.startswith(self.path)

    @property
    def surt(self) -> str:
        """What the keys of all its addresses begin with; other keys may begin so too."""
        return _turned(self.host)


def parse_prefixes(texts: Sequence[str]) -> tuple[UrlPrefix, ...]:
    """The prefixes; a list without any is an error, for it would match nothing."""
    if isinstance(texts, str):
        texts = [texts]
    if not texts:
        raise InputError("prefixes", "at least one prefix", "give one as https://host/path, host or *.domain")
    return tuple(parse_prefix(text) for text in texts)


def parse_prefix(text: str) -> UrlPrefix:
    """One prefix. Raises `InputError`."""
    subdomains = text.startswith("*.")
    bare = _SCHEME.sub("", text.removeprefix("*."))
    host, slash, path = bare.partition("/")
    host = _ascii(host)
    no_domain = slash or _SCHEME.match(text[2:]) or host.rpartition(".")[2].isdigit()
    if not _HOST.fullmatch(host) or (subdomains and no_domain):
        raise InputError(repr(text), "a prefix", "write it as https://host/path, host or *.domain")
    return UrlPrefix(host, "/" + path, subdomains)


def split_url(url: str) -> tuple[str, str]:
    """Host, and path with query; two empty strings for what is no address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "", ""
    if not host:
        return "", ""
    return _ascii(host), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def surt_key(url: str) -> str:
    """The sort key of an address: host turned around, `www.` dropped, all in lower case, query sorted.

    The host's part is Common Crawl's; what it does to paths beyond that (session ids) is left out.
    """
    host, path = split_url(url)
    if not host:
        return url.lower()
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    path, _, query = path.lower().partition("?")
    path = path.rstrip("/") or "/"
    tail = "?" + "&".join(sorted(query.split("&"))) if query else ""
    shown = f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme.lower()) else ""
    return f"{_turned(host)}{shown}){path}{tail}"


def _turned(host: str) -> str:
    if _IPV4.fullmatch(host):
        return host
    return ",".join(reversed(_WWW.sub("", host).split(".")))


def _ascii(host: str) -> str:
    """A host as it stands in indexes: lower case, international names in their ASCII form."""
    host = host.lower().removesuffix(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
