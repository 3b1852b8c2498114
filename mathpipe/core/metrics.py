"""Append-only JSON lines of a run: `metrics.jsonl` (events with counts and costs) and `ledger.jsonl` (failures).

Both can be read while the run goes on, and both survive a kill up to the last full line.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mathpipe.core.store import disk_faults


def now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class JsonLines:
    """A file that takes one JSON object a line, opened per line so that nothing is lost in a buffer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not _ends_a_line(path):  # torn by a kill: closed before the next one is written
            self._append("\n")

    def write(self, **row: object) -> None:
        """Append one object, with the time first."""
        self._append(json.dumps({"time": now(), **row}, ensure_ascii=False) + "\n")

    def _append(self, text: str) -> None:
        # A lone surrogate in a URL or a path becomes \udXXX, which is JSON's own way to write it.
        with disk_faults(self.path), self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read() in (b"", b"\n")


@dataclass(frozen=True, slots=True)
class Failure:
    """One record or shard that failed: what a person needs to find it again and to mend it."""

    step: str
    shard: int
    record_id: str
    url: str
    reason: str
    message: str
    traceback: str = ""


class Ledger:
    """`ledger.jsonl`: every quarantined record and every failed shard, with its traceback."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)

    def add(self, failure: Failure) -> None:
        """Append one failure."""
        self._lines.write(
            step=failure.step,
            shard=failure.shard,
            record_id=failure.record_id,
            url=failure.url,
            reason=failure.reason,
            message=failure.message,
            traceback=failure.traceback,
        )


def read_json_lines(path: Path) -> list[dict[str, object]]:
    """The objects of a JSON-lines file; torn lines are left out, a missing file is empty."""
    rows: list[dict[str, object]] = []
    if not path.exists():
        return rows
    with path.open(encoding="utf-8", errors="replace") as file:  # a kill may tear a letter apart
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                rows.append(row)
    return rows
