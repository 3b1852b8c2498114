"""HTTP on the loopback address in front of the application, a thread a connection, from the standard library.

In: what the command line names. Out: pages to whoever sits at this machine, until interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import FILE_NAME
from mathpipe.inspect.browser.application import HEADERS, MAX_BODY_BYTES, Application, Request, Response
from mathpipe.inspect.browser.preparation import Preparation
from mathpipe.inspect.browser.source import open_source
from mathpipe.inspect.figures import whole
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8377
_IDLE_SECONDS = 60.0


def serve(
    paths: Sequence[str],
    *,
    console: Console,
    port: int = DEFAULT_PORT,
    decisions: Path | None = None,
    funnel: Sequence[str] = DEFAULT_FUNNEL,
) -> None:
    """Serve the shards until interrupted; port 0 takes a free one."""
    with open_server(paths, console=console, port=port, decisions=decisions, funnel=funnel) as server:
        try:
            # Not by the console: interrupted between writing and forgetting what it wrote, it writes it twice.
            print(f"browser: {server.address}  (Ctrl-C stops it)", file=console.file, flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("stopped", markup=False)


def open_server(
    paths: Sequence[str],
    *,
    console: Console,
    port: int = DEFAULT_PORT,
    decisions: Path | None = None,
    funnel: Sequence[str] = DEFAULT_FUNNEL,
) -> BrowserServer:
    """A server that listens; what it still lacks is made in the background."""
    source = open_source(paths, funnel)
    target = decisions or (source.run / FILE_NAME if source.run is not None else None)
    preparation = Preparation(source)
    try:
        server = BrowserServer(port, Application(source, preparation, target))
    except OSError as error:
        preparation.close()
        raise InputError(f"--port {port}", f"a port that is free ({error.strerror})", "name another, or 0") from error
    preparation.start()
    if preparation.catalog.whole:
        console.print(f"pages:   {whole(preparation.catalog.total)}", markup=False, highlight=False)
    else:
        told = f"pages:   {whole(preparation.catalog.total)} so far; {len(source.files)} shards are read meanwhile"
        console.print(told, markup=False, highlight=False)
    return server


class BrowserServer(ThreadingHTTPServer):
    """The listening socket; only this machine reaches it."""

    daemon_threads = True

    def __init__(self, port: int, application: Application) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.application = application

    def server_close(self) -> None:
        """Stop listening, and give up what is being made."""
        super().server_close()
        self.application.close()

    @property
    def address(self) -> str:
        """Where a person points a browser."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mathpipe"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # else a body waits 40 ms for the other side's word that the head has come
    server: BrowserServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Response(413, b"the form is too large", "text/plain; charset=utf-8"))
            return
        self._answer(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a line a request would bury the address."""

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        application = self.server.application
        self._send(application.answer(Request(self.command, self.path, headers, body)))
        application.preparation.hurry()

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {**HEADERS, **response.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
