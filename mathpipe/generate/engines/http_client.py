"""JSON over HTTP with retries: a request is sent again while the server is busy, restarting, or cut us off.

Waits grow from `backoff_seconds` by doubling, each shortened by up to half at random, so that many clients do not
come back at once; a server's Retry-After is waited for instead. A completion is a pure function of its request, so
sending one again does no harm.
"""

from __future__ import annotations

import http.client
import json
from random import Random
from threading import Event, Lock, local
from typing import Any
from urllib.parse import urlsplit

from mathpipe.core.errors import ConfigError
from mathpipe.generate.engines.config import ServerConfig
from mathpipe.generate.engines.engine import EngineError

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_REFUSED = {400, 413, 422}


class RefusedRequest(Exception):  # noqa: N818
    """The server will never take this one request; the text says why."""


class HttpClient:
    """One connection for each thread, kept open between requests; `retries` counts what was sent again."""

    def __init__(self, config: ServerConfig, api_key: str, stopped: Event) -> None:
        address = urlsplit(config.url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ConfigError(f"engine.server.url: {config.url}", "http://host:port/v1", "write the server's address")
        self._config = config
        self._address = address
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._stopped = stopped
        self._connections = local()
        self._lock = Lock()
        self._random = Random()
        self.retries = 0

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The server's answer; EngineError when it cannot be had, RefusedRequest when it will not be given."""
        data = json.dumps(body).encode()
        trouble, retry_after = "", 0.0
        for attempt in range(self._config.retries + 1):
            if attempt:
                self._pause(attempt, retry_after)
            try:
                status, headers, answer = self._send(path, data)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                trouble, retry_after = f"{type(error).__name__}: {error}", 0.0
                continue
            if status == 200:
                return self._parse(answer)
            trouble = f"status {status}: {_message(answer)}"
            if status not in _AGAIN:
                self._raise_for(status, trouble)
            retry_after = _seconds(headers.get("Retry-After"))
        raise self._gone(f"an answer within {self._config.retries + 1} attempts (last: {trouble})")

    def _send(self, path: str, data: bytes) -> tuple[int, Any, bytes]:
        connection = getattr(self._connections, "open", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._address.hostname or "", self._address.port, timeout=self._config.timeout_seconds)
            self._connections.open = connection
        connection.request("POST", self._address.path.rstrip("/") + path, data, self._headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    def _drop(self) -> None:
        connection = getattr(self._connections, "open", None)
        if connection is not None:
            connection.close()
            self._connections.open = None

    def _pause(self, attempt: int, retry_after: float) -> None:
        with self._lock:
            self.retries += 1
            spread = 1 - self._random.random() / 2
        grown = self._config.backoff_seconds * 2.0 ** (attempt - 1) * spread
        limit = self._config.max_backoff_seconds
        if self._stopped.wait(min(max(grown, retry_after), limit)):
            raise self._gone("to be asked before the engine was closed")

    def _parse(self, answer: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(answer)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise self._gone(f"an answer in JSON, not {answer[:80]!r}")
        return parsed

    def _raise_for(self, status: int, trouble: str) -> None:
        if status in _REFUSED:
            raise RefusedRequest(trouble)
        raise self._gone(f"to take the request ({trouble})")

    def _gone(self, expected: str) -> EngineError:
        return EngineError(
            f"server {self._config.url}", expected, "check its log, engine.server.url, the model's name and the key"
        )


def _message(answer: bytes) -> str:
    return " ".join(answer.decode(errors="replace").split())[:300]


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; its form as a date is passed over."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0
