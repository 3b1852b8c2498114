"""Landlock: an unprivileged process denies itself files, TCP ports, signals and abstract sockets. Linux 5.13 and
later.

In: folders it may read, execute, or change. Effect: everything else fails with EACCES, for this process and all it
starts, for ever. Sources: landlock(7), the kernel's Documentation/userspace-api/landlock.rst. ABI 3 (truncate) is
the least that counts as a layer; 4 adds TCP, 5 device ioctls, 6 signals and abstract UNIX sockets. Landlock does
not know chmod, utime or setxattr: where it stands alone, `seccomp.py` denies those.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH112

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from verify.programs import kernel
from verify.programs.protections import Protection

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # all that a rule on a single file may hold
_LEAST_ABI = 3
# Highest file right of each ABI, as number of bits.
_FILE_BITS = {3: 15, 4: 15, 5: 16}
_TCP = 0b11  # bind, connect
_SCOPE = 0b11  # abstract UNIX sockets, signals


def abi() -> int:
    """Version of Landlock in this kernel; 0 without."""
    try:
        return kernel.syscall("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def layers(version: int) -> frozenset[Protection]:
    """What a kernel with this ABI can do."""
    found = {
        Protection.LANDLOCK_FILES: _LEAST_ABI,
        Protection.LANDLOCK_NETWORK: 4,
        Protection.LANDLOCK_SCOPE: 6,
    }
    return frozenset(layer for layer, least in found.items() if version >= least)


def restrict(
    wanted: Iterable[Protection], *, readable: Iterable[str], executable: Iterable[str], own: Iterable[str]
) -> None:
    """Confine this process. It must have no_new_privs set. Paths that do not exist are left out."""
    layers_wanted = frozenset(wanted)
    bits = _FILE_BITS.get(abi(), max(_FILE_BITS.values()))
    handled = (1 << bits) - 1 if Protection.LANDLOCK_FILES in layers_wanted else 0
    tcp = _TCP if Protection.LANDLOCK_NETWORK in layers_wanted else 0
    scope = _SCOPE if Protection.LANDLOCK_SCOPE in layers_wanted else 0
    fields = [handled] + ([tcp] if abi() >= 4 else []) + ([scope] if abi() >= 6 else [])
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = kernel.syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        if handled:
            read = READ_FILE | READ_DIR
            rights = ((readable, read), (executable, READ_FILE | EXECUTE), (own, handled & ~(IOCTL_DEV | EXECUTE)))
            for paths, allowed in rights:
                for path in paths:
                    _allow(ruleset, path, allowed & handled)
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
