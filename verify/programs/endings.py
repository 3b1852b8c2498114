"""From what the worker tells about a run to a `ProgramResult`.

In: the worker's message (exit code by wait4(2), CPU time, what it stopped the run for), the captured streams, the
program's own report. Out: status and detail. Nothing the program says can turn a failure into OK.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

from verify.programs.limits import Limits
from verify.programs.result import ProgramResult, ProgramStatus

if TYPE_CHECKING:
    from verify.programs.execution import Execution


def judge(
    ended: dict[str, Any], limits: Limits, report: dict[str, Any], *, flooded: bool
) -> tuple[ProgramStatus, str]:
    """Name the end. OK needs exit code 0 from wait4(2); the report only tells kinds of failure apart."""
    if not ended["started"]:
        return ProgramStatus.REFUSED, ended["problem"]
    if ended["problem"]:
        return ProgramStatus.KILLED, ended["problem"]
    if flooded:
        return ProgramStatus.OUTPUT_LIMIT, f"killed: it wrote far beyond {limits.output_bytes} bytes"
    code = ended["exit"]
    if code < 0:
        return _killed(ended, -code, limits)
    exception = report.get("exception")
    if code and exception == "MemoryError":
        return ProgramStatus.MEMORY, f"it needs more than {limits.memory_mb} MB"
    if code:
        return ProgramStatus.ERROR, exception if isinstance(exception, str) and exception else f"exit code {code}"
    return ProgramStatus.OK, "it ended by itself"


def _killed(ended: dict[str, Any], number: int, limits: Limits) -> tuple[ProgramStatus, str]:
    """Who ended it: the worker at a limit, the kernel at the limit of CPU time, or something else."""
    if number == signal.SIGKILL:
        if ended["stopped"] == "memory":
            return ProgramStatus.MEMORY, f"killed: its processes together hold far more than {limits.memory_mb} MB"
        if ended["stopped"] == "deadline":
            return ProgramStatus.TIMEOUT, f"killed after {limits.wall_seconds:g} s"
        if ended["cpu"] >= 0.95 * limits.cpu_seconds:  # the kernel rounds
            return ProgramStatus.TIMEOUT, f"killed after {limits.cpu_seconds:g} s of CPU time"
    return ProgramStatus.KILLED, f"ended by {_signal_name(number)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def read_report(run: Execution, token: str = "") -> dict[str, Any]:
    """The program's words about itself, on a line with that token; empty where there are none that make sense."""
    for line in bytes(run.captures["report"].kept).split(b"\n"):
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(report, dict) and report.get("token") == token:
            return report
    return {}


def result_of(run: Execution, status: ProgramStatus, detail: str, *, token: str = "", **more: Any) -> ProgramResult:
    """What was collected, under that status."""
    out, err = run.captures["stdout"], run.captures["stderr"]
    ended = run.ended or {}
    last = read_report(run, token).get("last")
    known = {
        "exit_code": ended.get("exit") if ended.get("started") else None,
        "seconds": ended.get("seconds", 0.0),
        "cpu_seconds": ended.get("cpu", 0.0),
    }
    return ProgramResult(
        status,
        detail,
        stdout=out.text(),
        stderr=err.text(),
        last_expression=last[: run.limits.output_bytes] if isinstance(last, str) else None,
        stdout_truncated=out.truncated,
        stderr_truncated=err.truncated,
        protections=run.worker.layers,
        **{**known, **more},
    )
