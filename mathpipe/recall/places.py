"""Where a page stands: its registrable domain, its host, and the folders of its path.

In: an address. Out: a `Place`, whose prefixes are written as decisions are: `https://host/folder/`. http and https
are one, as in an index; a port, a user and a query are left out. The registrable domain is that of the Public Suffix
List, private suffixes too, so that `one.github.io` and `two.github.io` are two domains; hosts below a suffix that the
list lacks go by their last two labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from tld import get_fld

# Sites of many people that the Public Suffix List does not hold or held only at times; below them a host is a domain.
MULTI_TENANT = (
    "blogspot.com", "github.io", "gitlab.io", "medium.com", "neocities.org", "netlify.app", "readthedocs.io",
    "substack.com", "tumblr.com", "vercel.app", "weebly.com", "wikidot.com", "wixsite.com", "wordpress.com",
)  # fmt: skip
_IPV4 = re.compile(r"[\d.]+")


@dataclass(frozen=True, slots=True)
class Place:
    """`address` is the page's own, in the form that prefixes are compared with."""

    domain: str
    host: str
    address: str

    @property
    def root(self) -> str:
        """The prefix of the whole host."""
        return f"https://{self.host}/"

    def folders(self, depth: int) -> list[str]:
        """The prefixes of the page's folders below its host, the shortest first, at most `depth` of them."""
        parts = self.address.removeprefix(self.root).split("/")[:-1]
        return [self.root + "/".join(parts[:count]) + "/" for count in range(1, min(len(parts), depth) + 1)]


def place_of(url: str, multi_tenant: Sequence[str] = MULTI_TENANT) -> Place | None:
    """The page's place; None for what is no address of a host."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return Place(domain_of(host, tuple(multi_tenant)), host, f"https://{host}{parts.path or '/'}")


@lru_cache(maxsize=100_000)
def domain_of(host: str, multi_tenant: tuple[str, ...] = MULTI_TENANT) -> str:
    """The registrable domain of a host; one tenant's host where many share a domain."""
    labels = host.split(".")
    for suffix in multi_tenant:
        if host.endswith(f".{suffix}"):
            return ".".join(labels[-suffix.count(".") - 2 :])
    if ":" in host or _IPV4.fullmatch(host):
        return host
    found = get_fld(f"http://{host}", fail_silently=True, search_private=True)
    return found if isinstance(found, str) else ".".join(labels[-2:])
