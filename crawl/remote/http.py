"""One attempt at a byte range over HTTP, with urllib3. Everything the server says is checked against the rest.

In: address, first byte, byte behind the last. Out: an `Answer` (empty where the file ends before the first byte), an
`AttemptError` that another attempt may cure, or a `FetchError`. What came of a body that ends early or drips lies in
the `AttemptError`.
"""

from __future__ import annotations

import os
import re
import time
from functools import cache
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError

import mathpipe
from crawl.remote.backoff import retry_after_seconds
from crawl.remote.config import FetchConfig
from crawl.remote.errors import Answer, AttemptError, FetchError, MissingFileError

_CONTENT_RANGE = re.compile(r"\s*bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)\s*", re.IGNORECASE | re.ASCII)
# The statuses of a server that is busy or was interrupted; any other 4xx stays what it is.
_PASSING = (408, 425, 429)
# Those that a server gives whatever the file.
_OF_HOST = (429, 502, 503, 504)
# S3 answers 403 for a key that is not there to who may not list.
_MISSING = (403, 404, 410)
_REDIRECTS = 5
_REPAIRS = {
    401: "the address needs credentials",
    403: "the file is not public, or this machine was shut out: write to its host",
}
_PIECE_BYTES = 65_536


def attempt(address: str, start: int, end: int, config: FetchConfig) -> Answer:
    """Bytes `start` to `end` of the file, fewer where it ends."""
    response = _ask(address, start, end, config)
    try:
        expected, answer = _opened(address, response, start, end)
        if expected:
            answer = _body(response, expected, answer, config)
        response.drain_conn() if response.status == 206 else response.close()
    except BaseException:
        response.close()  # what is left of the body must not reach the next request
        raise
    finally:
        response.release_conn()
    return answer


@cache
def _pool(process: int) -> urllib3.PoolManager:  # noqa: ARG001
    """Connections of a process: a forked child must not speak on its parent's."""
    return urllib3.PoolManager(num_pools=16, maxsize=64, block=False)


def user_agent(config: FetchConfig) -> str:
    """What servers are told: name, version, and whom to write to."""
    return f"mathpipe/{mathpipe.version()}" + (f" (+{config.contact})" if config.contact else "")


def _ask(address: str, start: int, end: int, config: FetchConfig) -> urllib3.BaseHTTPResponse:
    """The answer's head, behind all redirects."""
    at = address
    for _ in range(_REDIRECTS + 1):
        response = _request(at, start, end, config)
        target = response.get_redirect_location()
        if not target:
            return response
        response.close()  # whatever its body is
        response.release_conn()
        at = _redirected(at, target, config)
    raise FetchError(address, f"at most {_REDIRECTS} redirects", "give the address where the file lies")


def _redirected(address: str, target: str, config: FetchConfig) -> str:
    """Where a redirect leads."""
    try:
        at = urljoin(address, target)
    except ValueError:
        at = ""
    if not at.lower().startswith(("https://", "http://")):
        raise FetchError(address, f"a redirect to https or http, not to {target}", "give the file's own address")
    if address.lower().startswith("https:") and at.lower().startswith("http:") and not config.allow_http_redirects:
        raise FetchError(
            address, f"a file over https; the server redirects to {at}, where nothing protects the bytes",
            "give another address, or set fetch.allow_http_redirects=true",
        )  # fmt: skip
    return at


def _request(address: str, start: int, end: int, config: FetchConfig) -> urllib3.BaseHTTPResponse:
    headers = {
        "Range": f"bytes={start}-{end - 1}",
        "Accept-Encoding": "identity",
        "User-Agent": user_agent(config),
    }
    timeout = urllib3.Timeout(connect=config.timeout_seconds, read=config.timeout_seconds)
    try:
        return _pool(os.getpid()).request(
            "GET", address, headers=headers, retries=False, redirect=False, timeout=timeout, preload_content=False,
            decode_content=False,
        )  # fmt: skip
    except LocationValueError as error:
        raise FetchError(address, f"an address that can be asked ({error})", "mend the address") from None
    except HTTPError as error:
        refused = "no connection" if isinstance(error, NewConnectionError) else "no answer"
        raise AttemptError(f"{refused}: {error}", of_host=True) from None


