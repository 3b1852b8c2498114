"""The other end of `verify.worker`: a server that has loaded the handler, and the workers it forks.

In: `main` with HANDLER and MEMORY_BYTES as arguments and a control socket as standard input. Each message on it
carries the socket of a new worker; the answer is the worker's process id. A worker reads requests from its socket
(4 bytes of length, a pickle) and answers with `(True, result)` or `(False, traceback)`. All of it ends when the
control socket closes, that is with the process that started it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mathpipe.core.memory import bound_private_bytes

LENGTH = struct.Struct("!I")
_PR_SET_PDEATHSIG = 1  # prctl(2)


def find_handler(name: str) -> Callable[[Any], Any]:
    """The function that `package.module:function` names."""
    module, _, function = name.partition(":")
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), function)
    return found


def main() -> None:
    """Serve until the control socket closes."""
    name, memory_bytes = sys.argv[1], int(sys.argv[2])
    control = socket.socket(fileno=os.dup(0))
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # what a handler prints goes nowhere
        os.dup2(quiet, standard)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the starter's to handle
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    handler = find_handler(name)
    workers: list[int] = []
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            break
        pid = os.fork()
        if pid == 0:
            control.close()
            _work(socket.socket(fileno=descriptors[0]), handler, memory_bytes)
        os.close(descriptors[0])
        workers = [worker for worker in workers if _alive(worker)] + [pid]
        control.sendall(LENGTH.pack(pid))
    for worker in workers:
        with suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _work(connection: socket.socket, handler: Callable[[Any], Any], memory_bytes: int) -> None:
    """A worker's whole life; never returns."""
    os.setsid()  # its whole group can be killed
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    bound_private_bytes(memory_bytes)
    stream = connection.makefile("rwb")
    try:
        while header := stream.read(LENGTH.size):
            payload = pickle.loads(stream.read(LENGTH.unpack(header)[0]))
            answer = pickle.dumps(_answer(handler, payload), protocol=pickle.HIGHEST_PROTOCOL)
            stream.write(LENGTH.pack(len(answer)) + answer)
            stream.flush()
    finally:
        os._exit(0)  # the server's exit handlers are not a worker's


def _answer(handler: Callable[[Any], Any], payload: Any) -> tuple[bool, Any]:
    try:
        return True, handler(payload)
    except Exception:  # noqa: BLE001 - whatever it is goes back to the caller as text
        return False, traceback.format_exc(limit=-5)
