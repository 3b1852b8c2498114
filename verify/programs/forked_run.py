"""One run as the worker process sees it: fork, hand the child its job, stop it, learn how it ended.

A child is forked before its job is known, so that nobody waits for the fork (some 2 ms with SymPy loaded). It puts
the cage around itself, says so on its job socket, closes that, and only then reads the program. How it ended comes
from wait4(2). With a PID namespace the child is its first process (so signals it sends itself are ignored unless
handled, see pid_namespaces(7)), and when it ends the kernel kills the rest; `supervisor.py` stands in for missing
namespaces.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from verify.programs import child, confine, kernel, namespaces, process_tree, root_files, supervisor, sweeping
from verify.programs.protections import Protection

READY = b"ready"
MESSAGE_BYTES = 4096  # numbers only: the program itself lies behind a descriptor
DESCRIPTORS = 5  # stdin, stdout, stderr, program, report: 0 to 4 in the child


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known when all is over; `problem` says why the program never ran or was stopped."""

    exit_code: int
    cpu_seconds: float
    started: bool
    problem: str = ""


class ForkedRun:
    """A child that waits for its job, or works on it."""

    def __init__(self, cage: confine.Cage, user: int, views: namespaces.Views, folders: str | None) -> None:
        owner = user if Protection.UNPRIVILEGED_USER in cage.layers else os.geteuid()
        self._disk_folder = sweeping.make_folder(folders, owner) if folders else None
        folder = self._disk_folder or root_files.OWN_FOLDER
        self._supervised = _needs_supervisor(cage)
        self._proc = views.proc
        self._job, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = views.pid_namespace
        self.process = os.fork() if own is None else namespaces.fork_in_new_pid_namespace(own)
        if self.process == 0:
            self._job.close()
            _live(cage, user, folder, theirs, self._disk_folder, views.proc)
        theirs.close()
        self._job.setblocking(False)

    def hand_over(self, message: bytes, descriptors: list[int]) -> None:
        """Give the child its job; it starts at once."""
        socket.send_fds(self._job, [message], descriptors)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the program."""
        self._signal(signal.SIGINT, b"int")

    def kill(self) -> None:
        """End the program and all it started."""
        self._signal(signal.SIGKILL, b"kill")
        if not self._supervised and self._proc is not None:
            self._hurry(self._proc)

    def _hurry(self, proc: int) -> None:
        """Kill the program's descendants before the kernel does.

        The kernel does it for certain, but only once the first process has given back its memory, for which it waits
        its turn among fifteen siblings that compute on. A fork bomb is gone after 23 ms, not 75 (medians; beside two
        busy processes 40, not 160). The id of a process just gone comes again only after all others of the namespace.
        """
        with suppress(OSError):
            for process in process_tree.family(proc, self.process) - {self.process}:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)

    def _signal(self, number: signal.Signals, message: bytes) -> None:
        with suppress(OSError):
            if self._supervised:
                self._job.send(message)
            else:
                os.kill(self.process, number)

    def finish(self, status: int, usage: resource.struct_rusage) -> Ended:
        """After the child was waited for: its folder goes, its end is told."""
        messages = []
        with suppress(OSError):
            while text := self._job.recv(MESSAGE_BYTES):
                messages.append(text)
        self._job.close()
        if self._disk_folder:
            sweeping.remove_in_background(self._disk_folder)
        if not messages or messages[0] != READY:
            said = messages[0].decode(errors="replace") if messages else "the child died before it was ready"
            return Ended(0, 0.0, started=False, problem=said)
        if self._supervised and len(messages) > 1:
            ended = json.loads(messages[1])
            return Ended(ended["exit"], ended["cpu"], started=True, problem=ended["problem"])
        return Ended(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, started=True)


def _needs_supervisor(cage: confine.Cage) -> bool:
    return not cage.layers >= {Protection.PID_NAMESPACE, Protection.MOUNT_NAMESPACE}


def _live(
    cage: confine.Cage, user: int, folder: str, job: socket.socket, disk_folder: str | None, proc: int | None
) -> None:
    """The child's life; it never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        message, descriptors, _, _ = socket.recv_fds(job, MESSAGE_BYTES, DESCRIPTORS)
        if not message:
            os._exit(0)
        numbers: dict[str, Any] = json.loads(message)
        if _needs_supervisor(cage):

            def start() -> None:
                _work(cage, user, folder, job, numbers, descriptors)

            supervisor.supervise(job, numbers, start, disk_folder, proc)
        _work(cage, user, folder, job, numbers, descriptors)
    finally:
        os._exit(70)  # EX_SOFTWARE: an error of ours


def _work(
    cage: confine.Cage,
    user: int,
    folder: str,
    job: socket.socket,
    numbers: dict[str, Any],
    descriptors: list[int],
) -> None:
    reply = job.fileno()
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        reply = _arrange(descriptors, reply)
        confine.confine(cage, user, folder, numbers)
        os.write(reply, READY)
        os.close(reply)
    except (OSError, ValueError, OverflowError) as error:
        with suppress(OSError):
            os.write(reply, f"could not protect the run: {error}".encode())
        os._exit(70)
    if numbers["mode"] == "session":
        child.run_as_session()
    child.run_as_script()


def _arrange(descriptors: list[int], job: int) -> int:
    """Move the descriptors to 0..4 and close all others but the job socket, whose new number is returned."""
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 16) for descriptor in [*descriptors, job]]
    for number, descriptor in enumerate(high[:-1]):
        os.dup2(descriptor, number, inheritable=number <= 2)
    os.dup2(high[-1], DESCRIPTORS, inheritable=False)
    os.closerange(DESCRIPTORS + 1, 1 << 16)
    return DESCRIPTORS
