"""A run folder as values: what ran, what each step took in and gave out, what failed.

In: the folder a run wrote (`run.json`, `metrics.jsonl`, `ledger.jsonl`, `steps/<step>/` with its manifest).
Out: frozen dataclasses. Nothing here writes. Counts and costs come from the manifests, so that they speak of
the files that are there, however often the run was killed and resumed; only a run's order and wall-clock times
come from the events. A half-written last line (the run may still be going) is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.manifest import Manifest, ShardEntry, total_dropped

# The per-page steps of the demo, in order: the same pages go through each of them.
DEFAULT_FUNNEL = ("crawl", "language", "quality", "classify", "deduplicate", "decontaminate", "curate")
CURATED_STEP = "curate"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What ran, from `run.json`; empty strings where the file does not say."""

    name: str
    started: str = ""
    finished: str = ""
    git_commit: str = ""
    version: str = ""
    mode: str = ""
    workers: int = 0
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def wall_seconds(self) -> float | None:
        """Seconds from start to finish; None while the run goes on or where a time cannot be read."""
        return elapsed_seconds(self.started, self.finished)


@dataclass(frozen=True, slots=True)
class StepWork:
    """A step's finished shards summed. `seconds` is time in workers, `wall_seconds` what a person waited."""

    name: str
    shards: int
    rows_in: int
    rows_out: int
    dropped: dict[str, int]  # by reason, most frequent first
    quarantined: int
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_rss_bytes: int
    wall_seconds: float | None = None

    @property
    def dropped_rows(self) -> int:
        """Rows dropped for any reason."""
        return sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One failure of the ledger, as a person reads it."""

    time: str = ""
    step: str = ""
    shard: str = ""
    record_id: str = ""
    url: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The first failures in full, and how many there are."""

    path: Path
    total: int
    by_reason: dict[str, int]
    first: tuple[LedgerEntry, ...]


class RunFolder:
    """Read-only view of one run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifests: dict[str, tuple[int, Manifest]] = {}  # by step, with the bytes that were read
        if not (path / "steps").is_dir() and not (path / "run.json").is_file():
            raise InputError(
                str(path), "not a run folder (no run.json, no steps/)", "give the folder that a run wrote"
            )

    def info(self) -> RunInfo:
        """What ran."""
        values = _json_object(self.path / "run.json")
        config = values.get("config")
        return RunInfo(
            name=_text(values.get("name")) or self.path.resolve().name,
            started=_text(values.get("started")),
            finished=_text(values.get("finished")),
            git_commit=_text(values.get("git_commit")),
            version=_text(values.get("mathpipe_version")),
            mode=_text(values.get("mode")),
            workers=_whole(values.get("workers")),
            config=config if isinstance(config, dict) else {},
        )

    def steps(self) -> list[str]:
        """Names of the steps that have a folder or an event, in the order in which they first ran."""
        seen: dict[str, None] = {}
        for event in self._events():
            if name := _text(event.get("step")):
                seen.setdefault(name)
        folders = sorted(folder.name for folder in (self.path / "steps").glob("*") if folder.is_dir())
        known = {name: rank for rank, name in enumerate(DEFAULT_FUNNEL)}
        for name in sorted(folders, key=lambda name: (known.get(name, len(known)), name)):
            seen.setdefault(name)
        return list(seen)

    def step_work(self) -> list[StepWork]:
        """Every step that finished at least one shard, in the order of running."""
        wall = self._wall_seconds()
        return [
            _sum_step(name, list(entries.values()), wall.get(name))
            for name in self.steps()
            if (entries := self._manifest(name).entries)
        ]

    def shards(self, step: str) -> list[Path]:
        """The step's finished Parquet shards in order."""
        return self._outputs(step, "shard-*.parquet")

    def drops(self, step: str) -> list[Path]:
        """The step's finished Parquet tables of dropped records, in order."""
        return self._outputs(step, "drops-*.parquet")

    def file(self, step: str, name: str) -> Path | None:
        """The first file of that name among the files the step wrote; None if there is none."""
        return next(iter(self._outputs(step, f"files-*/{name}")), None)

    def _manifest(self, step: str) -> Manifest:
        """The step's manifest, parsed anew only where it has grown: a snapshot's has 90,000 lines."""
        path = self.path / "steps" / step / "manifest.jsonl"
        size = path.stat().st_size if path.is_file() else 0  # it is only ever appended to
        known = self._manifests.get(step)
        if known is None or known[0] != size:
            known = self._manifests[step] = (size, Manifest(path.parent))
        return known[1]

    def _outputs(self, step: str, pattern: str) -> list[Path]:
        folder = self.path / "steps" / step
        listed = {o.path for entry in self._manifest(step).entries.values() for o in entry.outputs}
        return sorted(path for path in folder.glob(pattern) if path.relative_to(folder).as_posix() in listed)

    def ledger(self, limit: int) -> Ledger:
        """Failures in the order in which they were written; the first `limit` of them in full."""
        path = self.path / "ledger.jsonl"
        total, reasons, first = 0, dict[str, int](), list[LedgerEntry]()
        for row in read_json_lines(path):
            total += 1
            entry = _ledger_entry(row)
            reasons[entry.reason] = reasons.get(entry.reason, 0) + 1
            if len(first) < limit:
                first.append(entry)
        return Ledger(path, total, _most_first(reasons), tuple(first))

    def ledger_rows(self) -> Iterator[LedgerEntry]:
        """Every failure, one at a time."""
        return (_ledger_entry(row) for row in read_json_lines(self.path / "ledger.jsonl"))

    def _wall_seconds(self) -> dict[str, float]:
        """Seconds from a step's start to its finish, the last time that it had anything to do."""
        started: dict[str, str] = {}
        wall: dict[str, float] = {}
        for event in self._events():
            name, kind, time = (_text(event.get(key)) for key in ("step", "event", "time"))
            if kind == "step_started":
                started[name] = time
            elif kind == "step_finished" and name in started:  # a step that found all its shards made never starts
                wall[name] = elapsed_seconds(started.pop(name), time) or 0.0
        return wall

    def _events(self) -> Iterator[dict[str, Any]]:
        return read_json_lines(self.path / "metrics.jsonl")


def elapsed_seconds(started: str, finished: str) -> float | None:
    """Seconds between two ISO 8601 times; None where one cannot be read."""
    try:
        return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):  # TypeError: one with a time zone, one without
        return None


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file in order; lines that are not whole JSON objects are passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def _json_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), "not valid JSON", f"mend or remove it ({error})") from error
    return value if isinstance(value, dict) else {}


def _sum_step(name: str, shards: Sequence[ShardEntry], wall_seconds: float | None) -> StepWork:
    return StepWork(
        name=name,
        shards=len(shards),
        rows_in=sum(shard.rows_in for shard in shards),
        rows_out=sum(shard.rows_out for shard in shards),
        dropped=total_dropped(shards),
        quarantined=sum(shard.quarantined for shard in shards),
        bytes_in=sum(shard.bytes_in for shard in shards),
        bytes_out=sum(shard.size_bytes for shard in shards),
        seconds=sum(shard.seconds for shard in shards),
        peak_rss_bytes=max((shard.peak_rss_bytes for shard in shards), default=0),
        wall_seconds=wall_seconds,
    )


def _ledger_entry(row: dict[str, Any]) -> LedgerEntry:
    names = ("time", "step", "shard", "record_id", "url", "reason", "message")
    return LedgerEntry(*(_text(row.get(name)) for name in names))


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _whole(value: Any) -> int:
    return int(_number(value))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
