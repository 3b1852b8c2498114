"""What a program may use, and which protections must stand around it. Values only, units in the names.

A program is what a language model wrote: wrong, endless or hostile. The defaults suit school mathematics with
SymPy; a test suite of a programming contest raises `wall_seconds` and `memory_mb`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mathpipe.core.errors import ConfigError
from verify.programs.protections import Protection


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run (of one cell, in a session).

    `memory_mb` is address space a process may add to that of a fresh interpreter; all processes of a run together
    may hold twice as much, where that can be watched. `file_mb` bounds all files together where there is a mount
    namespace, else each file and, looked at every 50 ms, all. `output_bytes` is kept of stdout and of stderr each; a
    program that writes four times as much is killed. `processes` counts threads too. `require` names protections
    that must be active beyond the minimum; `without` turns some off.
    """

    wall_seconds: float = 10.0
    cpu_seconds: float = 10.0
    memory_mb: int = 1024
    output_bytes: int = 1_000_000
    file_mb: int = 32
    files: int = 2_000
    open_files: int = 64
    processes: int = 16
    code_bytes: int = 1_000_000
    require: frozenset[Protection] = frozenset()
    without: frozenset[Protection] = frozenset()

    def __post_init__(self) -> None:
        """Refuse values that no run could live under."""
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise ConfigError(
                    f"Limits.{name}={value}", f"a number of at least {least}", f"give {name} a larger value"
                )


# An import opens a folder and a file at once, beside the five descriptors there are: less than this fails to start.
_LEAST: dict[str, float] = {
    "wall_seconds": 0.01,
    "cpu_seconds": 0.01,
    "memory_mb": 16,
    "output_bytes": 0,
    "file_mb": 1,
    "files": 8,
    "open_files": 16,
    "processes": 1,
    "code_bytes": 1,
}
