"""The worker process: a fresh interpreter with SymPy loaded that forks a caged child for every program.

It is executed anew (never forked from the user's process), with a clean environment and one inherited descriptor,
so no memory, secret or file of the user's process is in it. In: jobs on a control socket, each with the descriptors
of its streams and of a channel of its own. Out: on that channel, how the job ended. It never runs a program itself
and never reads what one writes. The idea of forking from a loaded process is Android's. Standard library only.
"""

# The worker process loads no pathlib and opens paths relative to descriptors.
# ruff: noqa: PTH123

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from verify.programs import confine, kernel, landlock, namespaces, probing, seccomp, sweeping
from verify.programs.protections import ALL_PROTECTIONS, Protection
from verify.programs.serving import Worker

_NEEDS_NO_NEW_PRIVILEGES = frozenset(
    {
        Protection.SECCOMP,
        Protection.LANDLOCK_FILES,
        Protection.LANDLOCK_NETWORK,
        Protection.LANDLOCK_SCOPE,
    }
)


def main(control_number: int, settings: dict[str, Any]) -> None:
    """Set up, say hello with the active layers, and serve until the control socket ends."""
    control = socket.socket(fileno=control_number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    readable = tuple(settings["readable"])
    layers = probing.working_layers(ALL_PROTECTIONS - set(settings["without"]), readable)
    if Protection.NO_NEW_PRIVILEGES not in layers:
        layers -= _NEEDS_NO_NEW_PRIVILEGES
    if Protection.SECCOMP not in layers and not landlock.knows_truncation(landlock.abi()):
        layers -= {Protection.LANDLOCK_FILES}
    user = confine.unprivileged_user()
    views = namespaces.enter_worker_namespaces(layers, readable)
    loaded = [name for name in settings["preload"] if _load(name)]
    _warm_up(settings["warm_up"])
    if Protection.UNPRIVILEGED_USER in layers and not probing.can_import_as(user, readable):
        layers -= {Protection.UNPRIVILEGED_USER}
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    cage = confine.Cage(layers, readable, tuple(settings["executable"]), _address_space(views.proc))
    seccomp.compiled(confine.filter_for(layers), 0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "verify"]:
        del sys.modules[name]  # a program finds none of ours
    gc.collect()
    gc.freeze()
    gc.disable()
    folder = None if Protection.MOUNT_NAMESPACE in layers else sweeping.make_folder_of_folders()
    control.send(json.dumps({"layers": sorted(layers), "loaded": loaded, "folder": folder}).encode())
    Worker(control, cage, user, views, folder).serve()
    if folder:
        sweeping.remove_folder(folder)
    os._exit(0)  # and with the first process of a PID namespace all others


def _load(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _warm_up(code: str) -> None:
    """Run text of ours, so that what libraries load and remember at their first use is there for every program."""
    with suppress(ImportError):
        exec(code, {})


def _address_space(proc: int | None) -> int:
    """Bytes this process maps, from proc(5); without /proc a guess that suits SymPy and NumPy."""
    if proc is None:
        return 512 << 20
    with open(os.open("self/statm", os.O_RDONLY, dir_fd=proc), encoding="ascii") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
