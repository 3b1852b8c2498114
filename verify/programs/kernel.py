"""Linux system calls that Python 3.11 does not wrap, through ctypes; a failed call raises `OSError`.

Sources: unshare(2), setns(2), mount(2), mount_setattr(2), pivot_root(2), capset(2), prctl(2) and the kernel's
`include/uapi/linux` headers. Numbers are those of x86_64 and aarch64; on another machine every call here fails
with ENOSYS, and the layers built on it are reported as missing. Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from functools import cache

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38

# unshare, setns, umount2 and mount are called by libc's wrappers; these have none in older libraries.
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}
# Numbers since Linux 5.1 are the same on both.
_COMMON_NUMBERS = {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


def machine() -> str:
    """The machine's name as the tables here spell it."""
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call by name with integers, bytes and buffers."""
    number = _NUMBERS.get(machine(), {}).get(name) or (_COMMON_NUMBERS.get(name) if machine() in _NUMBERS else None)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: no system call number for {machine()}")
    widened = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(name, _libc().syscall(ctypes.c_long(number), *widened))


def unshare(flags: int) -> None:
    """Enter new namespaces (for CLONE_NEWPID: the next child does)."""
    _checked("unshare", _libc().unshare(flags))


def setns(descriptor: int, flags: int) -> None:
    """Enter the namespace behind a descriptor."""
    _checked("setns", _libc().setns(descriptor, flags))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Attach a file system."""
    text = [None if value is None else os.fsencode(value) for value in (source, target, kind, data)]
    _checked(f"mount {target}", _libc().mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]))


def detach(target: str) -> None:
    """Unmount a tree at once, even while it is in use."""
    _checked(f"umount {target}", _libc().umount2(os.fsencode(target), MNT_DETACH))


def make_read_only(target: str, *, recursive: bool) -> None:
    """Set read-only and nosuid on a mount, and on all below it (Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    raw = bytes(attributes)
    syscall("mount_setattr", AT_FDCWD, os.fsencode(target), flags, raw, len(raw))


def pivot_root(new: str, put_old: str) -> None:
    """Make `new` the root and move the old one to `put_old` below it."""
    syscall("pivot_root", os.fsencode(new), os.fsencode(put_old))


def prctl(option: int, value: int = 0, pointer: int = 0) -> None:
    """Set an attribute of this process."""
    zero = ctypes.c_ulong(0)
    _checked(f"prctl {option}", _libc().prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), zero, zero))


def drop_capabilities() -> None:
    """Empty this process's capability sets for good: with no_new_privs, execve(2) gives none back, even to uid 0."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    version_3_of_this_process = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall("capset", bytes(version_3_of_this_process), bytes(24))
