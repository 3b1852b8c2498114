"""A child process that can be killed: the only way to end a computation that will not end by itself.

In: the name of a function and a payload; out: its result, or an error that says how the child ended. A server process
loads the function's module once and forks a worker in milliseconds; a request that passes its deadline has its
worker's whole process group killed with SIGKILL, and the next request finds a fresh one. No signals are used in the
caller, no threads are left behind: it works from any thread, under asyncio (`asyncio.to_thread`) and in Ray workers.
"""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Self

from verify.worker_child import LENGTH

_START_SECONDS = 60.0  # loading SymPy takes 0.7 s on an idle machine; more means the machine is out of breath
_CHUNK = 1 << 20
_CHILD = "from verify.worker_child import main; main()"


class WorkerTimeout(Exception):  # noqa: N818 - the name says what happened
    """The request passed its deadline; its worker was killed."""


class WorkerDied(Exception):  # noqa: N818
    """The worker ended before it answered: out of memory, a crash, or killed from outside."""


class RemoteError(Exception):
    """The function raised; the message is its traceback."""


class Worker:
    """One child process, one request at a time. Not for several threads at once: see `call_bounded`."""

    def __init__(self, handler: str, *, memory_bytes: int = 2**30) -> None:
        self.handler = handler
        self.memory_bytes = memory_bytes
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, payload: object, *, timeout_seconds: float) -> object:
        """The function's result. Raises `WorkerTimeout`, `WorkerDied` or `RemoteError`; starting is not timed."""
        connection = self._connected()
        deadline = time.monotonic() + timeout_seconds
        request = pickle.dumps(payload, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            connection.settimeout(max(timeout_seconds, 0.001))
            connection.sendall(LENGTH.pack(len(request)) + request)
            header = _receive(connection, LENGTH.size, deadline)
            answer = _receive(connection, LENGTH.unpack(header)[0], deadline)
        except TimeoutError:
            self.renew()
            raise WorkerTimeout(f"killed after {timeout_seconds:g} s") from None
        except (OSError, EOFError) as error:
            self.renew()
            raise WorkerDied(f"its process ended before it answered ({error or type(error).__name__})") from None
        except BaseException:  # Ctrl-C in mid-request: the next answer must not be this one's
            self.renew()
            raise
        good, result = pickle.loads(answer)
        if not good:
            raise RemoteError(result)
        return result

    def close(self) -> None:
        """End the worker and its server."""
        self.renew()
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._control = self._server = None

    def kill(self) -> None:
        """End the child, from any thread: a call that waits for it raises `WorkerDied`."""
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def renew(self) -> None:
        """Let the next call find a fresh child."""
        self.kill()
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> socket.socket:
        if self._connection is not None and _has_ended(self._connection):
            self.renew()  # it died of something else since its last answer: not this request's fault
        if self._connection is None:
            try:
                self._connection = self._forked()
            except (OSError, EOFError):  # the server is gone: a new one, once
                self.close()
                try:
                    self._connection = self._forked()
                except (OSError, EOFError) as error:
                    self.close()
                    raise WorkerDied(f"it did not start ({error or type(error).__name__})") from None
        return self._connection

    def _forked(self) -> socket.socket:
        control = self._served()
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [b"w"], [theirs.fileno()])
        control.settimeout(_START_SECONDS)
        self._pid = LENGTH.unpack(_receive(control, LENGTH.size, time.monotonic() + _START_SECONDS))[0]
        return ours

    def _served(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            command = [sys.executable, "-c", _CHILD, self.handler, str(self.memory_bytes)]
            with theirs:
                self._server = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True
                )
        return self._control


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other end is gone: between requests it says nothing, so that all there can be to read is that."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _receive(connection: socket.socket, count: int, deadline: float) -> bytes:
    """Exactly so many bytes. Raises `TimeoutError` at the deadline, `EOFError` where the other end is gone."""
    received = bytearray()
    while len(received) < count:
        connection.settimeout(max(deadline - time.monotonic(), 0.000_1))
        part = connection.recv(min(count - len(received), _CHUNK))
        if not part:
            raise EOFError
        received += part
    return bytes(received)


class _Shelf:
    """This process's workers for one handler: handed out one a call, at most one for each processor."""

    def __init__(self, handler: str, memory_bytes: int) -> None:
        self._handler, self._memory_bytes = handler, memory_bytes
        self._free: list[Worker] = []
        self._all: list[Worker] = []
        self._change = threading.Condition()
        self._most = os.cpu_count() or 1

    def take(self) -> Worker:
        """A free worker, a new one, or the next that becomes free."""
        with self._change:
            while not self._free and len(self._all) >= self._most:
                self._change.wait()
            if self._free:
                return self._free.pop()
            worker = Worker(self._handler, memory_bytes=self._memory_bytes)
            self._all.append(worker)
            return worker

    def put(self, worker: Worker) -> None:
        """Back on the shelf."""
        with self._change:
            self._free.append(worker)
            self._change.notify()

    def close(self) -> None:
        """End all workers."""
        with self._change:
            for worker in self._all:
                worker.close()
            self._all, self._free = [], []


_shelves: dict[tuple[int, str, int], _Shelf] = {}
_lock = threading.Lock()


def call_bounded(handler: str, payload: object, *, timeout_seconds: float, memory_bytes: int = 2**30) -> object:
    """`Worker.call` on a worker that this process keeps for the handler; from any thread, also after a fork."""
    key = (os.getpid(), handler, memory_bytes)  # a forked child must not speak on its parent's sockets
    with _lock:
        if not _shelves:
            atexit.register(_close_shelves)
        shelf = _shelves.setdefault(key, _Shelf(handler, memory_bytes))
    worker = shelf.take()
    try:
        return worker.call(payload, timeout_seconds=timeout_seconds)
    finally:
        shelf.put(worker)


def _close_shelves() -> None:
    for (pid, _, _), shelf in list(_shelves.items()):
        if pid == os.getpid():
            shelf.close()
    _shelves.clear()
