"""What a person decided about path prefixes: pages below one are wanted, or are not.

In and out: a JSONL file, one `{"prefix", "decision", "by", "time"}` a line, only ever appended to; the last line
for a prefix counts. A line is on the disk when `append_decision` returns. A line that cannot be read (a crash half
way through it) is passed over and its successor starts on a line of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mathpipe.core.errors import InputError

FILE_NAME = "prefixes.jsonl"  # in the folder of the run that the decisions are about
MAX_PREFIX_CHARACTERS = 2_000  # what servers and crawlers take for an address; more is no path that a person read
_PREFIX = re.compile(r"(https?://)([^/?#\s\x00-\x20\\@]+)(/(?:[^?#\s\x00-\x20\x7f\\]*/)?)", re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


class Decision(StrEnum):
    """Whether pages below a prefix are wanted; `withdraw` takes back what was decided for it."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixDecision:
    """One line of the file; `time` is ISO 8601 in UTC."""

    prefix: str
    decision: Decision
    by: str
    time: str


def read_decisions(path: Path) -> dict[str, Decision]:
    """The decision that stands for every prefix; empty where there is no file yet."""
    last = {line.prefix: line.decision for line in read_lines(path)}
    return {prefix: decision for prefix, decision in last.items() if decision is not Decision.WITHDRAW}


def read_lines(path: Path) -> list[PrefixDecision]:
    """Every decision in the order in which they were taken, those that no longer stand among them."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(
            str(path), f"a file of decisions that can be read ({error.strerror})", "mend that"
        ) from error
    lines = content.decode("utf-8", errors="replace").split("\n")
    return [decision for line in lines if (decision := _parsed(line)) is not None]


def append_decision(path: Path, prefix: str, decision: Decision, by: str) -> PrefixDecision:
    """Write one decision behind the others and wait until the disk has it; writers take turns."""
    line = PrefixDecision(
        prefix=normal_prefix(prefix), decision=decision, by=by, time=datetime.now(UTC).isoformat(timespec="seconds")
    )
    row = {"prefix": line.prefix, "decision": line.decision.value, "by": line.by, "time": line.time}
    written = json.dumps(row).encode("ascii") + b"\n"  # escapes keep any name of a host or a person on one line
    try:
        is_new = not path.exists()
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(b"" if _ends_a_line(file.fileno()) else b"\n")
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _fsync_folder(path.absolute().parent)
    except OSError as error:
        raise InputError(
            str(path), f"a file that decisions can be added to ({error.strerror})", "mend that"
        ) from error
    return line


def normal_prefix(prefix: str) -> str:
    """The prefix as the file holds it: scheme and host in lower case, the path as it is; it ends with a slash."""
    match = _PREFIX.fullmatch(prefix)
    if match is None or len(prefix) > MAX_PREFIX_CHARACTERS or _UNPRINTABLE.search(prefix) or not _has_host(prefix):
        raise InputError(
            f"prefix {prefix[:80]!r}", "an address of a host or folder, such as https://host/path/", "end it with /"
        )
    return match[1].lower() + match[2].lower() + match[3]


def decision_for(url: str, decisions: dict[str, Decision]) -> Decision | None:
    """What was decided for a page: the longest prefix of its address counts; None where there is no decision."""
    scheme, mark, rest = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")
    host, _, path = rest.partition("/")
    start = f"{scheme.lower()}{mark}{host.lower()}/"
    end = path.rfind("/", 0, max(0, MAX_PREFIX_CHARACTERS - len(start)))
    while end >= 0:
        decision = decisions.get(f"{start}{path[: end + 1]}")
        if decision is not None:
            return decision
        end = path.rfind("/", 0, end)
    return decisions.get(start)


def _has_host(prefix: str) -> bool:
    try:
        return bool(urlsplit(prefix).hostname)
    except ValueError:  # brackets of an IPv6 address that do not match
        return False


def _ends_a_line(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size == 0 or os.pread(handle, 1, size - 1) == b"\n"


def _parsed(line: str) -> PrefixDecision | None:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or row.get("decision") not in list(Decision):
        return None
    try:
        prefix = normal_prefix(str(row.get("prefix")))
    except InputError:
        return None
    by, time = str(row.get("by") or ""), str(row.get("time") or "")
    return PrefixDecision(prefix=prefix, decision=Decision(row["decision"]), by=by, time=time)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
