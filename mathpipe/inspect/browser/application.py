"""The browser without its sockets: a request goes in, a response comes out.

Only reading, but for `POST /decide`, which appends to the file of decisions. Against other sites in the same
person's browser: the Host header must name this machine (else a foreign name could be rebound to it), a decision
needs the token that only this server's own forms hold, and no page may be framed or load anything from elsewhere.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb

from mathpipe.core.errors import CorruptShardError, InputError, MathpipeError
from mathpipe.core.prefix_decisions import Decision, append_decision
from mathpipe.inspect.browser.catalog import Catalog
from mathpipe.inspect.browser.filters import filter_of, parse_query
from mathpipe.inspect.browser.preparation import Preparation
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

    def __init__(self, source: Source, preparation: Preparation, decisions: Path | None) -> None:
        self.token = secrets.token_urlsafe(24)
        self.preparation = preparation
        self._source = source
        self._decisions = decisions
        self._latest = self._views_of(preparation.catalog)

    def close(self) -> None:
        """Give back what the index holds."""
        self.preparation.close()

    @property
    def _views(self) -> Views:
        """The views of the catalog that answers now."""
        if self._latest.catalog is not self.preparation.catalog:
            self._latest = self._views_of(self.preparation.catalog)
        return self._latest

    def _views_of(self, catalog: Catalog) -> Views:
        views = Views(self._source, catalog, self._decisions, self.token)
        views.follow(lambda: self.preparation.progress)
        return views

    def answer(self, request: Request) -> Response:
        """The response; faults of what was asked become pages that say so."""
        if not _is_loopback(request.headers.get("host", "")):
            return self._fault(403, "this server answers only to 127.0.0.1 and localhost")
        if not _may_read(request.headers):
            return self._fault(403, "this was asked for by a page of another site")
        try:
            if request.method == "POST":
                return self._post(request)
            if request.method in ("GET", "HEAD"):
                return self._get(request)
        except CorruptShardError as error:
            return self._fault(500, str(error))
        except InputError as error:
            return self._fault(400, str(error))
        except (MathpipeError, duckdb.Error) as error:
            return self._fault(500, str(error))
        return self._fault(405, "only GET and POST are known here")

    def _get(self, request: Request) -> Response:
        path, _, query = request.target.partition("?")
        views = self._views
        if path.startswith("/assets/"):
            name = path.removeprefix("/assets/")
            return Response(200, asset_bytes(name), ASSETS[name]) if name in ASSETS else self._missing()
        if path == "/state":
            return self._state(views)
        values = parse_query(query)
        asked = filter_of(values)
        shown: dict[str, Callable[[], str]] = {
            "/": lambda: views.overview(asked),
            "/pages": lambda: views.pages(asked, values),
            "/prefixes": lambda: views.prefixes(asked),
            "/clusters": views.clusters,
            "/explain": lambda: views.explained(values.get("url", "")),
        }
        number = re.fullmatch(r"/page/(\d{1,15})", path)
        page = views.page(int(number[1]), asked, values) if number else path in shown and shown[path]()
        return self._html(page) if page else self._missing()

    def _state(self, views: Views) -> Response:
        progress = self.preparation.progress
        told = {"made": progress.made, "told": views.progress(progress)}
        return Response(200, json.dumps(told).encode(), "application/json")

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
            raise InputError("decision", ", ".join(Decision), "send one of them")
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


def _may_read(headers: Mapping[str, str]) -> bool:
    """Whether a person goes here or a page of ours asks; other sites' pages could time searches, or make many."""
    if headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
        return True
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _is_own(headers: Mapping[str, str]) -> bool:
    """Whether the request's page is this server's, by what browsers say of it; other clients say nothing."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return False
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
