"""The worker's loop: take jobs from the control socket, keep deadlines and memory in bounds, tell how each run ended.

In: jobs, each a message with six descriptors: a channel of its own, then stdin, stdout, stderr, program, report.
Out: one message on the channel; what comes in on it is "int" or "kill". One child is always forked in advance.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from verify.programs import confine, memory_watch, namespaces
from verify.programs.forked_run import DESCRIPTORS, MESSAGE_BYTES, ForkedRun
from verify.programs.protections import Protection

# Memory of all processes together is looked at this often; they gain some 100 MB meanwhile.
_LOOK_SECONDS = 0.05
# Shared pages are counted for each process, so together they may seem to hold this many times the limit of one.
_TOGETHER = 2


@dataclass(slots=True)
class Running:
    """A run under way. `deadline` is None where its owner keeps the time."""

    run: ForkedRun
    channel: socket.socket
    started: float
    deadline: float | None
    memory_bytes: int
    next_look: float
    stopped: str = ""


class Worker:
    """The loop: take jobs, pass on signals, keep deadlines, report ends, keep one child ready."""

    def __init__(
        self, control: socket.socket, cage: confine.Cage, user: int, views: namespaces.Views, folders: str | None
    ) -> None:
        self._control = control
        self._cage = cage
        self._user = user
        self._views = views
        self._folders = folders
        self._watching = Protection.TOTAL_MEMORY in cage.layers
        self._baseline_bytes = memory_watch.resident_bytes(views.proc, "self") if views.proc is not None else 0
        self._spare: ForkedRun | None = None
        self._running: dict[int, Running] = {}
        self._parent = os.getppid()
        self._selector = selectors.DefaultSelector()
        self._wake, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ, self._take_job)
        self._selector.register(self._wake, selectors.EVENT_READ, self._reap)

    def serve(self) -> None:
        """Serve until the other end of the control socket is closed or its process is gone."""
        with suppress(EOFError):
            while os.getppid() == self._parent:
                if self._spare is None:
                    with suppress(OSError):  # no process to be had now: tried again when a job comes
                        self._spare = self._fork()
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._stop_what_must()
        for running in self._running.values():
            running.run.kill()

    def _fork(self) -> ForkedRun:
        return ForkedRun(self._cage, self._user, self._views, self._folders)

    def _patience(self) -> float:
        now = time.monotonic()
        waits = [running.deadline - now for running in self._running.values() if running.deadline is not None]
        waits += [_LOOK_SECONDS] if self._running and self._watching else []
        return max(0.0, min([1.0, *waits]))

    def _take_job(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, DESCRIPTORS + 1)
        if not message:
            raise EOFError
        channel = socket.socket(fileno=descriptors.pop(0))
        try:
            run = self._hand_over(message, descriptors)
        except OSError as error:
            _tell(channel, {"started": False, "problem": f"no process for the run: {error}"})
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        now = time.monotonic()
        job = json.loads(message)
        wall = job["wall_seconds"]
        deadline = None if wall is None else now + wall
        most = int(job["memory_mb"] * _TOGETHER) << 20
        running = Running(run, channel, now, deadline, most, now + _LOOK_SECONDS)
        self._running[run.process] = running
        self._selector.register(channel, selectors.EVENT_READ, lambda: self._obey(running))

    def _hand_over(self, message: bytes, descriptors: list[int]) -> ForkedRun:
        spare, self._spare = self._spare, None
        if spare is not None:
            with suppress(OSError):  # it died while it waited
                spare.hand_over(message, descriptors)
                return spare
        run = self._fork()
        run.hand_over(message, descriptors)
        return run

    def _obey(self, running: Running) -> None:
        if running.run.process not in self._running:  # it ended in this very round
            return
        try:
            word = running.channel.recv(16)
        except ConnectionResetError:
            word = b""
        if word == b"int":
            running.run.interrupt()
            return
        running.run.kill()
        self._selector.unregister(running.channel)

    def _stop_what_must(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if running.stopped:
                continue
            if running.deadline is not None and now >= running.deadline:
                running.stopped, running.deadline = "deadline", None
                running.run.kill()
            elif self._watching and now >= running.next_look:
                running.next_look = now + _LOOK_SECONDS
                if self._added_bytes(running) > running.memory_bytes:
                    running.stopped, running.deadline = "memory", None
                    running.run.kill()

    def _added_bytes(self, running: Running) -> int:
        if self._views.proc is None:
            return 0
        return memory_watch.added_bytes(self._views.proc, running.run.process, self._baseline_bytes)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)
        with suppress(ChildProcessError):
            while (waited := os.wait4(-1, os.WNOHANG))[0]:
                process, status, usage = waited
                if running := self._running.pop(process, None):
                    ended = running.run.finish(status, usage)
                    with suppress(KeyError):
                        self._selector.unregister(running.channel)
                    seconds = time.monotonic() - running.started
                    _tell(
                        running.channel,
                        {
                            "started": ended.started,
                            "problem": ended.problem,
                            "exit": ended.exit_code,
                            "cpu": ended.cpu_seconds,
                            "seconds": seconds,
                            "stopped": running.stopped,
                        },
                    )
                elif self._spare and process == self._spare.process:
                    self._spare.finish(status, usage)
                    self._spare = None


def _tell(channel: socket.socket, what: dict[str, Any]) -> None:
    with suppress(OSError):
        channel.send(json.dumps(what).encode())
    channel.close()
