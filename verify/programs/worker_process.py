"""Start the worker process and talk to it: the side of it that lives in the user's process.

In: layers to leave out and modules to load first. Out: jobs sent with their descriptors, the layers that are
active. The worker is a fresh interpreter with an environment of six fixed variables; it imports the few modules of
this package it needs without running `verify/__init__.py`, so nothing else of the project is in it.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mathpipe.core.errors import MathpipeError
from verify.programs import sweeping
from verify.programs.protections import Protection

# A cold import of SymPy takes 0.7 s; a machine under load needs many times that.
_START_SECONDS = 60.0
PRELOADED = (
    *"bisect collections copy datetime decimal fractions functools heapq inspect itertools json math".split(),
    *"operator random re statistics string textwrap typing sympy numpy".split(),
)
_ENVIRONMENT = {
    "HOME": "/sandbox",  # as `root_files.OWN_FOLDER`, which only the worker process may load
    "LANG": "C.UTF-8",
    "PATH": "/nonexistent",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",  # the same program prints its sets in the same order every time
}
_BOOT = """
import json, sys, types
number, settings = int(sys.argv[1]), json.loads(sys.argv[2])
sys.path[:] = settings["path"]
for name, folder in settings["packages"].items():
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [folder]
from verify.programs.zygote import main
main(number, settings)
"""
_WARM_UP = """
from sympy import *
_x, _y = symbols("_x _y")
solve(_x**2 - 2), solve([_x + _y - 3, _x - _y - 1], [_x, _y]), simplify((_x**2 - 1) / (_x - 1)), factor(_x**2 - 1)
expand((_x + _y)**2), diff(sin(_x), _x), integrate(_x**2, (_x, 0, 1)), limit(sin(_x) / _x, _x, 0), latex(sqrt(_x))
Eq(_x, 2).subs(_x, 2), Rational(1, 3).evalf(20), Matrix([[1, 2], [3, 4]]).det(), factorint(12)
summation(_x, (_x, 1, 9))
"""
_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_OTHER_FILES = ("/etc/ld.so.cache", "/usr/share/zoneinfo")


class SandboxError(MathpipeError):
    """The worker process could not be started, or is gone."""


class WorkerProcess:
    """One worker. Any thread may send; each run has a channel of its own."""

    def __init__(self, without: Iterable[Protection] = (), preload: Iterable[str] = PRELOADED) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._folder: str | None = None
        self._sending = threading.Lock()
        settings = json.dumps({**_installed(), "without": sorted(without), **_loading(preload)})
        options = ["-s", "-S", "-P", "-X", "utf8", "-c", _BOOT]
        with theirs, tempfile.TemporaryFile() as complaints:
            self._process = subprocess.Popen(
                [sys.executable, *options, str(theirs.fileno()), settings],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env=_ENVIRONMENT,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            theirs.close()
            hello = self._hello(complaints)
        self.layers = frozenset(map(Protection, hello["layers"]))
        self._folder = hello["folder"]
        self.loaded: tuple[str, ...] = tuple(hello["loaded"])

    def _hello(self, complaints: Any) -> dict[str, Any]:
        ready, _, _ = select.select([self._control], [], [], _START_SECONDS)
        text = self._control.recv(1 << 16) if ready else b""
        if text:
            return json.loads(text)  # type: ignore[no-any-return]
        self.close()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise SandboxError(
            "the sandbox's worker process",
            f"to start within {_START_SECONDS:g} s; it said {said or 'nothing'!r}",
            f"run {sys.executable} by hand to see whether it works",
        )

    def send(self, job: dict[str, Any], descriptors: list[int]) -> None:
        """Start a run: the first descriptor is its channel."""
        try:
            with self._sending:
                socket.send_fds(self._control, [json.dumps(job).encode()], descriptors)
        except OSError as error:
            raise SandboxError("the sandbox's worker process", f"to be there ({error})", "run again") from None

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def forget(self) -> None:
        """In a forked copy of the user's process: let go of the worker without ending it."""
        self._control.close()

    def close(self) -> None:
        """End it and every run."""
        self._control.close()
        give_up = time.monotonic() + 0.5
        while self._process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.002)
        self.kill()

    def kill(self) -> None:
        """End it and every run at once; without a PID namespace the supervisors see it gone and end their runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._folder:
            sweeping.remove_folder(self._folder)


def _loading(preload: Iterable[str]) -> dict[str, Any]:
    names = list(preload)
    return {"preload": names, "warm_up": _WARM_UP if "sympy" in names else ""}


def _installed() -> dict[str, Any]:
    package = Path(__file__).parent
    libraries = _library_folders()
    executable = _executable_files()
    return {
        "path": libraries,
        "packages": {"verify": str(package.parent), "verify.programs": str(package)},
        "readable": [*libraries, *executable, *_SHARED_LIBRARIES, *_OTHER_FILES],
        "executable": executable,
    }


def _library_folders() -> list[str]:
    """The standard library and site-packages of this interpreter, in the order of its path."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}  # not the virtual environment's
    standard = [sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")]
    installed = [folder for folder in sys.path if Path(folder).name in {"site-packages", "dist-packages"}]
    extensions = [str(Path(folder) / "lib-dynload") for folder in standard]
    return [folder for folder in dict.fromkeys([*standard, *extensions, *installed]) if Path(folder).is_dir()]


def _executable_files() -> list[str]:
    """The interpreter under all its names, its own shared library, and the loader."""
    interpreter = Path(sys.executable)
    library = Path(sysconfig.get_config_var("LIBDIR") or "/nonexistent").glob("libpython*.so*")
    loader = [path for folder in ("/lib64", "/lib") for path in Path(folder).glob("ld-*.so*")]
    named = [interpreter, interpreter.parent.parent / "pyvenv.cfg", *library, *loader]
    return list(dict.fromkeys(str(path) for each in named for path in (each, each.resolve()) if path.is_file()))
