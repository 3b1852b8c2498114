"""Run a program inside the cage: as a script once, or cell by cell with its state kept.

In: the program's text (or a socket with cells). Out: what it prints, its exit code, and a line of JSON a cell on the
report descriptor: the last expression's `repr` and the exception's name. The program shares this process, so it can
write any report it likes; nobody outside believes more than that these are the program's own words.
Display of the last expression and short tracebacks follow IPython. Standard library only.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH109

from __future__ import annotations

import ast
import atexit
import gc
import json
import linecache
import os
import socket
import sys
import threading
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_LAST = "__last_expression__"
# Enough for a long matrix; the reader truncates too.
_REPR_CHARACTERS = 100_000
_SHOWN_FRAMES = 8
PROGRAM, REPORT = 3, 4  # descriptors, next to stdin, stdout and stderr


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cell ended: exit code, the exception that ended it, the last expression's text."""

    exit_code: int
    exception: str = ""
    last: str | None = None


def run_as_script() -> None:
    """Execute the text on the program descriptor as `__main__`, then leave this process as an interpreter would."""
    namespace = _prepare()
    code = _read_all(PROGRAM)
    ending = _execute(code, "program.py", namespace)
    _leave(ending)


def run_as_session() -> None:
    """Execute cell after cell, each a message with its name and a descriptor of its text, until the socket ends."""
    namespace = _prepare()
    cells = socket.socket(fileno=PROGRAM)
    while True:
        with suppress(KeyboardInterrupt):  # an interrupt that comes too late finds no cell to end
            message, descriptors, _, _ = socket.recv_fds(cells, 4096, 1)
            if not message:
                _leave(Ending(0))
            cell = json.loads(message)
            ending = _execute(_read_all(descriptors[0]), cell["name"], namespace)
            _flush()
            _report(ending, cell["token"])


def _prepare() -> dict[str, object]:
    """Streams, arguments and random state of a fresh interpreter."""
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", newline="\n", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.argv, sys.orig_argv = ["program.py"], ["python", "program.py"]
    sys.path.insert(0, os.getcwd())
    if "numpy.random" in sys.modules:  # `random` reseeds itself after a fork
        sys.modules["numpy.random"].seed()
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    gc.enable()
    return vars(main)


def _read_all(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8", errors="surrogatepass", newline="") as stream:
        return stream.read()


def _execute(code: str, name: str, namespace: dict[str, object]) -> Ending:
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    try:
        namespace.pop(_LAST, None)
        exec(_compiled(code, name), namespace)
        value = namespace.pop(_LAST, None)
        return Ending(0, last=None if value is None else repr(value)[:_REPR_CHARACTERS])
    except SystemExit as leaving:
        return Ending(_exit_code(leaving))
    except BaseException as error:  # noqa: BLE001 - the program may raise anything
        _show(error)
        return Ending(1, exception=type(error).__name__)


def _compiled(code: str, name: str) -> types.CodeType:
    """The program; a last statement that is an expression is kept under a hidden name."""
    tree = ast.parse(code, name)
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        target = ast.copy_location(ast.Name(_LAST, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    return compile(tree, name, "exec", dont_inherit=True)


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    with suppress(Exception):
        print(leaving.code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """The traceback without frames of this file and of libraries, on stderr."""
    with suppress(BaseException):
        _flush()
        shown = traceback.TracebackException.from_exception(error)
        part: traceback.TracebackException | None = shown
        while part is not None:
            own = [
                frame for frame in part.stack if frame.filename == "program.py" or frame.filename.startswith("<cell ")
            ]
            if len(own) > _SHOWN_FRAMES:
                own = own[: _SHOWN_FRAMES // 2] + own[-_SHOWN_FRAMES // 2 :]
            part.stack = traceback.StackSummary.from_list(own)
            part = part.__cause__ or part.__context__
        sys.stderr.write("".join(shown.format()))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _report(ending: Ending, token: str = "") -> None:
    said = {"token": token, "exit": ending.exit_code, "exception": ending.exception, "last": ending.last}
    rest = json.dumps(said).encode() + b"\n"
    with suppress(OSError):
        while rest:
            rest = rest[os.write(REPORT, rest) :]


def _leave(ending: Ending) -> None:
    """Join threads, run exit handlers, flush, report, and exit without tearing the interpreter down (20 ms saved)."""
    # _shutdown and _run_exitfuncs are what the interpreter itself calls on its way out.
    steps: tuple[Callable[[], object], ...] = (
        getattr(threading, "_shutdown"),  # noqa: B009
        getattr(atexit, "_run_exitfuncs"),  # noqa: B009
    )
    for step in steps:
        with suppress(BaseException):
            step()
    _flush()
    _report(ending)
    os._exit(ending.exit_code)
