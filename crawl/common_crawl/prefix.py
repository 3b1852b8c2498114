"""What part of the web is asked for, and the sort keys by which an index finds it.

A prefix is `https://host/path` or `host/path` (addresses that begin so; http and https alike), `host` (that host
alone) or `*.domain` (the domain and all its subdomains). SURT, the key of Common Crawl's indexes, turns the host
around, an IPv4 address too: `https://www.example.com/a` is `com,example)/a` (https://github.com/internetarchive/surt).
What follows the host in a key is `)`, or `,` before a subdomain, or `:` before a port; in the order of bytes a host's
own keys, those of its subdomains, `com,example2` and the host's keys with a port come one after another.
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
_NO_KEY = re.compile(r"[\x00-\x20\x7f]")
# Where a path may begin to differ from its part of the key: indexes decode, sort, drop or merge escapes, queries,
# session ids, `//` and dot segments. Beyond that only addresses are compared.
_UNSURE = re.compile(r"[^A-Za-z0-9_~./-]|(?<=/)[./]")


@dataclass(frozen=True, slots=True)
class UrlPrefix:
    """A host, or a domain with its subdomains, and what the path begins with."""

    host: str
    path: str = "/"
    subdomains: bool = False

    def has_host(self, host: str) -> bool:
        """Whether a host belongs to it."""
        return host == self.host or (self.subdomains and host.endswith("." + self.host))

    @property
    def key_starts(self) -> tuple[str, ...]:
        """What the keys of its addresses begin with, one or the other; keys of other addresses may begin so too."""
        whole = _turned(self.host)
        hosts = {whole, _turned(_WWW.sub("", self.host))}  # indexes drop `www.`, or keep it
        if _IPV4.fullmatch(self.host):
            hosts.add(self.host)  # or leave it as it is
        path = _UNSURE.split(self.path, maxsplit=1)[0].lower().rstrip("/")
        starts = [start for host in sorted(hosts) for start in (f"{host}){path}", f"{host}:")]
        return (*starts, f"{whole},") if self.subdomains else tuple(starts)


def any_matches(prefixes: Sequence[UrlPrefix], url: str) -> bool:
    """Whether an address begins with one of them."""
    host, path = split_url(url)
    return any(prefix.has_host(host) and path.startswith(prefix.path) for prefix in prefixes)


def key_starts(prefixes: Sequence[UrlPrefix]) -> tuple[str, ...]:
    """The beginnings of all that the prefixes ask for, in order; none begins with another."""
    found: list[str] = []
    for start in sorted({start for prefix in prefixes for start in prefix.key_starts}):
        if not found or not start.startswith(found[-1]):
            found.append(start)
    return tuple(found)


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
    """The sort key of an address: host turned around, `www.` dropped, all in lower case, query sorted, no spaces.

    The host's part is Common Crawl's; what it does to paths beyond that (escapes, session ids) is left out.
    """
    return _NO_KEY.sub(lambda match: f"%{ord(match[0]):02x}", _key(url))


def _key(url: str) -> str:
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
    return f"{_turned(_WWW.sub('', host))}{shown}){path}{tail}"


def _turned(host: str) -> str:
    return ",".join(reversed(host.split(".")))


def _ascii(host: str) -> str:
    """A host as it stands in indexes: lower case, international names in their ASCII form."""
    host = host.lower().removesuffix(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
