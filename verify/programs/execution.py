"""One program on its way through a worker: streams collected, deadline kept, a result made of what the kernel says.

In: a worker, the program, its input, limits. Out: `ProgramResult`. Output is read as it comes and cut at its limit;
the worker keeps the deadline, and if it does not answer shortly after, it is killed with everything in it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from typing import Any

from verify.programs.endings import judge, read_report, result_of
from verify.programs.limits import Limits
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.streams import CHUNK_BYTES, Capture, sealed_file
from verify.programs.worker_process import WorkerProcess

# A worker that answers this late after a deadline is stuck: every result comes within 0.5 s of its limit.
_GRACE_SECONDS = 0.4
_REPORT_BYTES = 1 << 20


class WorkerLostError(Exception):
    """The worker went away before it told how the run ended."""


class Execution:
    """A started run: its streams and its channel on our side."""

    def __init__(self, worker: WorkerProcess, limits: Limits, program: int, stdin: str, mode: str) -> None:
        self.worker = worker
        self.limits = limits
        self.ended: dict[str, Any] | None = None
        self.captures: dict[str, Capture] = {}
        self.start_captures()
        self._names: dict[int, str] = {}
        self._poll = select.poll()
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [theirs.fileno(), sealed_file(stdin)]
        try:
            given += [self._pipe("stdout"), self._pipe("stderr"), os.dup(program), self._pipe("report")]
            worker.send(_job(limits, mode), given)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()
            for descriptor in given[1:]:
                os.close(descriptor)
        self._poll.register(self.channel, select.POLLIN)

    def _pipe(self, name: str) -> int:
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ours, False)
        self._names[ours] = name
        self._poll.register(ours, select.POLLIN)
        return theirs

    def start_captures(self) -> None:
        """Collect anew from here."""
        self.captures = {name: Capture(self.limits.output_bytes) for name in ("stdout", "stderr")}
        self.captures["report"] = Capture(_REPORT_BYTES)

    def say(self, word: bytes) -> None:
        """Tell the worker to `int` or `kill` this run."""
        try:
            self.channel.send(word)
        except OSError:
            return

    def pump(self, until: float) -> bool:
        """Collect what is there, or wait for it until then. False when nothing came."""
        patience = max(0.0, until - time.monotonic())
        events = self._poll.poll(patience * 1000 + 0.5)
        for descriptor, _ in events:
            if descriptor == self.channel.fileno():
                self._hear()
            else:
                self._read(descriptor)
        return bool(events)

    def _hear(self) -> None:
        try:
            text = self.channel.recv(1 << 12)
        except OSError:
            text = b""
        self._poll.unregister(self.channel)
        if not text:
            raise WorkerLostError
        self.ended = json.loads(text)

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        if data:
            self.captures[self._names[descriptor]].add(data)
        else:
            self._poll.unregister(descriptor)
            os.close(descriptor)
            del self._names[descriptor]

    def drain(self) -> None:
        """After the end: read what still lies in the pipes. Nobody is left to write more."""
        while self._names and self.pump(0.0):
            if self.flooded:
                return

    @property
    def flooded(self) -> bool:
        """Whether a stream went far beyond its limit."""
        return any(capture.flooded for capture in self.captures.values())

    def close(self) -> None:
        """Let go; a run that still goes on is killed by the worker, which sees the channel end."""
        self.channel.close()
        for descriptor in self._names:
            os.close(descriptor)
        self._names.clear()


def _job(limits: Limits, mode: str) -> dict[str, Any]:
    names = ("cpu_seconds", "memory_mb", "file_mb", "files", "open_files", "processes")
    numbers = {name: getattr(limits, name) for name in names}
    return {"mode": mode, "wall_seconds": limits.wall_seconds if mode == "script" else None, **numbers}


def execute(worker: WorkerProcess, code: str, stdin: str, limits: Limits) -> ProgramResult:
    """Run a script to its end. Raises `WorkerLostError` or `SandboxError` where the worker is gone."""
    program = sealed_file(code)
    try:
        run = Execution(worker, limits, program, stdin, "script")
    finally:
        os.close(program)
    stopped = ""
    give_up = time.monotonic() + limits.wall_seconds + _GRACE_SECONDS
    try:
        while run.ended is None:
            if not run.pump(give_up) and time.monotonic() >= give_up:
                worker.kill()
                seconds = limits.wall_seconds + _GRACE_SECONDS
                return result_of(run, ProgramStatus.TIMEOUT, f"no end within {seconds:g} s", seconds=seconds)
            if run.flooded and not stopped:
                stopped = "output"
                run.say(b"kill")
        run.drain()
        status, detail = judge(run.ended, limits, read_report(run), flooded=bool(stopped))
        return result_of(run, status, detail)
    finally:
        run.close()
