"""The folder that an export writes: whole or not there at all.

Written under a name beside it and renamed at the end, so that a run that is stopped, or a full disk, leaves no
folder that looks like a model.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mathpipe.core.errors import DiskFullError, InputError


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what a user of it should know: `notes` are sentences, most often none."""

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when the block ends well."""
    refuse_existing(out)
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(str(out), "room on the disk for the whole model", "free some and run again") from None
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_existing(out: Path) -> None:
    """An export never writes over anything."""
    if out.exists() or out.is_symlink():
        raise InputError(str(out), "a folder that does not exist yet", "name another, or remove it")
