"""What is finished: one line a shard in `steps/<step>/manifest.jsonl`, written after the shard's files are in place.

The line is the commit point. A line torn by a kill is ignored, a shard without a line runs again, and the last
line of a shard counts. An entry's `key` digests everything that decides the output: code, config, inputs, sides.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import blake2b
from importlib import import_module, metadata
from pathlib import Path

from mathpipe.core.store import digest_file, disk_faults

# Versions that change what stages write; part of every key.
_LIBRARIES = (
    "ahocorasick-rs", "datasketch", "fasttext-numpy2", "fastwarc", "numpy", "py3langid", "pyarrow", "resiliparse",
)  # fmt: skip
# Read whole in a twentieth of a second: label files and benchmarks, which people edit, are known to the byte.
_SMALL_SOURCE_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One published file, its path relative to the step's folder; `rows` of a Parquet file."""

    path: str
    size_bytes: int
    digest: str
    rows: int = 0


# A shard that gathers reads 90,000 files in a snapshot: 10 MB a line, though their step's manifest lists them too.
INPUTS_LISTED = 100


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One finished shard: its key, counts, cost and files.

    `inputs` are the first `INPUTS_LISTED` of the `input_count` files it was made from; the key digests all of them.
    """

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
    input_count: int = 0

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
            if row.pop("void", False):
                self.entries.pop(row["shard"], None)
                return
            row["outputs"] = tuple(OutputFile(**output) for output in row["outputs"])
            row["inputs"] = tuple(row["inputs"])
            self.entries[row["shard"]] = ShardEntry(**row)
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # blank, torn by a kill in mid-write, or of another version: the shard is made again

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
        self._append(line_of(asdict(entry)))
        self.entries[entry.shard] = entry

    def void(self, shard: int) -> None:
        """Forget a shard: its files have rotted, are about to be replaced, or are no longer wanted."""
        if self.entries.pop(shard, None) is not None:
            self._append(line_of({"shard": shard, "void": True}))

    def _append(self, line: bytes) -> None:
        with disk_faults(self.path), self.path.open("ab") as file:
            file.write(b"\n" + line)  # the newline before it closes a line that an earlier kill may have torn
            file.flush()
            os.fsync(file.fileno())

    def owner_of(self, path: Path) -> int | None:
        """The shard that published the file, if one did."""
        for shard, entry in self.entries.items():
            if any(self.folder / output.path == path for output in entry.outputs):
                return shard
        return None


def line_of(row: Mapping[str, object]) -> bytes:
    """A row of the manifest; a lone surrogate in a path becomes \\udXXX, which is JSON's own way to write it."""
    return (json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def digest_of(*parts: str) -> str:
    """BLAKE2b-128 of the parts in order."""
    return blake2b("\x00".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()


@cache
def code_digest(module: str) -> str:
    """Digest of all files of the package that a module belongs to, of the spine's, and of the libraries' versions.

    Coarse on purpose: a change anywhere in `filters`, its word lists too, makes every filter step run again, which
    costs time; a finer rule that misses an import costs a wrong corpus. The package is the top-level one, inside
    `mathpipe` the one below it.
    """
    first, *rest = module.split(".")
    package = f"mathpipe.{rest[0]}" if first == "mathpipe" and rest else first
    parts = [
        f"{name}/{path.relative_to(place) if place.is_dir() else path.name}:{digest_file(path)}"
        for name in ("mathpipe.core", package)
        for place in _places(name)
        for path in sorted([place] if place.is_file() else place.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    ]
    return digest_of(*parts, *library_versions())


def _places(package: str) -> list[Path]:
    """The package's folders, or the one file of a plain module."""
    found = sys.modules.get(package) or import_module(package)
    return [Path(place) for place in getattr(found, "__path__", None) or [found.__file__]]


@cache
def library_versions() -> tuple[str, ...]:
    """`name==version` of what decides outputs: Python (its Unicode tables) and the libraries."""
    python = f"python=={sys.version_info.major}.{sys.version_info.minor}"
    return (python, *(f"{name}=={metadata.version(name)}" for name in _LIBRARIES))


def source_digest(path: Path) -> str:
    """A source file's digest; of a large one its size, first and last 64 KiB: a WARC of 1 GB is not read twice.

    A change in the middle of a large one that keeps the size goes unseen; crawled WARCs are never edited in place.
    """
    size = path.stat().st_size
    if size <= _SMALL_SOURCE_BYTES:
        return digest_file(path)
    with path.open("rb") as file:
        head = file.read(65_536)
        file.seek(max(0, size - 65_536))
        tail = file.read()
    return digest_of(str(size), blake2b(head + tail, digest_size=16).hexdigest())


def address_digest(address: str) -> str:
    """What stands for the bytes of a source on another machine: its address, for nothing is asked before a run.

    A remote file that is replaced under its address goes unseen; a crawl publishes under new addresses.
    """
    return digest_of("address", address)


def total_dropped(entries: Iterable[ShardEntry]) -> dict[str, int]:
    """Drops by reason over entries, most first."""
    totals: dict[str, int] = {}
    for entry in entries:
        for reason, count in entry.dropped.items():
            totals[reason] = totals.get(reason, 0) + count
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
