"""Namespaces: of the worker process, entered once, and of each run, entered after its fork.

The network and UTS namespaces, the read-only root and (for an ordinary user) the user namespace that gives the
right to make the others belong to the worker: nothing of a run stays in them, because no process of it stays. PID,
IPC and mount namespaces are new for each run, and a last user namespace without any uid mapping takes away what is
left. Sources: namespaces(7), user_namespaces(7), pid_namespaces(7), network_namespaces(7). A worker's own PID
namespace makes killing the worker kill all runs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from verify.programs import kernel, root_files
from verify.programs.protections import Protection

_OF_WORKER = {
    Protection.NETWORK_NAMESPACE: kernel.CLONE_NEWNET,
    Protection.UTS_NAMESPACE: kernel.CLONE_NEWUTS,
    Protection.MOUNT_NAMESPACE: kernel.CLONE_NEWNS,
    Protection.PID_NAMESPACE: kernel.CLONE_NEWPID,
}
_OF_RUN = {Protection.MOUNT_NAMESPACE: kernel.CLONE_NEWNS, Protection.IPC_NAMESPACE: kernel.CLONE_NEWIPC}


@dataclass(frozen=True, slots=True)
class Views:
    """Descriptors the worker keeps and no program gets: its PID namespace, and a /proc that shows its children."""

    pid_namespace: int | None
    proc: int | None


def enter_worker_namespaces(layers: AbstractSet[Protection], readable: Iterable[str]) -> Views:
    """Move this process into the worker's namespaces; with a PID namespace, go on in a child and wait here for it."""
    flags = _flags(_OF_WORKER, layers)
    if os.geteuid() != 0 and Protection.USER_NAMESPACE in layers:
        user, group = os.geteuid(), os.getegid()
        kernel.unshare(flags | kernel.CLONE_NEWUSER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    elif flags:
        kernel.unshare(flags)
    own = None
    if Protection.PID_NAMESPACE in layers:
        _go_on_in_child()
        own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    proc = _open_proc(layers)
    if Protection.MOUNT_NAMESPACE in layers:
        root_files.build_root(readable)
    return Views(own, proc)


def enter_run_namespaces(layers: AbstractSet[Protection], file_mb: int, files: int) -> None:
    """Move this process (just forked, capable) into the namespaces of one run."""
    flags = _flags(_OF_RUN, layers)
    if flags:
        kernel.unshare(flags)
    if Protection.MOUNT_NAMESPACE in layers:
        root_files.mount_own_folder(file_mb, files)


def fork_in_new_pid_namespace(own: int) -> int:
    """Fork a first process of a PID namespace; forks after this are in ours again, of which `own` is a descriptor."""
    kernel.unshare(kernel.CLONE_NEWPID)
    try:
        child = os.fork()
    except OSError:
        kernel.setns(own, kernel.CLONE_NEWPID)
        raise
    if child:
        kernel.setns(own, kernel.CLONE_NEWPID)
    return child


def _open_proc(layers: AbstractSet[Protection]) -> int | None:
    """A /proc of this PID namespace, while there still is a place to mount it; None where that is not allowed."""
    try:
        if Protection.PID_NAMESPACE in layers:
            if Protection.MOUNT_NAMESPACE not in layers:
                return None
            kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
            kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        return os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


def _flags(table: dict[Protection, int], layers: AbstractSet[Protection]) -> int:
    return sum(flag for layer, flag in table.items() if layer in layers)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _go_on_in_child() -> None:
    """Fork the first process of the new PID namespace. The parent stays outside, dies with it and takes it along."""
    starter = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    os.closerange(0, 4096)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        signal.sigtimedwait({signal.SIGCHLD}, 1.0)
        if os.getppid() != starter:
            os.kill(child, signal.SIGKILL)
    os._exit(os.waitstatus_to_exitcode(ended[1]) & 0xFF)
