"""The world as a program sees it: its root, its users, processes, network and names."""

import os
import sys
from pathlib import Path

import pytest

from verify.programs import Limits, ProgramRunner, Protection

P = Protection


def seen(runner: ProgramRunner, expression: str, *layers: Protection, setup: str = "import os") -> object:
    """The value of an expression inside, if the layers are active here."""
    if missing := set(layers) - runner.worker().layers:
        pytest.skip(f"not available here: {', '.join(sorted(missing))}")
    result = runner.run(f"{setup}\n{expression}")
    assert result.last_expression is not None, result.stderr
    return eval(result.last_expression, {})


def test_the_root_holds_libraries_and_devices_only(runner: ProgramRunner) -> None:
    places = ("/proc", "/sys", "/home", "/var", "/bin", "/etc/passwd", "/boot", "/mnt", "/run")
    found = seen(runner, f"[path for path in {places} if os.path.exists(path)]", P.MOUNT_NAMESPACE)
    assert found == []


def test_the_root_cannot_be_written_not_even_by_its_mount_flags(runner: ProgramRunner) -> None:
    flags = seen(
        runner,
        "[bool(os.statvfs(p).f_flag & os.ST_RDONLY) for p in ('/', '/usr/lib', os.__file__, '/sandbox')]",
        P.MOUNT_NAMESPACE,
    )
    assert flags == [True, True, True, False]
    assert seen(runner, "bool(os.statvfs('/sandbox').f_flag & os.ST_NOEXEC)", P.MOUNT_NAMESPACE) is True


def test_links_on_the_way_to_the_interpreter_are_kept(runner: ProgramRunner) -> None:
    inside = seen(runner, "os.path.realpath(sys.executable)", P.MOUNT_NAMESPACE, setup="import os, sys")
    assert inside == os.path.realpath(sys.executable)


def test_the_interpreter_can_be_started_again(runner: ProgramRunner) -> None:
    code = (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout)"
    )
    if P.UNPRIVILEGED_USER in runner.worker().layers:
        assert runner.run(code).stdout == "42\n\n"


def test_nothing_else_can_be_started(runner: ProgramRunner) -> None:
    code = "import os\nopen('x', 'w').write('#!/bin/sh\\n')\nos.chmod('x', 0o755)\nos.execv('./x', ['x'])"
    assert runner.run(code).detail == "PermissionError"
    assert runner.run("import os; os.execv('/bin/sh', ['sh'])").detail in {"FileNotFoundError", "PermissionError"}


def test_it_is_the_first_of_its_processes_and_has_no_parent(runner: ProgramRunner) -> None:
    assert seen(runner, "(os.getpid(), os.getppid())", P.PID_NAMESPACE) == (1, 0)


def test_it_is_nobody_and_nobody_else(runner: ProgramRunner) -> None:
    users = seen(runner, "(os.getresuid(), os.getresgid(), os.getgroups())", P.USER_NAMESPACE)
    overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
    assert users == ((overflow,) * 3, (overflow,) * 3, [])


def test_it_has_no_capabilities_and_cannot_get_any(runner: ProgramRunner) -> None:
    setup = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[9] * 6)\n"
        "libc.capget(header, data)"
    )
    assert seen(runner, "(list(data), libc.prctl(39, 0, 0, 0, 0))", P.NO_NEW_PRIVILEGES, setup=setup) == ([0] * 6, 1)


def test_there_is_no_network_interface_that_is_up(runner: ProgramRunner) -> None:
    # Without the filter, which denies the sockets that could look.
    without = frozenset({P.SECCOMP})
    with ProgramRunner(without, preload=()) as open_runner:
        names = seen(open_runner, "socket.if_nameindex()", P.NETWORK_NAMESPACE, setup="import socket")
        assert names in ([], [(1, "lo")])
        result = open_runner.run("import socket\nsocket.create_connection(('127.0.0.1', 1), 1)")
        assert "unreachable" in result.stderr or "Permission" in result.stderr


def test_shared_memory_of_others_is_not_there(runner: ProgramRunner) -> None:
    assert seen(runner, "os.listdir('/dev/shm')", P.MOUNT_NAMESPACE) == []


def test_devices_work(runner: ProgramRunner) -> None:
    assert seen(runner, "len(open('/dev/urandom', 'rb').read(9))") == 9
    assert seen(runner, "open('/dev/zero', 'rb').read(2)") == b"\0\0"
    assert seen(runner, "open('/dev/null', 'w').write('x')") == 1


def test_the_environment_is_six_fixed_variables(runner: ProgramRunner) -> None:
    names = seen(runner, "sorted(os.environ)")
    assert names == ["HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PYTHONHASHSEED"]


def test_limits_cannot_be_raised(runner: ProgramRunner) -> None:
    code = (
        "import resource\n"
        "for name in ('AS', 'CPU', 'FSIZE', 'NOFILE', 'NPROC', 'CORE'):\n"
        "    limit = getattr(resource, 'RLIMIT_' + name)\n"
        "    soft, hard = resource.getrlimit(limit)\n"
        "    try:\n"
        "        resource.setrlimit(limit, (hard + 1, hard + 1))\n"
        "        print('raised', name)\n"
        "    except (ValueError, OSError):\n"
        "        print(soft == hard)\n"
    )
    assert runner.run(code, limits=Limits(cpu_seconds=3)).stdout == "True\n" * 6
