"""Names of files that are being written, and what processes that were killed left of theirs.

In: the path that a finished file will have. Out: a path beside it that carries this process's number.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path


def unfinished_path(target: Path) -> Path:
    """Where to write until it is whole; what dead processes left of the same file is removed."""
    for path in target.parent.glob(f".{target.name}.*"):
        number = re.fullmatch(r"\.(\d+)", path.name.removeprefix(f".{target.name}"))
        if number and not _is_alive(int(number[1])):
            with suppress(FileNotFoundError):
                path.unlink()
    return target.with_name(f".{target.name}.{os.getpid()}")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
