"""The layers of protection by name, and the least that must stand around a program before it runs.

Not every machine offers every layer: containers often refuse namespaces, old kernels lack Landlock. What a layer
does is in the file named after it; which ones a machine has, `verify.programs.probe` finds out by trying. Only the
standard library is imported here, because the worker process (`zygote.py`) reads this module too.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum


class Protection(StrEnum):
    """One layer."""

    RLIMITS = "rlimits"  # setrlimit(2): CPU, memory, file size, open files, processes
    PROCESS_GROUP_KILL = "process-group-kill"  # nothing a program started outlives it
    UNPRIVILEGED_USER = "unprivileged-user"  # never uid 0; RLIMIT_NPROC counts (it does not for root)
    NO_NEW_PRIVILEGES = "no-new-privileges"  # no capabilities, and no way to get any
    USER_NAMESPACE = "user-namespace"  # its uid means nothing outside
    PID_NAMESPACE = "pid-namespace"  # sees and signals only its own processes, all of which die with the first
    MOUNT_NAMESPACE = "mount-namespace"  # a root of its own: interpreter and libraries read-only, a small folder
    NETWORK_NAMESPACE = "network-namespace"  # no interface, loopback down
    IPC_NAMESPACE = "ipc-namespace"  # no shared memory segments or message queues of others
    UTS_NAMESPACE = "uts-namespace"  # a host name of its own
    LANDLOCK_FILES = "landlock-files"  # file access by an allow-list of folders
    LANDLOCK_NETWORK = "landlock-network"  # no TCP bind or connect
    LANDLOCK_SCOPE = "landlock-scope"  # no signals to, no abstract sockets of, processes outside
    TOTAL_MEMORY = "total-memory"  # all processes of a run together, watched; RLIMIT_AS bounds each alone
    SECCOMP = "seccomp"  # system calls it has no business with fail


ALL_PROTECTIONS = frozenset(Protection)

# Each row: what must hold, and the layers of which any one makes it hold. Landlock's network rules are not in
# the second row because they know TCP only, and its scope not in the fourth because it knows signals only, not
# prlimit(2) on another process of the same user.
MINIMUM: tuple[tuple[str, frozenset[Protection]], ...] = (
    ("limits on resources", frozenset({Protection.RLIMITS})),
    ("no network", frozenset({Protection.NETWORK_NAMESPACE, Protection.SECCOMP})),
    ("no files of others", frozenset({Protection.MOUNT_NAMESPACE, Protection.LANDLOCK_FILES})),
    ("no signals to others", frozenset({Protection.PID_NAMESPACE, Protection.SECCOMP})),
    ("a kill that reaches all", frozenset({Protection.PID_NAMESPACE, Protection.PROCESS_GROUP_KILL})),
    ("a limit on processes", frozenset({Protection.UNPRIVILEGED_USER, Protection.SECCOMP})),
)


def missing_protection(active: AbstractSet[Protection], required: AbstractSet[Protection]) -> str | None:
    """Why a program must not run with only `active`, in one sentence; None if it may."""
    for what, any_of in MINIMUM:
        if not any_of & active:
            return f"{what}: needs {' or '.join(sorted(any_of))}, and this machine offers none of them"
    lacking = sorted(required - active)
    return f"required but not available: {', '.join(lacking)}" if lacking else None
