"""Landlock: an unprivileged process denies itself files, TCP ports, signals and abstract sockets (from Linux 5.13).

In: what it may read, run, or change. Effect: everything else fails with EACCES, for this process and all it starts,
for ever. Sources: landlock(7), the kernel's Documentation/userspace-api/landlock.rst. ABI 1 knows files, 3 also their
truncation, 4 TCP, 5 ioctls on devices, 6 signals and abstract UNIX sockets. Landlock does not know chmod, utime or
setxattr: where no mount namespace hides the files, `seccomp.py` denies those, and truncation on old kernels.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH112

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping

from verify.programs import kernel
from verify.programs.protections import Protection

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # all that a rule on one file may hold
# How many of the file rights each ABI knows: 2 brought renaming across folders, 3 truncation, 5 ioctl on devices.
_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_FILE_BITS = 16
_TCP = 0b11  # bind, connect
_SCOPE = 0b11  # abstract UNIX sockets, signals

READ = _READ_FILE | _READ_DIR
READ_AND_WRITE = READ | _WRITE_FILE
RUN = _READ_FILE | _EXECUTE
CHANGE = (1 << _ALL_FILE_BITS) - 1 & ~(_EXECUTE | _IOCTL_DEV)


def abi() -> int:
    """Version of Landlock in this kernel; 0 without."""
    try:
        return kernel.syscall("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def layers(version: int) -> frozenset[Protection]:
    """What a kernel with this ABI can do."""
    found = {Protection.LANDLOCK_FILES: 1, Protection.LANDLOCK_NETWORK: 4, Protection.LANDLOCK_SCOPE: 6}
    return frozenset(layer for layer, least in found.items() if version >= least)


def knows_truncation(version: int) -> bool:
    """Whether a file that may only be read cannot be emptied either."""
    return version >= 3


def restrict(wanted: Iterable[Protection], allowed: Mapping[int, Iterable[str]], version: int) -> None:
    """Confine this process as an ABI of that version can: what is not under a path of `allowed` is denied.

    The process must have no_new_privs set. Paths that do not exist are left out.
    """
    chosen = frozenset(wanted)
    files = (1 << _FILE_BITS.get(version, _ALL_FILE_BITS)) - 1 if Protection.LANDLOCK_FILES in chosen else 0
    tcp = _TCP if Protection.LANDLOCK_NETWORK in chosen else 0
    scope = _SCOPE if Protection.LANDLOCK_SCOPE in chosen else 0
    fields = [files] + ([tcp] if version >= 4 else []) + ([scope] if version >= 6 else [])
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = kernel.syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for rights, paths in allowed.items():
            for path in paths if files else ():
                _allow(ruleset, path, rights & files)
        kernel.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        kernel.syscall("landlock_add_rule", ruleset, 1, struct.pack("=Qi", rights, target), 0)
    finally:
        os.close(target)
