"""Whole remote files in a cache folder: a download that stops goes on where it stopped, in another process too.

In: an address and `FetchConfig.cache`. Out: the path of the whole file, at
`<cache>/<digest of the address>/<file name>`. Until it is whole it lies beside a `.json` with the version it began
with; a file that changed since begins anew. A lock keeps two processes from writing one file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from crawl.remote.config import FetchConfig
from crawl.remote.remote_file import RemoteFile
from mathpipe.core.store import disk_faults


def cached_file(address: str, folder: Path, config: FetchConfig) -> Path:
    """The file's path in the cache; fetched where it is not there yet. Raises `FetchError`."""
    remote = RemoteFile(address, config)
    place = cached_path(address, folder)
    if place.is_file():
        return place
    with disk_faults(folder):
        place.parent.mkdir(parents=True, exist_ok=True)
        with _lock(place.parent / ".lock"):
            if not place.is_file():
                _download(remote, place, config.block_bytes)
    return place


def cached_path(address: str, folder: Path) -> Path:
    """Where the file of an address lies once it is whole."""
    digest = blake2b(address.encode(), digest_size=8).hexdigest()
    name = urlsplit(address).path.rpartition("/")[2]
    return folder / digest / ("file" if name.strip(".") in {"", "lock"} else name)


def _download(remote: RemoteFile, place: Path, block_bytes: int) -> None:
    part, note = place.with_name(place.name + ".part"), place.with_name(place.name + ".json")
    total = remote.size()
    version = {"address": remote.address, "version": remote.mark, "bytes": total}
    if not part.exists() or _noted(note) != version:
        part.write_bytes(b"")
        note.write_text(json.dumps(version))
    with part.open("ab") as file:
        at = file.tell()
        while at < total:
            data = remote.read(at, min(total, at + block_bytes))
            file.write(data)
            file.flush()
            at += len(data)
        os.fsync(file.fileno())
    part.replace(place)
    note.unlink()


def _noted(note: Path) -> object:
    try:
        return json.loads(note.read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
