"""What is finished: one line a shard in `steps/<step>/manifest.jsonl`, written after the shard's files are in place.

The line is the commit point. A line torn by a kill is ignored, a shard without a line runs again, and the last
line of a shard counts. An entry's `key` digests everything that decides the output: code, config, inputs, sides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

import mathpipe
from mathpipe.core.store import disk_faults

# Versions that change what stages write; part of every key.
_LIBRARIES = ("fastwarc", "resiliparse", "fasttext-numpy2", "datasketch", "pyarrow", "py3langid", "numpy")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One published file, its path relative to the step's folder."""

    path: str
    size_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One finished shard: its key, counts, cost and files."""

    shard: int
    key: str
    inputs: tuple[str, ...]
    rows_in: int
    rows_out: int
    seconds: float
    peak_rss_bytes: int
    bytes_in: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    outputs: tuple[OutputFile, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of all outputs: what a step that reads this shard depends on."""
        return digest_of(*(f"{output.path}:{output.digest}" for output in self.outputs))

    @property
    def size_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(output.size_bytes for output in self.outputs)


class Manifest:
    """The finished shards of one step, on disk as JSON lines. One writer: the driver that holds the run's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "manifest.jsonl"
        self.entries: dict[int, ShardEntry] = {}
        if self.path.exists():
            for line in self.path.read_bytes().split(b"\n"):
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except ValueError:  # blank, or torn by a kill in mid-write
            return
        if row.pop("void", False):
            self.entries.pop(row["shard"], None)
            return
        row["outputs"] = tuple(OutputFile(**output) for output in row["outputs"])
        row["inputs"] = tuple(row["inputs"])
        self.entries[row["shard"]] = ShardEntry(**row)

    def finished(self, shard: int, key: str) -> ShardEntry | None:
        """The entry when the shard was made from the same things and its files still stand at their size."""
        entry = self.entries.get(shard)
        if entry is None or entry.key != key:
            return None
        for output in entry.outputs:
            file = self.folder / output.path
            if not file.is_file() or file.stat().st_size != output.size_bytes:
                return None
        return entry

    def add(self, entry: ShardEntry) -> None:
        """Commit a shard."""
        self._append(asdict(entry))
        self.entries[entry.shard] = entry

    def void(self, shard: int) -> None:
        """Forget a shard whose bytes have rotted, so that it is made again."""
        self._append({"shard": shard, "void": True})
        self.entries.pop(shard, None)

    def _append(self, row: Mapping[str, object]) -> None:
        # A leading newline closes a line that an earlier kill may have torn.
        line = "\n" + json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n"
        with disk_faults(self.path):
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(handle, line.encode())
                os.fsync(handle)
            finally:
                os.close(handle)

    def owner_of(self, path: Path) -> int | None:
        """The shard that published the file, if one did."""
        for shard, entry in self.entries.items():
            if any(self.folder / output.path == path for output in entry.outputs):
                return shard
        return None


def digest_of(*parts: str) -> str:
    """BLAKE2b-128 of the parts in order."""
    return blake2b("\x00".join(parts).encode(), digest_size=16).hexdigest()


@cache
def code_digest(package: str) -> str:
    """Digest of a top-level package's Python sources, of the spine's, and of the libraries' versions.

    Coarse on purpose: a change anywhere in `filters` makes every filter step run again, which costs time; a
    finer rule that misses an import costs a wrong corpus.
    """
    root = Path(mathpipe.__file__).parent.parent
    folders = {root / package, root / "mathpipe" / "core"}
    if package == "mathpipe":  # a step of the pipeline file itself
        folders = {root / "mathpipe" / "core"}
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    parts = [f"{file.relative_to(root)}:{digest_of(file.read_text())}" for file in files]
    return digest_of(*parts, *library_versions())


@cache
def library_versions() -> tuple[str, ...]:
    """`name==version` of the libraries that decide outputs."""
    return tuple(f"{name}=={metadata.version(name)}" for name in _LIBRARIES)


def source_digest(path: Path) -> str:
    """A source file's size, first and last 64 KiB digested: a WARC of 1 GB is not read twice to be recognised.

    A change in its middle that keeps the size goes unseen; crawled WARCs are never edited in place.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(65_536)
        file.seek(max(0, size - 65_536))
        tail = file.read()
    return digest_of(str(size), blake2b(head + tail, digest_size=16).hexdigest())


def total_dropped(entries: Iterable[ShardEntry]) -> dict[str, int]:
    """Drops by reason over entries, most first."""
    totals: dict[str, int] = {}
    for entry in entries:
        for reason, count in entry.dropped.items():
            totals[reason] = totals.get(reason, 0) + count
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
