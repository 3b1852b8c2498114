"""Archives that can be opened at an offset, on this machine or another.

In: a path or an address. Out: a `Source` with its name (the key of record ids: the same wherever the file lies). A
remote archive is read as it comes; with a cache folder it is fetched whole first and then read like a local one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote

from crawl.remote import FetchConfig, RemoteFile, RemoteRaw, cached_file, is_address
from mathpipe.core.errors import InputError

GZIP_MAGIC = b"\x1f\x8b\x08"
# A fault met so often again at the same place of a remote file is the file's own.
REREADS = 3
_OPENING_BYTES = 5
_ARCHIVE_MAGICS = (GZIP_MAGIC, b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"WARC/")


class Ranges(Protocol):
    """A file whose bytes can be asked for by place."""

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start` to `end`; fewer only where the file ends."""

    def size(self) -> int:
        """How long the file is."""


@dataclass(frozen=True)
class LocalRanges:
    """A file on this machine."""

    path: Path

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start` to `end`; fewer only where the file ends."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def size(self) -> int:
        """How long the file is."""
        return self.path.stat().st_size


def open_ranges(place: str, fetch: FetchConfig) -> Ranges:
    """The file behind a path or an address; it is asked for nothing yet."""
    return RemoteFile(place, fetch) if is_address(place) else LocalRanges(Path(place))


class Source(Protocol):
    """An archive that can be opened at an offset; its file name is the key of record ids."""

    name: str
    opening: bytes  # the first bytes, which tell the kind of file

    @property
    def path(self) -> Path | None:
        """Where it lies on this machine, if it does."""

    @property
    def rereadable(self) -> bool:
        """Whether its bytes may have been spoiled on the way, so that `fresh` gives others."""

    @property
    def size(self) -> int:
        """Bytes of the archive."""

    def open(self, offset: int) -> Any:
        """A context with a binary file that stands at the offset."""

    def fresh(self) -> Source | None:
        """The archive to be read anew where its bytes may have been spoiled on the way; None where they cannot."""


@dataclass
class LocalSource:
    """A file on this machine; `address` where it is the cached copy of a remote one."""

    path: Path
    name: str
    address: str = ""
    fetch: FetchConfig | None = None
    opening: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return self.path.stat().st_size

    @property
    def rereadable(self) -> bool:
        """Whether it is the copy of a remote file."""
        return self.fetch is not None

    @contextmanager
    def open(self, offset: int) -> Iterator[BinaryIO]:
        """The file at the offset."""
        with self.path.open("rb") as file:
            file.seek(offset)
            yield file

    def fresh(self) -> Source | None:
        """A cached copy in which a fault was met goes; the remote file takes its place."""
        if self.fetch is None:
            return None
        self.path.unlink(missing_ok=True)
        return RemoteSource(RemoteFile(self.address, self.fetch), self.name, self.fetch, self.opening)


@dataclass
class RemoteSource:
    """A file on another machine. It is opened once: who opens it again moves the same file."""

    remote: RemoteFile
    name: str
    fetch: FetchConfig
    opening: bytes = b""
    path: None = None
    rereadable: bool = True

    def __post_init__(self) -> None:
        self._file = io.BufferedReader(RemoteRaw(self.remote), self.fetch.block_bytes)

    @property
    def size(self) -> int:
        """Bytes of the archive, asked for where they are not known."""
        return self.remote.size()

    @contextmanager
    def open(self, offset: int) -> Iterator[BinaryIO]:
        """The file at the offset."""
        self._file.seek(offset)
        yield self._file

    def fresh(self) -> Source | None:
        """The same file with nothing of it read."""
        return RemoteSource(self.remote, self.name, self.fetch, self.opening)


def open_source(warc: str, fetch: FetchConfig | None = None) -> Source:
    """The archive behind a path or an address."""
    remote = is_address(warc)
    for _ in range(REREADS + 1 if remote else 1):
        source: Source = _remote_source(warc, fetch or FetchConfig()) if remote else _local_source(warc)
        with source.open(0) as file:
            source.opening = file.read(_OPENING_BYTES)
        if source.opening.startswith(_ARCHIVE_MAGICS):
            return source
        source.fresh()
    if not source.opening:
        raise InputError(warc, "the file is empty", "fetch it again or leave it out")
    raise InputError(warc, "expected a WARC file, plain or gzip, zstd, lz4", "give a WARC file")


def name_of(warc: str) -> str:
    """File name of a path or an address."""
    return unquote(warc.partition("?")[0].rpartition("/")[2]) if is_address(warc) else Path(warc).name


def _local_source(warc: str) -> LocalSource:
    path = Path(warc)
    if not path.is_file():
        raise InputError(warc, "no such file", "give the path of a WARC file")
    return LocalSource(path, path.name)


def _remote_source(address: str, fetch: FetchConfig) -> Source:
    if fetch.cache is None:
        return RemoteSource(RemoteFile(address, fetch), name_of(address), fetch)
    path = cached_file(address, fetch.cache, fetch)
    return LocalSource(path, name_of(address), address, fetch)
