"""A root file system that holds an interpreter and its libraries, read-only, and an empty folder; nothing else.

In: paths that programs may read. Effect: after `build_root`, this process (in a mount namespace of its own) sees
only those paths, under their old names, and the devices null, zero, full, random and urandom. There is no /proc,
/etc, /home. The way follows pivot_root(2), mount_namespaces(7) and bubblewrap: an empty tmpfs becomes the root, the
old root is bound from piece by piece and then detached.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH102, PTH103, PTH106, PTH110, PTH112, PTH115, PTH118, PTH120, PTH121, PTH211

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from verify.programs import kernel

# Where every run finds its own folder: its home, working directory, and the only place it can write to.
OWN_FOLDER = "/sandbox"
_STAGE = "/tmp"  # any folder that every machine has: the new root is put together there
_OLD_ROOT = "/.old"
DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))


def build_root(readable: Iterable[str]) -> None:
    """Swap the root of this mount namespace. Needs CAP_SYS_ADMIN over the namespace."""
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    readable = sorted(readable, key=len)  # a folder before what lies in it
    kernel.mount("tmpfs", _STAGE, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=4m,mode=755")
    os.mkdir(_STAGE + _OLD_ROOT)
    kernel.pivot_root(_STAGE, _STAGE + _OLD_ROOT)
    os.chdir("/")
    for path in readable:
        _show(path)
    for device in DEVICES:
        _bind(device)
    os.makedirs(OWN_FOLDER, exist_ok=True)
    for name in ("/dev/shm", "/tmp"):  # an interpreter below /tmp keeps its place: then there is no other /tmp
        if not os.path.lexists(name):
            os.symlink(OWN_FOLDER, name)
    kernel.detach(_OLD_ROOT)
    os.rmdir(_OLD_ROOT)
    kernel.make_read_only("/", recursive=False)


def mount_own_folder(size_mb: int, files: int) -> None:
    """An empty folder of bounded size in this process's mount namespace; it goes away with the last process."""
    options = f"size={size_mb}m,nr_inodes={files},mode=1777"
    kernel.mount("tmpfs", OWN_FOLDER, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, options)


def _show(path: str, followed: int = 0) -> None:
    """Bind the path under its own name; symbolic links on the way are copied and followed."""
    parts = path.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        prefix = "/" + "/".join(parts[:count])
        try:
            mode = os.lstat(_OLD_ROOT + prefix).st_mode
        except OSError:
            return
        if stat.S_ISLNK(mode) and followed < 40:  # the kernel's own limit on links in a path
            target = os.readlink(_OLD_ROOT + prefix)
            if not os.path.lexists(prefix):
                os.makedirs(os.path.dirname(prefix), exist_ok=True)
                os.symlink(target, prefix)
            rest = "/".join(parts[count:])
            _show(os.path.normpath(os.path.join(os.path.dirname(prefix), target, rest)), followed + 1)
            return
    _bind(path)


def _bind(path: str) -> None:
    source = _OLD_ROOT + path
    if not os.path.exists(source) or (os.path.exists(path) and os.path.samefile(source, path)):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o444))
    kernel.mount(source, path, None, kernel.MS_BIND | kernel.MS_REC)
    kernel.make_read_only(path, recursive=True)
