"""The browser without its sockets: a request goes in, a response comes out.

Only reading, but for `POST /decide`, which appends to the file of decisions. Against other sites in the same
person's browser: the Host header must name this machine (else a foreign name could be rebound to it), a decision
needs the token that only this server's own forms hold, and no page may be framed or load anything from elsewhere.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mathpipe.core.errors import CorruptShardError, InputError, MathpipeError
from mathpipe.core.prefix_decisions import Decision, append_decision
from mathpipe.inspect.browser.catalog import Catalog
from mathpipe.inspect.browser.filters import filter_of, parse_query
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.browser.views import ASSETS, Views, asset_bytes

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
MAX_BODY_BYTES = 16_384
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # pages of the crawl learn nothing; a form of our own still says whose it is
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_LOCAL_ADDRESS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: int
    body: bytes
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Application:
    """Every address of the browser."""

    def __init__(self, source: Source, catalog: Catalog, decisions: Path | None) -> None:
        self.token = secrets.token_urlsafe(24)
        self.words = catalog.words
        self._catalog = catalog
        self._decisions = decisions
        self._views = Views(source, catalog, decisions, self.token)

    def close(self) -> None:
        """Give back what the index holds."""
        self.words.stop()
        self._catalog.close()

    def answer(self, request: Request) -> Response:
        """The response; faults of what was asked become pages that say so."""
        if not _is_loopback(request.headers.get("host", "")):
            return self._fault(403, "this server answers only to 127.0.0.1 and localhost")
        try:
            if request.method == "POST":
                return self._post(request)
            if request.method in ("GET", "HEAD"):
                return self._get(request)
        except CorruptShardError as error:
            return self._fault(500, str(error))
        except InputError as error:
            return self._fault(400, str(error))
        except MathpipeError as error:
            return self._fault(500, str(error))
        return self._fault(405, "only GET and POST are known here")

    def _get(self, request: Request) -> Response:
        path, _, query = request.target.partition("?")
        if path.startswith("/assets/"):
            name = path.removeprefix("/assets/")
            return Response(200, asset_bytes(name), ASSETS[name]) if name in ASSETS else self._missing()
        values = parse_query(query)
        asked = filter_of(values)
        if path == "/":
            return self._html(self._views.overview(asked))
        if path == "/pages":
            return self._html(self._views.pages(asked, values))
        if path == "/prefixes":
            return self._html(self._views.prefixes(asked))
        if path == "/clusters":
            return self._html(self._views.clusters())
        if path == "/explain":
            return self._html(self._views.explained(values.get("url", "")))
        if number := re.fullmatch(r"/page/(\d{1,15})", path):
            page = self._views.page(int(number[1]), asked, values)
            return self._missing() if page is None else self._html(page)
        return self._missing()

    def _post(self, request: Request) -> Response:
        if request.target != "/decide":
            return self._missing()
        values = parse_query(request.body.decode("utf-8", errors="replace"))
        token = values.get("token", "").encode("utf-8", errors="replace")
        if not hmac.compare_digest(token, self.token.encode()) or not _is_own(request.headers):
            return self._fault(403, "this decision did not come from a page of this server; load the page again")
        if self._decisions is None:
            raise InputError("--decisions", "a file for decisions", "start again with --decisions FILE")
        if values.get("decision") not in list(Decision):
            raise InputError("decision", "accept or refuse", "send one of them")
        append_decision(self._decisions, values.get("prefix", ""), Decision(values["decision"]), "browser")
        back = values.get("back", "")
        return Response(303, b"", headers={"Location": back if _LOCAL_ADDRESS.fullmatch(back) else "/prefixes"})

    def _html(self, page: str) -> Response:
        return Response(200, page.encode("utf-8", errors="replace"))

    def _missing(self) -> Response:
        return self._fault(404, "no such page here")

    def _fault(self, status: int, message: str) -> Response:
        return Response(status, self._views.fault(message).encode("utf-8", errors="replace"))


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine by an address that no other site's name can be."""
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK_NAMES and unquote(host) == host and "@" not in host
    except ValueError:
        return False


def _is_own(headers: Mapping[str, str]) -> bool:
    """Whether the request's page is this server's, by what browsers say of it; other clients say nothing."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return False
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
