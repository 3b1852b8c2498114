"""Run programs in warm workers: `run_program` for a program, `ProgramRunner` for a worker of one's own.

In: a program, its stdin, limits. Out: a `ProgramResult`, always; only a wrong configuration raises. A worker is
started at the first call, is shared by all threads, is started again if it is gone, and ends with its owner; after
a fork the child starts its own. Nothing runs where the protections fall short of the minimum or of
`Limits.require`.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable
from types import TracebackType

from verify.programs.execution import WorkerLostError, execute
from verify.programs.limits import Limits
from verify.programs.protections import Protection, missing_protection
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.worker_process import PRELOADED, SandboxError, WorkerProcess


class ProgramRunner:
    """A worker process, started when needed. `without` leaves layers out, `preload` names modules to load first."""

    def __init__(self, without: Iterable[Protection] = (), preload: Iterable[str] = PRELOADED) -> None:
        self._without = frozenset(without)
        self._preload = tuple(preload)
        self._starting = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._owner = os.getpid()

    def worker(self) -> WorkerProcess:
        """The worker, alive."""
        if self._owner != os.getpid():  # forked: the lock may be held by a thread that is not here
            self._starting = threading.Lock()
            self._owner = os.getpid()
            if self._worker is not None:
                self._worker.forget()
                self._worker = None
        with self._starting:
            if self._worker is not None and not self._worker.alive:
                self._worker.close()
                self._worker = None
            if self._worker is None:
                self._worker = WorkerProcess(self._without, self._preload)
            return self._worker

    def run(self, code: str, *, stdin: str = "", limits: Limits | None = None) -> ProgramResult:
        """Run the program once; see `run_program`."""
        limits = limits or Limits()
        problem = code_problem(code, limits)
        if problem:
            return ProgramResult(ProgramStatus.REFUSED, problem)
        last = ""
        for _ in range(2):  # a worker can be gone because of another run; programs have no effect, so run again
            try:
                worker = self.worker()
                if missing := missing_protection(worker.layers, limits.require):
                    return ProgramResult(ProgramStatus.REFUSED, missing, protections=worker.layers)
                return execute(worker, code, stdin, limits)
            except WorkerLostError:
                last = "the worker process went away"
            except (SandboxError, OSError) as error:
                last = str(error)
        return ProgramResult(ProgramStatus.KILLED, f"tried twice: {last}")

    def close(self) -> None:
        """End the worker and all its runs; the next run starts a new one."""
        if self._owner == os.getpid() and self._worker is not None:
            self._worker.close()
            self._worker = None

    def __enter__(self) -> ProgramRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def code_problem(code: str, limits: Limits) -> str | None:
    """Why the text cannot be run at all."""
    size = len(code.encode("utf-8", errors="surrogatepass"))
    return f"{size} bytes of code, more than {limits.code_bytes}" if size > limits.code_bytes else None


_runners: dict[frozenset[Protection], ProgramRunner] = {}


def shared_runner(without: frozenset[Protection] = frozenset()) -> ProgramRunner:
    """This process's runner for that choice of layers, closed at exit."""
    runner = _runners.get(without)
    if runner is None:
        runner = ProgramRunner(without)
        if _runners.setdefault(without, runner) is runner:  # atomic, so no lock that a fork could copy while held
            atexit.register(runner.close)
    return _runners[without]


def run_program(code: str, *, stdin: str = "", limits: Limits | None = None) -> ProgramResult:
    """Run Python code in the sandbox and say how it ended.

    >>> run_program("print(2**10)").stdout
    '1024\\n'
    """
    limits = limits or Limits()
    return shared_runner(limits.without).run(code, stdin=stdin, limits=limits)
