"""A local web server that serves files by ranges and breaks down on request, for tests and benchmarks.

In: files by path (bytes, or a folder) and a function that names the fault of a request, or none. Out: a real
`ThreadingHTTPServer` and the list of what it was asked. A fault is what a client meets in the world: busy answers,
cut connections, bodies that are short, slow or not what was asked for, and heads that lie about lengths.

    with WebServer({"/a": b"..."}, faults=lambda request: Fault.CUT if request.number == 0 else None) as server:
        ... server.address("/a"), server.requests, server.most_open
"""

from __future__ import annotations

import contextlib
import email.utils
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit


class Fault(StrEnum):
    """How an answer goes wrong."""

    BUSY = "503"
    BUSY_RETRY_AFTER = "503 with Retry-After"
    THROTTLED = "429"
    THROTTLED_RETRY_AFTER = "429 with Retry-After as a date"
    SERVER_ERROR = "500"
    NO_ANSWER = "closed without an answer"
    CUT = "connection reset in the body"
    SHORT_BODY = "body ends before its Content-Length"
    LENGTH_LIES = "Content-Length is not the range's"
    FILE_SEEMS_SHORTER = "head and body of a shorter file"
    FILE_SEEMS_LONGER = "head of a longer file"
    RANGE_IGNORED = "200 for a range"
    RANGE_WRONG = "another range than asked for"
    RANGE_REFUSED = "416 inside the file"
    NOTHING_THERE = "416 inside the file, without its size"
    DRIP = "a byte now and then"
    GARBAGE = "other bytes of the right length"
    ANOTHER_VERSION = "bytes and ETag of another version"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    number: int
    path: str
    start: int
    end: int | None
    headers: Mapping[str, str]
    at_seconds: float
    fault: Fault | None = None


def never(request: Request) -> Fault | None:
    """No fault."""
    return None


class WebServer:
    """The server, in threads of this process, from `with` to its end."""

    def __init__(
        self,
        files: Mapping[str, bytes] | Path,
        faults: Callable[[Request], Fault | None] = never,
        *,
        etags: bool = True,
        retry_after_seconds: int = 0,
        pause_seconds: float = 0.0,
        ranges: bool = True,
        redirects: Mapping[str, str] | None = None,
        certificate: Path | None = None,
    ) -> None:
        self.files = files
        self.faults = faults
        self.etags = etags
        self.ranges = ranges
        self.redirects = redirects or {}  # from paths to addresses
        self.retry_after_seconds = retry_after_seconds
        self.pause_seconds = pause_seconds
        self.requests: list[Request] = []
        self.most_open = 0
        self._open = 0
        self._whole: dict[str, tuple[bytes, str] | None] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_of(self))
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:  # a file with the key too
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> WebServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def base(self) -> str:
        """Address of the root, without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def address(self, path: str) -> str:
        """Address of a path."""
        return f"{self.base}/{path.removeprefix('/')}"

    def file(self, path: str) -> tuple[bytes, str] | None:
        """Content of a path and its ETag, read once; `change` gives it another content."""
        if path not in self._whole:
            content = self._read(path)
            self._whole[path] = None if content is None else (content, etag_of(content))
        return self._whole[path]

    def change(self, path: str, content: bytes) -> None:
        """Another version of a file."""
        self._whole[path] = content, etag_of(content)

    def _read(self, path: str) -> bytes | None:
        if not isinstance(self.files, Path):
            return self.files.get(path)
        place = (self.files / path.lstrip("/")).resolve()
        return place.read_bytes() if place.is_relative_to(self.files.resolve()) and place.is_file() else None

    def take(self, path: str, start: int, end: int | None, headers: Mapping[str, str]) -> Request:
        """Note a request and choose its fault."""
        with self._lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
            bare = Request(len(self.requests), path, start, end, headers, time.monotonic())
            fault = self.faults(bare)
            self.requests.append(Request(bare.number, path, start, end, headers, bare.at_seconds, fault))
            return self.requests[-1]

    def done(self) -> None:
        """One request less is open."""
        with self._lock:
            self._open -= 1

    def drips(self) -> bool:
        """Wait for the time of the next drop; false once the server closes."""
        return not self._closing.wait(0.02)


def etag_of(content: bytes) -> str:
    return f'"{blake2b(content, digest_size=8).hexdigest()}"'


class _QuietServer(ThreadingHTTPServer):
    """A client that hangs up is no event."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_BUSY = {
    Fault.BUSY: (503, False), Fault.BUSY_RETRY_AFTER: (503, True), Fault.THROTTLED: (429, False),
    Fault.THROTTLED_RETRY_AFTER: (429, True), Fault.SERVER_ERROR: (500, False),
}  # fmt: skip


