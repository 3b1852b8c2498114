"""Findings as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from rl.doctor.findings import Finding, Status

_STYLES = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.FAULT: "bold red",
    Status.NOT_APPLICABLE: "dim",
}


def table(findings: Sequence[Finding], title: str) -> Table:
    """One line a finding; why and how to mend it where something is wrong."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("check", no_wrap=True)
    shown.add_column("status", no_wrap=True)
    shown.add_column("found", overflow="fold")
    for finding in findings:
        said = Text(finding.found)
        if finding.status in {Status.WARNING, Status.FAULT}:
            said.append(f"\nwhy: {finding.why}", style="dim")
            said.append(f"\nmend: {finding.mend}{' (--repair does)' if finding.repairs else ''}", style="cyan")
        shown.add_row(finding.name, Text(str(finding.status), style=_STYLES[finding.status]), said)
    return shown


def tally(findings: Sequence[Finding]) -> str:
    """How many of each status."""
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def as_json(model: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """For the report's file."""
    return {
        "model": model,
        "faults": [finding.name for finding in findings if finding.status is Status.FAULT],
        "warnings": [finding.name for finding in findings if finding.status is Status.WARNING],
        "findings": [finding.as_json() for finding in findings],
    }
