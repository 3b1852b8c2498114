"""This process's memory as Linux counts it, in bytes: resident now, peak since a mark, private data; and a bound."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): resets the peak resident set size to the current one


def _field(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def rss_bytes() -> int:
    """Resident memory now."""
    return _field("VmRSS:")


def peak_rss_bytes() -> int:
    """The most that was resident since `reset_peak`, or since the process began where that is not allowed."""
    return _field("VmHWM:")


def reset_peak() -> None:
    """Start measuring the peak anew; some containers forbid it, then the peak is the process's."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return


def bound_private_bytes(more_bytes: int) -> None:
    """Let this process allocate at most so much above what it holds; beyond it allocations fail (MemoryError).

    Private data is bounded and not address space: Ray maps a large shared store that costs nothing.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_field("VmData:") + more_bytes, hard))
