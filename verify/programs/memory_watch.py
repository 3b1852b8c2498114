"""How much memory all processes of a run hold together, which no resource limit bounds.

In: a descriptor of a /proc, the first process of a run. Out: bytes resident beyond what a fresh fork of the worker
holds. Pages that processes share are counted for each of them, so the limit set on this sum must leave room.
Source: proc(5).
"""

from __future__ import annotations

import os
from contextlib import suppress

from verify.programs import process_tree

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(proc: int, process: int | str) -> int:
    """Bytes of one process; 0 if it is gone."""
    with suppress(OSError, IndexError, ValueError):
        return int(process_tree.read(proc, f"{process}/statm").split()[1]) * _PAGE
    return 0


def added_bytes(proc: int, first: int, baseline_bytes: int) -> int:
    """Bytes that `first` and its descendants hold beyond the baseline of each."""
    return sum(max(0, resident_bytes(proc, process) - baseline_bytes) for process in process_tree.family(proc, first))
