"""Files of the browser's cache folder: names of those being written, who uses an index, and which are of no use.

In: paths in the cache folder, and a `Source`. Out: files made, locked, or removed. Beside every index lies a small
JSON file that names what the index was made of; a server holds a shared lock on it while it runs, so that no other
one removes the index below it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import IO

from mathpipe.core.errors import InputError
from mathpipe.inspect.browser.source import Source, digest_of

_STEM = re.compile(r"[0-9a-f]{32}")  # as digests are written; what else lies there is none of ours


def unfinished_path(target: Path) -> Path:
    """Where to write until it is whole; what dead processes left of the same file is removed."""
    for path in target.parent.glob(f".{target.name}.*"):
        number = re.fullmatch(r"\.(\d+)", path.name.removeprefix(f".{target.name}"))
        if number and not _is_alive(int(number[1])):
            with suppress(FileNotFoundError):
                path.unlink()
    return target.with_name(f".{target.name}.{os.getpid()}")


def claim(source: Source, index: Path) -> IO[str]:
    """Say what the index is of, and that it is in use until the file that comes back is closed."""
    path = index.with_suffix(".json")
    told = {"asked": source.asked, "funnel": source.funnel, "files": [str(file.resolve()) for file in source.read()]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = path.open("a+", encoding="utf-8")
            fcntl.flock(file, fcntl.LOCK_SH)
            if _is_still(path, file):  # else another server removed it between the two lines
                break
            file.close()
        if not path.stat().st_size:
            path.write_text(json.dumps(told), encoding="utf-8")
    except OSError as error:
        raise InputError(
            str(path.parent), f"a folder for the index ({error.strerror})", "set XDG_CACHE_HOME to another"
        ) from error
    return file


def prune(source: Source, index: Path) -> None:
    """Remove indexes that no start finds again: of files that are gone or changed, or of this source as it was."""
    stems = {path.name.partition(".")[0] for path in index.parent.glob("*.*")}
    for stem in stems - {index.stem}:
        if not _STEM.fullmatch(stem):
            continue
        path = index.with_name(f"{stem}.json")
        if not path.is_file():  # by a version that told nothing
            _remove(index.parent, stem)
            continue
        with suppress(OSError), path.open(encoding="utf-8") as file:  # one that cannot be looked at stays
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # in use: `BlockingIOError`
            if _is_stale(file.read(), stem, source):
                _remove(index.parent, stem)


def _is_stale(told: str, stem: str, source: Source) -> bool:
    try:
        values = json.loads(told)
        if tuple(values["asked"]) == source.asked:
            return True
        return digest_of([Path(file) for file in values["files"]], values["funnel"]) != stem
    except (ValueError, KeyError, TypeError, OSError):
        return True


def _remove(folder: Path, stem: str) -> None:
    for path in (*folder.glob(f"{stem}.*"), *folder.glob(f".{stem}.*")):
        with suppress(OSError):
            path.unlink()


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
