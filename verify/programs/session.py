"""A notebook without a notebook: cells run one after another in one sandboxed process that keeps its variables.

In: cells of code. Out: a `ProgramResult` each: output, the last expression's `repr`, a traceback of the cells' own
frames. This is for tool-integrated reasoning, where a model reads what its code printed. A cell's status is the
program's own word (it shares the process with what runs the cells), so it is good to show to a model and worth
nothing as a verdict. A cell past its limit is interrupted as by Ctrl-C; if that does not end it, it is killed and
`state_lost` is true.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import replace
from types import TracebackType

from verify.programs.endings import judge, read_report, result_of
from verify.programs.execution import Execution, WorkerLostError
from verify.programs.limits import Limits
from verify.programs.protections import missing_protection
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.runner import ProgramRunner, code_problem, shared_runner
from verify.programs.streams import sealed_file
from verify.programs.worker_process import SandboxError

# An interrupted cell must end, and a killed one be reported, within this time each: 0.5 s after the limit together.
_GRACE_SECONDS = 0.25
# RLIMIT_CPU counts over the whole session, for nothing can raise it again.
_CELLS_OF_CPU = 32


class ProgramSession:
    """Run cells with state kept. One thread at a time; a context manager."""

    def __init__(self, limits: Limits | None = None, runner: ProgramRunner | None = None) -> None:
        self._limits = limits or Limits()
        self._runner = runner or shared_runner(self._limits.without)
        self._run: Execution | None = None
        self._cells: socket.socket | None = None
        self._owner = os.getpid()
        self._count = 0

    def run(self, code: str) -> ProgramResult:
        """Run one cell. Never raises for what the code does."""
        if problem := code_problem(code, self._limits):
            return ProgramResult(ProgramStatus.REFUSED, problem)
        try:
            run = self._started()
            if missing := missing_protection(run.worker.layers, self._limits.require):
                self.close()
                return ProgramResult(ProgramStatus.REFUSED, missing, protections=run.worker.layers)
            return self._cell(run, code)
        except (WorkerLostError, SandboxError, OSError) as error:
            self.close()
            why = str(error) or "the worker process went away"
            return ProgramResult(ProgramStatus.KILLED, f"{why}; state lost", state_lost=True)

    def _started(self) -> Execution:
        if self._owner != os.getpid():
            self.close()
            self._owner = os.getpid()
        if self._run is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setblocking(False)
            total = replace(self._limits, cpu_seconds=self._limits.cpu_seconds * _CELLS_OF_CPU)
            with theirs:
                self._run = Execution(self._runner.worker(), total, theirs.fileno(), "", "session")
            self._cells = ours
        return self._run

    def _cell(self, run: Execution, code: str) -> ProgramResult:
        self._count += 1
        token = secrets.token_hex(8)
        run.start_captures()
        text = sealed_file(code)
        started = time.monotonic()
        try:
            message = json.dumps({"name": f"<cell {self._count}>", "token": token}).encode()
            if self._cells is not None:
                socket.send_fds(self._cells, [message], [text])
        finally:
            os.close(text)
        timed_out = False
        if not self._wait(run, token, started + self._limits.wall_seconds) and not run.flooded:
            timed_out = True
            run.say(b"int")
            self._wait(run, token, time.monotonic() + _GRACE_SECONDS)
        report = read_report(run, token)
        if report and run.ended is None and not run.flooded:
            run.drain()
            return self._reported(run, token, time.monotonic() - started, timed_out=timed_out)
        return self._lost(run, token, started, timed_out=timed_out)

    def _wait(self, run: Execution, token: str, until: float) -> bool:
        """Whether the cell, or the whole program, ended by then."""
        while not read_report(run, token) and run.ended is None:
            if run.flooded or (not run.pump(until) and time.monotonic() >= until):
                return False
        return True

    def _reported(self, run: Execution, token: str, seconds: float, *, timed_out: bool) -> ProgramResult:
        report = read_report(run, token)
        exception = report.get("exception")
        if timed_out:
            status, detail = ProgramStatus.TIMEOUT, f"interrupted after {self._limits.wall_seconds:g} s; state kept"
        elif exception == "MemoryError":
            status, detail = ProgramStatus.MEMORY, f"it needs more than {self._limits.memory_mb} MB; state kept"
        elif exception or report.get("exit") != 0:
            status, detail = ProgramStatus.ERROR, str(exception or f"exit code {report.get('exit')}")
        else:
            status, detail = ProgramStatus.OK, "it ended by itself"
        return result_of(run, status, detail, token=token, seconds=seconds)

    def _lost(self, run: Execution, token: str, started: float, *, timed_out: bool) -> ProgramResult:
        """The process is gone, or must go."""
        flooded = run.flooded
        run.say(b"kill")
        until = time.monotonic() + _GRACE_SECONDS
        while run.ended is None and (run.pump(until) or time.monotonic() < until):
            pass
        run.drain()
        if timed_out or run.ended is None:
            status, detail = ProgramStatus.TIMEOUT, f"killed after {self._limits.wall_seconds:g} s"
        else:
            status, detail = judge(run.ended, run.limits, {}, flooded=flooded)
        seconds = time.monotonic() - started
        result = result_of(run, status, f"{detail}; state lost", token=token, seconds=seconds, state_lost=True)
        self.close()
        return result

    def close(self) -> None:
        """End the process; the next cell starts a new one."""
        for part in (self._run, self._cells):
            if part is not None:
                part.close()
        self._run = self._cells = None

    def __enter__(self) -> ProgramSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
