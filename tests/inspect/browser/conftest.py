from __future__ import annotations

import http.client
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
from rich.console import Console

from mathpipe.inspect.browser.catalog import Catalog
from mathpipe.inspect.browser.index import connect_index, index_path, make_index
from mathpipe.inspect.browser.server import BrowserServer, open_server
from mathpipe.inspect.browser.source import Source, open_source
from mathpipe.inspect.browser.text_index import TextIndex
from tests.inspect.browser.shelf import hostile_pages, plain_pages, write_shelf


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indexes of tests lie in a folder of the tests, and are made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards of 300 pages."""
    return write_shelf(tmp_path_factory.mktemp("shelf") / "plain", plain_pages())


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards whose every page attacks."""
    return write_shelf(tmp_path_factory.mktemp("shelf") / "hostile", hostile_pages(), shards=2)


@pytest.fixture(scope="session")
def catalog(shelf: Path) -> Iterator[Catalog]:
    """The plain pages, words indexed."""
    opened = open_catalog(open_source([str(shelf)]))
    yield opened
    opened.close()


def open_catalog(source: Source) -> Catalog:
    """A catalog whose words can be searched."""
    index = index_path(source)
    make_index(source, index)
    words = TextIndex(source, index)
    words.make()
    return Catalog(connect_index(index), words)


@dataclass
class Client:
    """A server and how to ask it."""

    server: BrowserServer
    decisions: Path
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return self.server.application.token

    def get(self, target: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        return self._ask("GET", target, None, headers)

    def decide(self, values: dict[str, str], **headers: str) -> tuple[int, str, dict[str, str]]:
        return self._ask("POST", "/decide", urlencode({"token": self.token, **values}).encode(), headers)

    def _ask(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection(self.server.address.removeprefix("http://").strip("/"), timeout=30)
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content, dict(answer.getheaders())


@contextmanager
def serving(shards: Path, decisions: Path) -> Iterator[Client]:
    """A real server on a free port."""
    with open_server([str(shards)], console=Console(file=io.StringIO()), port=0, decisions=decisions) as server:
        server.application.preparation.wait()
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield Client(server, decisions)
        server.shutdown()
        thread.join()


Serve = Callable[[Path], Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server over shards; decisions go to a file of the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda shards: stack.enter_context(serving(shards, tmp_path / "prefixes.jsonl"))
