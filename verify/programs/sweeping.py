"""Clean up after a run where the kernel does not do it: its processes without a PID namespace, its folder on a disk.

Sources: PR_SET_CHILD_SUBREAPER in prctl(2): orphans become children of the supervisor, so killing children until
there are none reaches every descendant, whatever sessions and groups they made. A hostile folder can be deeper than
the recursion limit and than PATH_MAX, so it is flattened instead of walked.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH101, PTH104, PTH106, PTH108, PTH118, PTH208

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import suppress

from verify.programs import process_tree

# Folders nested deeper than this cannot be looked into by path (PATH_MAX is 4096): nobody needs them.
_LONGEST_PATH = 2000


def kill_children(group: int, proc: int | None, seconds: float = 5.0) -> None:
    """Kill that process group and every child of this process, until none is left or the time is over."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
        for process in _children(proc):
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def _children(proc: int | None) -> list[int]:
    """Our children, as that /proc knows them."""
    if proc is None:
        return []
    return [process for process, parent in process_tree.parents(proc).items() if parent == os.getpid()]


# Folders of runs lie in memory if they can: a program that fills a disk slows down everybody.
_MEMORY_FOLDER = "/dev/shm"


def make_folder_of_folders() -> str:
    """A new folder for those of runs; programs of another uid pass through it."""
    memory = _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK | os.X_OK) else None
    folder = tempfile.mkdtemp(prefix="programs-", dir=memory)
    os.chmod(folder, 0o711)
    return folder


def make_folder(parent: str, owner: int) -> str:
    """A new empty folder that only `owner` and root can enter."""
    folder = tempfile.mkdtemp(prefix="run-", dir=parent)
    if owner != os.geteuid():
        os.chown(folder, owner, owner)
    return folder


def exceeds(folder: str, most_bytes: int, most_files: int) -> bool:
    """Whether the files below the folder are more, or larger together, than that."""
    size = files = 0
    folders = [folder]
    while folders:
        folder = folders.pop()
        if len(folder) > _LONGEST_PATH:
            return True
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                files += 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if files > most_files or size > most_bytes:
                    return True
    return False


def remove_in_background(folder: str) -> None:
    """Delete the folder; what takes long is left to a child, for others wait for this process."""
    try:
        os.rmdir(folder)
    except OSError:
        if os.fork() == 0:
            remove_folder(folder)
            os._exit(0)


def remove_folder(folder: str) -> None:
    """Delete the folder whatever lies in it; links are removed, never followed."""
    serial = 0
    while folders := _remove_files(folder):
        for path in folders:
            with suppress(OSError):
                os.chmod(path, 0o700)
            for name in _names(path):
                serial += 1
                with suppress(OSError):
                    os.rename(os.path.join(path, name), os.path.join(folder, f".removed-{serial}"))
            try:
                os.rmdir(path)
            except OSError:  # not ours after all: give up rather than loop for ever
                return
    with suppress(OSError):
        os.rmdir(folder)


def _remove_files(folder: str) -> list[str]:
    """Delete what is no folder in it, and return the folders."""
    folders = []
    for name in _names(folder):
        path = os.path.join(folder, name)
        try:
            os.unlink(path)
        except (IsADirectoryError, PermissionError):
            folders.append(path)
        except OSError:
            continue
    return folders


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
