"""What a run of a program came to: a status decided by the kernel's wait status, and what the program wrote.

`stdout`, `stderr` and `last_expression` are the program's own words and prove nothing: a program can print
"correct". `status`, `exit_code` and `seconds` come from outside of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verify.programs.protections import Protection


class ProgramStatus(StrEnum):
    """How a run ended."""

    OK = "ok"  # it ended by itself with exit code 0
    ERROR = "error"  # an exception nobody caught, or another exit code
    TIMEOUT = "timeout"  # killed at its limit of wall or CPU time
    MEMORY = "memory"  # it asked for more memory than it may have
    OUTPUT_LIMIT = "output-limit"  # killed for writing far beyond its limit
    KILLED = "killed"  # ended by a signal: a crash of the interpreter, or the kernel's memory killer
    REFUSED = "refused"  # never ran: too large, or the machine cannot protect itself as demanded


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """The outcome of one program or one cell; `detail` says why in a sentence.

    `exit_code` is negative for a signal and None where nothing ran. `last_expression` is the `repr` of the last
    statement's value if it is an expression. `state_lost` is true for a cell after which the session starts anew.
    """

    status: ProgramStatus
    detail: str
    stdout: str = ""
    stderr: str = ""
    last_expression: str | None = None
    exit_code: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    state_lost: bool = False
    protections: frozenset[Protection] = frozenset()

    def shown(self) -> str:
        """What a notebook shows below the cell: output, last value, errors, and why it ended if not by itself."""
        parts = [self.stdout, self.last_expression or "", self.stderr]
        if self.status not in {ProgramStatus.OK, ProgramStatus.ERROR}:
            parts.append(f"[{self.status}: {self.detail}]")
        return "\n".join(part.rstrip("\n") for part in parts if part.strip())
