"""One spelling for the addresses that serve one page.

In: a URL as crawled. Out: host and path without what does not choose the page: scheme, `www.`, user, default
port, fragment, tracking parameters, session ids, a final slash or index file, and the order of the parameters.
Rules after RFC 3986 section 6.2 (normalisation that keeps meaning) and, beyond it, the habits of web servers.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(
    r"(utm_\w+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|_hs\w+"
    r"|ref|ref_src|referrer|spm|share|phpsessid|jsessionid|sessionid|sid)",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";(jsessionid|phpsessid|sid)=[^/?#]*", re.IGNORECASE)
_INDEX_FILE = re.compile(r"/(index|default)\.(html?|php|aspx?)$", re.IGNORECASE)
_PATH_LITERALS = "/:@!$&'()*+,;=~-._"


def url_key(url: str) -> str:
    """The normalised address; an address that cannot be split comes back stripped of white space."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = f"{host}:{port}"
    query = _query(parts)
    return f"{host}{_path(parts.path)}{'?' + query if query else ''}{_route(parts.fragment)}"


def _path(path: str) -> str:
    path = _SESSION_IN_PATH.sub("", path)
    path = _INDEX_FILE.sub("/", path)
    return quote(unquote(path, errors="surrogateescape"), safe=_PATH_LITERALS, errors="surrogateescape").rstrip("/")


def _query(parts: SplitResult) -> str:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:  # more fields than any page needs: left as it stands
        return parts.query
    return urlencode(sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0])))


def _route(fragment: str) -> str:
    """`#!/path` and `#/path` choose the page in single-page applications; every other fragment is a position."""
    return f"#{fragment}" if fragment.startswith(("!", "/")) else ""
