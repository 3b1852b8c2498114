"""One worker for the tests, and what is planted outside of it. Without a sandbox they are skipped, and say why."""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.verify.programs.malice import Targets
from verify.programs import Limits, ProgramRunner, describe_protections, probe_protections
from verify.programs.protections import missing_protection

SECRET = "tr0ub4dor-5e6b-outside"


@pytest.fixture(scope="session")
def runner() -> Iterator[ProgramRunner]:
    if missing_protection(probe_protections(), frozenset()):
        pytest.skip(f"no sandbox here: {describe_protections()}")
    with ProgramRunner() as runner:
        yield runner


class Planted:
    """Things outside of the sandbox that no program may reach, and a check that none was."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.outside.chmod(0o777)  # only the sandbox stands in the way
        self.file = self.outside / "secret.txt"
        self.file.write_text(SECRET)
        self.file.chmod(0o666)
        self.touched: list[str] = []
        self.bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        self._sockets = [socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
        abstract = f"mathpipe-{secrets.token_hex(8)}"
        path = str(folder / "s")
        self._sockets[0].bind(("127.0.0.1", 0))
        self._sockets[1].bind(f"\0{abstract}")
        self._sockets[2].bind(path)
        for each in self._sockets:
            each.listen()
            threading.Thread(target=self._watch, args=(each,), daemon=True).start()
        port = self._sockets[0].getsockname()[1]
        self.targets = Targets(SECRET, str(self.file), str(self.outside), port, abstract, path, self.bystander.pid)
        self.before = self.state()

    def _watch(self, listening: socket.socket) -> None:
        while True:
            try:
                listening.accept()
            except OSError:
                return
            self.touched.append(str(listening))

    def state(self) -> object:
        """All that a program could have changed."""
        status = self.file.stat()
        files = (sorted(path.name for path in self.outside.iterdir()), self.file.read_bytes())
        marks = (status.st_mode, status.st_uid, status.st_mtime_ns, os.listxattr(self.file))
        interpreter = [Path(path).stat().st_mtime_ns for path in (os.__file__, sys.executable, threading.__file__)]
        planted = [path for path in sys.path if (Path(path) / "sitecustomize.py").exists()]
        process = (psutil.Process(self.bystander.pid).status() != psutil.STATUS_STOPPED, self.bystander.poll())
        return files, marks, interpreter, planted, process, list(self.touched), socket.gethostname()

    def close(self) -> None:
        self.bystander.kill()
        self.bystander.wait()
        for each in self._sockets:
            each.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            each.close()


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Planted]:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    planted = Planted(tmp_path)
    yield planted
    planted.close()


@pytest.fixture
def quick() -> Limits:
    """Limits that end a hostile program soon."""
    return Limits(wall_seconds=0.5, cpu_seconds=2, memory_mb=256, output_bytes=20_000, file_mb=8)
