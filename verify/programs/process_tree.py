"""Which processes descend from which, from proc(5).

In: a descriptor of a /proc. Out: process ids as that /proc's PID namespace counts them, those of namespaces below it
included. What the kernel says is a moment old: a process may be gone, and a new one is missing.
"""

from __future__ import annotations

import os
from contextlib import suppress

_READ_BYTES = 4096


def parents(proc: int) -> dict[int, int]:
    """The parent of every process."""
    found = {}
    for name in filter(str.isdigit, os.listdir(proc)):
        with suppress(OSError, IndexError, ValueError):
            # The name may hold anything, so fields are counted from its closing bracket.
            found[int(name)] = int(read(proc, f"{name}/stat").rpartition(b")")[2].split()[1])
    return found


def family(proc: int, first: int) -> set[int]:
    """`first` and all its descendants."""
    above = parents(proc)
    members = {first}
    while more := {process for process, parent in above.items() if parent in members} - members:
        members |= more
    return members


def read(proc: int, path: str) -> bytes:
    """The start of a file in that /proc."""
    descriptor = os.open(path, os.O_RDONLY, dir_fd=proc)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
