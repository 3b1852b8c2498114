"""Which layers this machine has: each is tried in a forked child, and counts only if its effect is seen.

Runs in the worker process, before it enters anything. In: the candidates. Out: those that work. Kernels, containers
and security modules refuse in too many ways to predict it from versions or settings.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH110, PTH208

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from verify.programs import kernel, landlock, memory_watch, namespaces, seccomp
from verify.programs.confine import become, unprivileged_user
from verify.programs.protections import Protection
from verify.programs.root_files import OWN_FOLDER


def working_layers(candidates: Iterable[Protection], readable: tuple[str, ...]) -> frozenset[Protection]:
    """Those of the candidates that do here what they should."""
    wanted = frozenset(candidates)
    user_namespace = wanted & {Protection.USER_NAMESPACE}  # what lets an ordinary user have the others
    landlocks = landlock.layers(landlock.abi())

    def enter(*layers: Protection) -> namespaces.Views:
        return namespaces.enter_worker_namespaces(user_namespace.union(layers), readable)

    def network() -> bool:
        enter(Protection.NETWORK_NAMESPACE)
        return [name for _, name in socket.if_nameindex()] in ([], ["lo"])

    def mounts() -> bool:
        enter(Protection.MOUNT_NAMESPACE)
        namespaces.enter_run_namespaces(frozenset({Protection.MOUNT_NAMESPACE}), 1, 16)
        return not os.path.exists("/proc") and os.access(OWN_FOLDER, os.W_OK)

    def processes() -> bool:
        own = enter(Protection.PID_NAMESPACE).pid_namespace
        return own is not None and all(_is_first_process(own) for _ in range(2))

    def host_name() -> bool:
        enter(Protection.UTS_NAMESPACE)
        socket.sethostname("sandbox")
        return True

    def message_queues() -> bool:
        enter(Protection.IPC_NAMESPACE)
        namespaces.enter_run_namespaces(frozenset({Protection.IPC_NAMESPACE}), 1, 16)
        return True

    def memory() -> bool:
        proc = enter(*wanted & {Protection.PID_NAMESPACE, Protection.MOUNT_NAMESPACE}).proc
        return proc is not None and memory_watch.resident_bytes(proc, os.getpid()) > 0

    trials: dict[Protection, Callable[[], bool]] = {
        Protection.RLIMITS: lambda: True,
        Protection.PROCESS_GROUP_KILL: lambda: True,
        Protection.UNPRIVILEGED_USER: _unprivileged,
        Protection.NO_NEW_PRIVILEGES: _no_capabilities,
        Protection.USER_NAMESPACE: _user_namespace,
        Protection.PID_NAMESPACE: processes,
        Protection.MOUNT_NAMESPACE: mounts,
        Protection.NETWORK_NAMESPACE: network,
        Protection.IPC_NAMESPACE: message_queues,
        Protection.UTS_NAMESPACE: host_name,
        Protection.LANDLOCK_FILES: lambda: Protection.LANDLOCK_FILES in landlocks and _landlocked(),
        Protection.LANDLOCK_NETWORK: lambda: Protection.LANDLOCK_NETWORK in landlocks,
        Protection.LANDLOCK_SCOPE: lambda: Protection.LANDLOCK_SCOPE in landlocks,
        Protection.TOTAL_MEMORY: memory,
        Protection.SECCOMP: _filtered,
    }
    return frozenset(layer for layer in wanted if succeeds(trials[layer]))


def succeeds(trial: Callable[[], bool]) -> bool:
    """Whether the trial returns true in a child of ours."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return status == 0
    with suppress(OSError):
        os._exit(0 if trial() else 1)
    os._exit(1)


def can_import_as(user: int, readable: Iterable[str]) -> bool:
    """Whether a program of that uid could read the interpreter's files (root's home folder is often closed)."""

    def trial() -> bool:
        if os.geteuid() == 0:
            become(user)
        return all(os.access(path, os.R_OK) for path in present)

    present = [path for path in readable if os.path.exists(path)]
    return succeeds(trial)


def _is_first_process(own: int) -> bool:
    child = namespaces.fork_in_new_pid_namespace(own)
    if child == 0:
        os._exit(0 if os.getpid() == 1 else 1)
    return os.waitpid(child, 0)[1] == 0


def _unprivileged() -> bool:
    if os.geteuid() == 0:
        become(unprivileged_user())
    return os.geteuid() != 0


def _no_capabilities() -> bool:
    kernel.drop_capabilities()
    return True


def _user_namespace() -> bool:
    if os.geteuid() == 0:
        become(unprivileged_user())
    kernel.unshare(kernel.CLONE_NEWUSER)
    return True


def _landlocked() -> bool:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict({Protection.LANDLOCK_FILES}, {}, landlock.abi())
    try:
        os.listdir("/")
    except PermissionError:
        return True
    return False


def _filtered() -> bool:
    if not seccomp.supported():
        return False
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(seccomp.Filter())
    try:
        socket.socket()
    except OSError as error:
        return error.errno == errno.EPERM
    return False