def _handler_of(server: WebServer) -> type[BaseHTTPRequestHandler]:
    """A handler class that knows its server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: the second must not wait for an answer

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            asked = _RANGE.fullmatch(self.headers.get("Range", "")) if server.ranges else None
            start, end = (int(asked[1]), int(asked[2]) + 1 if asked[2] else None) if asked else (0, None)
            path = unquote(urlsplit(self.path).path)
            request = server.take(path, start, end, dict(self.headers))
            try:
                if server.pause_seconds:
                    time.sleep(server.pause_seconds)
                with contextlib.suppress(ConnectionError, TimeoutError):
                    _Reply(server, self, request, ranged=asked is not None).send()
            finally:
                server.done()

    return Handler


class _Reply:
    """One answer, right or wrong."""

    def __init__(self, server: WebServer, handler: BaseHTTPRequestHandler, request: Request, *, ranged: bool) -> None:
        self._server = server
        self._handler = handler
        self._request = request
        self._ranged = ranged
        file = server.file(request.path)
        self._content = None if file is None else file[0]
        self._etag = "" if file is None else file[1]

    def send(self) -> None:
        fault, content = self._request.fault, self._content
        if fault in _BUSY:
            status, says_when = _BUSY[fault]
            self._head(status, {"Content-Length": "0", **(self._when(fault) if says_when else {})})
        elif fault is Fault.NO_ANSWER:
            self._hang_up()
        elif fault is Fault.REDIRECT:
            self._head(302, {"Content-Length": "0", "Location": self._server.address(self._request.path) + "?again"})
        elif self._request.path in self._server.redirects:
            self._head(302, {"Content-Length": "0", "Location": self._server.redirects[self._request.path]})
        elif content is None:
            self._head(404, {"Content-Length": "0"})
        elif fault is Fault.NOTHING_THERE:
            self._head(416, {"Content-Length": "0"})
        elif fault is Fault.RANGE_REFUSED or (self._ranged and self._request.start >= len(content)):
            self._head(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(content)}"})
        elif not self._ranged or fault is Fault.RANGE_IGNORED:
            self._head(200, {"Content-Length": str(len(content)), **self._version()})
            self._handler.wfile.write(content)
        else:
            self._range(content)

    def _range(self, content: bytes) -> None:
        """A range, and every way in which it can be wrong."""
        fault, start, total = self._request.fault, self._request.start, len(content)
        end = min(total, self._request.end or total)
        if fault is Fault.FILE_SEEMS_SHORTER:
            end = total = start + max(1, (end - start) // 2)
        if fault is Fault.FILE_SEEMS_LONGER:
            total += 1000
        if fault is Fault.RANGE_WRONG:
            start = start + 1 if start + 1 < end else max(0, start - 1)
        body = content[start:end]
        if fault is Fault.ANOTHER_VERSION:
            body = bytes(byte ^ (1 + self._request.number % 255) for byte in body)
        length = len(body)
        if fault is Fault.GARBAGE:
            body = random.Random(self._request.number).randbytes(length)
        if fault is Fault.LENGTH_LIES:
            length = max(1, length // 2) if self._request.number % 2 and length > 1 else length + 100
        head = {"Content-Length": str(length), "Content-Range": f"bytes {start}-{end - 1}/{total}"}
        self._head(206, {**head, **self._version()})
        self._body(body)

    def _body(self, body: bytes) -> None:
        fault, write = self._request.fault, self._handler.wfile.write
        if fault is Fault.DRIP:
            for at in range(len(body)):
                if not self._server.drips():
                    break
                write(body[at : at + 1])
        elif fault in {Fault.CUT, Fault.SHORT_BODY}:
            write(body[: len(body) // 2])
            self._hang_up(reset=fault is Fault.CUT)
        else:
            write(body)
        if fault is Fault.LENGTH_LIES:
            self._hang_up()

    def _version(self) -> dict[str, str]:
        etag = '"another"' if self._request.fault is Fault.ANOTHER_VERSION else self._etag
        return {"ETag": etag} if self._server.etags else {}

    def _when(self, fault: Fault | None) -> dict[str, str]:
        seconds = self._server.retry_after_seconds
        as_date = fault is Fault.THROTTLED_RETRY_AFTER
        return {
            "Retry-After": email.utils.formatdate(time.time() + seconds, usegmt=True) if as_date else str(seconds)
        }

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def _hang_up(self, *, reset: bool = False) -> None:
        self._handler.close_connection = True
        self._handler.wfile.flush()
        if reset:  # what was sent and not yet read is lost too
            self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._handler.connection.close()
        else:
            with contextlib.suppress(OSError):
                self._handler.connection.shutdown(socket.SHUT_RDWR)
