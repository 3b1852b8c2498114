"""Between the worker and a program where namespaces are missing: it kills what a program left, and watches its disk.

In: a job on a socket. Effect: the program runs in a child; on "kill", on the end of the socket, on too much on the
disk, or when the program ends, every descendant is killed. Out: one JSON message with exit code and CPU time. The
supervisor stays outside of the cage, so the program can neither signal nor trace it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from verify.programs import kernel, sweeping

# The folder is looked at this often; a program writes some 100 MB meanwhile at worst.
_LOOK_SECONDS = 0.05


def supervise(
    job: socket.socket,
    numbers: dict[str, Any],
    start: Callable[[], None],
    folder: str | None,
    proc: int | None,
) -> None:
    """Run `start` (which never returns) in a child and see it through. `folder` is watched unless it is bounded."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    wake, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    child = os.fork()
    if child == 0:
        start()
    problem = _wait_for_end(job, child, wake, folder, numbers)
    if problem:
        with suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        with suppress(OSError):  # before it has a group of its own
            os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    if os.getpid() != 1:  # the first process of a PID namespace takes all others with it
        sweeping.kill_children(child, proc)
    ended = {
        "exit": os.waitstatus_to_exitcode(status),
        "cpu": usage.ru_utime + usage.ru_stime,
        "problem": problem if problem != "stopped" else "",
    }
    with suppress(OSError):
        job.send(json.dumps(ended).encode())
    os._exit(0)


def _wait_for_end(job: socket.socket, child: int, wake: int, folder: str | None, numbers: dict[str, Any]) -> str:
    """Return "" when the child has ended, else why it must be killed."""
    poll = select.poll()
    poll.register(job, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        ready = dict(poll.poll(_LOOK_SECONDS * 1000))
        if wake in ready:
            os.read(wake, 4096)
        if job.fileno() in ready:
            if job.recv(16) != b"int":
                return "stopped"
            os.kill(child, signal.SIGINT)
        if folder and sweeping.exceeds(folder, int(numbers["file_mb"]) << 20, int(numbers["files"])):
            return "it wrote more files than it may"
    return ""
