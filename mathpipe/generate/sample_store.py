"""Finished samples as JSON lines: written and flushed before they are acknowledged, skipped when a run goes on.

A killed process leaves at most one line unfinished, which is cut off when the store is opened again. `durable` also
waits for the disk, against the loss of power.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Form, Outcome, Sample, Segment, SegmentKind

_POLL_SECONDS = 0.05


class SampleStore:
    """The samples of one shard; open it in one process at a time, as a context.

    Another writer is waited for during `wait_seconds`: a worker on Ray outlives the run that was killed for a moment.
    """

    def __init__(self, path: Path, *, durable: bool = False, wait_seconds: float = 0.0) -> None:
        self.path = path
        self._durable = durable
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            # The lock comes first: what another writer adds until then is read too, and never generated again.
            _lock(self._file.fileno(), path, wait_seconds)
            self._samples = _read(path)
        except InputError:
            self._file.close()
            raise

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._samples

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples.values())

    def __getitem__(self, sample_id: str) -> Sample:
        return self._samples[sample_id]

    def add(self, sample: Sample) -> None:
        """Write a sample; it is stored when this returns."""
        if sample.sample_id in self._samples:
            raise InputError(f"sample {sample.sample_id}", "to be stored once", "skip what the store contains")
        line = json.dumps(dataclasses.asdict(sample), ensure_ascii=True) + "\n"
        self._file.write(line.encode("ascii"))
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._samples[sample.sample_id] = sample

    def ordered(self, sample_ids: Iterable[str]) -> list[Sample]:
        """The stored samples among these, in their order: the same list however often the run was killed."""
        return [self._samples[sample_id] for sample_id in sample_ids if sample_id in self._samples]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> SampleStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(path: Path) -> dict[str, Sample]:
    """What is stored; a last line without its end is cut off."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    samples: dict[str, Sample] = {}
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            sample = sample_of(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}:{number}", f"a sample ({error})", "remove the line, or the file") from None
        samples[sample.sample_id] = sample
    return samples


def sample_of(row: Mapping[str, Any]) -> Sample:
    """A sample from its JSON form."""
    values = dict(row)
    values["form"] = Form(values["form"])
    values["finish"] = Finish(values["finish"])
    values["outcome"] = None if values["outcome"] is None else Outcome(values["outcome"])
    values["segments"] = [Segment(SegmentKind(part["kind"]), part["text"]) for part in values["segments"]]
    return Sample(**values)


def _lock(descriptor: int, path: Path, wait_seconds: float) -> None:
    """Refuse a second writer; the kernel frees the lock when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            raise InputError(str(path), "one writer at a time", "wait for the other run to end, or stop it") from None
        return