def _opened(address: str, response: urllib3.BaseHTTPResponse, start: int, end: int) -> tuple[int, Answer]:
    """How many bytes the body must have, and what the head says of the file."""
    status, headers = response.status, response.headers
    mark = headers.get("ETag") or headers.get("Last-Modified") or ""
    ranged = _CONTENT_RANGE.fullmatch(headers.get("Content-Range") or "")
    if status == 206:
        return _ranged(response, ranged, start, end, mark)
    if status == 416:
        total = int(ranged[3]) if ranged and ranged[3] != "*" else None
        if total is not None and total > start:
            raise AttemptError(f"it refuses byte {start} of {total}", status=status)
        return 0, Answer(b"", total, mark)
    if status == 200:
        return _whole(response, start, end, mark)
    if status >= 500 or status in _PASSING:
        raise AttemptError(
            response.reason or "busy", status=status, of_host=status in _OF_HOST,
            retry_after_seconds=retry_after_seconds(headers.get("Retry-After")),
        )  # fmt: skip
    repair = _REPAIRS.get(status, "check the address")
    refusal = MissingFileError if status in _MISSING else FetchError
    raise refusal(address, f"a file, not status {status} {response.reason or ''}".rstrip(), repair)


def _ranged(
    response: urllib3.BaseHTTPResponse, ranged: re.Match[str] | None, start: int, end: int, mark: str
) -> tuple[int, Answer]:
    said = response.headers.get("Content-Range")
    if ranged is None or ranged[1] is None:
        raise AttemptError(f"Content-Range {said!r}", status=206)
    first, last = int(ranged[1]), int(ranged[2])
    total = None if ranged[3] == "*" else int(ranged[3])
    if first != start or not start <= last < end or (total is not None and last >= total):
        raise AttemptError(f"Content-Range {said!r} for bytes {start}-{end - 1}", status=206)
    length = _content_length(response)
    if length is not None and length != last - first + 1:
        raise AttemptError(f"Content-Length {length} beside Content-Range {said!r}", status=206)
    return last - first + 1, Answer(b"", total, mark)


def _whole(response: urllib3.BaseHTTPResponse, start: int, end: int, mark: str) -> tuple[int, Answer]:
    """A server that takes no ranges can give the beginning of a file and tell its end, not more."""
    length = _content_length(response)
    if length is None:
        raise AttemptError("a whole file without its length", status=200)
    if start not in {0, length}:
        said = f"the whole file in place of bytes {start}-{end - 1}"
        raise AttemptError(f"{said}: the server takes no ranges", status=200)
    return (0 if start else min(length, end)), Answer(b"", length, mark)


def _content_length(response: urllib3.BaseHTTPResponse) -> int | None:
    text = (response.headers.get("Content-Length") or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _body(response: urllib3.BaseHTTPResponse, expected: int, head: Answer, config: FetchConfig) -> Answer:
    """The body, piece by piece; what comes too slowly is cut off."""
    data = bytearray()
    window_start, window_bytes, fault = time.monotonic(), 0, ""
    while len(data) < expected and not fault:
        try:
            piece = response.read1(min(_PIECE_BYTES, expected - len(data)), decode_content=False)
        except (HTTPError, OSError) as error:
            fault = f"the connection broke: {error}"
            break
        data += piece
        window_bytes += len(piece)
        elapsed = time.monotonic() - window_start
        if not piece:
            fault = "the body ended early"
        elif elapsed > config.timeout_seconds:
            if window_bytes < config.min_bytes_per_second * elapsed:
                fault = f"only {window_bytes / elapsed:,.0f} bytes a second"
            window_start, window_bytes = time.monotonic(), 0
    answer = Answer(bytes(data), head.total, head.mark)
    if fault and len(data) < expected:
        raise AttemptError(f"{fault} ({len(data)} of {expected} bytes)", status=response.status, answer=answer)
    return answer
