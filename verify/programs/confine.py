"""The cage of one run: every active layer is put around this process, in the one order that works.

In: what all runs of a worker share (`Cage`) and one run's limits. Effect: this process and all it starts are
confined for ever; any step that fails raises `OSError`, and the program is then not run. Order: namespaces and
mounts need privileges, then the uid goes, then capabilities, then Landlock (needs no_new_privs and still opens
paths), seccomp last. Sources: setrlimit(2), credentials(7), capabilities(7) and those named in the files of the
layers.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import math
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

from verify.programs import kernel, landlock, namespaces, seccomp
from verify.programs.protections import Protection
from verify.programs.root_files import DEVICES

_MB = 2**20
# Python frames of C functions that call back need it; the kernel grows the stack only when it is touched.
_STACK_BYTES = 64 * _MB
# systemd's range of users made up on the fly (systemd.io/UIDS-GIDS), so that two workers never share one.
_FIRST_USER, _USERS = 61_184, 4_336
_LANDLOCK = frozenset({Protection.LANDLOCK_FILES, Protection.LANDLOCK_NETWORK, Protection.LANDLOCK_SCOPE})


@dataclass(frozen=True, slots=True)
class Cage:
    """What stands around every run of a worker. `address_space_bytes` is what a fresh fork of it already maps."""

    layers: frozenset[Protection]
    readable: tuple[str, ...]
    executable: tuple[str, ...]
    address_space_bytes: int = 0


def unprivileged_user() -> int:
    """The uid and gid of programs: our own, or when that is root's, one that owns nothing."""
    return os.geteuid() or _FIRST_USER + os.getpid() % _USERS


def confine(cage: Cage, user: int, folder: str, limits: Mapping[str, float]) -> None:
    """Put the cage around this process and make `folder` its working directory."""
    layers = cage.layers
    namespaces.enter_run_namespaces(layers, int(limits["file_mb"]), int(limits["files"]))
    os.chdir(folder)
    if Protection.RLIMITS in layers:
        _set_limits(cage, limits)
    if Protection.UNPRIVILEGED_USER in layers and os.geteuid() == 0:
        become(user)
    if Protection.USER_NAMESPACE in layers:
        kernel.unshare(kernel.CLONE_NEWUSER)
    if Protection.NO_NEW_PRIVILEGES in layers:
        kernel.drop_capabilities()
    if layers & _LANDLOCK:
        allowed = {
            landlock.READ: cage.readable,
            landlock.READ_AND_WRITE: DEVICES,
            landlock.RUN: cage.executable,
            landlock.CHANGE: (folder,),
        }
        landlock.restrict(layers, allowed, landlock.abi())
    if Protection.SECCOMP in layers:
        seccomp.install(filter_for(layers))


def become(user: int) -> None:
    """Change to that uid and gid, without a way back."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def filter_for(layers: frozenset[Protection]) -> seccomp.Filter:
    """What seccomp must make up for where other layers are missing."""
    return seccomp.Filter(
        signals=Protection.PID_NAMESPACE not in layers,
        attributes=Protection.MOUNT_NAMESPACE not in layers,
        forking=Protection.UNPRIVILEGED_USER not in layers,
    )


def _set_limits(cage: Cage, limits: Mapping[str, float]) -> None:
    # The kernel counts whole seconds; at the hard limit it kills, also a process that ignores SIGXCPU.
    cpu = math.ceil(limits["cpu_seconds"])
    values = {
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_AS: cage.address_space_bytes + int(limits["memory_mb"] * _MB),
        resource.RLIMIT_FSIZE: int(limits["file_mb"] * _MB),
        resource.RLIMIT_NOFILE: int(limits["open_files"]),
        resource.RLIMIT_NPROC: int(limits["processes"]) + _already_running(cage.layers),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,  # counts timers too, which are kernel memory
        resource.RLIMIT_STACK: _STACK_BYTES,
    }
    for name, value in values.items():
        _, hard = resource.getrlimit(name)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (least, least))


def _already_running(layers: frozenset[Protection]) -> int:
    """Threads that RLIMIT_NPROC counts beside ours: those of an ordinary user, unless a user namespace is new."""
    if Protection.USER_NAMESPACE in layers or os.geteuid() == 0:
        return 0
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as status:
                fields = dict(line.split(":", 1) for line in status if ":" in line)
        except OSError:  # it ended meanwhile
            continue
        if int(fields["Uid"].split()[0]) == os.geteuid():
            count += int(fields["Threads"])
    return count
